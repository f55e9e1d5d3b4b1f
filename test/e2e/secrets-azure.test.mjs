// Secrets in Azure Key Vault: the challenge, sign-in, faults, rotation; the server is test/e2e/lib/keyvault.mjs.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { startFixture } from './lib/fixture.mjs';
import { prepareGateway } from './lib/gateway.mjs';
import { startKeyVault } from './lib/keyvault.mjs';
import { modernCall } from './lib/mcp.mjs';
import { binary } from './lib/paths.mjs';
import { run } from './lib/process.mjs';
import { makeAuthority, makeCertificate } from './lib/tls.mjs';
import { until } from './lib/wait.mjs';

const KEY = Buffer.alloc(32, 9).toString('base64url');
const cli = (gateway, input, ...args) => run(binary, [...args, '--config', gateway.configFile], { cwd: gateway.root, input });

/** A gateway, not started, that asks `vault`. */
async function prepare(t, vault, { upstreams = {}, ...more } = {}) {
	const gateway = await prepareGateway(t, { upstreams: {}, tenants: [] });
	gateway.clientSecretFile = gateway.file('client-secret');
	fs.writeFileSync(gateway.clientSecretFile, `${vault.client.secret}\n`, { mode: 0o600 });
	gateway.configure({
		upstreams,
		config: { secrets: { provider: 'azure', refresh: '1s', azure: { url: vault.url, authority: vault.url, tenant: vault.tenant, client_id: vault.client.id, client_secret_file: gateway.clientSecretFile, ...more } } },
	});
	return gateway;
}

async function refusal(gateway) {
	const ended = await run(binary, ['serve', '--config', gateway.configFile], { cwd: gateway.root });
	assert.equal(ended.code, 1, ended.stderr);
	return ended.stderr;
}

test('the server key and a header come from the vault; a new value and a token that is over need no restart', async (t) => {
	const directory = fs.mkdtempSync('/tmp/gatehouse-e2e-keyvault-');
	t.after(() => fs.rmSync(directory, { recursive: true }));
	const authority = await makeAuthority(directory, 'authority');
	const vault = await startKeyVault(t, { tls: await makeCertificate(directory, 'vault', authority) });
	const fixture = await startFixture(t);
	const gateway = await prepare(t, vault, {
		ca: authority.cert,
		upstreams: { fx: { http: { url: fixture.url, headers: { 'X-Secret': '${secret:fx-token}' } } } },
	});

	assert.match(await refusal(gateway), /secret fx-token: https:\S+\/secrets\/fx-token: there is none/);
	vault.put('fx-token', 'first-PLUGH');
	assert.equal((await cli(gateway, KEY, 'secret', 'set', 'server-key')).code, 0);
	assert.equal(vault.value('server-key'), KEY);
	const twice = await cli(gateway, KEY, 'secret', 'set', 'server-key');
	assert.equal(twice.code, 1);
	assert.match(twice.stderr, /is there already/);
	vault.deleted.add('gone');
	assert.match((await cli(gateway, 'x', 'secret', 'set', 'gone')).stderr, /a deleted one of that name is kept; recover or purge it first \(Conflict\/ObjectIsDeletedButRecoverable/);
	await gateway.makeKey('acme');
	assert.equal(fs.existsSync(`${gateway.data}/server.key`), false);
	await gateway.start();
	await gateway.settled();
	assert.equal((await modernCall(gateway, 'fx_echo', {})).status, 200);

	const logins = vault.logins;
	vault.revoke();
	await until('another sign-in', () => vault.logins > logins);
	vault.put('fx-token', 'second-PLUGH');
	await gateway.untilLogged('secret.changed', (line) => line.name === 'fx-token');
	await gateway.untilLogged('reload.done');
	await until('the server with the new value', async () => (await modernCall(gateway, 'fx_echo', {})).status === 200);

	vault.put('another', 'x');
	const facts = JSON.parse((await cli(gateway, undefined, 'secret', 'list', '--json')).stdout);
	assert.deepEqual(facts.map(({ name }) => name), ['another', 'fx-token', 'server-key']); // two pages
	const shown = gateway.allStderr + JSON.stringify(await gateway.status());
	for (const planted of ['first-PLUGH', 'second-PLUGH', KEY, vault.client.secret]) assert.ok(!shown.includes(planted));
	for (const token of vault.tokens.keys()) assert.ok(!shown.includes(token));
});

test('what goes wrong is said, and no token is made for a host that lies', async (t) => {
	const vault = await startKeyVault(t);
	const gateway = await prepare(t, vault);
	vault.put('server-key', KEY);

	vault.resource = 'http://vault.azure.net';
	assert.match(await refusal(gateway), /asks for a token for another host than its own/);
	vault.resource = undefined;
	vault.authorization = 'https://login.evil.example/tenant';
	assert.match(await refusal(gateway), /trusts another authority/);
	assert.equal(vault.logins, 0);
	vault.authorization = undefined;

	fs.writeFileSync(gateway.clientSecretFile, 'wrong');
	assert.match(await refusal(gateway), /sign-in at \S+: status 401 invalid_client: AADSTS7000215/);
	fs.writeFileSync(gateway.clientSecretFile, vault.client.secret);

	vault.failures = [429, 503];
	assert.equal((await cli(gateway, undefined, 'secret', 'list')).code, 0); // it was waited out
	vault.garbage = true;
	assert.match(await refusal(gateway), /its answer holds no access token/);
	vault.garbage = false;
	assert.ok(vault.requests.every(({ path, authorized }) => authorized || path === '/secrets' || path.endsWith('/token')), 'nothing else is asked for without a token');
});
