// Assertions of other issuers as grants: the company's provider decides for its people (ID-JAG), a platform says which
// workload it runs. Each is believed only from who may, about whom it says, for this server and this client.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import { after, test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { OAuth } from './lib/oauth.mjs';
import { sql } from './lib/sqlite.mjs';

const file = scope(after);
const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }] };
const site = http.createServer((request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(keys))).listen(0, '127.0.0.1');
await new Promise((resolve) => site.once('listening', resolve));
file.after(() => site.close());
const idp = `http://127.0.0.1:${site.address().port}`;
const issuer = (name, over = {}) => ({ issuer: `${idp}/${name}`, jwks_uri: `${idp}/jwks`, allow_private: true, assertions: true, claims: { tenant: 'acme', role: 'member' }, ...over });
const gateway = await startGateway(file, {
	upstreams: { fx: stdioFixture() },
	limits: { per_auth: 'off' },
	config: { toolsets: { billing: { include: ['fx.*'] } }, issuers: { company: issuer('company'), silent: issuer('silent', { assertions: false }),
		roleless: issuer('roleless', { claims: { tenant: 'acme' } }), elsewhere: issuer('elsewhere', { claims: { tenant: 'other', role: 'member' } }) } },
});
await gateway.makeKey('acme');
await gateway.makeKey('other');
const origin = `http://127.0.0.1:${gateway.port}`;
const database = `${gateway.data}/gatehouse.db`;
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

function sign(claims, { typ = 'oauth-id-jag+jwt', key = privateKey } = {}) {
	const now = Math.floor(Date.now() / 1000);
	const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
	const text = `${part({ alg: 'ES256', typ, kid: 'k1' })}.${part({ iss: `${idp}/company`, aud: origin, sub: 'ann-1', jti: crypto.randomUUID(), iat: now, exp: now + 120, ...claims })}`;
	return `${text}.${crypto.sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** A client that an administrator of acme has made. */
async function client(method) {
	const oauth = new OAuth(gateway);
	await oauth.register({ token_endpoint_auth_method: method });
	const [{ id }] = await sql(database, "SELECT id FROM tenant WHERE name = 'acme'");
	await sql(database, `UPDATE oauth_client SET kind = 'manual', tenant_id = '${id}', grant_types = '["${GRANT}"]' WHERE id = '${oauth.client.client_id}'`);
	oauth.exchangeAssertion = (assertion, over = {}) => oauth.token({ grant_type: GRANT, assertion, client_secret: oauth.client.client_secret, ...over });
	return oauth;
}

const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

async function refused(promise, error = 'invalid_grant') {
	const { status, body } = await promise;
	assert.equal(body.error, error, JSON.stringify(body));
	assert.ok(status === 400 || status === 401);
}

test('the company\'s provider opens the door for a person and a client', async () => {
	const oauth = await client('client_secret_basic');
	const own = { client_id: oauth.client.client_id, resource: `${origin}/mcp`, scope: 'mcp:read mcp:tools', email: 'Ann@acme.example', email_verified: true, name: 'Ann' };
	const { status, body } = await oauth.exchangeAssertion(sign(own));
	assert.equal(status, 200, JSON.stringify(body));
	assert.equal(body.scope, 'mcp:read mcp:tools');
	assert.equal(body.refresh_token, undefined);
	const claims = claimsOf(body.access_token);
	assert.equal(claims.aud, `${origin}/mcp`);
	const [person] = await sql(database, `SELECT * FROM account WHERE id = '${claims.sub}'`);
	assert.equal(person.kind, 'person');
	assert.equal(person.email, 'ann@acme.example');
	assert.equal(person.subject, 'ann-1');
	// Known from now on.
	assert.equal(claimsOf((await oauth.exchangeAssertion(sign(own))).body.access_token).sub, claims.sub);
	assert.equal((await oauth.exchangeAssertion(sign({ ...own, scope: 'mcp:read' }), { scope: 'mcp:read mcp:tools' })).body.scope, 'mcp:read');
	assert.equal(claimsOf((await oauth.exchangeAssertion(sign({ ...own, resource: `${origin}/mcp/billing` }))).body.access_token).aud, `${origin}/mcp/billing`);

	const now = Math.floor(Date.now() / 1000);
	const once = sign(own);
	assert.equal((await oauth.exchangeAssertion(once)).status, 200);
	await refused(oauth.exchangeAssertion(once));
	await refused(oauth.exchangeAssertion(sign({ ...own, client_id: 'another' })));
	await refused(oauth.exchangeAssertion(sign({ ...own, client_id: undefined })));
	await refused(oauth.exchangeAssertion(sign({ ...own, jti: undefined })));
	await refused(oauth.exchangeAssertion(sign({ ...own, aud: 'https://elsewhere.example' })));
	await refused(oauth.exchangeAssertion(sign({ ...own, aud: `${origin}/mcp` })));
	await refused(oauth.exchangeAssertion(sign({ ...own, iat: now - 600, exp: now - 300 })));
	await refused(oauth.exchangeAssertion(sign({ ...own, exp: now + 86400 })));
	await refused(oauth.exchangeAssertion(sign({ ...own, sub: undefined })));
	await refused(oauth.exchangeAssertion(sign(own, { key: stranger })));
	await refused(oauth.exchangeAssertion(sign({ ...own, iss: `${idp}/nobody` })));
	await refused(oauth.exchangeAssertion(sign({ ...own, iss: `${idp}/silent` })));
	await refused(oauth.exchangeAssertion(sign({ ...own, iss: `${idp}/roleless`, sub: 'new' })));
	await refused(oauth.exchangeAssertion(sign({ ...own, iss: `${idp}/elsewhere`, sub: 'new' })));
	await refused(oauth.exchangeAssertion(sign({ ...own, resource: 'https://elsewhere.example/mcp' })), 'invalid_target');
	await refused(oauth.exchangeAssertion(sign(own), { resource: `${origin}/mcp/billing` }), 'invalid_target');
	await refused(oauth.exchangeAssertion(sign(own), { client_secret: 'ghs_x' }), 'invalid_client');
	await refused(oauth.exchangeAssertion('x'));
	await refused(oauth.exchangeAssertion(undefined), 'invalid_request');
	await sql(database, `UPDATE account SET disabled = 1 WHERE id = '${claims.sub}'`);
	await refused(oauth.exchangeAssertion(sign(own)));
});

test('a workload shows what its platform signed', async () => {
	const oauth = await client('none');
	const { status, body } = await oauth.exchangeAssertion(sign({ sub: 'system:serviceaccount:ci:runner' }, { typ: 'JWT' }), { resource: `${origin}/mcp` });
	assert.equal(status, 200, JSON.stringify(body));
	const [account] = await sql(database, `SELECT kind, name FROM account WHERE id = '${claimsOf(body.access_token).sub}'`);
	assert.deepEqual(account, { kind: 'service', name: 'system:serviceaccount:ci:runner' });
	await refused(oauth.exchangeAssertion(sign({ sub: 'w' }, { typ: 'JWT' }), { client_id: 'nobody' }), 'invalid_client');
	await refused(oauth.exchangeAssertion(sign({ sub: 'w' }, { typ: 'JWT' }), { scope: 'everything' }), 'invalid_scope');
	// Clients that registered themselves have no such grant.
	const registered = new OAuth(gateway);
	await registered.register();
	await refused(registered.token({ grant_type: GRANT, assertion: sign({}, { typ: 'JWT' }) }), 'unauthorized_client');
});
