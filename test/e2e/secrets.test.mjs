// The installation's own secrets: where they are looked for, what is refused, how a new value comes into use, and that
// none is ever shown.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { prepareGateway, startGateway } from './lib/gateway.mjs';
import { modern, modernCall } from './lib/mcp.mjs';
import { binary } from './lib/paths.mjs';
import { run } from './lib/process.mjs';
import { request } from './lib/raw.mjs';
import { until } from './lib/wait.mjs';

/** Pass requests on to `fixture`, and keep their Authorization headers. */
async function startEar(t, fixture) {
	const heard = [];
	const server = http.createServer((incoming, answer) => {
		heard.push(incoming.headers.authorization);
		const on = http.request({ port: fixture.port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (reply) => {
			answer.writeHead(reply.statusCode, reply.headers);
			reply.pipe(answer);
		});
		on.on('error', () => answer.destroy());
		answer.on('close', () => on.destroy());
		incoming.pipe(on);
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return { heard, url: `http://127.0.0.1:${server.address().port}${new URL(fixture.url).pathname}` };
}

/** `gatehouse secret ...` with a value on standard input. */
const secret = (gateway, input, ...args) => run(binary, ['secret', ...args, '--config', gateway.configFile], { cwd: gateway.root, input });

/** What `serve` says when it does not start. */
async function refusal(gateway) {
	const ended = await run(binary, ['serve', '--config', gateway.configFile], { cwd: gateway.root });
	assert.equal(ended.code, 1, ended.stderr);
	return ended.stderr;
}

/** Everything of the installation that may be read by who may not have its secrets. */
async function shown(gateway, key) {
	const get = async (at) => (await request({ port: gateway.port }, { method: 'GET', path: at, headers: { authorization: `Bearer ${key}` } })).text;
	const pages = await Promise.all(['/status', '/metrics', '/health/ready', '/api/v1/tenants'].map(get));
	const files = fs.readdirSync(gateway.data).filter((name) => /\.db/.test(name)).map((name) => fs.readFileSync(path.join(gateway.data, name), 'latin1'));
	return [gateway.allStderr, ...pages, ...files].join('\n');
}

test('a new value of a header is used without a restart, and no value is ever shown', async (t) => {
	const fixture = await startFixture(t);
	const ear = await startEar(t, fixture);
	const upstreams = { fx: { http: { url: ear.url, headers: { Authorization: 'Bearer ${secret:fx-token}' } } } };
	const gateway = await prepareGateway(t, { upstreams, config: { secrets: { provider: 'file', refresh: '1s' } }, tenants: [] });

	assert.match(await refusal(gateway), /gatehouse\.yaml:\d+:\d+: secret fx-token: .*\/secrets\/fx-token: there is no such file; `gatehouse secret set fx-token`/);
	assert.equal((await secret(gateway, 'first-value-XYZZY\n', 'set', 'fx-token')).code, 0);
	await gateway.makeKey('acme');
	await gateway.start();
	await gateway.settled();
	await modernCall(gateway, 'fx_echo', {});
	assert.deepEqual([...new Set(ear.heard)], ['Bearer first-value-XYZZY']);

	const twice = await secret(gateway, 'other', 'set', 'fx-token');
	assert.equal(twice.code, 1);
	assert.match(twice.stderr, /is there already; --replace/);
	assert.equal((await secret(gateway, 'second-value-XYZZY\n', 'rotate', 'fx-token')).code, 0);
	await until('the new value', async () => {
		await modern(gateway, 'tools/call', { name: 'fx_echo', arguments: {} });
		return ear.heard.at(-1) === 'Bearer second-value-XYZZY';
	});
	assert.equal((await modernCall(gateway, 'fx_echo', {})).status, 200);

	const { key } = await gateway.cliJson('operator-key', 'create');
	await until('the operator key', async () =>
		(await request({ port: gateway.port }, { method: 'GET', path: '/status', headers: { authorization: `Bearer ${key}` } })).status === 200);
	const facts = await gateway.cliJson('secret', 'list');
	assert.deepEqual(facts.map(({ name }) => name), ['fx-token', 'operator-key', 'server-key']);
	const all = await shown(gateway, key) + JSON.stringify(facts) + (await gateway.cli('check')).stdout + (await gateway.cli('doctor')).stdout;
	assert.doesNotMatch(all, /XYZZY/);
	assert.doesNotMatch(all, new RegExp(key));

	fs.rmSync(path.join(gateway.data, 'secrets/fx-token'));
	await gateway.untilLogged('secret.unreadable', (line) => line.name === 'fx-token');
	assert.equal((await modernCall(gateway, 'fx_echo', {})).status, 200); // the value known so far stays
});

test('what is wrong with a secret stops the start, and is named with its place', async (t) => {
	const upstreams = { fx: { http: { url: 'http://127.0.0.1:9/', headers: { A: '${secret:one}', B: 'x ${secret:two} y' } } } };
	const gateway = await prepareGateway(t, { upstreams, tenants: [] });
	const file = (name) => path.join(gateway.data, 'secrets', name);

	const both = await refusal(gateway);
	assert.match(both, /secret one: .*\/secrets\/one: there is no such file/);
	assert.match(both, /secret two: .*\/secrets\/two: there is no such file/);
	for (const name of ['one', 'two']) assert.equal((await secret(gateway, `${name}\n`, 'set', name)).code, 0);
	assert.equal(fs.statSync(file('one')).mode & 0o777, 0o600);
	assert.equal(fs.statSync(path.join(gateway.data, 'secrets')).mode & 0o777, 0o700);
	assert.equal((await gateway.cli('check')).code, 0);
	fs.chmodSync(file('two'), 0o640);
	assert.match(await refusal(gateway), /secret two: .*others may read it; run `chmod 600` on it/);
	fs.chmodSync(file('two'), 0o600);
	fs.writeFileSync(file('two'), 'a\r\nX-Injected: b\n');
	const lines = await refusal(gateway);
	assert.match(lines, /\$\{secret:two\}: its value is no text of one line/);
	assert.doesNotMatch(lines, /Injected/);
	assert.equal((await secret(gateway, 'x', 'set', '../two')).code, 1);
	assert.equal((await secret(gateway, '', 'set', 'three')).code, 2);
	fs.writeFileSync(path.join(gateway.data, 'server.key'), 'not a key', { mode: 0o600 });
	fs.writeFileSync(file('two'), 'good');
	assert.match(await refusal(gateway), /secret server-key: is not a key/);
	fs.rmSync(path.join(gateway.data, 'server.key'));
	gateway.configure({ upstreams: { fx: { http: { url: 'http://127.0.0.1:9/', headers: { A: '${secret:A_B}' } } } } });
	assert.match(await refusal(gateway), /\$\{secret:A_B\}: a name has 1 to 64/);
});

test('in production nothing is made by itself, and the environment is not asked', async (t) => {
	const gateway = await prepareGateway(t, { upstreams: { fx: stdioFixture() }, config: { production: true }, tenants: [] });
	assert.match(await refusal(gateway), /secret server-key: .*\/server\.key: there is no such file; `gatehouse secret set server-key`/);
	assert.equal((await secret(gateway, '', 'set', 'server-key', '--random')).code, 0);
	await gateway.makeKey('acme');
	await gateway.start();
	await gateway.settled();
	assert.equal((await modern(gateway, 'tools/list')).status, 200);
	await gateway.stop();
	gateway.configure({ config: { production: true, operator_key: '${env:HOME}' } });
	assert.match(await refusal(gateway), /secrets do not come from the environment in production/);
	assert.match((await secret(gateway, 'x', 'rotate', 'server-key')).stderr, /cannot be rotated/);
});

test('the key that wraps keys is kept when its successor comes', async (t) => {
	const gateway = await prepareGateway(t, { upstreams: {}, tenants: [] });
	const value = (name) => fs.readFileSync(path.join(gateway.data, 'secrets', name), 'utf8');

	assert.equal((await secret(gateway, '', 'rotate', 'credential-kek')).code, 1);
	assert.equal((await secret(gateway, '', 'set', 'credential-kek', '--random')).code, 0);
	const first = value('credential-kek');
	assert.match(first, /^[\w-]{43}$/);
	assert.equal((await secret(gateway, '', 'rotate', 'credential-kek')).code, 0);
	assert.equal(value('credential-kek-previous'), first);
	assert.notEqual(value('credential-kek'), first);
	const refused = await secret(gateway, '', 'rotate', 'credential-kek');
	assert.equal(refused.code, 1);
	assert.match(refused.stderr, /the one before it is still kept/);
	assert.equal(value('credential-kek-previous'), first);
});

/** What a unit's LoadCredentialEncrypted= does: sealed by systemd-creds where the machine has it, and opened into the directory. */
async function loadCredential(directory, name, value) {
	const [sealed, opened] = [`${directory}.sealed`, path.join(directory, name)];
	const creds = (...args) => run('systemd-creds', [...args, `--name=${name}`], { input: value }).catch(() => ({ code: 127 }));
	const made = await creds('encrypt', '--with-key=tpm2-absent', '-', sealed);
	const loaded = made.code === 0 && (await creds('decrypt', sealed, opened)).code === 0;
	fs.rmSync(sealed, { force: true });
	if (!loaded) fs.writeFileSync(opened, value);
	fs.chmodSync(opened, 0o400);
	return loaded;
}

test("systemd's credentials are read where the unit has them, and written by systemd alone", async (t) => {
	const upstreams = { fx: { http: { url: 'http://127.0.0.1:9/', headers: { A: '${secret:fx-token}' } } } };
	const gateway = await prepareGateway(t, { upstreams, config: { secrets: 'systemd', production: true }, tenants: [] });
	const directory = gateway.file('credentials');

	assert.match(await refusal(gateway), /CREDENTIALS_DIRECTORY is not set: the unit needs LoadCredentialEncrypted=/);
	fs.mkdirSync(directory, { mode: 0o700 });
	process.env.CREDENTIALS_DIRECTORY = directory;
	t.after(() => delete process.env.CREDENTIALS_DIRECTORY);
	t.diagnostic(`systemd-creds: ${await loadCredential(directory, 'fx-token', 'value-XYZZY\n')}`);
	assert.match(await refusal(gateway), /secret server-key: there is no credential server-key in .*systemd-creds encrypt --name=server-key/);
	await loadCredential(directory, 'server-key', Buffer.alloc(32, 10)); // 32 line ends are a key, too
	await gateway.makeKey('acme');
	await gateway.start();
	assert.equal(fs.existsSync(path.join(gateway.data, 'server.key')), false);
	assert.match((await secret(gateway, 'x', 'set', 'fx-token')).stderr, /run `systemd-creds encrypt --name=fx-token/);
	assert.deepEqual((await gateway.cliJson('secret', 'list')).map(({ name }) => name), ['fx-token', 'server-key']);
	fs.rmSync(path.join(directory, 'fx-token'));
	fs.symlinkSync('server-key', path.join(directory, 'fx-token'));
	assert.match((await gateway.cli('reload')).stderr, /fx-token: is a symbolic link/);
	assert.doesNotMatch(gateway.allStderr, /XYZZY/);
});
