// People who sign in at the company's provider: npm's oidc-provider stands for it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test } from 'node:test';
import { startGateway } from './lib/gateway.mjs';
import { Visitor, makeUser, noChromium, startChromium } from './lib/people.mjs';
import { startCompany } from './lib/company.mjs';
import { sql } from './lib/sqlite.mjs';

const PEOPLE = {
	ada: { email: 'Ada@acme.example', email_verified: true, name: 'Ada', groups: ['everyone', 'platform'] },
	bob: { email: 'bob@acme.example', email_verified: true, name: 'Bob', groups: ['everyone'] },
	cid: { email: 'cid@elsewhere.example', email_verified: true, name: 'Cid', groups: ['everyone'] },
	dan: { email: 'dan@acme.example', email_verified: false, name: 'Dan', groups: ['everyone'] },
	eve: { email: 'eve@acme.example', email_verified: true, name: 'Eve', groups: [] },
};
const CLAIMS = { domains: { 'acme.example': 'acme' }, role_claim: 'groups', roles: { platform: 'admin', everyone: 'member' } };

async function start(t, { provider: options = {}, settings = {}, local = false, limits = {}, tenants } = {}) {
	const company = await startCompany(t, { people: structuredClone(PEOPLE), ...options });
	const secret = `${fs.mkdtempSync('/tmp/gatehouse-secret-')}/secret`;
	fs.writeFileSync(secret, 'a secret of the client\n', { mode: 0o600 });
	t.after(() => fs.rmSync(secret.replace(/\/secret$/, ''), { recursive: true, force: true }));
	const gateway = await startGateway(t, {
		limits,
		tenants: tenants ?? ['acme', 'other'],
		config: {
			sign_in: {
				local_accounts: local,
				providers: {
					company: { title: 'The Company', issuer: company.issuer, client_id: 'gatehouse', client_secret_file: secret, allow_private: true, claims: CLAIMS, ...settings },
				},
			},
		},
	});
	const origin = `http://127.0.0.1:${gateway.port}`;
	await company.sendBackTo(`${origin}/login/company/callback`);
	return { company, gateway, origin, secret };
}

/** A browser without a person: at the provider `who` signs in. */
async function walk({ company, origin }, who, { visitor = new Visitor(origin), from = '/login?return_to=/oauth/x', stop = false } = {}) {
	company.next = who;
	const there = new Visitor(company.issuer);
	let answer = await visitor.get(from);
	if (answer.status === 303 && answer.location.startsWith('/login/company/start')) answer = await visitor.get(answer.location);
	if (answer.status !== 303) return { visitor, answer };
	let location = answer.location;
	for (let i = 0; i < 6 && new URL(location, company.issuer).origin === company.issuer; i++) {
		({ location } = await there.get(location));
	}
	if (stop) return { visitor, location };
	return { visitor, location, answer: await visitor.get(location) };
}

const users = (gateway) => sql(`${gateway.data}/gatehouse.db`, 'SELECT a.*, t.name AS tenant FROM account a JOIN tenant t ON t.id = a.tenant_id ORDER BY a.id');
const rows = (gateway, event) => sql(`${gateway.data}/gatehouse.db`, `SELECT * FROM audit WHERE event = '${event}' ORDER BY seq`);

describe('at the company\'s provider', () => {
	test('the only way to sign in is gone at once, and makes an account with tenant and role from claims', async (t) => {
		const rig = await start(t);
		const { visitor, answer } = await walk(rig, 'ada');
		assert.equal(answer.status, 303, answer.text);
		assert.equal(answer.location, '/oauth/x');
		assert.match((await visitor.get('/login')).text, /ada@acme\.example[^]*<dd>acme<\/dd>[^]*<dd>admin<\/dd>/);
		const [user] = await users(rig.gateway);
		assert.deepEqual([user.issuer, user.subject, user.email, user.name, user.role, user.tenant, user.password], [rig.company.issuer, 'ada', 'ada@acme.example', 'Ada', 'admin', 'acme', '']);
		assert.deepEqual((await rows(rig.gateway, 'user.created')).map(({ principal }) => principal), [user.id]);
		assert.deepEqual((await rows(rig.gateway, 'user.signed_in')).map(({ target }) => target), ['oidc company']);
		assert.equal(visitor.cookies.has('gatehouse-flow'), false);

		rig.company.people.ada.groups = ['everyone'];
		rig.company.people.ada.email = 'ada.l@acme.example';
		assert.equal((await walk(rig, 'ada')).answer.status, 303);
		const again = await users(rig.gateway);
		assert.equal(again.length, 1);
		assert.deepEqual([again[0].id, again[0].role, again[0].email], [user.id, 'member', 'ada.l@acme.example']);
	});

	test('who belongs to no tenant, or has no role, or is disabled, is refused', async (t) => {
		const rig = await start(t);
		for (const [who, why] of [['cid', /no tenant/], ['dan', /no tenant/], ['eve', /no role/]]) {
			const { answer, visitor } = await walk(rig, who);
			assert.equal(answer.status, 403, who);
			assert.match(answer.text, why);
			assert.equal(visitor.cookies.has('gatehouse'), false);
		}
		assert.deepEqual(await users(rig.gateway), []);
		await walk(rig, 'bob');
		assert.equal((await rig.gateway.cli('user', 'disable', 'bob@acme.example')).code, 0);
		const { answer } = await walk(rig, 'bob');
		assert.equal(answer.status, 403);
		assert.match(answer.text, /disabled/);
		rig.company.people.ada.groups = [];
		assert.equal((await walk(rig, 'ada')).answer.status, 403);
	});

	test('an address never makes one account another\'s', async (t) => {
		const rig = await start(t, { local: true });
		const local = await makeUser(rig.gateway, { email: 'bob@acme.example', role: 'owner' });
		const { answer, visitor } = await walk(rig, 'bob', { from: '/login/company/start' });
		assert.equal(answer.status, 403);
		assert.match(answer.text, /in use/);
		assert.equal(visitor.cookies.has('gatehouse'), false);
		const [user] = await users(rig.gateway);
		assert.deepEqual([user.id, user.issuer, user.subject], [local.id, '', '']);
	});

	test('accounts are not made where that is off; claims may come from userinfo or the id token', async (t) => {
		const rig = await start(t, { settings: { create_users: false }, provider: { conformIdTokenClaims: true } });
		assert.equal((await walk(rig, 'ada')).answer.status, 403);
		assert.ok(rig.company.requests.includes('GET /me'));
		const inToken = await start(t, { provider: { conformIdTokenClaims: false } });
		assert.equal((await walk(inToken, 'ada')).answer.status, 303);
	});

	test('a fixed tenant, a client that is public, a secret in the form', async (t) => {
		const open = await start(t, {
			settings: { client_secret_file: '', claims: { tenant: 'other', role: 'viewer' } },
			provider: { client: { token_endpoint_auth_method: 'none', client_secret: undefined } },
		});
		assert.equal((await walk(open, 'dan')).answer.status, 303);
		const [user] = await users(open.gateway);
		assert.deepEqual([user.tenant, user.role, user.email], ['other', 'viewer', 'dan@acme.example']);
		const post = await start(t, { provider: { client: { token_endpoint_auth_method: 'client_secret_post' }, clientAuthMethods: ['client_secret_post'] } });
		assert.equal((await walk(post, 'ada')).answer.status, 303);
	});

	test('a refusal over there is told in its own words, and never followed', async (t) => {
		const rig = await start(t);
		const { answer } = await walk(rig, 'nobody');
		assert.equal(answer.status, 403);
		assert.match(answer.text, /The Company refused: access_denied\. the &lt;b&gt;person&lt;\/b&gt; said no/);
	});

	test('answers that belong to nobody here are refused', async (t) => {
		const rig = await start(t);
		const answered = async (change, options) => {
			const { visitor, location } = await walk(rig, 'ada', { stop: true });
			const url = new URL(location);
			change?.(url, visitor);
			return (options?.other ?? visitor).get(url.pathname + url.search);
		};
		const refused = [
			['another state', (url) => url.searchParams.set('state', 'x')],
			['no state', (url) => url.searchParams.delete('state')],
			['state twice', (url) => url.searchParams.append('state', url.searchParams.get('state'))],
			['another issuer', (url) => url.searchParams.set('iss', 'https://evil.example')],
			['no issuer, though one was promised', (url) => url.searchParams.delete('iss')],
			['no code', (url) => url.searchParams.delete('code')],
			['a made-up code', (url) => url.searchParams.set('code', 'made-up')],
			['no cookie', (url, visitor) => visitor.cookies.clear()],
			['another cookie', (url, visitor) => visitor.cookies.set('gatehouse-flow', 'A'.repeat(300))],
		];
		for (const [what, change] of refused) {
			const answer = await answered(change);
			assert.ok([400, 502].includes(answer.status), `${what}: ${answer.status}`);
			assert.equal(answer.headers.getSetCookie().some((line) => /^gatehouse=/.test(line)), false, what);
		}
		assert.equal((await answered(undefined, { other: new Visitor(rig.origin) })).status, 400); // a link sent to somebody else
		const { visitor, location } = await walk(rig, 'ada', { stop: true });
		assert.equal((await visitor.get(location)).status, 303);
		assert.equal((await visitor.get(location)).status, 400); // used
		assert.deepEqual((await users(rig.gateway)).map(({ subject }) => subject), ['ada']);
	});

	test('id tokens that are not for us, not theirs, too old or of another sign-in open nothing', async (t) => {
		const rig = await start(t);
		const { SignJWT, exportJWK, generateKeyPair } = await import('jose');
		const { privateKey, publicKey } = await generateKeyPair('ES256');
		const stranger = await generateKeyPair('ES256');
		const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
		const forge = { claims: {}, key: privateKey, header: { alg: 'ES256', kid: 'one' } };
		let nonce;
		rig.company.answer = (req, res) => {
			const json = (body) => res.setHeader('content-type', 'application/json').end(JSON.stringify(body));
			if (req.url.startsWith('/jwks')) json({ keys: [jwk] });
			else if (req.url.startsWith('/token')) {
				const now = Math.floor(Date.now() / 1000);
				const claims = { iss: rig.company.issuer, aud: 'gatehouse', sub: 'ada', iat: now, exp: now + 60, nonce, ...PEOPLE.ada, ...forge.claims };
				(forge.none
					? Promise.resolve(`${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`)
					: new SignJWT(claims).setProtectedHeader(forge.header).sign(forge.key)).then((id_token) => json({ access_token: 'x', token_type: 'Bearer', id_token }));
			} else return false;
			return true;
		};
		const attempt = async (change) => {
			const visitor = new Visitor(rig.origin);
			const begun = new URL((await visitor.get('/login/company/start')).location);
			nonce = begun.searchParams.get('nonce');
			Object.assign(forge, { claims: {}, key: privateKey, header: { alg: 'ES256', kid: 'one' }, none: false });
			change();
			const back = new URLSearchParams({ code: 'x', state: begun.searchParams.get('state'), iss: rig.company.issuer });
			return (await visitor.get(`/login/company/callback?${back}`)).status;
		};
		assert.equal(await attempt(() => {}), 303);
		for (const [what, change] of [
			['another nonce', () => { forge.claims.nonce = 'x'; }],
			['no nonce', () => { forge.claims.nonce = undefined; }],
			['another audience', () => { forge.claims.aud = 'somebody'; }],
			['two audiences without azp', () => { forge.claims.aud = ['gatehouse', 'somebody']; }],
			['azp of another', () => { forge.claims.azp = 'somebody'; }],
			['another issuer', () => { forge.claims.iss = 'https://evil.example'; }],
			['expired', () => { forge.claims.exp = Math.floor(Date.now() / 1000) - 120; }],
			['no subject', () => { forge.claims.sub = undefined; }],
			['an empty subject', () => { forge.claims.sub = ''; }],
			['another\'s key', () => { forge.key = stranger.privateKey; }],
			['a key id nobody knows', () => { forge.header.kid = 'two'; }],
			['no signature', () => { forge.none = true; }],
			['the client\'s secret as key', () => { forge.header = { alg: 'HS256' }; forge.key = new TextEncoder().encode('a secret of the client, long enough'); }],
		]) assert.equal(await attempt(change), 502, what);
		assert.equal(await attempt(() => { forge.claims.aud = ['gatehouse', 'somebody']; forge.claims.azp = 'gatehouse'; }), 303);
	});

	test('what the provider says of itself is remembered', async (t) => {
		const rig = await start(t);
		assert.equal((await walk(rig, 'ada')).answer.status, 303);
		assert.equal(rig.company.requests.filter((line) => line.endsWith('/jwks')).length, 1);
		assert.equal((await walk(rig, 'bob')).answer.status, 303);
		assert.equal(rig.company.requests.filter((line) => line.endsWith('/jwks')).length, 1); // remembered
		assert.equal(rig.company.requests.filter((line) => line.endsWith('/openid-configuration')).length, 1);
	});

	test('a secret that others may read is not used; a provider that is away is said to be', async (t) => {
		const rig = await start(t);
		fs.chmodSync(rig.secret, 0o644);
		assert.equal((await walk(rig, 'ada')).answer.status, 502);
		assert.ok(rig.gateway.logged((line) => line.event === 'provider.secret_unreadable').length > 0);
		const away = await start(t, { settings: { issuer: 'http://127.0.0.1:1' } });
		const answer = await new Visitor(away.origin).get('/login/company/start');
		assert.equal(answer.status, 502);
		assert.match(answer.text, /does not answer/);
	});

	test('failures of an address are counted, successes are not', async (t) => {
		const rig = await start(t, { limits: { per_auth: '3/15min' } });
		for (let i = 0; i < 5; i++) assert.equal((await walk(rig, 'ada')).answer.status, 303);
		const bad = () => new Visitor(rig.origin).get('/login/company/callback?state=x&code=x');
		const answers = [];
		for (let i = 0; i < 5; i++) answers.push((await bad()).status);
		assert.deepEqual(answers, [400, 400, 400, 400, 429]);
	});

	test('in Chromium: a button, the provider\'s page, and back', { skip: noChromium }, async (t) => {
		const rig = await start(t, { local: true });
		const { page } = await startChromium(t);
		await page.goto(`${rig.origin}/login`);
		await page.getByRole('link', { name: 'Continue with The Company' }).click();
		await page.getByRole('heading', { name: 'Who are you?' }).waitFor();
		await page.getByRole('link', { name: 'bob' }).click();
		await page.getByRole('heading', { name: 'Your account' }).waitFor();
		assert.match(await page.locator('dl').textContent(), /bob@acme\.example/);
		assert.equal(await page.getByRole('link', { name: 'Change the password' }).count(), 0);
		await page.getByRole('button', { name: 'Sign out' }).click();
		await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
	});
});
