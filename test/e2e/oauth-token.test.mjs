// The token endpoint: what a code is worth and to whom, refresh tokens and their reuse, and the token itself.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { OAuth, pkce } from './lib/oauth.mjs';
import { makeUser } from './lib/people.mjs';
import { sql } from './lib/sqlite.mjs';

const file = scope(after);
const gateway = await startGateway(file, {
	upstreams: { fx: stdioFixture() },
	limits: { per_auth: 'off' },
	config: { toolsets: { billing: { include: ['fx.*'] } } },
});
const ann = await makeUser(gateway, { email: 'ann@acme.example' });
const origin = `http://127.0.0.1:${gateway.port}`;
const database = `${gateway.data}/gatehouse.db`;

async function client(registration, options) {
	const oauth = new OAuth(gateway, options);
	await oauth.register(registration);
	return oauth;
}

const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

function refused({ status, body, headers }, error, code = 400) {
	assert.equal(body?.error, error, JSON.stringify(body));
	assert.equal(status, code);
	assert.equal(headers.get('cache-control'), 'no-store');
	assert.equal(body.access_token, undefined);
}

test('an access token is a JWT of RFC 9068 that the published keys prove', async () => {
	const oauth = await client();
	const code = (await oauth.authorize(ann)).get('code');
	const { status, body, headers } = await oauth.exchange(code, { resource: `${origin}/mcp/` });
	assert.equal(status, 200, JSON.stringify(body));
	assert.match(headers.get('content-type'), /^application\/json/);
	assert.equal(headers.get('cache-control'), 'no-store');
	assert.equal(body.token_type, 'Bearer');
	assert.equal(body.expires_in, 3600);
	assert.equal(body.scope, 'mcp:read mcp:tools');
	assert.match(body.refresh_token, /^ghr_/);

	const [head, payload, signature] = body.access_token.split('.');
	const header = JSON.parse(Buffer.from(head, 'base64url'));
	assert.equal(header.typ, 'at+jwt');
	assert.equal(header.alg, 'ES256');
	const { keys } = await (await fetch(`${origin}/oauth/jwks`)).json();
	const jwk = keys.find(({ kid }) => kid === header.kid);
	assert.ok(jwk);
	assert.equal(jwk.d, undefined);
	assert.ok(crypto.verify('sha256', Buffer.from(`${head}.${payload}`), { key: crypto.createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
		Buffer.from(signature, 'base64url')));
	const claims = claimsOf(body.access_token);
	assert.equal(claims.iss, origin);
	assert.equal(claims.aud, `${origin}/mcp`);
	assert.equal(claims.client_id, oauth.client.client_id);
	assert.equal(claims.exp - claims.iat, 3600);
	for (const name of ['sub', 'jti', 'tid', 'gid']) assert.equal(claims[name].length, 26, name);
});

test('a code is for its client, its redirect and its verifier, and for a short time', async () => {
	const oauth = await client();
	const other = await client();
	const fresh = async () => (await oauth.authorize(ann)).get('code');

	let code = await fresh();
	refused(await oauth.exchange(code, { code_verifier: undefined }), 'invalid_grant');
	refused(await oauth.exchange(code, { code_verifier: pkce().verifier }), 'invalid_grant');
	refused(await oauth.exchange(code, { code_verifier: oauth.pkce.challenge }), 'invalid_grant');
	refused(await oauth.exchange(code, { redirect_uri: 'http://127.0.0.1:10/callback' }), 'invalid_grant');
	refused(await oauth.exchange(code, { resource: `${origin}/mcp/billing` }), 'invalid_target');
	refused(await oauth.exchange(code, { client_id: other.client.client_id }), 'invalid_grant');
	refused(await oauth.exchange(code, { client_id: 'nobody' }), 'invalid_client', 401);
	refused(await oauth.exchange(code, { client_id: undefined }), 'invalid_client', 401);
	refused(await oauth.exchange(`${code}x`), 'invalid_grant');
	refused(await oauth.exchange(''), 'invalid_request');
	refused(await oauth.token({ grant_type: 'password', username: 'a', password: 'b' }), 'unsupported_grant_type');
	refused(await oauth.token({}), 'invalid_request');
	// None of these used it up.
	assert.equal((await oauth.exchange(code)).status, 200);

	code = await fresh();
	await sql(database, 'UPDATE oauth_code SET expires_ms = 1 WHERE used_ms = 0');
	refused(await oauth.exchange(code), 'invalid_grant');
});

test('requests are forms, with each parameter once', async () => {
	const oauth = await client();
	const json = await fetch(`${origin}/oauth/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"grant_type":"authorization_code"}' });
	assert.equal(json.status, 400);
	const twice = await fetch(`${origin}/oauth/token`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' },
		body: `grant_type=authorization_code&client_id=${oauth.client.client_id}&client_id=x` });
	assert.equal((await twice.json()).error, 'invalid_request');
	assert.equal((await fetch(`${origin}/oauth/token?grant_type=refresh_token`)).status, 405);
});

test('a code that comes twice ends what it was exchanged for', async () => {
	const oauth = await client();
	const code = (await oauth.authorize(ann)).get('code');
	const { body } = await oauth.exchange(code);
	refused(await oauth.exchange(code), 'invalid_grant');
	refused(await oauth.refresh(body.refresh_token), 'invalid_grant');
	const [grant] = await sql(database, `SELECT revoked_ms FROM oauth_grant WHERE id = '${claimsOf(body.access_token).gid}'`);
	assert.ok(grant.revoked_ms > 0);
});

test('of many exchanges of one code at the same time at most one succeeds', async () => {
	const oauth = await client();
	const code = (await oauth.authorize(ann)).get('code');
	const answers = await Promise.all(Array.from({ length: 8 }, () => oauth.exchange(code)));
	assert.ok(answers.filter(({ status }) => status === 200).length <= 1);
});

test('refresh tokens rotate; a crowd gets the same successor; a late one ends the sign-in', async () => {
	const oauth = await client();
	const first = await oauth.signIn(ann);
	const crowd = await Promise.all(Array.from({ length: 6 }, () => oauth.refresh(first.refresh_token)));
	for (const { status, body } of crowd) assert.equal(status, 200, JSON.stringify(body));
	const successors = new Set(crowd.map(({ body }) => body.refresh_token));
	assert.equal(successors.size, 1);
	const [second] = successors;
	assert.notEqual(second, first.refresh_token);
	assert.equal(claimsOf(crowd[0].body.access_token).gid, claimsOf(first.access_token).gid);

	const third = (await oauth.refresh(second)).body;
	assert.ok(third.refresh_token);
	// The grace is over: it is as if 46 seconds had gone by.
	await sql(database, 'UPDATE oauth_refresh SET used_ms = used_ms - 46000 WHERE used_ms > 0');
	refused(await oauth.refresh(first.refresh_token), 'invalid_grant');
	refused(await oauth.refresh(third.refresh_token), 'invalid_grant');
	const events = new Set((await sql(database, "SELECT event FROM audit WHERE event LIKE 'oauth.%'")).map((row) => row.event));
	for (const event of ['oauth.flow_started', 'oauth.flow_completed', 'oauth.flow_failed', 'oauth.token_refreshed', 'oauth.token_revoked']) assert.ok(events.has(event), event);
});

test('a refresh may ask for less, never for more, and only its own client may', async () => {
	const oauth = await client();
	const other = await client();
	const { refresh_token: token } = await oauth.signIn(ann, { scope: 'mcp:read mcp:tools' });
	refused(await oauth.refresh(token, { client_id: other.client.client_id }), 'invalid_grant');
	refused(await oauth.refresh(token, { resource: `${origin}/mcp/billing` }), 'invalid_target');
	refused(await oauth.refresh(token, { scope: 'api' }), 'invalid_scope');
	const less = await oauth.refresh(token, { scope: 'mcp:read api' });
	assert.equal(less.body.scope, 'mcp:read');
	assert.equal((await oauth.refresh(less.body.refresh_token)).body.scope, 'mcp:read mcp:tools');
});

test('a client with a secret must show it, in either way', async () => {
	const redirect = 'https://app.example/cb';
	for (const method of ['client_secret_basic', 'client_secret_post']) {
		const oauth = await client({ token_endpoint_auth_method: method, redirect_uris: [redirect] }, { redirect });
		const { client_id: id, client_secret: secret } = oauth.client;
		const basic = (user, password) => ({ authorization: `Basic ${Buffer.from(`${encodeURIComponent(user)}:${encodeURIComponent(password)}`).toString('base64')}` });
		const code = (await oauth.authorize(ann)).get('code');
		const form = { grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: oauth.pkce.verifier };
		refused(await oauth.token(form), 'invalid_client', 401);
		refused(await oauth.token({ ...form, client_secret: `${secret}x` }), 'invalid_client', 401);
		const wrong = await oauth.token({ ...form, client_id: undefined }, basic(id, secret.toUpperCase()));
		refused(wrong, 'invalid_client', 401);
		assert.match(wrong.headers.get('www-authenticate'), /^Basic /);
		refused(await oauth.token({ ...form, client_secret: secret }, basic(id, secret)), 'invalid_request');
		refused(await oauth.token({ ...form, client_id: 'other' }, basic(id, secret)), 'invalid_client', 401);
		const good = method === 'client_secret_basic' ? await oauth.token({ ...form, client_id: undefined }, basic(id, secret)) : await oauth.token({ ...form, client_secret: secret });
		assert.equal(good.status, 200, JSON.stringify(good.body));
	}
});

test('nothing that was handed out is in the database or the log', async () => {
	const oauth = await client();
	const tokens = await oauth.signIn(ann);
	const rows = JSON.stringify([...(await sql(database, 'SELECT * FROM oauth_code')), ...(await sql(database, 'SELECT * FROM oauth_refresh')),
		...(await sql(database, 'SELECT * FROM signing_key'))]);
	const secret = tokens.refresh_token.slice(4);
	for (const place of [rows, gateway.allStderr]) {
		assert.ok(!place.includes(secret));
		assert.ok(!place.includes(Buffer.from(secret).toString('hex')));
		assert.ok(!place.includes(tokens.access_token.split('.')[2]));
	}
	assert.ok(!rows.includes(Buffer.from('"d":').toString('hex')));
});
