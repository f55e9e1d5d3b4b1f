// The files under deploy/ that no program of this machine runs for us: what they must say, checked by who knows the
// format: systemd's own analysis of the unit, a YAML parser for what Kubernetes and Compose read.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { binary } from './lib/paths.mjs';
import { run } from './lib/process.mjs';

const deploy = path.join(import.meta.dirname, '../../deploy');
const ANALYZE = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find((file) => fs.existsSync(file));
const skip = ANALYZE === undefined && 'systemd-analyze is not installed (package systemd)';

/** The settings of a unit, several values of one key as a list. */
function settings(text) {
	const found = {};
	for (const line of text.split('\n')) {
		const match = /^([A-Za-z]+)=(.*)$/.exec(line);
		if (match !== null) (found[match[1]] ??= []).push(match[2]);
	}
	return found;
}

describe('deploy/systemd', { skip }, () => {
	const unit = path.join(deploy, 'systemd/gatehouse.service');

	test('the unit is exposed by 2.0 at most', async () => {
		const analyzed = await run(ANALYZE, ['security', '--offline=true', '--threshold=20', '--no-pager', unit]);
		assert.equal(analyzed.code, 0, analyzed.stdout + analyzed.stderr);
		const [, score] = /exposure level for gatehouse\.service: (\d+\.\d)/.exec(analyzed.stdout);
		assert.ok(Number(score) <= 2.0, score);
	});

	test('with the drop-in for children too, and both are well formed', async (t) => {
		const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-unit-'));
		t.after(() => fs.rmSync(root, { recursive: true }));
		const dropin = settings(fs.readFileSync(path.join(deploy, 'systemd/children.conf'), 'utf8'));
		let merged = fs.readFileSync(unit, 'utf8').replaceAll('/usr/local/bin/gatehouse', binary);
		for (const [key, [value]] of Object.entries(dropin)) merged = merged.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`);
		fs.writeFileSync(path.join(root, 'gatehouse.service'), merged);
		fs.copyFileSync(path.join(deploy, 'systemd/gatehouse.socket'), path.join(root, 'gatehouse.socket'));
		const analyzed = await run(ANALYZE, ['security', '--offline=true', '--threshold=20', '--no-pager', path.join(root, 'gatehouse.service')]);
		assert.equal(analyzed.code, 0, analyzed.stdout + analyzed.stderr);
		const verified = await run(ANALYZE, ['verify', '--man=no', path.join(root, 'gatehouse.service'), path.join(root, 'gatehouse.socket')],
			{ env: { ...process.env, SYSTEMD_UNIT_PATH: `${root}:` } });
		const about = verified.stderr.split('\n').filter((line) => /gatehouse\.(service|socket):\d+|Unknown|Failed to parse/.test(line));
		assert.deepEqual(about, []);
	});

	test('what the guide promises of it', () => {
		const said = settings(fs.readFileSync(unit, 'utf8'));
		const expected = { Type: 'notify', NotifyAccess: 'main', DynamicUser: 'yes', NoNewPrivileges: 'yes', CapabilityBoundingSet: '', AmbientCapabilities: '',
			ProtectSystem: 'strict', StateDirectory: 'gatehouse', LimitNOFILE: '65536', MemoryMax: '2G', SystemCallArchitectures: 'native', PrivateUsers: 'yes' };
		for (const [key, value] of Object.entries(expected)) assert.deepEqual(said[key], [value], key);
		assert.match(fs.readFileSync(unit, 'utf8'), /^#LoadCredentialEncrypted=/m);
	});
});
