// Connecting accounts: an upstream of a simulated provider (lib/provider.mjs), links, and the browser's way through them.
//
//   const gateway = await startGateway(t, { tenants: ['acme'], upstreams: { svc: connectable(provider) } });
//   const ada = await makeUser(gateway, { email: 'ada@acme.example' });
//   await connectAccount(gateway, { upstream: 'svc', person: ada });
import assert from 'node:assert/strict';
import { call } from './api.mjs';
import { Browser, formsOf } from './browser.mjs';

/** An upstream whose accounts are at the provider. `auth` overrides. */
export function connectable(provider, { url = `${provider.url}/mcp`, ...auth } = {}) {
	const { authorize, token, revoke, identity } = provider.endpoints;
	return {
		http: { url },
		auth: {
			type: 'oauth', each: 'user', issuer: provider.issuer, authorize_url: authorize, token_url: token, revoke_url: revoke,
			client_id: provider.client.id, client_secret: provider.client.secret, scope: 'read',
			identity: { url: identity, id: '/data/user/id', name: '/data/user/name' }, ...auth,
		},
	};
}

export const originOf = (gateway) => `http://127.0.0.1:${gateway.port}`;

/** A link, made by the tenant's owner key; `user` empty: the tenant's account. */
export async function makeLink(gateway, { tenant = 'acme', upstream = 'svc', user = '', key, more = {} } = {}) {
	gateway.owners ??= {};
	gateway.owners[tenant] ??= (await gateway.makeKey(tenant, '--role', 'owner')).key;
	const made = await call(gateway, 'POST', `/tenants/${tenant}/connections`, { key: key ?? gateway.owners[tenant], body: { upstream, user, ...more } });
	assert.equal(made.status, 201, made.text);
	return made.json;
}

/** Open a link and sign in where that is asked; the page that stands there at last. */
export async function openLink(browser, url, person) {
	let page = await browser.visit(url);
	if (formsOf(page.html)[0]?.fields.password !== undefined) page = await browser.submit(page, { email: person.email, password: person.password });
	return page;
}

/** From the link to the service: where the browser is sent. */
export async function leave(browser, url, person) {
	const page = await openLink(browser, url, person);
	assert.equal(page.answer.status, 200, page.html);
	const left = await browser.submit(page);
	assert.ok(left.left, left.html);
	return left.left;
}

/** What the service answers to an authorization URL: the address of our callback. */
export async function consent(url) {
	const answer = await fetch(url, { redirect: 'manual' });
	assert.equal(answer.status, 302, await answer.text());
	return answer.headers.get('location');
}

/** All of it; `pick`: the id that is chosen where there is a choice. */
export async function connectAccount(gateway, { tenant = 'acme', upstream = 'svc', person, each = 'user', link, pick, browser = new Browser() } = {}) {
	const made = link ?? await makeLink(gateway, { tenant, upstream, user: each === 'user' ? person.id : '' });
	let page = await browser.visit(await consent(await leave(browser, made.url, person)));
	if (pick !== undefined) page = await browser.submit(page, { id: pick });
	return { browser, page, link: made };
}
