// Tokens of a configured issuer: who they make of their bearer, what is refused, and how keys come and go.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { compact, Issuer, makeKey } from './lib/issuer.mjs';
import { modern, modernCall, modernStream } from './lib/mcp.mjs';
import { request } from './lib/raw.mjs';
import { until } from './lib/wait.mjs';

const CLAIMS = { tenant: 'acme', role_claim: 'groups', roles: { ops: 'admin', readers: 'viewer' }, role: 'member' };

function withIssuer(issuer, over = {}) {
	return { issuers: { test: { issuer: issuer.url, audiences: ['api://gatehouse'], allow_private: true, claims: CLAIMS, ...over } } };
}

async function setUp(t, { over = {}, config = {}, start = true } = {}) {
	const issuer = await new Issuer().start(t);
	if (!start) await issuer.stop();
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, config: { ...withIssuer(issuer, over), ...config } });
	const ask = (token, path) => modern({ port: gateway.port, path }, 'tools/list', {}, { headers: { authorization: `Bearer ${token}` } });
	return { issuer, gateway, ask, call: (token) => modernCall({ port: gateway.port, key: token }, 'fx_echo', {}) };
}

test('a token makes its bearer a caller of the tenant, with the role its claims say', async (t) => {
	const { issuer, gateway, ask, call } = await setUp(t);
	const [rsa, pss] = [makeKey('r1', 'RS256'), makeKey('p1', 'PS256')];

	assert.equal((await ask(issuer.token())).status, 200);
	const echoed = await call(issuer.token());
	assert.equal(echoed.status, 200);
	assert.ok(echoed.message.result, echoed.text);
	issuer.keys.push(rsa, pss); // seen at the first token that names one
	for (const key of [rsa, pss]) assert.equal((await ask(issuer.token({}, { key }))).status, 200, key.alg);
	assert.equal((await ask(issuer.token({ aud: ['x', 'api://gatehouse'] }))).status, 200);
	assert.equal((await ask(issuer.token({ groups: ['readers'] }))).status, 200);
	const refused = await call(issuer.token({ groups: ['readers'] }));
	assert.ok(refused.status === 403 || refused.message.error || refused.message.result?.isError, refused.text);

	// The trail knows them by an id that stays the same.
	const rows = await gateway.cliJson('audit', 'list');
	const principals = new Set(rows.filter(({ event }) => event === 'mcp.tool_called').map(({ principal }) => principal));
	assert.equal(principals.size, 1);
	assert.match([...principals][0], /^[0-9A-HJKMNP-TV-Z]{26}$/);
});

test('tokens that were not made for us by the issuer are refused', async (t) => {
	const { issuer, ask } = await setUp(t, { config: { toolsets: { support: { include: ['fx.*'] } } } });
	const [key] = issuer.keys;
	const evil = makeKey('k1');
	const pem = key.publicKey.export({ type: 'spki', format: 'pem' });
	const now = Math.floor(Date.now() / 1000);
	const claims = issuer.claims();
	const sign = (by) => (text) => crypto.sign('sha256', text, { key: by.privateKey, dsaEncoding: 'ieee-p1363' });
	const good = issuer.token();
	const [head, body, signature] = good.split('.');
	const bad = {
		none: compact({ alg: 'none' }, claims, () => ''),
		'none with a signature': compact({ alg: 'none', kid: 'k1' }, claims, sign(key)),
		'HMAC by the public key': compact({ alg: 'HS256', kid: 'k1' }, claims, (text) => crypto.createHmac('sha256', pem).update(text).digest()),
		'another algorithm': compact({ alg: 'RS256', kid: 'k1' }, claims, sign(key)),
		'another key under its kid': compact({ alg: 'ES256', kid: 'k1' }, claims, sign(evil)),
		'a key of its own': compact({ alg: 'ES256', kid: 'evil', jwk: evil.jwk }, claims, sign(evil)),
		'a link to a key': compact({ alg: 'ES256', kid: 'evil', jku: 'https://evil.example/keys' }, claims, sign(evil)),
		'a kid that is a path': compact({ alg: 'ES256', kid: '../../dev/null' }, claims, sign(evil)),
		'a kid that is SQL': compact({ alg: 'ES256', kid: "k1' OR '1'='1" }, claims, sign(evil)),
		crit: compact({ alg: 'ES256', kid: 'k1', crit: ['exp'] }, claims, sign(key)),
		expired: issuer.token({ exp: now - 60 }),
		'without an end': issuer.token({ exp: undefined }),
		'not yet': issuer.token({ nbf: now + 120 }),
		'from the future': issuer.token({ iat: now + 120 }),
		'another audience': issuer.token({ aud: 'api://other' }),
		'no audience': issuer.token({ aud: undefined }),
		'another issuer': issuer.token({ iss: `${issuer.url}/` }),
		'no issuer': issuer.token({ iss: undefined }),
		'no subject': issuer.token({ sub: undefined }),
		'an assertion': issuer.token({}, { header: { typ: 'oauth-id-jag+jwt' } }),
		'a changed payload': `${head}.${Buffer.from(JSON.stringify({ ...claims, groups: ['ops'] })).toString('base64url')}.${signature}`,
		'a changed signature': `${head}.${body}.${signature.slice(0, -8)}AAAAAAAA`,
		'no signature': `${head}.${body}.`,
		'two payloads': `${head}.${body}.${body}.${signature}`,
	};

	assert.equal((await ask(good)).status, 200);
	for (const [what, token] of Object.entries(bad)) {
		const answer = await ask(token);
		assert.equal(answer.status, 401, what);
		assert.match(answer.headers['www-authenticate'], /error="invalid_token"/, what);
		assert.ok(!answer.text.includes(token), what);
		assert.equal((await ask(token)).status, 401, `${what}, once more`);
	}
	assert.equal((await ask(good)).status, 200);
});

test('keys rotate; invented kids cost the issuer nothing', async (t) => {
	const { issuer, ask } = await setUp(t);

	assert.equal((await ask(issuer.token())).status, 200);
	issuer.keys.unshift(makeKey('k2'));
	const before = issuer.fetches();
	assert.equal((await ask(issuer.token())).status, 200); // its kid was never seen: fetched at once
	assert.equal(issuer.fetches(), before + 1);
	for (let i = 0; i < 30; i++) {
		const answer = await ask(issuer.token({}, { key: makeKey(`invented-${i}`) }));
		assert.equal(answer.status, 401);
	}
	assert.ok(issuer.fetches() <= before + 2, `${issuer.fetches() - before} fetches`);
	assert.equal((await ask(issuer.token({ jti: 'another' }))).status, 200);
});

test('an issuer that is down: at the start nobody is let in, later everybody whose key is known', async (t) => {
	const { issuer, gateway, ask } = await setUp(t, { start: false });

	const early = await ask(issuer.token());
	assert.equal(early.status, 503);
	await issuer.start();
	await until('the keys', async () => (await ask(issuer.token({ jti: crypto.randomUUID() }))).status === 200);
	await issuer.stop();
	assert.equal((await ask(issuer.token({ jti: crypto.randomUUID() }))).status, 200);
	assert.equal((await ask(issuer.token({}, { key: makeKey('later') }))).status, 401);

	// An issuer that is taken out of the configuration speaks for nobody any more, nor do tokens that were proved.
	const known = issuer.token();
	assert.equal((await ask(known)).status, 200);
	gateway.configure({ config: {} });
	assert.equal((await gateway.cli('reload')).code, 0);
	assert.equal((await ask(known)).status, 401);
});

test('a discovery document that names another issuer is not believed', async (t) => {
	const issuer = new Issuer();
	issuer.claimed = 'http://127.0.0.1:1';
	await issuer.start(t);
	const gateway = await startGateway(t, { config: withIssuer(issuer) });
	const answer = await modern({ port: gateway.port }, 'tools/list', {}, { headers: { authorization: `Bearer ${issuer.token()}` } });

	assert.equal(answer.status, 503);
	assert.equal(issuer.fetches(), 0);
});

test('a stream ends with the token that opened it', async (t) => {
	const { issuer, gateway } = await setUp(t);
	const now = Math.floor(Date.now() / 1000);
	const target = (exp) => ({ port: gateway.port, key: issuer.token({ exp }) });
	const listen = (exp) => modernStream(target(exp), 'subscriptions/listen', { notifications: { toolsListChanged: true } });

	const kept = await listen(now + 600);
	const lost = await listen(now - 27); // the leeway for other people's clocks is 30 s
	await lost.rest(10000);
	await until('one stream to be left', async () =>
		/\ngatehouse_streams 1\n/.test((await request(gateway, { method: 'GET', path: '/metrics', headers: {} })).text));
	kept.connection.destroy();
});
