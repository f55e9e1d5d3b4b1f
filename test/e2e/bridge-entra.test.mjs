// The bridge to Microsoft Entra: clients register at the gateway and become applications in a directory (RFC 7591,
// 7592). The directory is test/e2e/lib/graph.mjs.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { prepareGateway } from './lib/gateway.mjs';
import { startGraph } from './lib/graph.mjs';
import { request } from './lib/raw.mjs';
import { until, within } from './lib/wait.mjs';

const HOME = '/oauth/bridge/entra';
const CLAUDE = { client_name: 'Claude', redirect_uris: ['https://claude.ai/api/mcp/auth_callback'], grant_types: ['authorization_code', 'refresh_token'], scope: 'openid api://acme/tools nonsense' };
const CURSOR = { client_name: 'Cursor', redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback', 'http://localhost:8787/callback', 'http://127.0.0.1:8787/callback'], token_endpoint_auth_method: 'none' };

function settings(graph, more = {}) {
	return {
		type: 'entra', tenant: graph.tenant, client_id: graph.client.id, client_secret: graph.client.secret, authority: graph.url, graph: graph.url, allow_private: true,
		redirect_hosts: ['claude.ai', 'vscode.dev'], scopes: { openid: '', offline_access: '', 'api://acme/tools': 'aaaa-1/bbbb-2', 'api://acme/admin': 'aaaa-1/bbbb-3' }, rate: 'off', grace: '1s', ...more,
	};
}

async function start(t, graph, more = {}, options = {}) {
	const { bridges, tenants = ['acme'] } = options;
	const gateway = await prepareGateway(t, { tenants: [], config: { bridges: { entra: settings(graph, more), ...bridges }, jobs: { bridges: 'never' } } });
	for (const tenant of tenants) await gateway.makeKey(tenant, '--role', 'admin');
	return gateway.start();
}

const bearer = (token) => (token === undefined ? {} : { authorization: `Bearer ${token}` });

async function ask(gateway, method, where, { token, body } = {}) {
	return request({ port: gateway.port }, {
		method, path: where, headers: { ...bearer(token), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
		body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
	});
}

const register = (gateway, body, token = gateway.key) => ask(gateway, 'POST', `${HOME}/register`, { token, body });
const pathOf = (registered) => new URL(registered.json.registration_client_uri).pathname;

/** Run the job now, and wait for its end; returns its words. */
async function tend(gateway) {
	const runs = () => gateway.cliJson('jobs', 'history', 'bridges');
	const before = (await runs()).length;
	assert.equal((await gateway.cli('jobs', 'run', 'bridges')).code, 0);
	return until('the job', async () => {
		const now = await runs();
		return now.length > before ? now[0] : undefined;
	});
}

test('a client registers, reads, changes and removes its registration; what the directory holds follows', async (t) => {
	const graph = await startGraph(t);
	const gateway = await start(t, graph);

	const made = await register(gateway, CLAUDE);
	assert.equal(made.status, 201, made.text);
	assert.equal(made.headers['cache-control'], 'no-store');
	const { client_id, client_secret, client_secret_expires_at, registration_access_token: token } = made.json;
	assert.deepEqual([made.json.redirect_uris, made.json.scope, made.json.token_endpoint_auth_method, made.json.client_name], [CLAUDE.redirect_uris, 'openid api://acme/tools', 'client_secret_basic', 'Claude']);
	const application = graph.byClient(client_id);
	assert.equal(application.displayName, 'mcp-Claude');
	assert.equal(application.signInAudience, 'AzureADMyOrg');
	assert.deepEqual(application.web.redirectUris, CLAUDE.redirect_uris);
	assert.deepEqual([application.publicClient.redirectUris, application.spa.redirectUris, application.isFallbackPublicClient], [[], [], false]);
	assert.deepEqual(application.requiredResourceAccess, [
		{ resourceAppId: '00000003-0000-0000-c000-000000000000', resourceAccess: [{ id: '37f7f235-527c-4136-accd-4a02d197296e', type: 'Scope' }] },
		{ resourceAppId: 'aaaa-1', resourceAccess: [{ id: 'bbbb-2', type: 'Scope' }] },
	]);
	assert.ok(graph.principals.has(client_id));
	assert.ok(graph.secretWorks(client_id, client_secret));
	assert.ok(Math.abs(client_secret_expires_at - Date.now() / 1000 - 91 * 86400) < 60);
	assert.match(token, /^ghb_[\w-]{43}$/);

	const read = await ask(gateway, 'GET', pathOf(made), { token });
	assert.equal(read.status, 200);
	assert.deepEqual(read.json, made.json);
	const updated = await ask(gateway, 'PUT', pathOf(made), { token, body: { ...CLAUDE, client_id, client_secret, redirect_uris: ['https://vscode.dev/redirect', 'https://evil.example/cb'] } });
	assert.equal(updated.status, 200, updated.text);
	assert.deepEqual([updated.json.redirect_uris, graph.byClient(client_id).web.redirectUris], [['https://vscode.dev/redirect'], ['https://vscode.dev/redirect']]);
	for (const body of [{ ...CLAUDE }, { ...CLAUDE, client_id: 'x' }, { ...CLAUDE, client_id, client_secret: 'x' }, { ...CLAUDE, client_id, token_endpoint_auth_method: 'none' }]) {
		const refused = await ask(gateway, 'PUT', pathOf(made), { token, body });
		assert.deepEqual([refused.status, refused.json.error], [400, 'invalid_client_metadata'], refused.text);
	}

	assert.equal((await ask(gateway, 'DELETE', pathOf(made), { token })).status, 204);
	assert.deepEqual([graph.all(), graph.principals.size], [[], 0]);
	assert.equal((await ask(gateway, 'GET', pathOf(made), { token })).status, 401);

	const rows = await gateway.cliJson('audit', 'search', '--event', 'bridge.*');
	assert.deepEqual(rows.map(({ event }) => event).sort(), ['bridge.client_deleted', 'bridge.client_registered', 'bridge.client_updated']);
	assert.ok(rows.every(({ target, upstream }) => pathOf(made).endsWith(target) && upstream === 'entra'));
	const shown = gateway.allStderr + JSON.stringify(rows);
	for (const planted of [client_secret, token, graph.client.secret, ...graph.tokens]) assert.ok(!shown.includes(planted));
});

test('a public client has no secret and loses the redirect URIs that it may not have', async (t) => {
	const graph = await startGraph(t);
	const gateway = await start(t, graph);

	const cursor = await register(gateway, CURSOR);
	assert.equal(cursor.status, 201, cursor.text);
	assert.deepEqual(cursor.json.redirect_uris, CURSOR.redirect_uris.slice(1));
	assert.ok(!('client_secret' in cursor.json) && !('client_secret_expires_at' in cursor.json));
	const application = graph.byClient(cursor.json.client_id);
	assert.deepEqual([application.publicClient.redirectUris, application.web.redirectUris, application.isFallbackPublicClient, application.passwordCredentials], [CURSOR.redirect_uris.slice(1), [], true, []]);
	const page = await register(gateway, { redirect_uris: ['https://claude.ai/app'], token_endpoint_auth_method: 'none', application_type: 'web' });
	assert.deepEqual(graph.byClient(page.json.client_id).spa.redirectUris, ['https://claude.ai/app']);
	assert.deepEqual((await ask(gateway, 'GET', pathOf(cursor), { token: cursor.json.registration_access_token })).json, cursor.json);
});

test('what cannot be is refused in the words of the standard, and nothing is made of it', async (t) => {
	const graph = await startGraph(t);
	const gateway = await start(t, graph);
	const uri = 'https://claude.ai/cb';

	for (const [body, error] of [
		['[]', 'invalid_client_metadata'],
		['{"redirect_uris":', 'invalid_client_metadata'],
		[{}, 'invalid_redirect_uri'],
		[{ redirect_uris: [] }, 'invalid_redirect_uri'],
		...['http://claude.ai/cb', 'https://evil.example/cb', 'https://claude.ai/cb#x', 'https://*.claude.ai/cb', 'https://claude.ai/*', 'https://claude.ai@evil.example/', 'cursor://x/y', 'javascript:alert(1)', 'https://claude.ai.evil.example/']
			.map((bad) => [{ redirect_uris: [bad] }, 'invalid_redirect_uri']),
		[{ redirect_uris: [uri], grant_types: ['client_credentials'] }, 'invalid_client_metadata'],
		[{ redirect_uris: [uri], grant_types: ['authorization_code', 'implicit'] }, 'invalid_client_metadata'],
		[{ redirect_uris: [uri], response_types: ['token'] }, 'invalid_client_metadata'],
		[{ redirect_uris: [uri], token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://127.0.0.1:1/keys' }, 'invalid_client_metadata'],
		[{ redirect_uris: [uri], scope: 'root' }, 'invalid_client_metadata'],
		[{ redirect_uris: [uri], software_statement: 'a.b.c' }, 'unapproved_software_statement'],
	]) {
		const refused = await register(gateway, body);
		assert.deepEqual([refused.status, refused.json.error], [400, error], `${JSON.stringify(body)}: ${refused.text}`);
	}
	assert.deepEqual(graph.requests, []);
	assert.deepEqual((await gateway.cliJson('jobs')).filter((one) => one.id === 'bridges').length, 1);
});

test('only who may manage clients registers them, of their own tenant, within rate and quota', async (t) => {
	const graph = await startGraph(t);
	const gateway = await start(t, graph, { quota: 2 }, { tenants: ['acme', 'globex'], bridges: { slow: settings(graph, { rate: '1/h' }) } });
	const member = await gateway.makeKey('acme', '--role', 'member');

	const none = await register(gateway, CLAUDE, '');
	assert.equal(none.status, 401);
	assert.match(none.headers['www-authenticate'], /^Bearer/);
	assert.equal((await ask(gateway, 'POST', `${HOME}/register`, { body: CLAUDE })).status, 401);
	assert.equal((await register(gateway, CLAUDE, 'ghb_x')).status, 401);
	assert.equal((await register(gateway, CLAUDE, member.key)).status, 403);
	const first = await register(gateway, CLAUDE);
	const second = await register(gateway, CURSOR);
	assert.deepEqual([first.status, second.status], [201, 201]);
	const third = await register(gateway, CLAUDE);
	assert.deepEqual([third.status, third.json.error], [403, 'access_denied']);
	assert.equal((await register(gateway, CLAUDE, gateway.keys.globex)).status, 201); // another tenant's quota
	assert.equal(graph.all().length, 3);

	// Another's registration is answered like one that does not exist.
	const unknown = `${HOME}/register/${'0'.repeat(26)}`;
	for (const where of [pathOf(first), unknown]) {
		for (const method of ['GET', 'PUT', 'DELETE']) {
			assert.equal((await ask(gateway, method, where, { token: gateway.keys.globex, ...(method === 'PUT' ? { body: CLAUDE } : {}) })).status, 404);
			const wrong = await ask(gateway, method, where, { token: second.json.registration_access_token, ...(method === 'PUT' ? { body: CLAUDE } : {}) });
			assert.deepEqual([wrong.status, wrong.json.error], [401, 'invalid_token']);
		}
	}
	assert.equal((await ask(gateway, 'GET', pathOf(first).replace('entra', 'slow'), { token: first.json.registration_access_token })).status, 401);
	assert.equal((await ask(gateway, 'GET', pathOf(first))).status, 401);
	const owner = await ask(gateway, 'GET', pathOf(first), { token: gateway.key });
	assert.deepEqual([owner.status, owner.json.client_id, 'registration_access_token' in owner.json], [200, first.json.client_id, false]);
	assert.equal((await ask(gateway, 'DELETE', pathOf(first), { token: gateway.key })).status, 204);
	assert.equal((await register(gateway, CLAUDE)).status, 201); // its place is free

	assert.equal((await ask(gateway, 'POST', '/oauth/bridge/slow/register', { token: gateway.key, body: CURSOR })).status, 201);
	const limited = await ask(gateway, 'POST', '/oauth/bridge/slow/register', { token: gateway.key, body: CURSOR });
	assert.equal(limited.status, 429);
	assert.ok(Number(limited.headers['retry-after']) > 0);
	assert.equal((await ask(gateway, 'POST', '/oauth/bridge/nobody/register', { token: gateway.key, body: CURSOR })).status, 404);
	assert.equal((await ask(gateway, 'GET', `${HOME}/register`, { token: gateway.key })).status, 405);
});

test('the metadata is found in every form, under the issuer that it names', async (t) => {
	const graph = await startGraph(t);
	const gateway = await start(t, graph);
	const issuer = `http://127.0.0.1:${gateway.port}${HOME}`;

	for (const where of [`/.well-known/oauth-authorization-server${HOME}`, `/.well-known/openid-configuration${HOME}`, `${HOME}/.well-known/openid-configuration`, `${HOME}/.well-known/oauth-authorization-server`]) {
		const { status, json, headers } = await ask(gateway, 'GET', where);
		assert.equal(status, 200, where);
		assert.equal(headers['access-control-allow-origin'], '*');
		assert.equal(json.issuer, issuer);
		assert.equal(json.authorization_endpoint, `${graph.url}/${graph.tenant}/oauth2/v2.0/authorize`);
		assert.equal(json.token_endpoint, `${graph.url}/${graph.tenant}/oauth2/v2.0/token`);
		assert.equal(json.registration_endpoint, `${issuer}/register`);
		assert.deepEqual(json.code_challenge_methods_supported, ['S256']);
		assert.deepEqual(json.scopes_supported, ['openid', 'offline_access', 'api://acme/tools', 'api://acme/admin']);
		assert.equal('id_token_signing_alg_values_supported' in json, where.includes('openid'));
	}
	assert.equal((await ask(gateway, 'GET', '/.well-known/oauth-authorization-server/oauth/bridge/nobody')).status, 404);
	const preflight = await ask(gateway, 'OPTIONS', `${HOME}/register`);
	assert.deepEqual([preflight.status, preflight.headers['access-control-allow-methods']], [204, 'GET, POST, PUT, DELETE, OPTIONS']);
});

test('what passes is waited out; what does not is undone and said', async (t) => {
	const graph = await startGraph(t);
	const gateway = await start(t, graph);

	graph.lag = 3;
	assert.equal((await register(gateway, CLAUDE)).status, 201);
	graph.lag = 0;
	for (const at of ['token', 'application', 'principal', 'password']) {
		for (const how of at === 'application' ? ['429', '500', 'drop-after'] : ['drop-before', 'drop-after']) graph.fault(at, how);
		const before = graph.all().length;
		const made = await register(gateway, CLAUDE);
		assert.equal(made.status, 201, `${at}: ${made.text}`);
		assert.equal(graph.all().length, before + 1, at);
		const application = graph.byClient(made.json.client_id);
		assert.equal(application.passwordCredentials.length, 1, `${at}: a secret that nobody knows is left`);
		assert.ok(graph.secretWorks(made.json.client_id, made.json.client_secret));
	}
	graph.revoke(); // no session outlives a request: nothing to renew
	assert.equal((await register(gateway, CURSOR)).status, 201);

	const kept = graph.all().length;
	for (const [at, how, status, error] of [
		['application', 'policy', 403, 'registration_policy_denied'],
		['application', 'bad', 400, 'invalid_client_metadata'],
		['application', 'denied', 502, 'server_error'],
		['principal', 'denied', 502, 'server_error'],
		['password', 'policy', 403, 'registration_policy_denied'],
		['password', 'garbage', 503, 'temporarily_unavailable'],
	]) {
		graph.fault(at, how);
		const refused = await register(gateway, CLAUDE);
		assert.deepEqual([refused.status, refused.json.error], [status, error], `${at} ${how}: ${refused.text}`);
		assert.equal(graph.all().length, kept, `${at} ${how}: an application is left`);
		assert.equal(graph.principals.size, kept, `${at} ${how}: a principal is left`);
	}
	const secret = graph.client.secret;
	graph.client.secret = 'another';
	const denied = await register(gateway, CLAUDE);
	assert.deepEqual([denied.status, denied.json.error], [502, 'server_error']);
	assert.ok(gateway.logged((line) => line.event === 'bridge.refused' && /AADSTS7000215/.test(line.problem)).length > 0);
	assert.ok(!denied.text.includes('AADSTS'));
	graph.client.secret = secret;
	assert.equal((await tend(gateway)).outcome, 'ok');
	assert.equal(graph.all().length, kept);
});

test('a removal that the directory cannot take now is finished by the job', async (t) => {
	const graph = await startGraph(t);
	const gateway = await start(t, graph);
	const made = await register(gateway, CLAUDE);
	const token = made.json.registration_access_token;

	graph.fault('delete', 'denied');
	assert.equal((await ask(gateway, 'DELETE', pathOf(made), { token })).status, 502);
	assert.equal((await ask(gateway, 'GET', pathOf(made), { token })).status, 401); // it is over all the same
	assert.equal(graph.all().length, 1);
	await tend(gateway);
	assert.equal(graph.all().length, 0);
	assert.equal((await ask(gateway, 'DELETE', pathOf(made), { token })).status, 401);
});

for (const at of ['token', 'application', 'principal', 'password']) {
	test(`a gateway killed when the directory has made the ${at} leaves nothing behind`, async (t) => {
		const graph = await startGraph(t);
		const gateway = await start(t, graph);
		const held = graph.hold(at);
		const broken = register(gateway, CLAUDE).catch(() => undefined);
		const go = await within('the directory to be asked', held);

		await gateway.crash();
		go();
		await broken;
		assert.equal(graph.all().length, at === 'token' ? 0 : 1);
		await gateway.start();
		await until('the job to find it', async () => / 1 unfinished/.test((await tend(gateway)).words));
		assert.equal(graph.all().length, 0);
		assert.equal(graph.principals.size, 0);
		const made = await register(gateway, CLAUDE);
		assert.equal(made.status, 201);
		await tend(gateway);
		assert.equal(graph.all().length, 1);
	});
}

test('secrets get successors before they end; the old one works until its overlap is over', async (t) => {
	const graph = await startGraph(t);
	const gateway = await start(t, graph, { secret_life: '1s', overlap: '3s' });
	const made = await register(gateway, CLAUDE);
	const { client_id, client_secret: first, registration_access_token: token } = made.json;
	const read = async () => (await ask(gateway, 'GET', pathOf(made), { token })).json;

	graph.byClient(client_id).passwordCredentials.push({ keyId: 'c0ffee00-0000-4000-8000-000000000000', displayName: 'by hand', endDateTime: '2099-01-01T00:00:00Z' });
	const second = await until('another secret', async () => {
		await tend(gateway);
		const now = await read();
		return now.client_secret !== first ? now : undefined;
	});
	assert.ok(graph.secretWorks(client_id, second.client_secret));
	assert.ok(second.client_secret_expires_at > made.json.client_secret_expires_at);
	await until('the end of the first', async () => {
		await tend(gateway);
		return !graph.byClient(client_id).passwordCredentials.some((one) => one.secretText === first);
	});
	assert.ok(graph.byClient(client_id).passwordCredentials.some((one) => one.displayName === 'by hand'), 'a secret of somebody else is gone');
	assert.ok(graph.secretWorks(client_id, (await read()).client_secret));
});

test('a rotation that is cut short leaves a secret that works, and the next one clears up', async (t) => {
	const graph = await startGraph(t);
	const gateway = await start(t, graph, { secret_life: '1s', overlap: '1h' });
	const made = await register(gateway, CLAUDE);
	const { client_id, client_secret, registration_access_token: token } = made.json;
	const texts = () => graph.byClient(client_id).passwordCredentials.map((one) => one.secretText);

	graph.fault('password', 'garbage', 1000); // it is made, and nobody learns of it
	await until('the secret to be due', async () => {
		await tend(gateway);
		return texts().length > 1;
	});
	graph.faults = [];
	const [, unknown] = texts();
	assert.equal((await ask(gateway, 'GET', pathOf(made), { token })).json.client_secret, client_secret);
	assert.ok(graph.secretWorks(client_id, client_secret));
	graph.fault('password', 'drop-after');
	await tend(gateway);
	const now = (await ask(gateway, 'GET', pathOf(made), { token })).json.client_secret;
	assert.notEqual(now, client_secret);
	assert.ok(!texts().includes(unknown));
	assert.deepEqual(texts(), [client_secret, now]);
});

test('secrets are sealed: files show none, a rotation of keys keeps them, and a tenant that is erased takes all of it along', async (t) => {
	const graph = await startGraph(t);
	const gateway = await start(t, graph, {}, { tenants: ['acme', 'globex'] });
	const made = await register(gateway, CLAUDE);
	const { client_secret, registration_access_token: token } = made.json;

	assert.equal((await gateway.cli('vault', 'rotate')).code, 0);
	assert.deepEqual((await ask(gateway, 'GET', pathOf(made), { token })).json, made.json);
	const files = fs.readdirSync(gateway.data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	assert.ok(files.length > 0);
	for (const file of files) {
		const bytes = fs.readFileSync(path.join(file.parentPath ?? file.path, file.name));
		for (const planted of [client_secret, token, graph.client.secret]) assert.ok(!bytes.includes(planted), file.name);
	}
	const other = await register(gateway, CURSOR, gateway.keys.globex);
	assert.equal((await gateway.cli('tenant', 'erase', 'acme', '--yes')).code, 0);
	assert.equal((await ask(gateway, 'GET', pathOf(made), { token })).status, 401);
	await until('the application to go', async () => {
		await tend(gateway);
		return graph.byClient(made.json.client_id) === undefined;
	});
	assert.ok(graph.byClient(other.json.client_id));
});

test('what the one has and the other has not is removed, but never everything', async (t) => {
	const graph = await startGraph(t);
	const gateway = await start(t, graph, {}, { tenants: ['acme', 'globex'] });
	const kept = await register(gateway, CLAUDE);
	const lost = await register(gateway, CURSOR);
	const tag = graph.byClient(kept.json.client_id).tags[0];
	const old = '2020-01-01T00:00:00Z';

	await until('the grace to be over', async () => Date.now() / 1000 > lost.json.client_id_issued_at + 2.5);
	graph.applications.delete(graph.byClient(lost.json.client_id).id);
	const orphan = graph.add({ uniqueName: `gatehouse-${'0'.repeat(26)}`, tags: [tag], createdDateTime: old });
	const foreign = graph.add({ uniqueName: 'payroll', tags: ['hr'], createdDateTime: old });
	const anothers = graph.add({ uniqueName: `gatehouse-${'1'.repeat(26)}`, tags: ['gatehouse-ffffffffffffffffffffff'], createdDateTime: old });
	const young = graph.add({ uniqueName: `gatehouse-${'2'.repeat(26)}`, tags: [tag], createdDateTime: '2099-01-01T00:00:00Z' });
	assert.match((await tend(gateway)).words, /1 orphans, 1 lost/);
	assert.ok(!graph.applications.has(orphan.id));
	for (const one of [foreign, anothers, young]) assert.ok(graph.applications.has(one.id));
	assert.equal((await ask(gateway, 'GET', pathOf(lost), { token: lost.json.registration_access_token })).status, 401);
	assert.equal((await ask(gateway, 'GET', pathOf(kept), { token: kept.json.registration_access_token })).status, 200);

	for (let i = 0; i < 12; i++) graph.add({ uniqueName: `gatehouse-${String(i).padStart(26, '0')}`, tags: [tag], createdDateTime: old });
	const many = graph.all().length;
	await tend(gateway);
	assert.equal(graph.all().length, many);
	assert.equal(gateway.logged((line) => line.event === 'bridge.orphans_kept')[0].applications, 12);

	graph.next = 'http://127.0.0.1:1'; // a page elsewhere is not asked for with our token
	const run = await tend(gateway);
	assert.notEqual(run.outcome, 'ok');
});
