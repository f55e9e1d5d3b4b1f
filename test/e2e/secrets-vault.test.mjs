// Secrets in Vault or OpenBao: sign-in, renewal, faults, rotation; the server is test/e2e/lib/openbao.mjs.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { startFixture } from './lib/fixture.mjs';
import { prepareGateway } from './lib/gateway.mjs';
import { modernCall } from './lib/mcp.mjs';
import { startOpenBao } from './lib/openbao.mjs';
import { binary } from './lib/paths.mjs';
import { run } from './lib/process.mjs';
import { makeAuthority, makeCertificate } from './lib/tls.mjs';
import { until } from './lib/wait.mjs';

const KEY = Buffer.alloc(32, 7).toString('base64url');
const cli = (gateway, input, ...args) => run(binary, [...args, '--config', gateway.configFile], { cwd: gateway.root, input });

/** A gateway, not started, that asks `bao`. */
async function prepare(t, bao, { upstreams = {}, ...more } = {}) {
	const gateway = await prepareGateway(t, { upstreams: {}, tenants: [] });
	const [role, secret] = ['role-id', 'secret-id'].map((name) => gateway.file(name));
	fs.writeFileSync(role, `${bao.role.id}\n`, { mode: 0o600 });
	fs.writeFileSync(secret, `${bao.role.secret}\n`, { mode: 0o600 });
	gateway.secretIdFile = secret;
	gateway.configure({
		upstreams,
		config: { secrets: { provider: 'vault', refresh: '1s', vault: { url: bao.url, role_id_file: role, secret_id_file: secret, namespace: 'platform', ...more } } },
	});
	return gateway;
}

async function refusal(gateway) {
	const ended = await run(binary, ['serve', '--config', gateway.configFile], { cwd: gateway.root });
	assert.equal(ended.code, 1, ended.stderr);
	return ended.stderr;
}

test('the server key and a header come from the server; a new value, a revoked and an ending token need no restart', async (t) => {
	const directory = fs.mkdtempSync('/tmp/gatehouse-e2e-bao-');
	t.after(() => fs.rmSync(directory, { recursive: true }));
	const authority = await makeAuthority(directory, 'authority');
	const bao = await startOpenBao(t, { tls: await makeCertificate(directory, 'bao', authority) });
	const fixture = await startFixture(t);
	const gateway = await prepare(t, bao, {
		ca: authority.cert,
		upstreams: { fx: { http: { url: fixture.url, headers: { 'X-Secret': '${secret:fx-token}' } } } },
	});

	assert.match(await refusal(gateway), /secret fx-token: https:\S+ secret\/data\/gatehouse\/fx-token: there is no such entry/);
	bao.put('gatehouse/fx-token', 'first-XYZZY');
	assert.match(await refusal(gateway), /secret server-key: https:\S+ secret\/data\/gatehouse\/server-key: there is no such entry/);
	assert.equal((await cli(gateway, KEY, 'secret', 'set', 'server-key')).code, 0);
	const twice = await cli(gateway, KEY, 'secret', 'set', 'server-key');
	assert.equal(twice.code, 1);
	assert.match(twice.stderr, /is there already/);
	assert.equal(bao.value('gatehouse/server-key'), KEY);
	await gateway.makeKey('acme');
	assert.equal(fs.existsSync(`${gateway.data}/server.key`), false);
	bao.leaseS = 3;
	await gateway.start();
	await gateway.settled();
	assert.equal((await modernCall(gateway, 'fx_echo', {})).status, 200);

	const before = bao.renewals;
	await until('two renewals', () => bao.renewals >= before + 2);
	bao.revoke();
	const logins = bao.logins;
	await until('another sign-in', () => bao.logins > logins);
	bao.put('gatehouse/fx-token', 'second-XYZZY');
	await gateway.untilLogged('secret.changed', (line) => line.name === 'fx-token');
	await gateway.untilLogged('reload.done');
	await until('the server with the new value', async () => (await modernCall(gateway, 'fx_echo', {})).status === 200);

	const facts = JSON.parse((await cli(gateway, undefined, 'secret', 'list', '--json')).stdout);
	assert.deepEqual(facts.map(({ name, version }) => [name, version]), [['fx-token', '2'], ['server-key', '1']]);
	assert.ok(bao.requests.every(({ namespace }) => namespace === 'platform'));
	bao.sealed = true;
	await gateway.untilLogged('secret.unreadable', (line) => /it is sealed/.test(line.problem));
	assert.equal((await modernCall(gateway, 'fx_echo', {})).status, 200); // what is known stays in use
	bao.sealed = false;
	const shown = gateway.allStderr + JSON.stringify(await gateway.status());
	for (const hidden of [/XYZZY/, /hvs\./, new RegExp(bao.role.secret), new RegExp(KEY)]) assert.doesNotMatch(shown, hidden);
	await gateway.stop();
	assert.equal(bao.live, 0); // signed out
});

test('a server that does not answer well stops the start, with words; one that is slow to come up does not', async (t) => {
	const bao = await startOpenBao(t);
	const gateway = await prepare(t, bao, {});
	const check = () => cli(gateway, undefined, 'secret', 'list');

	bao.failures = [503, 429, 502];
	assert.equal((await check()).code, 0);
	bao.sealed = true;
	assert.match((await check()).stderr, /sign-in at http:\S+: it is sealed, or under maintenance \(Vault is sealed\)/);
	bao.sealed = false;
	bao.garbage = true;
	assert.equal((await check()).code, 1);
	bao.garbage = false;
	bao.redirectTo = 'http://127.0.0.1:9/';
	assert.match((await check()).stderr, /it redirects, which is not followed/);
	bao.redirectTo = undefined;
	fs.writeFileSync(gateway.secretIdFile, 'wrong-XYZZY\n');
	const wrong = (await check()).stderr;
	assert.match(wrong, /invalid role or secret ID/);
	assert.doesNotMatch(wrong, /XYZZY/);
	fs.chmodSync(gateway.secretIdFile, 0o644);
	assert.match((await check()).stderr, /others may read it/);
	fs.chmodSync(gateway.secretIdFile, 0o600);
	fs.writeFileSync(gateway.secretIdFile, bao.role.secret);
	bao.put('gatehouse/gone', 'x');
	bao.entries.get('gatehouse/gone').versions[0].deleted = true;
	assert.match((await cli(gateway, 'y', 'secret', 'rotate', 'gone')).stderr, /secret gone: .*its last version is deleted/);
	bao.put('gatehouse/server-key', 'no key');
	assert.match(await refusal(gateway), /secret server-key: is not a key/);
	gateway.configure({ config: { secrets: 'vault' } });
	assert.match((await check()).stderr, /vault needs `url`, `role_id_file` and `secret_id_file`/);
});
