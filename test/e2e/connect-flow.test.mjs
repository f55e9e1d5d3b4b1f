// Accounts that people connect, through the real binary: the way there and back, everything that must not lead to an account,
// what the service does wrong, the choice of one of several, and the end of an account. Requests by script; the pages in Chromium are in
// connect-browser.test.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call } from './lib/api.mjs';
import { Browser, formsOf } from './lib/browser.mjs';
import { connectable, connectAccount, consent, leave, makeLink, openLink, originOf } from './lib/connect.mjs';
import { startGateway } from './lib/gateway.mjs';
import { makeUser } from './lib/people.mjs';
import { startProvider } from './lib/provider.mjs';
import { stored } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

/** A gateway with one server at one provider, an owner key and a person. */
async function start(t, { provider: options = {}, auth = {}, ...more } = {}) {
	const provider = await startProvider(t, options);
	const gateway = await startGateway(t, { tenants: ['acme', 'rival'], upstreams: { svc: connectable(provider, auth) }, ...more });
	const ada = await makeUser(gateway, { email: 'ada@acme.example' });
	gateway.owners = { acme: (await gateway.makeKey('acme', '--role', 'owner')).key };
	return { provider, gateway, ada };
}

const api = (gateway, method, path, options = {}) => call(gateway, method, path, { key: gateway.owners.acme, ...options });

async function accounts(gateway, query = '') {
	const listed = await api(gateway, 'GET', `/tenants/acme/credentials${query}`);
	assert.equal(listed.status, 200, listed.text);
	return listed.json.items;
}

/** The trail is written a moment after what it tells of: wait for so many rows. */
function trail(gateway, event, least = 1) {
	return until(`${least} of ${event}`, async () => {
		const listed = await api(gateway, 'GET', `/tenants/acme/audit?event=${event}`);
		return listed.status === 200 && listed.json.items.length >= least && listed.json.items;
	});
}

/** A page that says no, and nothing that was connected by it. */
async function refused(gateway, page, status, words) {
	assert.equal(page.answer.status, status, page.html);
	assert.match(page.html, words);
	assert.deepEqual(await accounts(gateway), []);
}

function assertGuarded(answer) {
	assert.match(answer.headers.get('content-security-policy'), /frame-ancestors 'none'/);
	assert.equal(answer.headers.get('x-frame-options'), 'DENY');
	assert.equal(answer.headers.get('cache-control'), 'no-store');
	assert.match(answer.headers.get('referrer-policy'), /^(same-origin|no-referrer)$/);
}

test('a person connects an account: whose it is, what was asked, what is kept', async (t) => {
	const { provider, gateway, ada } = await start(t);
	const browser = new Browser();
	const link = await makeLink(gateway, { user: ada.email });
	assert.equal(link.user, ada.id);
	assert.equal(link.state, 'waiting');
	assert.match(link.url, new RegExp(`^${originOf(gateway)}/auth/svc/start\\?ticket=[\\w-]{43}$`));
	assert.ok(Date.parse(link.expires_at) - Date.now() <= 600000);

	// whoever is not signed in does so first, and comes back to the page that says what is about to happen
	const page = await openLink(browser, link.url, ada);
	assert.equal(page.answer.status, 200);
	assertGuarded(page.answer);
	assert.match(page.html, /svc/);
	assert.match(page.html, /ada@acme\.example/);
	assert.deepEqual(await accounts(gateway), []); // looking changes nothing
	const { left, answer } = await browser.submit(page);
	assert.equal(answer.status, 303);
	assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
	assert.equal(left.searchParams.get('code_challenge_method'), 'S256');
	assert.equal(left.searchParams.get('redirect_uri'), `${originOf(gateway)}/auth/svc/callback`);
	assert.equal(left.searchParams.get('scope'), 'read');
	assert.match(left.searchParams.get('state'), /^[\w-]{43}$/);

	const back = await consent(left);
	const done = await browser.visit(back);
	assert.equal(done.answer.status, 200, done.html);
	assertGuarded(done.answer);
	assert.match(done.html, /Connected/);
	assert.match(done.html, /Ada Lovelace/);
	const [row, ...others] = await accounts(gateway);
	assert.deepEqual(others, []);
	assert.equal(row.kind, 'oauth');
	assert.equal(row.account, 'Ada Lovelace');
	assert.equal(row.user, ada.id);
	assert.equal(row.state, 'active');
	assert.ok(Date.parse(row.expires_at) > Date.now());
	assert.deepEqual([provider.count('code'), provider.count('identity')], [1, 1]);
	const told = await api(gateway, 'GET', `/tenants/acme/connections/${link.id}`);
	assert.equal(told.json.state, 'connected');
	assert.ok(!told.json.url); // shown once
	const [noted] = await trail(gateway, 'credential.connected');
	assert.deepEqual([noted.principal, noted.target, noted.upstream, noted.outcome], [ada.id, ada.id, 'svc', 'ok']);

	// nothing of it can be read where it lies, nor was it logged
	const [token] = provider.tokens.access.keys();
	for (const secret of [token, provider.client.secret, left.searchParams.get('state'), new URL(link.url).searchParams.get('ticket')]) {
		assert.equal((await stored(gateway)).includes(secret), false);
		assert.equal(gateway.allStderr.includes(secret), false);
	}

	// the state was good once, and so was the link
	const again = await browser.visit(back);
	assert.equal(again.answer.status, 400);
	assert.match(again.html, /This sign-in is over/);
	const reopened = await browser.visit(link.url);
	assert.equal(reopened.answer.status, 410);
	assert.match(reopened.html, /This link is over/);
	assert.equal(provider.count('code'), 1);
	assert.equal((await accounts(gateway)).length, 1);

	// connecting again says what is replaced, and replaces it
	const once = await openLink(browser, (await makeLink(gateway, { user: 'ada@acme.example' })).url, ada);
	assert.match(once.html, /Ada Lovelace/);
	const second = await browser.visit(await consent((await browser.submit(once)).left));
	assert.equal(second.answer.status, 200, second.html);
	const [replaced, ...more] = await accounts(gateway);
	assert.deepEqual(more, []);
	assert.equal(replaced.id, row.id);
});

test('an answer that comes to another browser, or with another person signed in, connects nothing', async (t) => {
	const { provider, gateway, ada } = await start(t);
	const eve = await makeUser(gateway, { email: 'eve@acme.example' });
	const mallory = await makeUser(gateway, { tenant: 'rival', email: 'mallory@rival.example', role: 'owner' });

	// a link for ada, opened by somebody else of the tenant, and by somebody of another one
	const link = await makeLink(gateway, { user: ada.id });
	for (const person of [eve, mallory]) {
		const page = await openLink(new Browser(), link.url, person);
		await refused(gateway, page, 403, /This link is for somebody else/);
	}

	// another browser of the same person; the answer is used up by it
	const browser = new Browser();
	const back = await consent(await leave(browser, link.url, ada));
	const other = new Browser();
	await openLink(other, (await makeLink(gateway, { user: ada.id })).url, ada);
	await refused(gateway, await other.visit(back), 400, /This sign-in is over/);
	await refused(gateway, await browser.visit(back), 400, /This sign-in is over/);
	assert.equal(provider.count('code'), 0);

	// the same browser, where somebody else has signed in meanwhile; and where nobody is signed in any more
	for (const who of [eve, null]) {
		const here = new Browser();
		const answer = await consent(await leave(here, (await makeLink(gateway, { user: ada.id })).url, ada));
		for (const name of ['gatehouse', '__Host-gatehouse']) here.jar.delete(name);
		if (who !== null) await here.submit(await here.visit(`${originOf(gateway)}/login`), { email: who.email, password: who.password });
		await refused(gateway, await here.visit(answer), 403, /Somebody else is signed in/);
	}
	assert.equal(provider.count('code'), 0);

	// a state of nobody, none at all, and one of another server's path
	await refused(gateway, await browser.visit(`${originOf(gateway)}/auth/svc/callback?code=x&state=${'A'.repeat(43)}`), 400, /is over/);
	await refused(gateway, await browser.visit(`${originOf(gateway)}/auth/svc/callback?code=x`), 400, /is over/);
	const elsewhere = (await consent(await leave(browser, (await makeLink(gateway, { user: ada.id })).url, ada))).replace('/auth/svc/', '/auth/other/');
	await refused(gateway, await browser.visit(elsewhere), 400, /is over/);
	const failed = await trail(gateway, 'credential.connect_failed', 4);
	assert.ok(failed.length >= 4, JSON.stringify(failed));
});

test('forms are of our own pages, and of the session that they were made for', async (t) => {
	const { gateway, ada } = await start(t);
	const browser = new Browser();
	const page = await openLink(browser, (await makeLink(gateway, { user: ada.id })).url, ada);
	const [form] = formsOf(page.html);

	const foreign = await browser.submit(page, {}, { headers: { origin: 'https://evil.example' } });
	await refused(gateway, foreign, 403, /out of date/);
	const forged = await browser.submit(page, { csrf: 'A'.repeat(43) });
	await refused(gateway, forged, 403, /out of date/);
	const without = await browser.submit(page, {}, { form: { ...form, fields: { ticket: form.fields.ticket } } });
	await refused(gateway, without, 403, /out of date/);
	assert.ok((await browser.submit(page)).left); // and none of it used the link up
	// two clicks: one goes on
	const again = await browser.submit(page);
	assert.equal(again.answer.status, 410, again.html);
});

test('an account of the whole tenant is connected by who may manage its servers', async (t) => {
	const { gateway, ada } = await start(t, { auth: { each: 'tenant' } });
	const boss = await makeUser(gateway, { email: 'boss@acme.example', role: 'admin' });
	const link = await makeLink(gateway);

	await refused(gateway, await openLink(new Browser(), link.url, ada), 403, /may manage/);
	const { page } = await connectAccount(gateway, { person: boss, each: 'tenant', link });
	assert.equal(page.answer.status, 200, page.html);
	assert.match(page.html, /everybody/);
	const [row] = await accounts(gateway, '?user=');
	assert.equal(row.user, '');
	assert.equal(row.account, 'Ada Lovelace');
});

test('links: who may have which, for what, and how many', async (t) => {
	const { gateway, ada } = await start(t);
	const eve = await makeUser(gateway, { email: 'eve@acme.example' });
	const own = (await gateway.cliJson('key', 'create', '--tenant', 'acme', '--user', ada.id)).key;
	const make = (body, key = own) => call(gateway, 'POST', '/tenants/self/connections', { key, body });

	assert.equal((await make({ upstream: 'svc', user: 'self' })).status, 201);
	for (const user of [eve.id, eve.email, '']) {
		const answer = await make({ upstream: 'svc', user });
		assert.equal(answer.status, 403, answer.text);
		assert.match(answer.text, /upstreams:manage/);
	}
	assert.equal((await make({ upstream: 'svc', user: 'nobody@acme.example' })).status, 422);
	assert.equal((await make({ upstream: 'none', user: 'self' })).status, 422);
	// somebody else's link is as good as none
	const link = (await make({ upstream: 'svc', user: 'self' })).json;
	assert.equal((await call(gateway, 'GET', `/tenants/self/connections/${link.id}`, { key: own })).json.state, 'waiting');
	assert.equal((await api(gateway, 'GET', `/tenants/acme/connections/${link.id}`)).status, 404);
	const rival = (await gateway.makeKey('rival', '--role', 'owner')).key;
	assert.equal((await call(gateway, 'GET', `/tenants/self/connections/${link.id}`, { key: rival })).status, 404);
	assert.equal((await call(gateway, 'POST', '/tenants/acme/connections', { key: rival, body: { upstream: 'svc', user: ada.id } })).status, 404);
	// a program in a loop is stopped
	const answers = [];
	for (let i = 0; i < 25; i++) answers.push((await make({ upstream: 'svc', user: 'self' })).status);
	assert.ok(answers.includes(201));
	assert.equal(answers.at(-1), 429);
});

test('what the service answers wrong ends in words, and keeps what was connected before', async (t) => {
	const { provider, gateway, ada } = await start(t);
	const browser = new Browser();
	const attempt = async () => {
		const link = await makeLink(gateway, { user: ada.id });
		const page = await browser.visit(await consent(await leave(browser, link.url, ada)));
		const { json } = await api(gateway, 'GET', `/tenants/acme/connections/${link.id}`);
		return { page, link: json };
	};

	provider.next = null;
	const denied = await attempt();
	await refused(gateway, denied.page, 403, /did not agree/);
	assert.deepEqual([denied.link.state, denied.link.problem], ['failed', 'OAUTH_DENIED']);
	provider.next = 'ada';
	assert.equal(provider.count('code'), 0);

	await connectAccount(gateway, { person: ada, browser });
	const [before] = await accounts(gateway);
	const faults = [
		{ how: '500' }, { how: '503' }, { how: '429' }, { how: 'garbage' }, { how: 'html' }, { how: 'empty' }, { how: 'huge' }, { how: 'drop-before' },
		{ how: 'drop-after-commit' }, { how: 'expired' }, { how: 'revoked' }, { how: 'denied' },
	];
	for (const fault of faults) {
		provider.fault({ at: 'token', ...fault });
		const { page, link } = await attempt();
		assert.equal(page.answer.status, 502, `${fault.how}: ${page.html}`);
		assert.match(page.html, /gave no token/, fault.how);
		assert.equal(link.state, 'failed', fault.how);
		provider.clearFaults();
	}
	assert.deepEqual(await accounts(gateway), [before]);
	// and after all that it works
	assert.match((await attempt()).page.html, /Connected/);
});

test('another server\'s answer is not believed, and its words are not shown', async (t) => {
	const { provider, gateway, ada } = await start(t, { provider: { quirks: { iss: 'wrong' } } });
	const browser = new Browser();

	await refused(gateway, await browser.visit(await consent(await leave(browser, (await makeLink(gateway, { user: ada.id })).url, ada))), 400, /cannot be trusted/);
	provider.next = null;
	const page = await browser.visit(await consent(await leave(browser, (await makeLink(gateway, { user: ada.id })).url, ada)));
	await refused(gateway, page, 400, /cannot be trusted/);
	assert.doesNotMatch(page.html, /The person refused/);
	// the right issuer in words of its own: shown, and harmless
	provider.quirks.iss = true;
	provider.next = 'ada';
	const back = new URL(await consent(await leave(browser, (await makeLink(gateway, { user: ada.id })).url, ada)));
	back.searchParams.set('error', 'server_error');
	back.searchParams.set('error_description', '<script>alert(1)</script>');
	const words = await browser.visit(back);
	await refused(gateway, words, 502, /server_error/);
	assert.doesNotMatch(words.html, /<script>/);
	assert.equal(provider.count('code'), 0);
	// twice the same parameter
	const twice = `${await consent(await leave(browser, (await makeLink(gateway, { user: ada.id })).url, ada))}&code=another`;
	await refused(gateway, await browser.visit(twice), 400, /cannot be trusted/);
});

test('an account whose name cannot be learnt is connected all the same', async (t) => {
	const { provider, gateway, ada } = await start(t);

	for (const how of ['500', 'garbage', 'drop-before']) {
		provider.fault({ at: 'identity', how });
		const { page } = await connectAccount(gateway, { person: ada });
		assert.match(page.html, /is connected/, how);
		const [row] = await accounts(gateway);
		assert.deepEqual([row.account, row.state], ['', 'active'], how);
	}
	await connectAccount(gateway, { person: ada });
	assert.equal((await accounts(gateway))[0].account, 'Ada Lovelace');
});

test('of several the person chooses one', async (t) => {
	const provider = { people: { ada: { id: '70001', name: 'Ada', pages: [{ id: 'p1', name: 'First <page>' }, { id: 2, name: 'Second page' }] }, solo: { id: '5', name: 'Solo', pages: [{ id: 'only', name: 'Only page' }] }, none: { id: '6', name: 'None', pages: [] } } };
	const world = await startProvider(t, provider);
	const gateway = await startGateway(t, {
		tenants: ['acme'],
		upstreams: { svc: connectable(world, { pick: { url: world.endpoints.list, items: '/data', id: '/id', name: '/name' } }) },
	});
	const ada = await makeUser(gateway, { email: 'ada@acme.example' });
	gateway.owners = { acme: (await gateway.makeKey('acme', '--role', 'owner')).key };

	const first = await connectAccount(gateway, { person: ada });
	assert.equal(first.page.answer.status, 200, first.page.html);
	assert.match(first.page.html, /First &lt;page&gt;/);
	assertGuarded(first.page.answer);
	assert.deepEqual(await accounts(gateway), []); // not before it is chosen
	// what is not on the list, and another browser
	const off = await first.browser.submit(first.page, { id: 'p3' });
	assert.equal(off.answer.status, 200);
	const other = new Browser();
	await openLink(other, (await makeLink(gateway, { user: ada.id })).url, ada);
	await refused(gateway, await other.visit(first.page.at), 410, /This choice is over/);
	const done = await first.browser.submit(first.page, { id: '2' });
	assert.match(done.html, /Second page/);
	assert.equal((await accounts(gateway))[0].account, 'Ada, Second page');
	const twice = await first.browser.submit(first.page, { id: 'p1' });
	assert.equal(twice.answer.status, 410, twice.html);
	assert.equal((await accounts(gateway))[0].account, 'Ada, Second page');

	// where there is one, nobody is asked; where there is none, it is said
	world.next = 'solo';
	assert.match((await connectAccount(gateway, { person: ada })).page.html, /Solo, Only page/);
	world.next = 'none';
	const { page } = await connectAccount(gateway, { person: ada });
	assert.equal(page.answer.status, 409, page.html);
	assert.equal((await accounts(gateway))[0].account, 'Solo, Only page');
});

test('a link leads back to where it was asked for, if that is here', async (t) => {
	const { gateway, ada } = await start(t);
	const browser = new Browser();

	for (const [given, wanted] of [['/login?x=1', '/login?x=1'], ['https://evil.example/', '/login'], ['//evil.example', '/login']]) {
		const link = await makeLink(gateway, { user: ada.id, more: { return_to: given } });
		const answer = await browser.request(await consent(await leave(browser, link.url, ada)));
		assert.equal(answer.status, 303);
		assert.equal(answer.headers.get('location'), wanted);
	}
});

test('disconnecting ends the account at the service first', async (t) => {
	const { provider, gateway, ada } = await start(t);

	await connectAccount(gateway, { person: ada });
	const [row] = await accounts(gateway);
	const [token] = provider.tokens.access.keys();
	assert.ok(provider.good(token));
	assert.equal((await api(gateway, 'DELETE', `/tenants/acme/credentials/${row.id}`)).status, 204);
	assert.equal(provider.good(token), null);
	assert.ok(provider.count('revoke') >= 1);
	assert.deepEqual(await accounts(gateway), []);
	const [noted] = await trail(gateway, 'credential.revoked');
	assert.deepEqual([noted.target, noted.outcome], [row.id, 'ok']);

	// a service that cannot be reached keeps nothing here
	for (const how of ['500', 'drop-before']) {
		await connectAccount(gateway, { person: ada });
		provider.fault({ at: 'revoke', how, times: 9 });
		const [next] = await accounts(gateway);
		assert.equal((await api(gateway, 'DELETE', `/tenants/acme/credentials/${next.id}`)).status, 204, how);
		assert.deepEqual(await accounts(gateway), []);
		provider.clearFaults();
	}
	assert.notEqual((await trail(gateway, 'credential.revoked', 3))[0].outcome, 'ok');
});

test('a client\'s document says who we are, and no more', async (t) => {
	const { gateway } = await start(t);
	const document = async (path) => {
		const answer = await fetch(originOf(gateway) + path);
		return { status: answer.status, text: await answer.text() };
	};
	const known = await document('/auth/svc/client.json');
	const { client_id: id, redirect_uris: uris, token_endpoint_auth_method: method } = JSON.parse(known.text);
	assert.equal(id, `${originOf(gateway)}/auth/svc/client.json`);
	assert.deepEqual(uris, [`${originOf(gateway)}/auth/svc/callback`]);
	assert.equal(method, 'none');
	// whether there is such a server is nobody's business
	assert.equal((await document('/auth/none/client.json')).text, known.text.replaceAll('/svc/', '/none/'));
	for (const path of ['/auth/', '/auth/svc', '/auth/svc/', '/auth//client.json', '/auth/a b/start', '/auth/svc/start/more', `/auth/${'x'.repeat(64)}/client.json`]) {
		assert.equal((await document(path)).status, 404, path);
	}
});
