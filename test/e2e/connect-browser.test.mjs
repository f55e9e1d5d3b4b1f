// Connecting an account in Chromium: the page's policy lets its form lead to a service that nobody knew when it was shown, through a
// consent page of another origin, and back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectable, makeLink } from './lib/connect.mjs';
import { startGateway } from './lib/gateway.mjs';
import { PASSWORD, makeUser, noChromium, startChromium } from './lib/people.mjs';
import { startProvider } from './lib/provider.mjs';

test('a person signs in, agrees at the service and chooses', { skip: noChromium }, async (t) => {
	const provider = await startProvider(t, { consent: true });
	const pick = { url: provider.endpoints.list, items: '/data', id: '/id', name: '/name' };
	const gateway = await startGateway(t, { tenants: ['acme'], upstreams: { svc: connectable(provider, { pick }) } });
	const ada = await makeUser(gateway);
	const { page } = await startChromium(t);

	await page.goto((await makeLink(gateway, { user: ada.id })).url);
	await page.getByLabel('Email address').fill(ada.email);
	await page.getByLabel('Password').fill(PASSWORD);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByRole('heading', { name: 'Connect an account' }).waitFor();
	await page.getByRole('button', { name: 'Go on' }).click();
	await page.getByRole('button', { name: 'ada', exact: true }).click();
	await page.getByLabel('Second page').check();
	await page.getByRole('button', { name: 'Use this one' }).click();
	await page.getByRole('heading', { name: 'Connected' }).waitFor();
	assert.match(await page.locator('main').textContent(), /Ada Lovelace, Second page/);
	assert.deepEqual((await page.context().cookies()).map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]).filter(([name]) => name.includes('connect')),
		[['gatehouse-connect', true, 'Lax']]);
});
