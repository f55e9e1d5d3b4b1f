// A flow whose every step another replica takes: on one PostgreSQL and one Redis; what can be done once is done once, whichever two try.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call } from './lib/api.mjs';
import { Browser } from './lib/browser.mjs';
import { startFleet } from './lib/cluster.mjs';
import { connectable, consent, makeLink, openLink } from './lib/connect.mjs';
import { makeUser } from './lib/people.mjs';
import { startProvider } from './lib/provider.mjs';

test('the link is made at one replica, opened at the other, and the answer comes to the first', async (t) => {
	const provider = await startProvider(t);
	const fleet = await startFleet(t, { replicas: 2, upstreams: { svc: connectable(provider) } });
	const [first, second] = fleet.replicas;
	const ada = await makeUser(first.gateway, { email: 'ada@acme.example' });
	const browser = new Browser();
	const at = (url, { port }) => {
		const moved = new URL(url);
		moved.port = port;
		return moved;
	};

	const link = await makeLink(first.gateway, { user: ada.id });
	const page = await openLink(browser, at(link.url, second), ada);
	const { left } = await browser.submit(page);
	const back = await consent(left);
	assert.equal(new URL(back).port, String(second.port));
	const answers = await Promise.all([first, second, first, second].map((replica) => browser.visit(at(back, replica))));
	assert.deepEqual(answers.map(({ answer }) => answer.status).sort(), [200, 400, 400, 400]);
	assert.equal(provider.count('code'), 1);
	const key = first.gateway.owners.acme;
	for (const { port } of fleet.replicas) {
		const { json: { items } } = await call({ port }, 'GET', '/tenants/acme/credentials', { key });
		assert.deepEqual(items.map(({ account, state }) => [account, state]), [['Ada Lovelace', 'active']]);
		assert.equal((await call({ port }, 'GET', `/tenants/acme/connections/${link.id}`, { key })).json.state, 'connected');
	}

	// without the shared state nothing begins, and that is said
	for (const { links } of fleet.replicas) links.redis.partition();
	const refused = await call({ port: second.port }, 'POST', '/tenants/acme/connections', { key, body: { upstream: 'svc', user: ada.id } });
	assert.equal(refused.status, 503, refused.text);
	const sorry = await browser.visit(at(link.url, first));
	assert.equal(sorry.answer.status, 503, sorry.html);
	assert.match(sorry.html, /Too much is going on/);
	for (const replica of fleet.replicas) replica.heal();
});
