// What OAuth clients meet before anybody signs in: challenges, metadata in all the places where they look, registration.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { scope, startGateway } from './lib/gateway.mjs';
import { stdioFixture } from './lib/fixture.mjs';
import { sql } from './lib/sqlite.mjs';

const file = scope(after);
const gateway = await startGateway(file, {
	upstreams: { fx: stdioFixture() },
	config: { toolsets: { billing: { include: ['fx.*'] } }, oauth: { redirect_schemes: ['com.example.app'] } },
});
const origin = `http://127.0.0.1:${gateway.port}`;
const get = (path, options) => fetch(origin + path, options);

async function json(path) {
	const answer = await get(path);
	assert.equal(answer.status, 200, path);
	assert.match(answer.headers.get('content-type'), /^application\/json/);
	assert.equal(answer.headers.get('access-control-allow-origin'), '*');
	return answer.json();
}

test('a challenge leads to the document of the endpoint that was asked', async () => {
	for (const [path, resource] of [['/mcp', '/mcp'], ['/mcp/', '/mcp'], ['/mcp/billing', '/mcp/billing']]) {
		const answer = await get(path, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
		const challenge = answer.headers.get('www-authenticate');
		assert.equal(answer.status, 401);
		assert.doesNotMatch(challenge, /error=/);
		assert.match(challenge, /scope="mcp:read mcp:tools"/);
		const metadata = /resource_metadata="([^"]+)"/.exec(challenge)[1];
		const document = await (await fetch(metadata)).json();
		assert.equal(document.resource, origin + resource);
		assert.deepEqual(document.authorization_servers, [origin]);
		assert.deepEqual(document.bearer_methods_supported, ['header']);
		assert.ok(!document.scopes_supported.includes('offline_access'));
	}
	const wrong = await get('/mcp', { method: 'POST', body: '{}', headers: { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' } });
	assert.match(wrong.headers.get('www-authenticate'), /^Bearer error="invalid_token"/);
});

test('the server describes itself wherever clients look', async () => {
	const issuer = await json('/.well-known/oauth-authorization-server');
	assert.equal(issuer.issuer, origin);
	assert.deepEqual(issuer.code_challenge_methods_supported, ['S256']);
	assert.ok(issuer.token_endpoint_auth_methods_supported.includes('none'));
	assert.equal(issuer.authorization_response_iss_parameter_supported, true);
	assert.equal(issuer.client_id_metadata_document_supported, true);
	for (const path of ['/.well-known/oauth-authorization-server/mcp', '/.well-known/oauth-authorization-server/mcp/billing',
		'/mcp/.well-known/oauth-authorization-server', '/mcp/billing/.well-known/oauth-authorization-server']) {
		assert.deepEqual(await json(path), issuer, path);
	}
	for (const path of ['/.well-known/openid-configuration', '/.well-known/openid-configuration/mcp', '/mcp/.well-known/openid-configuration']) {
		assert.equal((await json(path)).issuer, origin, path);
	}
	assert.equal((await json('/.well-known/oauth-protected-resource')).resource, `${origin}/mcp`);
	assert.equal((await json('/.well-known/oauth-protected-resource/mcp/billing/')).resource, `${origin}/mcp/billing`);
});

test('what is not there is a small JSON 404; HEAD and preflights are answered', async () => {
	for (const path of ['/.well-known/nope', '/.well-known/oauth-protected-resource/nope', '/.well-known/oauth-protected-resource/mcp/nope',
		'/.well-known/oauth-authorization-server/nope', '/mcp/.well-known/nope', '/oauth/nope']) {
		const answer = await get(path);
		assert.equal(answer.status, 404, path);
		assert.ok((await answer.json()).error, path);
	}
	const head = await get('/.well-known/oauth-authorization-server', { method: 'HEAD' });
	assert.equal(head.status, 200);
	const preflight = await get('/oauth/register', { method: 'OPTIONS', headers: { origin: 'https://inspector.example', 'access-control-request-method': 'POST' } });
	assert.equal(preflight.status, 204);
	assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
	assert.match(preflight.headers.get('access-control-allow-headers'), /content-type/);
	assert.equal((await get('/oauth/register')).status, 405);
});

const register = (body, type = 'application/json') =>
	get('/oauth/register', { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'content-type': type } });

test('what real clients register is taken', async () => {
	const cursor = await register({
		client_name: 'Cursor',
		redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback', 'http://localhost:8787/callback', 'https://www.cursor.com/cb', 'http://evil.example/cb'],
		grant_types: ['authorization_code', 'refresh_token'],
		response_types: ['code'],
		token_endpoint_auth_method: 'none',
		application_type: 'native',
		software_statement: 'eyJhbGciOiJub25lIn0.e30.',
		scope: 'mcp:read',
	});
	const made = await cursor.json();
	assert.equal(cursor.status, 201, JSON.stringify(made));
	assert.equal(cursor.headers.get('cache-control'), 'no-store');
	// One address that may not be used costs only itself.
	assert.deepEqual(made.redirect_uris, ['cursor://anysphere.cursor-mcp/oauth/callback', 'http://localhost:8787/callback', 'https://www.cursor.com/cb']);
	assert.equal(made.client_secret, undefined);
	assert.equal(made.token_endpoint_auth_method, 'none');
	assert.equal(made.client_name, 'Cursor');

	const web = await (await register({ redirect_uris: ['https://app.example/cb', 'com.example.app:/cb'] })).json();
	assert.match(web.client_secret, /^ghs_/);
	assert.equal(web.token_endpoint_auth_method, 'client_secret_basic');
	assert.equal(web.redirect_uris.length, 2);
	const [kept] = await sql(`${gateway.data}/gatehouse.db`, `SELECT * FROM oauth_client WHERE id = '${web.client_id}'`);
	assert.equal(kept.secret_mac.length, 64);
	assert.ok(!JSON.stringify(kept).includes(web.client_secret.slice(4)));
});

test('what must not be registered is refused with the word for it', async () => {
	for (const uri of ['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'http://evil.example/cb', 'https://a.example/cb#x', 'https://u:p@a.example/cb', 'unknown://cb']) {
		const answer = await register({ redirect_uris: [uri], token_endpoint_auth_method: 'none' });
		assert.equal(answer.status, 400, uri);
		assert.equal((await answer.json()).error, 'invalid_redirect_uri', uri);
	}
	for (const body of ['', '[]', '{', 'null', { redirect_uris: ['https://a.example/'], token_endpoint_auth_method: 'tls_client_auth' },
		{ redirect_uris: ['https://a.example/'], grant_types: ['client_credentials'] }, { redirect_uris: ['https://a.example/'], response_types: ['token'] }]) {
		const answer = await register(body);
		assert.equal(answer.status, 400, JSON.stringify(body));
		assert.equal((await answer.json()).error, 'invalid_client_metadata', JSON.stringify(body));
	}
	const large = await register({ client_name: 'x'.repeat(70000), redirect_uris: ['https://a.example/'] });
	assert.equal(large.status, 413);
});
