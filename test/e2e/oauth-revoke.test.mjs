// Ending tokens and asking about them; machines with a secret of their own; what is forgotten.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { OAuth } from './lib/oauth.mjs';
import { makeUser } from './lib/people.mjs';
import { sql } from './lib/sqlite.mjs';

const file = scope(after);
const gateway = await startGateway(file, { upstreams: { fx: stdioFixture() }, limits: { per_auth: 'off' } });
const ann = await makeUser(gateway, { email: 'ann@acme.example' });
const zoe = await makeUser(gateway, { email: 'zoe@other.example', tenant: 'other' });
const origin = `http://127.0.0.1:${gateway.port}`;
const database = `${gateway.data}/gatehouse.db`;

async function client(registration, options) {
	const oauth = new OAuth(gateway, options);
	await oauth.register(registration);
	return oauth;
}

/** A client with a secret; `over` makes of it what an administrator would. */
async function confidential(over = {}) {
	const oauth = await client({ token_endpoint_auth_method: 'client_secret_post' });
	const changes = Object.entries(over).map(([name, value]) => `${name} = '${value}'`).join(', ');
	if (changes) await sql(database, `UPDATE oauth_client SET ${changes} WHERE id = '${oauth.client.client_id}'`);
	return oauth;
}

const introspect = (oauth, token, over = {}) => oauth.post('/oauth/introspect', { token, client_id: oauth.client.client_id, client_secret: oauth.client.client_secret, ...over });
const tenantOf = async (name) => (await sql(database, `SELECT id FROM tenant WHERE name = '${name}'`))[0].id;

test('revoking either token ends both; a stranger ends nothing and learns nothing', async () => {
	for (const which of ['access_token', 'refresh_token']) {
		const oauth = await client();
		const other = await client();
		const tokens = await oauth.signIn(ann);
		for (const [who, token] of [[other, tokens[which]], [oauth, 'nonsense'], [oauth, `${tokens[which]}x`]]) {
			const answer = await who.post('/oauth/revoke', { token, client_id: who.client.client_id });
			assert.equal(answer.status, 200);
		}
		assert.equal((await oauth.post('/oauth/revoke', { token: tokens[which], client_id: 'nobody' })).status, 401);
		const alive = await oauth.refresh(tokens.refresh_token);
		assert.equal(alive.status, 200);
		const token = which === 'access_token' ? tokens.access_token : alive.body.refresh_token;
		assert.equal((await oauth.post('/oauth/revoke', { token, client_id: oauth.client.client_id, token_type_hint: 'whatever' })).status, 200);
		assert.equal((await oauth.refresh(alive.body.refresh_token)).body.error, 'invalid_grant');
	}
});

test('introspection answers the token\'s own client, its tenant\'s clients and administrators, and nobody else', async () => {
	const oauth = await client();
	const tokens = await oauth.signIn(ann);
	const own = await confidential({ tenant_id: await tenantOf('acme'), kind: 'manual' });
	const foreign = await confidential({ tenant_id: await tenantOf('other'), kind: 'manual' });
	const stranger = await confidential();

	for (const token of [tokens.access_token, tokens.refresh_token]) {
		const { status, body } = await introspect(own, token);
		assert.equal(status, 200);
		assert.equal(body.active, true);
		assert.equal(body.client_id, oauth.client.client_id);
		assert.equal(body.aud, `${origin}/mcp`);
		for (const who of [foreign, stranger]) assert.deepEqual((await introspect(who, token)).body, { active: false });
	}
	for (const token of ['x', `${tokens.access_token}x`, tokens.access_token.split('.').slice(0, 2).join('.') + '.', 'ghr_x']) assert.deepEqual((await introspect(own, token)).body, { active: false });
	// Public clients cannot ask; an API key of an administrator can, about its own tenant.
	assert.equal((await oauth.post('/oauth/introspect', { token: tokens.access_token, client_id: oauth.client.client_id })).status, 401);
	const bearer = ({ key }) => ({ authorization: `Bearer ${key}` });
	const ask = (key) => oauth.post('/oauth/introspect', { token: tokens.access_token }, bearer(key));
	assert.equal((await ask(await gateway.makeKey('acme', '--role', 'admin'))).body.active, true);
	assert.equal((await ask(await gateway.makeKey('acme', '--role', 'member'))).status, 403);
	assert.deepEqual((await ask(await gateway.makeKey('other', '--role', 'admin'))).body, { active: false });
	assert.equal((await ask({ key: 'gh_nothing' })).status, 401);
	// What ends the token ends here too.
	await sql(database, "UPDATE account SET disabled = 1 WHERE email = 'ann@acme.example'");
	assert.deepEqual((await introspect(own, tokens.access_token)).body, { active: false });
	assert.equal((await oauth.refresh(tokens.refresh_token)).body.error, 'invalid_grant');
	await sql(database, "UPDATE account SET disabled = 0 WHERE email = 'ann@acme.example'");
	assert.equal((await introspect(own, tokens.access_token)).body.active, true);
});

test('client credentials are for clients with a service account', async () => {
	const tenant = await tenantOf('acme');
	await sql(database, `INSERT INTO account (id, tenant_id, kind, email, name, role, created_ms, changed_ms) VALUES ('01ROBOT0000000000000000000', '${tenant}', 'service', '', 'robot', 'member', 1, 1)`);
	const machine = await confidential({ tenant_id: tenant, user_id: '01ROBOT0000000000000000000', kind: 'manual', grant_types: '["client_credentials"]', scope: 'mcp:read mcp:tools' });
	const ask = (oauth, over = {}) => oauth.token({ grant_type: 'client_credentials', client_secret: oauth.client.client_secret, resource: `${origin}/mcp`, ...over });
	const { status, body } = await ask(machine);
	assert.equal(status, 200, JSON.stringify(body));
	assert.equal(body.refresh_token, undefined);
	assert.equal(body.scope, 'mcp:read mcp:tools');
	const claims = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url'));
	assert.equal(claims.sub, '01ROBOT0000000000000000000');
	assert.equal((await ask(machine, { scope: 'mcp:read' })).body.scope, 'mcp:read');
	assert.equal((await ask(machine, { scope: 'api' })).body.error, 'invalid_scope');
	assert.equal((await ask(machine, { resource: 'https://elsewhere.example/' })).body.error, 'invalid_target');
	assert.equal((await ask(machine, { client_secret: 'ghs_x' })).body.error, 'invalid_client');
	// The same grant serves again and again: machines fill no table.
	for (let i = 0; i < 5; i++) await ask(machine);
	const [{ n }] = await sql(database, `SELECT count(*) AS n FROM oauth_grant WHERE client_id = '${machine.client.client_id}'`);
	assert.equal(n, 1);
	assert.equal((await ask(await confidential())).body.error, 'unauthorized_client');
	// A person's flow is not theirs.
	const { answer } = await machine.browser.visit(machine.url());
	assert.notEqual(answer.status, 302);
});

test('a client of one tenant is not for the people of another', async () => {
	const oauth = await confidential({ tenant_id: await tenantOf('acme'), kind: 'manual' });
	const login = await oauth.browser.visit(oauth.url());
	const { left } = await oauth.browser.submit(login, zoe);
	assert.equal(left.searchParams.get('error'), 'access_denied');
});

test('a registration that nobody used is forgotten, and what is not is kept', async () => {
	const unused = await client();
	const used = await client();
	await used.signIn(zoe);
	await sql(database, `UPDATE oauth_client SET expires_ms = 1 WHERE id = '${unused.client.client_id}'`);
	const [kept] = await sql(database, `SELECT expires_ms FROM oauth_client WHERE id = '${used.client.client_id}'`);
	assert.equal(kept.expires_ms, 0);
	const { answer } = await unused.browser.visit(unused.url());
	assert.equal(answer.status, 400);
});
