// People: passwords, one-time codes, sessions in the browser, and what stands against who would like to have them.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { scope, startGateway } from './lib/gateway.mjs';
import { PASSWORD, Visitor, hiddenFields, makeUser, noChromium, startChromium, totp } from './lib/people.mjs';
import { binary } from './lib/paths.mjs';
import { run } from './lib/process.mjs';
import { sql } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const SESSION = 'gatehouse';
const originOf = (gateway) => `http://127.0.0.1:${gateway.port}`;
const visit = (gateway) => new Visitor(originOf(gateway));

const events = async (gateway, event) => sql(`${gateway.data}/gatehouse.db`, `SELECT * FROM audit WHERE event = '${event}' ORDER BY seq`);

/** Turns one-time codes on for who is signed in; the secret. The code of the step before is used, so that the present
 * one is still good. */
async function enrol(visitor) {
	const page = await visitor.get('/login/enrol');
	const [, secret] = /<code id="secret">([A-Z2-7]+)</.exec(page.text);
	const done = await visitor.post('/login/enrol', { ...hiddenFields(page.text), password: PASSWORD, code: totp(secret, Math.floor(Date.now() / 30000) - 1) });
	assert.equal(done.status, 303, done.text);
	return secret;
}

describe('local accounts', async () => {
	const t = scope(after);
	const gateway = await startGateway(t, { tenants: ['acme', 'other'] });
	const ada = await makeUser(gateway);

	test('the right password opens a session that ends at sign-out', async () => {
		const visitor = visit(gateway);
		const entered = await visitor.signIn(ada);
		assert.equal(entered.status, 303);
		assert.equal(entered.location, '/login');
		const cookie = entered.headers.getSetCookie().find((line) => line.startsWith(`${SESSION}=`));
		assert.match(cookie, /; Path=\/; HttpOnly; SameSite=Lax$/);
		const page = await visitor.get('/login');
		assert.match(page.text, /ada@acme\.example/);
		assert.equal(page.headers.get('cache-control'), 'no-store');
		assert.match(page.headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/);

		const stolen = new Map(visitor.cookies);
		const left = await visitor.fill('/logout', {});
		assert.equal(left.status, 200);
		assert.match(left.text, /signed out/);
		visitor.cookies = stolen;
		assert.doesNotMatch((await visitor.get('/login')).text, /ada@acme/);
		assert.equal((await events(gateway, 'user.signed_out')).length, 1);
	});

	test('addresses are one whatever their case; spaces around them do not count', async () => {
		assert.equal((await visit(gateway).signIn({ email: ' ADA@Acme.Example ', password: PASSWORD })).status, 303);
	});

	test('a wrong password and an unknown address look the same', async () => {
		const answers = [];
		for (const who of [{ email: 'ada@acme.example', password: 'wrong' }, { email: 'eve@acme.example', password: 'wrong' }, { email: 'eve@acme.example', password: '' }]) {
			const answer = await visit(gateway).signIn(who);
			assert.equal(answer.status, 422);
			assert.deepEqual(answer.headers.getSetCookie(), []);
			answers.push(answer.text.replaceAll(who.email, ''));
		}
		assert.equal(answers[1], answers[0]);
		assert.equal(answers[2], answers[0]);
		const rows = await events(gateway, 'user.sign_in_failed');
		assert.equal(rows.length, 3);
		assert.deepEqual(rows.map(({ principal }) => principal), [ada.id, '', '']);
		assert.doesNotMatch(JSON.stringify(rows), /@acme/);
	});

	test('signing in makes a new session and ends the one the browser came with', async () => {
		const visitor = visit(gateway);
		await visitor.signIn(ada);
		const before = visitor.cookies.get(SESSION);
		await visitor.signIn(ada);
		assert.notEqual(visitor.cookies.get(SESSION), before);
		const old = visit(gateway);
		old.cookies.set(SESSION, before);
		assert.doesNotMatch((await old.get('/login')).text, /ada@acme/);
	});

	test('what is planted in the browser opens nothing', async () => {
		for (const value of ['', 'x', 'A'.repeat(43), 'A'.repeat(5000)]) {
			const visitor = visit(gateway);
			visitor.cookies.set(SESSION, value);
			assert.match((await visitor.get('/login')).text, /<h1>Sign in<\/h1>/);
		}
	});

	test('after signing in one goes on to paths of the house only', async () => {
		for (const [wanted, got] of [
			['/oauth/authorize?x=1', '/oauth/authorize?x=1'],
			['//evil.example/', '/login'], ['/\\evil.example', '/login'], ['https://evil.example/', '/login'],
			['javascript:alert(1)', '/login'], ['/a\r\nSet-Cookie: x=y', '/login'], ['/\tx', '/login'], ['', '/login'],
		]) {
			const answer = await visit(gateway).signIn({ ...ada, return_to: wanted });
			assert.equal(answer.status, 303);
			assert.equal(answer.location, got, wanted);
		}
	});

	test('forms of other sites are refused', async () => {
		const visitor = visit(gateway);
		await visitor.signIn(ada);
		const { csrf } = hiddenFields((await visitor.get('/login')).text);
		for (const headers of [
			{ origin: 'https://evil.example' }, { origin: 'null', 'sec-fetch-site': 'cross-site' },
			{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' },
			{ origin: `http://127.0.0.1:${gateway.port + 1}` },
		]) {
			const answer = await visitor.post('/logout', { csrf }, { headers });
			assert.equal(answer.status, 403, JSON.stringify(headers));
			assert.equal((await visit(gateway).post('/login', { email: ada.email, password: PASSWORD }, { headers })).status, 403);
		}
		assert.equal((await visitor.post('/logout', {})).status, 403);
		assert.equal((await visitor.post('/logout', { csrf: `${csrf.slice(0, -1)}x` })).status, 403);
		const other = visit(gateway);
		await other.signIn(ada);
		assert.equal((await visitor.post('/logout', { csrf: hiddenFields((await other.get('/login')).text).csrf })).status, 403);
		assert.match((await visitor.get('/login')).text, /ada@acme/);
	});

	test('a changed password ends every other session', async () => {
		const eve = await makeUser(gateway, { email: 'eve@acme.example' });
		const [here, there] = [visit(gateway), visit(gateway)];
		await here.signIn(eve);
		await there.signIn(eve);
		assert.equal((await here.fill('/login/password', { password: 'wrong', new_password: 'another long password' })).status, 422);
		assert.equal((await here.fill('/login/password', { password: PASSWORD, new_password: 'short' })).status, 422);
		assert.equal((await here.fill('/login/password', { password: PASSWORD, new_password: 'another long password' })).status, 303);
		assert.match((await here.get('/login')).text, /eve@acme/);
		assert.doesNotMatch((await there.get('/login')).text, /eve@acme/);
		assert.equal((await visit(gateway).signIn(eve)).status, 422);
		assert.equal((await visit(gateway).signIn({ ...eve, password: 'another long password' })).status, 303);
	});

	test('who is disabled is out, and gets no answer of their own', async () => {
		const bob = await makeUser(gateway, { email: 'bob@acme.example' });
		const visitor = visit(gateway);
		await visitor.signIn(bob);
		assert.equal((await gateway.cli('user', 'disable', bob.email)).code, 0);
		assert.doesNotMatch((await visitor.get('/login')).text, /bob@acme/);
		const refused = await visit(gateway).signIn(bob);
		assert.equal(refused.status, 422);
		assert.match(refused.text, /do not go together/);
		assert.equal((await gateway.cli('user', 'enable', bob.email)).code, 0);
		assert.equal((await visit(gateway).signIn(bob)).status, 303);
		assert.doesNotMatch((await visitor.get('/login')).text, /bob@acme/); // the old session stays ended
	});

	test('one address in two tenants: the password, or the tenant named, decides', async () => {
		const mine = await makeUser(gateway, { email: 'two@acme.example', password: 'the first of passwords' });
		const theirs = await makeUser(gateway, { tenant: 'other', email: 'two@acme.example', password: 'the second of passwords' });
		for (const [user, tenant] of [[mine, 'acme'], [theirs, 'other']]) {
			const visitor = visit(gateway);
			assert.equal((await visitor.signIn(user)).status, 303);
			assert.match((await visitor.get('/login')).text, new RegExp(`<dd>${tenant}</dd>`));
			assert.equal((await visit(gateway).signIn({ ...user, tenant: tenant === 'acme' ? 'other' : 'acme' })).status, 422);
		}
	});

	test('one-time codes: asked for, good once, taken away only with password and code', async () => {
		const cid = await makeUser(gateway, { email: 'cid@acme.example' });
		const visitor = visit(gateway);
		await visitor.signIn(cid);
		const secret = await enrol(visitor);
		assert.match((await visitor.get('/login')).text, /One-time codes are on/);

		const second = visit(gateway);
		const asked = await second.signIn({ ...cid, return_to: '/oauth/x' });
		assert.equal(asked.location, '/login/totp');
		assert.equal(second.cookies.has(SESSION), false);
		assert.doesNotMatch((await second.get('/login')).text, /cid@acme/); // half is nothing
		assert.equal((await second.post('/login/totp', { code: '000000' })).status, 422);
		const code = totp(secret);
		const entered = await second.post('/login/totp', { code });
		assert.equal(entered.location, '/oauth/x');

		const third = visit(gateway);
		await third.signIn(cid);
		assert.equal((await third.post('/login/totp', { code })).status, 422); // used up
		const away = await second.fill('/login/enrol', { password: 'wrong', code: totp(secret) });
		assert.equal(away.status, 422);

		const flow = visit(gateway);
		flow.cookies.set('gatehouse-flow', 'AAAA');
		assert.match((await flow.post('/login/totp', { code: totp(secret) })).location, /^\/login\?/);

		const reset = await run(binary, ['user', 'password', cid.email, '--password-stdin', '--reset-totp', '--config', gateway.configFile], { cwd: gateway.root, input: `${PASSWORD}\n` });
		assert.equal(reset.code, 0, reset.stderr);
		assert.doesNotMatch((await second.get('/login')).text, /cid@acme/);
		assert.equal((await visit(gateway).signIn(cid)).location, '/login');
	});

	test('nothing that is secret is in the trail or the database in the clear', async () => {
		const all = JSON.stringify(await sql(`${gateway.data}/gatehouse.db`, 'SELECT event, principal, target, outcome FROM audit'));
		assert.doesNotMatch(all, /@acme|battery/);
		const [{ password }] = await sql(`${gateway.data}/gatehouse.db`, `SELECT password FROM account WHERE id = '${ada.id}'`);
		assert.match(password, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
	});
});

describe('the cookie as a credential', async () => {
	const t = scope(after);
	const gateway = await startGateway(t, { tenants: ['acme'] });
	const owner = await makeUser(gateway, { role: 'owner' });
	const json = { 'content-type': 'application/json' };
	const visitor = visit(gateway);
	await visitor.signIn(owner);
	const send = (body, headers = {}, who = visitor) => fetch(`${originOf(gateway)}/api/v1/tenants/self/keys`, {
		method: 'POST', body: JSON.stringify(body), headers: { ...json, cookie: [...who.cookies].map((pair) => pair.join('=')).join('; '), origin: originOf(gateway), ...headers },
	});

	test('it reads the management API, and writes with the token that reading told', async () => {
		const me = await visitor.get('/api/v1/me');
		assert.equal(me.status, 200, me.text);
		assert.match(me.text, /"cookie"/);
		const token = me.headers.get('x-csrf-token');
		assert.equal(token.length, 43);
		assert.equal(me.headers.get('access-control-allow-origin'), null);
		assert.equal((await send({ name: 'a', role: 'member' })).status, 403);
		assert.equal((await send({ name: 'a', role: 'member' }, { 'x-csrf-token': `${token.slice(0, -1)}!` })).status, 403);
		assert.equal((await send({ name: 'a', role: 'member' }, { 'x-csrf-token': token, origin: 'https://evil.example' })).status, 403);
		const made = await send({ name: 'a', role: 'member' }, { 'x-csrf-token': token });
		assert.equal(made.status, 201, await made.text());
	});

	test('it is nothing at /mcp', async () => {
		const answer = await visitor.fetch('/mcp', { method: 'POST', headers: json });
		assert.equal(answer.status, 401);
	});

	test('without it the API answers 401', async () => {
		assert.equal((await visit(gateway).get('/api/v1/me')).status, 401);
	});
});

describe('throttling', () => {
	test('an address has limits.per_auth attempts, whatever it tries', async (t) => {
		const gateway = await startGateway(t, { limits: { per_auth: '3/15min' } });
		const ada = await makeUser(gateway);
		for (const email of ['ada@acme.example', 'eve@acme.example', 'bob@acme.example']) {
			assert.equal((await visit(gateway).signIn({ email, password: 'wrong' })).status, 422);
		}
		const refused = await visit(gateway).signIn(ada);
		assert.equal(refused.status, 429);
		assert.ok(Number(refused.headers.get('retry-after')) > 0);
		const forged = await visit(gateway).post('/login', ada, { headers: { 'x-forwarded-for': '203.0.113.9' } });
		assert.equal(forged.status, 429);
	});

	test('guesses at an account end, but do not lock its owner out of a browser that knows them', async (t) => {
		const gateway = await startGateway(t);
		const ada = await makeUser(gateway);
		const owner = visit(gateway);
		assert.equal((await owner.signIn(ada)).status, 303);
		const answers = [];
		for (let i = 0; i < 24; i++) answers.push((await visit(gateway).signIn({ email: ada.email, password: `guess ${i}` })).status);
		assert.equal(answers.at(0), 422);
		assert.equal(answers.at(-1), 429);
		assert.equal((await visit(gateway).signIn(ada)).status, 429);
		for (let i = 0; i < 22; i++) { // what succeeds does not count
			owner.cookies.delete(SESSION);
			assert.equal((await owner.signIn(ada)).status, 303);
		}
		const thief = visit(gateway); // somebody else's cookie is of no use
		const eve = await makeUser(gateway, { email: 'eve@acme.example' });
		assert.equal((await thief.signIn(eve)).status, 303);
		assert.equal((await thief.signIn(ada)).status, 429);
	});
});

describe('sessions', () => {
	test('they end when idle', async (t) => {
		const gateway = await startGateway(t);
		const visitor = visit(gateway);
		await visitor.signIn(await makeUser(gateway));
		const [{ seen_ms: seen, expires_ms: expires }] = await sql(`${gateway.data}/gatehouse.db`, 'SELECT seen_ms, expires_ms FROM web_session');
		assert.equal(expires - seen, 8 * 3600 * 1000);
		await sql(`${gateway.data}/gatehouse.db`, `UPDATE web_session SET expires_ms = ${Date.now() - 1}`);
		assert.doesNotMatch((await visitor.get('/login')).text, /ada@acme/);
	});

	test('they end with the age that the settings allow, also when it was longer once', async (t) => {
		const gateway = await startGateway(t);
		const visitor = visit(gateway);
		await visitor.signIn(await makeUser(gateway));
		await sql(`${gateway.data}/gatehouse.db`, `UPDATE web_session SET created_ms = created_ms - ${25 * 3600 * 1000}`);
		assert.doesNotMatch((await visitor.get('/login')).text, /ada@acme/);
	});
});

describe('in Chromium', { skip: noChromium }, () => {
	test('password, one-time code, a wrong password, sign-out', async (t) => {
		const gateway = await startGateway(t);
		const ada = await makeUser(gateway);
		const { page } = await startChromium(t);
		const problems = [];
		page.on('console', (message) => message.type() === 'error' && !message.location().url.endsWith('/favicon.ico') && problems.push(message.text()));

		await page.goto(`${originOf(gateway)}/login`);
		await page.getByLabel('Email address').fill(ada.email);
		await page.getByLabel('Password').fill('wrong');
		await page.getByRole('button', { name: 'Sign in' }).click();
		await page.getByRole('alert').getByText('do not go together').waitFor();
		assert.equal(await page.getByLabel('Email address').inputValue(), ada.email);
		assert.equal(await page.getByLabel('Password').getAttribute('aria-invalid'), 'true');
		await page.getByLabel('Password').fill(PASSWORD);
		await page.keyboard.press('Enter');
		await page.getByRole('heading', { name: 'Your account' }).waitFor();

		await page.getByRole('link', { name: 'one-time code' }).click();
		const secret = await page.locator('#secret').textContent();
		await page.getByLabel('Your password').fill(PASSWORD);
		await page.getByLabel('Code that the app shows').fill(totp(secret, Math.floor(Date.now() / 30000) - 1));
		await page.getByRole('button', { name: 'Turn on' }).click();
		await page.getByRole('link', { name: 'One-time codes are on' }).waitFor();

		await page.getByRole('button', { name: 'Sign out' }).click();
		await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
		await page.getByRole('link', { name: 'Sign in again' }).click();
		await page.getByLabel('Email address').fill(ada.email);
		await page.getByLabel('Password').fill(PASSWORD);
		await page.getByRole('button', { name: 'Sign in' }).click();
		await page.getByLabel('One-time code').fill(totp(secret));
		await page.getByRole('button', { name: 'Continue' }).click();
		await page.getByRole('heading', { name: 'Your account' }).waitFor();
		assert.deepEqual(problems.filter((text) => !/422/.test(text)), []); // no violation of the page's own policy
		assert.notEqual(await page.evaluate('getComputedStyle(document.querySelector("main")).backgroundColor'), 'rgba(0, 0, 0, 0)');
		await until('the rows', async () => (await events(gateway, 'user.signed_in')).length >= 2);
	});
});
