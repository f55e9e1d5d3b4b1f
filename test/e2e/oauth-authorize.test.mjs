// The authorization endpoint and the consent page: who is asked what, where a browser is sent, and the attacks that a
// page like this invites.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Browser, formsOf } from './lib/browser.mjs';
import { stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { OAuth } from './lib/oauth.mjs';
import { makeUser } from './lib/people.mjs';

const file = scope(after);
const gateway = await startGateway(file, { upstreams: { fx: stdioFixture() }, limits: { per_auth: 'off' }, config: { toolsets: { billing: { include: ['fx.*'] } } } });
const ann = await makeUser(gateway, { email: 'ann@acme.example' });
const origin = `http://127.0.0.1:${gateway.port}`;

async function client(options, registration) {
	const oauth = new OAuth(gateway, options);
	await oauth.register(registration);
	return oauth;
}

/** A browser in which ann is signed in, on the consent page of a client. */
async function atConsent(oauth, over) {
	const login = await oauth.browser.visit(oauth.url(over));
	return oauth.browser.submit(login, ann);
}

test('sign in, agree, and back with code, state and iss, each once', async () => {
	const oauth = await client({ redirect: 'http://localhost/callback' });
	const url = oauth.url({ redirect_uri: 'http://localhost:51234/callback', state: 'a b&c=d' });
	const login = await oauth.browser.visit(url);
	assert.ok('password' in formsOf(login.html)[0].fields);
	const consent = await oauth.browser.submit(login, ann);
	assert.equal(consent.answer.status, 200);
	for (const text of ['Tester', 'localhost', 'call tools in your name', 'ann@acme.example', 'nobody has checked it']) assert.ok(consent.html.includes(text), text);
	const { left } = await oauth.browser.submit(consent, { decision: 'allow' });
	assert.equal(left.origin, 'http://localhost:51234');
	for (const name of ['code', 'state', 'iss']) assert.equal(left.searchParams.getAll(name).length, 1, name);
	assert.equal(left.searchParams.get('state'), 'a b&c=d');
	assert.equal(left.searchParams.get('iss'), origin);
});

test('who does not agree gives nothing; a redirect keeps its own query', async () => {
	const oauth = await client({ redirect: 'https://app.example/cb?keep=1' });
	const consent = await atConsent(oauth);
	const { left } = await oauth.browser.submit(consent, { decision: 'deny' });
	assert.equal(left.searchParams.get('keep'), '1');
	assert.equal(left.searchParams.get('error'), 'access_denied');
	assert.equal(left.searchParams.get('iss'), origin);
	assert.equal(left.searchParams.get('code'), null);
});

test('without a proved client and redirect nobody is sent anywhere', async () => {
	const oauth = await client({ redirect: 'https://app.example/cb' });
	await atConsent(oauth);
	const wrong = [
		{ client_id: undefined }, { client_id: 'nobody' }, { client_id: "' OR 1=1 --" },
		...['https://app.example/cb/', 'https://app.example/cb?x', 'https://app.example.evil.example/cb', 'https://evil.example/', 'https://app.example@evil.example/cb',
			'//evil.example', '/cb', 'javascript:alert(1)', 'https://app.example/cb#f', 'https://app.example/cb\r\nX: y', 'http://app.example/cb', ''].map((redirect_uri) => ({ redirect_uri })),
	];
	for (const over of wrong) {
		const { answer, left, html } = await oauth.browser.visit(oauth.url(over));
		assert.equal(left, undefined, JSON.stringify(over));
		assert.equal(answer.status, 400, JSON.stringify(over));
		assert.ok(!html.includes('evil.example'), JSON.stringify(over));
	}
	const twice = await oauth.browser.visit(`${oauth.url()}&redirect_uri=https%3A%2F%2Fevil.example%2F`);
	assert.equal(twice.left, undefined);
	assert.equal(twice.answer.status, 400);
});

test('other mistakes go back to the client, with its state', async () => {
	const oauth = await client({ redirect: 'https://app.example/cb' });
	for (const [over, error] of [
		[{ response_type: 'token' }, 'unsupported_response_type'],
		[{ response_type: undefined }, 'unsupported_response_type'],
		[{ code_challenge: undefined }, 'invalid_request'],
		[{ code_challenge_method: 'plain' }, 'invalid_request'],
		[{ code_challenge_method: undefined }, 'invalid_request'],
		[{ code_challenge: 'short' }, 'invalid_request'],
		[{ resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
		[{ resource: `${origin}/mcp/nope` }, 'invalid_target'],
		[{ scope: 'admin everything' }, 'invalid_scope'],
		[{ response_mode: 'fragment' }, 'invalid_request'],
		[{ request_uri: 'https://evil.example/r' }, 'invalid_request'],
		[{ prompt: 'none' }, 'login_required'],
	]) {
		const { left } = await new Browser().visit(oauth.url({ state: 's', ...over }));
		assert.equal(left?.origin, 'https://app.example', JSON.stringify(over));
		assert.equal(left.searchParams.get('error'), error, JSON.stringify(over));
		assert.equal(left.searchParams.get('state'), 's');
		assert.equal(left.searchParams.get('iss'), origin);
	}
});

test('an agreement is remembered where it is sure who the client is, and only for what it was about', async () => {
	const web = await client({ redirect: 'https://app.example/cb' });
	assert.ok((await web.authorize(ann)).get('code'));
	const silent = (oauth, over) => oauth.browser.visit(oauth.url(over));
	assert.ok((await silent(web)).left?.searchParams.get('code'));
	assert.ok((await silent(web, { prompt: 'none' })).left?.searchParams.get('code'));
	assert.ok((await silent(web, { scope: 'mcp:read' })).left?.searchParams.get('code'));
	assert.equal((await silent(web, { prompt: 'consent' })).left, undefined);
	assert.equal((await silent(web, { scope: 'mcp:read mcp:tools api' })).left, undefined);
	assert.equal((await silent(web, { resource: `${origin}/mcp/billing` })).left, undefined);
	assert.equal((await silent(web, { prompt: 'none', scope: 'api' })).left.searchParams.get('error'), 'consent_required');

	const native = await client();
	assert.ok((await native.authorize(ann)).get('code'));
	assert.equal((await silent(native)).left, undefined);
	assert.equal((await silent(native, { prompt: 'none' })).left.searchParams.get('error'), 'consent_required');
	// Another client of the same name and redirect is another client.
	const twin = await client({ redirect: 'https://app.example/cb' });
	twin.browser = web.browser;
	assert.equal((await silent(twin)).left, undefined);
});

test('the consent page cannot be framed, and its form cannot be sent by others', async () => {
	const oauth = await client({ redirect: 'https://app.example/cb' });
	const consent = await atConsent(oauth);
	const policy = consent.answer.headers.get('content-security-policy');
	assert.match(policy, /frame-ancestors 'none'/);
	assert.match(policy, /form-action 'self' https:\/\/app\.example(;|$)/);
	assert.match(policy, /default-src 'none'/);
	assert.equal(consent.answer.headers.get('x-frame-options'), 'DENY');
	assert.equal(consent.answer.headers.get('cache-control'), 'no-store');
	const [form] = formsOf(consent.html);
	const send = async (fields, headers, browser = oauth.browser) => browser.submit(consent, { decision: 'allow' }, { form: { ...form, fields }, headers });
	for (const csrf of [undefined, '', 'x', form.fields.csrf.slice(1), `${form.fields.csrf}x`]) {
		const fields = { ...form.fields, csrf };
		if (csrf === undefined) delete fields.csrf;
		const { answer, left } = await send(fields);
		assert.equal(left, undefined);
		assert.equal(answer.status, 403, String(csrf));
	}
	assert.equal((await send(form.fields, { origin: 'https://evil.example' })).answer.status, 403);
	// Another person's token does not fit this session, nor this one's token no session.
	const bob = await client({ redirect: 'https://app.example/cb' });
	const other = await makeUser(gateway, { email: 'bob@acme.example' });
	await bob.browser.submit(await bob.browser.visit(bob.url()), other);
	assert.equal((await send(form.fields, {}, bob.browser)).answer.status, 403);
	assert.equal((await send(form.fields, {}, new Browser())).left, undefined);
	// What the form carries is judged again.
	const changed = { ...form.fields, request: form.fields.request.replace(encodeURIComponent('https://app.example/cb'), encodeURIComponent('https://evil.example/')) };
	assert.notEqual(changed.request, form.fields.request);
	assert.equal((await send(changed)).left, undefined);
	assert.ok((await send(form.fields)).left.searchParams.get('code'));
});

test('what a client calls itself is text', async () => {
	const oauth = await client({ redirect: 'https://app.example/cb' }, { client_name: '<script>alert(1)</script>"\'&\u0007' });
	const { html } = await atConsent(oauth);
	assert.ok(!html.includes('<script'));
	assert.ok(html.includes('&lt;script&gt;'));
});
