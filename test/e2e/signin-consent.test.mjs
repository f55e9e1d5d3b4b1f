// What an MCP client's user sees in a real browser: sign in, agree, and back to the client; also where the agreement is
// remembered, so that the sign-in's own form leads straight to the client's origin past the page's policy.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { startGateway } from './lib/gateway.mjs';
import { OAuth } from './lib/oauth.mjs';
import { PASSWORD, makeUser, noChromium, startChromium } from './lib/people.mjs';
import { startCompany } from './lib/company.mjs';
import { makeAuthority, makeCertificate } from './lib/tls.mjs';

/** Where a client waits for its user: {uri, answers}. */
async function startCallback(t, tls) {
	const answers = [];
	const server = (tls === undefined ? http : https).createServer(tls ?? {}, (req, res) => {
		const url = new URL(req.url, 'http://callback');
		if (url.pathname === '/cb') answers.push(url.searchParams);
		res.setHeader('content-type', 'text/html');
		res.end('<!doctype html><h1>Back at the client</h1>');
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.close();
		server.closeAllConnections();
	});
	return { port: server.address().port, answers };
}

async function fillIn(page, { email }) {
	await page.getByLabel('Email address').fill(email);
	await page.getByLabel('Password').fill(PASSWORD);
	await page.getByRole('button', { name: 'Sign in' }).click();
}

const back = (page) => page.getByRole('heading', { name: 'Back at the client' }).waitFor();

describe('a client\'s user in Chromium', { skip: noChromium }, () => {
	test('signs in, agrees, and the code is worth a token', async (t) => {
		const gateway = await startGateway(t);
		const ada = await makeUser(gateway);
		const { port, answers } = await startCallback(t);
		const oauth = new OAuth(gateway, { redirect: `http://127.0.0.1:${port}/cb` });
		await oauth.register();
		const { page } = await startChromium(t);

		await page.goto(oauth.url({ state: 'one' }));
		await fillIn(page, ada);
		await page.getByText('Tester').waitFor();
		assert.match(await page.locator('main').textContent(), /ada@acme\.example/);
		await page.getByRole('button', { name: 'Allow', exact: true }).click();
		await back(page);
		assert.equal(answers[0].get('state'), 'one');
		assert.equal((await oauth.exchange(answers[0].get('code'))).status, 200);

		await page.goto(oauth.url({ state: 'two' })); // signed in already: only asked
		await page.getByRole('button', { name: 'Do not allow' }).click();
		await back(page);
		assert.deepEqual([answers[1].get('error'), answers[1].get('state')], ['access_denied', 'two']);
	});

	test('who agreed before comes from the sign-in form straight to the client', async (t) => {
		const gateway = await startGateway(t);
		const ada = await makeUser(gateway);
		const authority = await makeAuthority(gateway.root, 'authority');
		const certificate = await makeCertificate(gateway.root, 'app', authority);
		const { port, answers } = await startCallback(t, { cert: fs.readFileSync(certificate.cert), key: fs.readFileSync(certificate.key) });
		const oauth = new OAuth(gateway, { redirect: 'https://app.example/cb' });
		await oauth.register();
		const { browser, page } = await startChromium(t, {
			launch: { args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', `--host-resolver-rules=MAP app.example:443 127.0.0.1:${port}`] },
			context: { ignoreHTTPSErrors: true },
		});
		await page.goto(oauth.url());
		await fillIn(page, ada);
		await page.getByRole('button', { name: 'Allow', exact: true }).click();
		await back(page);

		const fresh = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
		await fresh.goto(oauth.url());
		await fillIn(fresh, ada);
		await back(fresh);
		assert.equal(answers.length, 2);
		assert.equal((await oauth.exchange(answers[1].get('code'))).status, 200);
	});

	test('signs in at the company\'s provider on the way', async (t) => {
		const company = await startCompany(t, {
			people: { bob: { email: 'bob@acme.example', email_verified: true, name: 'Bob' } },
			client: { token_endpoint_auth_method: 'none', client_secret: undefined },
		});
		const provider = { issuer: company.issuer, client_id: 'gatehouse', allow_private: true, claims: { tenant: 'acme', role: 'member' } };
		const gateway = await startGateway(t, { config: { sign_in: { local_accounts: false, providers: { company: provider } } } });
		await company.sendBackTo(`http://127.0.0.1:${gateway.port}/login/company/callback`);
		const { port, answers } = await startCallback(t);
		const oauth = new OAuth(gateway, { redirect: `http://127.0.0.1:${port}/cb` });
		await oauth.register();
		const { page } = await startChromium(t);
		await page.goto(oauth.url());
		await page.getByRole('link', { name: 'bob' }).click();
		await page.getByText('bob@acme.example').waitFor();
		await page.getByRole('button', { name: 'Allow', exact: true }).click();
		await back(page);
		const { status, body } = await oauth.exchange(answers[0].get('code'));
		assert.equal(status, 200);
		assert.ok(body.access_token);
	});
});
