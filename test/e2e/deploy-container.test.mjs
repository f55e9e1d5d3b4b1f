// The container's root file system, without a container engine: built from the binary under test, mounted read-only in
// a mount namespace of its own, and served from by a user who owns nothing but the data volume.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { prepareGateway } from './lib/gateway.mjs';
import { modern } from './lib/mcp.mjs';
import { binary } from './lib/paths.mjs';
import { endGroup, launch, processesBelow, run } from './lib/process.mjs';
import { request } from './lib/raw.mjs';
import { until, within } from './lib/wait.mjs';

const source = path.join(import.meta.dirname, '../..');
const USER = 65532;
const skip = process.getuid() !== 0 && 'making a mount namespace needs root here';

test('the image serves from a read-only root as a user without rights', { skip }, async (t) => {
	const gateway = await prepareGateway(t, { config: { log: { format: 'json', level: 'info' } } });
	const root = gateway.file('rootfs');
	const built = await run(path.join(source, 'deploy/container/rootfs.sh'), [binary, root]);
	assert.equal(built.code, 0, built.stderr);
	const files = fs.readdirSync(root, { recursive: true }).filter((name) => fs.statSync(path.join(root, name)).isFile());
	assert.ok(files.every((name) => /^(usr\/local\/bin\/gatehouse|(usr\/)?lib(32|64|x32)?\/.*\.so[^/]*|etc\/[^/]+|etc\/ssl\/certs\/ca-certificates\.crt|usr\/share\/zoneinfo\/[^.]+)$/.test(name)), files.join(' '));
	for (const name of files) assert.equal(fs.statSync(path.join(root, name)).mode & 0o6000, 0, `${name} is set-id`);
	const bytes = files.reduce((sum, name) => sum + fs.statSync(path.join(root, name)).size, 0);
	t.diagnostic(`${files.length} files, ${(bytes / (1 << 20)).toFixed(1)} MB with this build's binary of ${(fs.statSync(binary).size / (1 << 20)).toFixed(1)} MB`);

	// The volume and the configuration, as an engine mounts them.
	const volume = gateway.file('volume');
	fs.mkdirSync(volume, { mode: 0o700 });
	fs.cpSync(gateway.data, volume, { recursive: true });
	for (const name of ['', ...fs.readdirSync(volume)]) fs.chownSync(path.join(volume, name), USER, USER);
	fs.writeFileSync(path.join(root, 'etc/gatehouse/gatehouse.yaml'), JSON.stringify({ ...gateway.settings, data: '/var/lib/gatehouse' }), { mode: 0o644 });
	const inside = (command) => ['-m', 'sh', '-ec', `
		mount --bind "$1" "$1"; mount --bind "$2" "$1/var/lib/gatehouse"; mount --rbind /proc "$1/proc"
		mount -o remount,bind,ro "$1"
		exec chroot --userspec=${USER}:${USER} --groups= "$1" ${command}`, 'sh', root, volume];
	const serving = launch('unshare', inside('/usr/local/bin/gatehouse serve --config /etc/gatehouse/gatehouse.yaml'), { cwd: '/' });
	t.after(() => endGroup(serving));
	const line = await until('the gateway to listen', () => {
		if (serving.exitCode !== null) throw Object.assign(new Error(serving.output.stderr), { fatal: true });
		return /\{.*"listening".*\}/.exec(serving.output.stderr)?.[0];
	});
	const target = { ...gateway.as('acme'), port: Number(/:(\d+)$/.exec(JSON.parse(line).address)[1]) };
	assert.equal((await request(target, { method: 'GET', path: '/health/live' })).status, 200);
	assert.ok(Array.isArray((await modern(target, 'tools/list')).message.result.tools), 'the key of the volume works');

	const status = fs.readFileSync(`/proc/${serving.pid}/status`, 'utf8');
	assert.match(status, new RegExp(`^Uid:\\s+${USER}\\s+${USER}\\s+${USER}\\s+${USER}$`, 'm'));
	assert.match(status, /^CapEff:\s+0+$/m);
	assert.match(status, /^NoNewPrivs:\s+1$/m);
	const mounts = fs.readFileSync(`/proc/${serving.pid}/mountinfo`, 'utf8').split('\n').map((row) => row.split(' '));
	assert.ok(mounts.some((row) => row[4] === '/' && row[5].split(',').includes('ro')), 'the root is read-only');

	// The HEALTHCHECK of the Dockerfile, in the same mounts.
	const health = JSON.parse(/HEALTHCHECK[^[]*(\[[^\]]*\])/.exec(fs.readFileSync(path.join(source, 'deploy/container/Dockerfile'), 'utf8'))[1]);
	const healthy = await run('unshare', inside(health.join(' ')), { cwd: '/' });
	assert.equal(healthy.code, 0, healthy.stderr);
	serving.kill('SIGTERM');
	assert.equal((await within('its end', serving.ended)).code, 0, serving.output.stderr);
	assert.equal((await run('unshare', inside(health.join(' ')), { cwd: '/' })).code, 1, 'and it says so when nobody serves');
	assert.deepEqual(processesBelow(root), []);
});
