// `gatehouse connect` and `disconnect` beside a running gateway: the link, the wait and its ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Browser } from './lib/browser.mjs';
import { connectable, connectAccount, consent, openLink } from './lib/connect.mjs';
import { startGateway } from './lib/gateway.mjs';
import { binary } from './lib/paths.mjs';
import { makeUser } from './lib/people.mjs';
import { launch } from './lib/process.mjs';
import { startProvider } from './lib/provider.mjs';
import { until } from './lib/wait.mjs';

async function start(t, config = {}) {
	const provider = await startProvider(t);
	const gateway = await startGateway(t, { tenants: ['acme'], upstreams: { svc: connectable(provider) }, config });
	const ada = await makeUser(gateway, { email: 'ada@acme.example' });
	return { provider, gateway, ada };
}

/** `gatehouse connect`, up to the link. */
async function begin(t, gateway, ...words) {
	const child = launch(binary, ['connect', '--tenant', 'acme', '--upstream', 'svc', ...words, '--config', gateway.configFile], { cwd: gateway.root });
	t.after(() => child.kill());
	await until('the link', () => child.output.stdout.includes('\n') || child.exitCode !== null);
	return { child, url: child.output.stdout.trim(), ended: async () => (child.exitCode !== null ? child.exitCode : (await once(child, 'exit'))[0]) };
}

test('connect prints a link, waits and says how it ended', async (t) => {
	const { provider, gateway, ada } = await start(t);

	const { child, url, ended } = await begin(t, gateway, '--user', ada.email);
	assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/auth\/svc\/start\?ticket=[\w-]{43}$/, child.output.stderr);
	const { page } = await connectAccount(gateway, { person: ada, link: { url } });
	assert.match(page.html, /Connected/);
	assert.equal(await ended(), 0, child.output.stderr);
	assert.match(child.output.stderr, /connected/);
	const [row] = await gateway.cliJson('credential', 'list', '--tenant', 'acme', '--user', ada.email);
	assert.deepEqual([row.kind, row.account, row.state], ['oauth', 'Ada Lovelace', 'active']);

	// a refused consent ends the wait
	provider.next = null;
	const denied = await begin(t, gateway, '--user', ada.email);
	await connectAccount(gateway, { person: ada, link: { url: denied.url } });
	assert.equal(await denied.ended(), 1);
	assert.match(denied.child.output.stderr, /not connected: OAUTH_DENIED/);

	// nobody waits
	const link = await gateway.cliJson('connect', '--tenant', 'acme', '--upstream', 'svc', '--user', ada.email, '--no-wait');
	assert.equal(link.state, 'waiting');

	const gone = await gateway.cli('disconnect', '--tenant', 'acme', '--upstream', 'svc', '--user', ada.email);
	assert.equal(gone.code, 0, gone.stderr);
	assert.ok(provider.count('revoke') >= 1);
	assert.deepEqual(await gateway.cliJson('credential', 'list', '--tenant', 'acme'), []);
	const again = await gateway.cli('disconnect', '--tenant', 'acme', '--upstream', 'svc', '--user', ada.email);
	assert.equal(again.code, 1);
	assert.match(again.stderr, /nothing is connected/);
});

test('a link that nobody opens in time is over, for the browser and for who waits', async (t) => {
	const { gateway, ada } = await start(t, { connect: { life: '1s' } });
	const { child, url, ended } = await begin(t, gateway, '--user', ada.email);

	assert.equal(await ended(), 1);
	assert.match(child.output.stderr, /the link is over/);
	const page = await openLink(new Browser(), url, ada);
	assert.equal(page.answer.status, 410, page.html);
});

test('what is asked for wrongly is said', async (t) => {
	const { gateway } = await start(t);
	const connect = (...words) => gateway.cli('connect', ...words);

	assert.equal((await connect('--tenant', 'acme')).code, 2);
	for (const [words, said] of [
		[['--tenant', 'none', '--upstream', 'svc'], /not found/],
		[['--tenant', 'acme', '--upstream', 'none'], /no such server/],
		[['--tenant', 'acme', '--upstream', 'svc', '--user', 'nobody@acme.example'], /no such user/],
	]) {
		const ended = await connect(...words);
		assert.equal(ended.code, 1, words.join(' '));
		assert.match(ended.stderr, said);
	}
	await gateway.stop();
	const alone = await connect('--tenant', 'acme', '--upstream', 'svc');
	assert.equal(alone.code, 1);
	assert.match(alone.stderr, /no gateway runs/);
});

test('where nobody signs in, the link alone does', async (t) => {
	const provider = await startProvider(t);
	const gateway = await startGateway(t, { tenants: ['acme'], upstreams: { svc: connectable(provider, { each: 'tenant' }) }, config: { auth: 'none' } });
	const { url, ended } = await begin(t, gateway);
	const browser = new Browser();
	const page = await browser.visit(url);

	assert.equal(page.answer.status, 200, page.html);
	assert.match(page.html, /everybody/);
	const { left } = await browser.submit(page);
	assert.match((await browser.visit(await consent(left))).html, /Connected/);
	assert.equal(await ended(), 0);
	assert.equal((await gateway.cliJson('credential', 'list', '--tenant', 'acme'))[0].account, 'Ada Lovelace');
});
