// Clients that are a URL: the document behind it is fetched for people who are signed in, believed only about itself, and
// kept for a while. And clients that prove themselves by what they sign.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import { after, test } from 'node:test';
import { Browser } from './lib/browser.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { OAuth } from './lib/oauth.mjs';
import { makeUser } from './lib/people.mjs';

const file = scope(after);
const limits = { per_auth: 'off' };
const gateway = await startGateway(file, { limits, config: { oauth: { allow_private: true } } });
const strict = await startGateway(file, { limits });
const ann = await makeUser(gateway, { email: 'ann@acme.example' });
const origin = `http://127.0.0.1:${gateway.port}`;

const asked = [];
const documents = new Map();
const site = http.createServer((request, response) => {
	asked.push(request.url);
	const document = documents.get(request.url);
	if (document === undefined) response.writeHead(404).end();
	else if (typeof document === 'function') document(response);
	else response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=600' }).end(JSON.stringify(document));
}).listen(0, '127.0.0.1');
await new Promise((resolve) => site.once('listening', resolve));
file.after(() => site.close());
const base = `http://127.0.0.1:${site.address().port}`;

/** A client whose id is the URL of what is published under `path`. */
function client(path, over = {}, on = gateway) {
	const oauth = new OAuth(on, { redirect: 'http://localhost:51000/callback' });
	const id = base + path;
	oauth.client = { client_id: id };
	if (typeof over === 'function') documents.set(path, over);
	else documents.set(path, { client_id: id, client_name: 'Claude Code', redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'], grant_types: ['authorization_code', 'refresh_token'], ...over });
	return oauth;
}

test('a document is a client: shown with its host, any loopback port, fetched once', async () => {
	const oauth = client('/good.json');
	const login = await oauth.browser.visit(oauth.url());
	assert.equal(asked.filter((url) => url === '/good.json').length, 0, 'nothing is fetched for strangers');
	const consent = await oauth.browser.submit(login, ann);
	assert.ok(consent.html.includes('Claude Code'));
	assert.ok(consent.html.includes('described by <strong>127.0.0.1</strong>'), consent.html);
	const { left } = await oauth.browser.submit(consent, { decision: 'allow' });
	const { status, body } = await oauth.exchange(left.searchParams.get('code'));
	assert.equal(status, 200, JSON.stringify(body));
	assert.equal(JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url')).client_id, `${base}/good.json`);
	assert.equal((await oauth.refresh(body.refresh_token)).status, 200);
	assert.equal(asked.filter((url) => url === '/good.json').length, 1);
});

test('a document that is not about itself, or no document, makes no client', async () => {
	const wrong = {
		'/other.json': { client_id: `${base}/good.json` },
		'/slash.json': { client_id: `${base}/slash.json/` },
		'/secret.json': { client_secret: 'x' },
		'/method.json': { token_endpoint_auth_method: 'client_secret_basic' },
		'/redirects.json': { redirect_uris: ['http://evil.example/'] },
		'/html.json': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
		'/missing.json': (response) => response.writeHead(404).end(),
		'/redirect.json': (response) => response.writeHead(302, { location: '/good.json' }).end(),
		'/large.json': (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(`{"x":"${'x'.repeat(100000)}"}`),
		'/cut.json': (response) => { response.writeHead(200, { 'content-length': '100' }); response.write('{'); response.destroy(); },
	};
	const browser = new Browser();
	const first = client('/good.json');
	await browser.submit(await browser.visit(first.url()), ann);
	for (const [path, over] of Object.entries(wrong)) {
		const oauth = client(path, over);
		const { answer, left } = await browser.visit(oauth.url());
		assert.equal(left, undefined, path);
		assert.equal(answer.status, 400, path);
	}
	// The redirect must be in the document's own list.
	const oauth = client('/good.json');
	for (const redirect_uri of ['http://localhost:51000/other', 'https://evil.example/callback', 'http://localhost:1@evil.example/callback']) {
		const { answer, left } = await browser.visit(oauth.url({ redirect_uri }));
		assert.equal(left, undefined);
		assert.equal(answer.status, 400);
	}
});

test('addresses inside are not asked', async () => {
	const bob = await makeUser(strict, { email: 'bob@acme.example' });
	const before = asked.length;
	const browser = new Browser();
	const port = site.address().port;
	const registered = new OAuth(strict);
	await registered.register();
	await browser.submit(await browser.visit(registered.url()), bob);
	for (const id of [`${base}/good.json`, `https://127.0.0.1:${port}/good.json`, `https://localhost:${port}/good.json`, `https://[::1]:${port}/a`, `https://[::ffff:127.0.0.1]:${port}/a`,
		'https://169.254.169.254/latest/meta-data', 'https://10.0.0.1/a', 'https://2130706433/a', 'file:///etc/passwd', 'https://user@a.example/x', 'https://a.example/../x', 'https://a.example']) {
		registered.client = { client_id: id };
		const { answer, left } = await browser.visit(registered.url());
		assert.equal(left, undefined, id);
		assert.equal(answer.status, 400, id);
	}
	assert.equal(asked.length, before);
});

function assertion(key, claims, header = {}) {
	const now = Math.floor(Date.now() / 1000);
	const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
	const text = `${part({ alg: 'ES256', typ: 'JWT', ...header })}.${part({ aud: origin, jti: crypto.randomUUID(), iat: now, exp: now + 60, ...claims })}`;
	return `${text}.${crypto.sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

test('a client with a key signs for itself, for this server, once', async () => {
	const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const stranger = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
	const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' };
	const oauth = client('/signed.json', { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } });
	const id = oauth.client.client_id;
	const own = { iss: id, sub: id };
	const header = { kid: 'k1' };
	const code = (await oauth.authorize(ann)).get('code');
	const send = (client_assertion, over = {}) => oauth.exchange(code, {
		client_assertion, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', ...over });
	const now = Math.floor(Date.now() / 1000);
	for (const [what, text] of Object.entries({
		'no assertion': undefined,
		'another key': assertion(stranger, own, header),
		'another issuer': assertion(privateKey, { ...own, iss: 'x' }, header),
		'another subject': assertion(privateKey, { ...own, sub: 'x' }, header),
		'another audience': assertion(privateKey, { ...own, aud: 'https://elsewhere.example' }, header),
		'an expired one': assertion(privateKey, { ...own, iat: now - 600, exp: now - 300 }, header),
		'a long-lived one': assertion(privateKey, { ...own, exp: now + 86400 }, header),
		'one without an id': assertion(privateKey, { ...own, jti: undefined }, header),
		'an unsigned one': `${assertion(privateKey, own, { ...header, alg: 'none' }).split('.').slice(0, 2).join('.')}.`,
		'a shared secret': assertion(privateKey, own, { ...header, alg: 'HS256' }),
	})) {
		const { status, body } = await send(text);
		assert.equal(status, 401, what);
		assert.equal(body.error, 'invalid_client', what);
	}
	assert.equal((await send(assertion(privateKey, own, header), { client_assertion_type: 'x' })).status, 401);
	const good = assertion(privateKey, own, header);
	const first = await send(good, { client_id: undefined });
	assert.equal(first.status, 200, JSON.stringify(first.body));
	const again = await oauth.refresh(first.body.refresh_token, { client_assertion: good, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' });
	assert.equal(again.body.error, 'invalid_client');
	const next = await oauth.refresh(first.body.refresh_token, { client_assertion: assertion(privateKey, { ...own, aud: `${origin}/oauth/token` }, header),
		client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' });
	assert.equal(next.status, 200, JSON.stringify(next.body));
});
