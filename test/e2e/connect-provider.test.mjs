// The simulated OAuth provider of these tests (lib/provider.mjs) does what it says: a test of a gateway in front of it is
// worth no more than that.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { startProvider } from './lib/provider.mjs';
import { until } from './lib/wait.mjs';

const VERIFIER = 'v'.repeat(43);
const BACK = 'http://127.0.0.1:9/auth/x/callback';
const SECRET = { client_id: 'gatehouse', client_secret: 'a secret & more' };

const challenge = (encoding = 'base64url') => ({ code_challenge: createHash('sha256').update(VERIFIER).digest(encoding), code_challenge_method: 'S256' });

async function ask(url, form, headers = {}) {
	const answer = await fetch(url, form === undefined ? { headers, redirect: 'manual' } : { method: 'POST', headers, body: new URLSearchParams(form) });
	const text = await answer.text();
	let body;
	try {
		body = JSON.parse(text);
	} catch {
		body = text;
	}
	return { status: answer.status, headers: answer.headers, body };
}

async function consent(provider, query = {}) {
	const all = { response_type: 'code', client_id: 'gatehouse', redirect_uri: BACK, state: 's1', scope: 'read write', ...challenge(), ...query };
	const { status, headers, body } = await ask(`${provider.endpoints.authorize}?${new URLSearchParams(all)}`);
	return status === 302 ? new URL(headers.get('location')).searchParams : { status, body };
}

const useCode = (provider, code, more = {}) => ask(provider.endpoints.token, { grant_type: 'authorization_code', code, redirect_uri: BACK, code_verifier: VERIFIER, ...SECRET, ...more });
const refresh = (provider, token) => ask(provider.endpoints.token, { grant_type: 'refresh_token', refresh_token: token, ...SECRET });
const resource = (provider, token) => ask(provider.endpoints.resource, undefined, { authorization: `Bearer ${token}` });

async function connected(t, options) {
	const provider = await startProvider(t, options);
	const { body } = await useCode(provider, (await consent(provider)).get('code'));
	return { provider, first: body };
}

describe('tokens', () => {
	test('a code gives a pair once; a second use ends what it gave', async (t) => {
		const provider = await startProvider(t);
		const back = await consent(provider);
		assert.equal(back.get('state'), 's1');
		assert.equal(back.get('iss'), provider.issuer);
		const { body } = await useCode(provider, back.get('code'));
		assert.deepEqual([body.token_type, body.expires_in, body.scope], ['bearer', 3600, 'read write']);
		assert.deepEqual((await resource(provider, body.access_token)).body, { account: 'ada', scope: 'read write' });
		assert.equal((await useCode(provider, back.get('code'))).body.error, 'invalid_grant');
		assert.equal((await resource(provider, body.access_token)).status, 401);
	});

	test('the verifier, the address and the client belong to the code', async (t) => {
		const provider = await startProvider(t);
		for (const wrong of [{ code_verifier: 'w'.repeat(43) }, { redirect_uri: `${BACK}/other` }, { client_secret: 'no' }]) {
			const { status, body } = await useCode(provider, (await consent(provider)).get('code'), wrong);
			assert.ok(status === 400 || status === 401, JSON.stringify(body));
			assert.match(body.error, /^invalid_(grant|client)$/);
		}
	});

	test('rotation: a used refresh token ends the family', async (t) => {
		const { provider, first } = await connected(t);
		const second = (await refresh(provider, first.refresh_token)).body;
		assert.notEqual(second.refresh_token, first.refresh_token);
		assert.equal((await resource(provider, second.access_token)).status, 200);
		assert.equal((await refresh(provider, first.refresh_token)).body.error, 'invalid_grant');
		assert.equal((await resource(provider, second.access_token)).status, 401);
		assert.equal((await refresh(provider, second.refresh_token)).body.error, 'invalid_grant');
		assert.equal(provider.stats().reused, 1);
	});

	test('without rotation, and with a time of grace, a used one stays good', async (t) => {
		for (const options of [{ rotation: false }, { graceMs: 60000 }]) {
			const { provider, first } = await connected(t, options);
			assert.equal((await refresh(provider, first.refresh_token)).status, 200);
			const { body } = await refresh(provider, first.refresh_token);
			assert.equal(body.refresh_token === undefined, options.rotation === false);
			assert.ok(provider.good(body.access_token));
		}
	});

	test('refreshes of one account that are under way together are counted', async (t) => {
		const { provider, first } = await connected(t, { rotation: false });
		provider.refreshMs = 50;
		await Promise.all([refresh(provider, first.refresh_token), refresh(provider, first.refresh_token)]);
		assert.equal(provider.stats().refreshesAtOnce, 2);
	});

	test('client credentials, exchange, JWT bearer, revocation', async (t) => {
		const { provider, first } = await connected(t);
		const subject = `x.${Buffer.from(JSON.stringify({ sub: 'bob' })).toString('base64url')}.x`;
		const own = await ask(provider.endpoints.token, { grant_type: 'client_credentials', scope: 'a', ...SECRET });
		assert.deepEqual([provider.good(own.body.access_token).family.account, own.body.refresh_token], ['gatehouse', undefined]);
		for (const form of [{ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: subject }, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: subject }]) {
			const { body } = await ask(provider.endpoints.token, { ...form, ...SECRET });
			assert.equal(provider.good(body.access_token).family.account, 'bob');
		}
		assert.equal((await ask(provider.endpoints.revoke, { token: first.refresh_token, ...SECRET })).status, 200);
		assert.equal(provider.good(first.access_token), null);
		const { code, refresh: refreshes, client, exchange, bearer, revoke } = provider.stats();
		assert.deepEqual([code, refreshes, client, exchange, bearer, revoke], [1, undefined, 1, 1, 1, 1]);
	});

	test('lives end', async (t) => {
		const { provider, first } = await connected(t);
		provider.expire();
		assert.equal(provider.good(first.access_token), null);
		assert.ok(provider.good((await refresh(provider, first.refresh_token)).body.access_token));
		provider.forget('ada');
		assert.equal((await refresh(provider, first.refresh_token)).body.error, 'invalid_grant');
	});
});

describe('around tokens', () => {
	test('a page asks, and a person may refuse', async (t) => {
		const provider = await startProvider(t, { consent: true });
		const { status, body } = await consent(provider);
		assert.equal(status, 200);
		const request = /name="request" value="(\d+)"/.exec(body)[1];
		const decide = (account) => fetch(`${provider.url}/decide`, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ request, account }) });
		assert.match((await decide('ada')).headers.get('location'), /[?&]code=/);
		assert.match((await decide('')).headers.get('location'), /[?&]error=access_denied/);
	});

	test('metadata, registration and the resource agree', async (t) => {
		const provider = await startProvider(t, { scopes: ['read'] });
		const refused = await ask(provider.endpoints.resource);
		const [, where] = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate'));
		const described = (await ask(where)).body;
		assert.equal(described.resource, provider.endpoints.resource);
		const issuer = (await ask(`${described.authorization_servers[0]}/.well-known/oauth-authorization-server`)).body;
		const wish = { redirect_uris: [BACK], token_endpoint_auth_method: 'client_secret_basic', client_name: 'G' };
		const made = await (await fetch(issuer.registration_endpoint, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(wish) })).json();
		const back = await consent(provider, { client_id: made.client_id });
		const basic = Buffer.from(`${made.client_id}:${made.client_secret}`).toString('base64');
		const { body } = await ask(issuer.token_endpoint, { grant_type: 'authorization_code', code: back.get('code'), redirect_uri: BACK, code_verifier: VERIFIER }, { authorization: `Basic ${basic}` });
		provider.wants = 'admin';
		const more = await resource(provider, body.access_token);
		assert.equal(more.status, 403);
		assert.match(more.headers.get('www-authenticate'), /error="insufficient_scope", scope="admin"/);
	});

	test('whose account it is, and what can be picked', async (t) => {
		const { provider, first } = await connected(t);
		const headers = { authorization: `Bearer ${first.access_token}` };
		assert.deepEqual((await ask(provider.endpoints.identity, undefined, headers)).body, { data: { user: { id: '70001', name: 'Ada Lovelace' } } });
		assert.deepEqual((await ask(provider.endpoints.list, undefined, headers)).body.data.map(({ id }) => id), ['p1', 'p2']);
	});
});

describe('faults', () => {
	test('each way to fail, once, and what is left of the token after it', async (t) => {
		const matrix = [
			[{ how: '429', retryAfterS: 7 }, (a) => a.status === 429 && a.headers.get('retry-after') === '7', true],
			[{ how: '500' }, (a) => a.status === 500, true],
			[{ how: 'garbage' }, (a) => a.status === 200 && typeof a.body === 'string', true],
			[{ how: 'garbage', commit: true }, (a) => typeof a.body === 'string', false],
			[{ how: 'html' }, (a) => a.headers.get('content-type') === 'text/html', true],
			[{ how: 'content-type' }, (a) => a.headers.get('content-type') === 'text/html' && a.body.access_token, false],
			[{ how: 'empty' }, (a) => a.body === '', true],
			[{ how: 'huge' }, (a) => a.body.access_token.length > 1 << 20, true],
			[{ how: 'slow', ms: 5 }, (a) => a.status === 200, false],
			[{ how: 'drop-before' }, (a) => a instanceof TypeError, true],
			[{ how: 'drop-after-commit' }, (a) => a instanceof TypeError, false],
			[{ how: 'expired' }, (a) => a.body.error === 'invalid_grant', false],
			[{ how: 'revoked' }, (a) => a.body.error === 'invalid_grant', false],
			[{ how: 'denied' }, (a) => a.body.error === 'invalid_client', true],
		];
		for (const [fault, holds, stillGood] of matrix) {
			const { provider, first } = await connected(t);
			provider.fault({ at: 'token', grant: 'refresh_token', ...fault });
			const answer = await refresh(provider, first.refresh_token).catch((error) => error);
			assert.ok(holds(answer), `${fault.how}: ${JSON.stringify(answer.body)}`);
			assert.equal((await refresh(provider, first.refresh_token)).status === 200, stillGood, `after ${fault.how}`);
		}
	});

	test('a held request waits for the test', async (t) => {
		const { provider, first } = await connected(t);
		provider.fault({ at: 'token', how: 'held' });
		const answer = refresh(provider, first.refresh_token);
		await until('the request', () => provider.stats().held === 1);
		provider.release();
		assert.equal((await answer).status, 200);
	});

	test('consents and identities fail too', async (t) => {
		const { provider, first } = await connected(t);
		for (const how of ['expired', 'revoked']) {
			provider.fault({ at: 'authorize', how });
			assert.equal((await useCode(provider, (await consent(provider)).get('code'))).body.error, 'invalid_grant');
		}
		provider.fault({ at: 'authorize', how: 'denied' });
		assert.equal((await consent(provider)).get('error'), 'access_denied');
		provider.fault({ at: 'identity', how: 'expired' });
		assert.equal((await ask(provider.endpoints.identity, undefined, { authorization: `Bearer ${first.access_token}` })).status, 401);
	});
});

describe('quirks', () => {
	test('another name of the client, commas, no PKCE, tokens in an object, errors with status 200', async (t) => {
		const provider = await startProvider(t, { quirks: { clientIdName: 'client_key', scopeSeparator: ',', pkce: 'off', nested: 'data', errorsIn200: 'error', texts: true } });
		const query = { client_key: 'gatehouse', redirect_uri: BACK, state: 's', scope: 'a,b' };
		const { headers } = await ask(`${provider.endpoints.authorize}?${new URLSearchParams(query)}`);
		const form = { grant_type: 'authorization_code', code: new URL(headers.get('location')).searchParams.get('code'), redirect_uri: BACK, client_key: 'gatehouse', client_secret: SECRET.client_secret };
		const { body } = await ask(provider.endpoints.token, form);
		assert.deepEqual([body.data.scope, body.data.expires_in, body.error.code], ['a,b', '3600', 'ok']);
		const again = await ask(provider.endpoints.token, form);
		assert.deepEqual([again.status, again.body.error.code], [200, 'invalid_grant']);
		assert.equal((await consent(provider, { client_key: 'gatehouse' })).status, 400, 'a challenge confuses it');
	});

	test('a digest in hexadecimal', async (t) => {
		const provider = await startProvider(t, { quirks: { pkce: 'hex' } });
		assert.equal((await useCode(provider, (await consent(provider, challenge('hex'))).get('code'))).status, 200);
		assert.equal((await useCode(provider, (await consent(provider)).get('code'))).body.error, 'invalid_grant');
	});

	test('one way only to prove the client', async (t) => {
		const provider = await startProvider(t, { quirks: { clientAuth: 'basic' } });
		assert.equal((await useCode(provider, (await consent(provider)).get('code'))).body.error, 'invalid_client');
	});

	test('by GET, then exchanged for one that lives long, and that one again', async (t) => {
		const provider = await startProvider(t, { quirks: { tokenBy: 'get', longer: 'fb', refresh: 'same', pkce: 'off' } });
		const back = await consent(provider, { code_challenge: '' }).catch(() => null);
		assert.equal(back.status, 400);
		const { headers } = await ask(`${provider.endpoints.authorize}?${new URLSearchParams({ client_id: 'gatehouse', redirect_uri: BACK, state: 's' })}`);
		const code = new URL(headers.get('location')).searchParams.get('code');
		const get = (form) => ask(`${provider.endpoints.token}?${new URLSearchParams({ ...form, ...SECRET })}`);
		assert.equal((await useCode(provider, code)).status, 405);
		const short = (await get({ grant_type: 'authorization_code', code, redirect_uri: BACK })).body;
		assert.equal(short.refresh_token, undefined);
		const long = (await get({ grant_type: 'fb_exchange_token', fb_exchange_token: short.access_token })).body;
		assert.equal(long.expires_in, 60 * 86400);
		assert.equal((await get({ grant_type: 'fb_exchange_token', fb_exchange_token: long.access_token })).status, 200);
		provider.expire();
		assert.equal((await get({ grant_type: 'fb_exchange_token', fb_exchange_token: long.access_token })).body.error, 'invalid_grant');
	});

	test('a request in JSON without a grant, an error as a number', async (t) => {
		const provider = await startProvider(t, { quirks: { clientIdName: 'app_id', clientSecretName: 'secret', codeName: 'auth_code', tokenBy: 'json', grantType: 'none', pkce: 'off', errorsIn200: 'code', refresh: 'none', lives: false } });
		const { headers } = await ask(`${provider.endpoints.authorize}?${new URLSearchParams({ app_id: 'gatehouse', redirect_uri: BACK, state: 's' })}`);
		const auth_code = new URL(headers.get('location')).searchParams.get('auth_code');
		const send = async () => (await fetch(provider.endpoints.token, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ app_id: 'gatehouse', secret: SECRET.client_secret, auth_code, redirect_uri: BACK }) })).json();
		const { code, data } = await send();
		assert.equal(code, 0);
		assert.deepEqual(Object.keys(data), ['access_token', 'token_type']);
		assert.equal((await send()).code, 40110);
	});
});
