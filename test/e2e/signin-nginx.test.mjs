// nginx in front of the gateway, with TLS: people see https, and so must the gateway's cookies, forms and rows.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { prepareGateway } from './lib/gateway.mjs';
import { PASSWORD, makeUser, noChromium, startChromium } from './lib/people.mjs';
import { launch } from './lib/process.mjs';
import { makeAuthority, makeCertificate } from './lib/tls.mjs';
import { until } from './lib/wait.mjs';

const NGINX = ['/usr/sbin/nginx', '/usr/bin/nginx'].find((file) => fs.existsSync(file));
const skip = NGINX === undefined && 'nginx is not installed: ./dev deps test installs it';

async function freePort() {
	const server = net.createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address();
	server.close();
	await once(server, 'close');
	return port;
}

function nginxConfig({ root, port, certificate, gateway }) {
	return `
daemon off; pid ${root}/nginx.pid; error_log ${root}/nginx.log;
events {}
http {
	access_log off;
	client_body_temp_path ${root}/n1; proxy_temp_path ${root}/n2; fastcgi_temp_path ${root}/n3; uwsgi_temp_path ${root}/n4; scgi_temp_path ${root}/n5;
	server {
		listen 127.0.0.1:${port} ssl;
		ssl_certificate ${certificate.cert}; ssl_certificate_key ${certificate.key};
		location / {
			proxy_pass http://${gateway.address};
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			proxy_set_header X-Forwarded-Proto $scheme;
		}
	}
}`;
}

async function start(t) {
	const port = await freePort();
	const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-nginx-'));
	const gateway = await prepareGateway(t, { config: { public_url: `https://localhost:${port}`, trusted_proxies: ['127.0.0.1/32'] } });
	const authority = await makeAuthority(gateway.root, 'authority');
	const certificate = await makeCertificate(gateway.root, 'server', authority);
	await gateway.start();
	fs.writeFileSync(path.join(root, 'nginx.conf'), nginxConfig({ root, port, certificate, gateway }));
	const nginx = launch(NGINX, ['-p', root, '-c', path.join(root, 'nginx.conf')], { cwd: '/' });
	t.after(async () => {
		nginx.kill('SIGTERM');
		await nginx.ended;
		fs.rmSync(root, { recursive: true });
	});
	const ca = fs.readFileSync(authority.cert);
	const ask = (where, { form, headers = {}, from } = {}) => new Promise((resolve, reject) => {
		const body = form === undefined ? undefined : new URLSearchParams(form).toString();
		const request = https.request({ host: '127.0.0.1', port, servername: 'localhost', ca, path: where, localAddress: from, agent: false,
			method: body === undefined ? 'GET' : 'POST',
			headers: { host: `localhost:${port}`, ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', origin: `https://localhost:${port}` }), ...headers } },
		(response) => {
			let text = '';
			response.setEncoding('utf8').on('data', (piece) => { text += piece; }).on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
		});
		request.on('error', reject);
		request.end(body);
	});
	await until('nginx', async () => (await ask('/login')).status === 200);
	return { gateway, port, ask, origin: `https://localhost:${port}` };
}

describe('behind nginx with TLS', { skip }, () => {
	test('cookies are https cookies, and the rows name the client that nginx saw', async (t) => {
		const { gateway, ask } = await start(t);
		const ada = await makeUser(gateway);
		const entered = await ask('/login', { form: { email: ada.email, password: PASSWORD }, from: '127.0.0.2', headers: { 'x-forwarded-for': '203.0.113.9' } });
		assert.equal(entered.status, 303, entered.text);
		const cookie = entered.headers['set-cookie'].find((line) => line.startsWith('__Host-gatehouse='));
		assert.match(cookie, /; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
		assert.doesNotMatch(cookie, /Domain/i);
		const [row] = (await gateway.cliJson('audit', 'list')).filter(({ event }) => event === 'user.signed_in'); // opens the address's seal
		assert.equal(row.ip, '127.0.0.2');
		const [value] = cookie.split(';');
		assert.match((await ask('/login', { headers: { cookie: value } })).text, /ada@acme/);
		// what a plain neighbour could plant has another name, and is not looked at
		assert.doesNotMatch((await ask('/login', { headers: { cookie: value.replace('__Host-', '') } })).text, /ada@acme/);
		assert.equal((await ask('/login', { form: { email: ada.email, password: PASSWORD }, headers: { origin: `http://localhost:${gateway.port}` } })).status, 403);
	});

	test('forging X-Forwarded-For gives nobody more attempts', async (t) => {
		const { gateway, ask } = await start(t);
		gateway.configure({ limits: { per_auth: '2/15min' } });
		assert.equal((await gateway.reload()).code, 0);
		const statuses = [];
		for (let i = 0; i < 4; i++) statuses.push((await ask('/login', { form: { email: 'ada@acme.example', password: 'x' }, from: '127.0.0.3', headers: { 'x-forwarded-for': `203.0.113.${i}` } })).status);
		assert.deepEqual(statuses, [422, 422, 429, 429]);
		assert.equal((await ask('/login', { form: { email: 'ada@acme.example', password: 'x' }, from: '127.0.0.4' })).status, 422);
	});

	test('Chromium signs in and out through it', { skip: noChromium }, async (t) => {
		const { gateway, origin } = await start(t);
		const ada = await makeUser(gateway);
		const { page, context } = await startChromium(t, { context: { ignoreHTTPSErrors: true } });
		await page.goto(`${origin}/login`);
		await page.getByLabel('Email address').fill(ada.email);
		await page.getByLabel('Password').fill(PASSWORD);
		await page.getByRole('button', { name: 'Sign in' }).click();
		await page.getByRole('heading', { name: 'Your account' }).waitFor();
		const cookie = (await context.cookies()).find(({ name }) => name === '__Host-gatehouse');
		assert.deepEqual([cookie.secure, cookie.httpOnly, cookie.sameSite, cookie.path], [true, true, 'Lax', '/']);
		await page.getByRole('button', { name: 'Sign out' }).click();
		await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
		assert.equal((await context.cookies()).some(({ name }) => name === '__Host-gatehouse'), false);
	});
});
