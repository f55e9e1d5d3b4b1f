// deploy/nginx/gatehouse.conf in a real nginx: TLS 1.3 only, HSTS, one header of the client's address, event streams
// that arrive at once, inner pages shut. Only ports, names and file names are other ones than in the file.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { describe, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { stdioFixture } from './lib/fixture.mjs';
import { prepareGateway } from './lib/gateway.mjs';
import { modernBody, modernHeaders, modernStream } from './lib/mcp.mjs';
import { launch, run } from './lib/process.mjs';
import { freePort } from './lib/port.mjs';
import { makeAuthority, makeCertificate } from './lib/tls.mjs';
import { until } from './lib/wait.mjs';

const NGINX = ['/usr/sbin/nginx', '/usr/bin/nginx'].find((file) => fs.existsSync(file));
const skip = NGINX === undefined && 'nginx is not installed: ./dev deps test installs it';
const shipped = fs.readFileSync(path.join(import.meta.dirname, '../../deploy/nginx/gatehouse.conf'), 'utf8');

/** Replace what an installation replaces; each pattern must be there. */
function adapt(text, changes) {
	for (const [pattern, value] of changes) {
		assert.match(text, pattern);
		text = text.replaceAll(pattern, value);
	}
	return text;
}

async function start(t) {
	const [port, plainPort] = [await freePort(), await freePort()];
	const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-nginx-'));
	const gateway = await prepareGateway(t, {
		upstreams: { fx: stdioFixture() },
		config: { public_url: `https://localhost:${port}`, trusted_proxies: ['127.0.0.1/32'] },
	});
	const authority = await makeAuthority(gateway.root, 'authority');
	const certificate = await makeCertificate(gateway.root, 'server', authority);
	await gateway.start();
	await gateway.settled();
	fs.writeFileSync(path.join(root, 'gatehouse.conf'), adapt(shipped, [
		[/server 127\.0\.0\.1:8080;/g, `server ${gateway.address};`],
		[/listen \[::\]:\d+[^;]*;\n/g, '\n'],
		[/listen 80;/g, `listen 127.0.0.1:${plainPort};`],
		[/listen 443 /g, `listen 127.0.0.1:${port} `],
		[/mcp\.example\.com;/g, 'localhost;'],
		[/\/etc\/ssl\/certs\/mcp\.example\.com\.pem/g, certificate.cert],
		[/\/etc\/ssl\/private\/mcp\.example\.com\.key/g, certificate.key],
		[/\/var\/log\/nginx\//g, `${root}/`],
	]));
	fs.writeFileSync(path.join(root, 'nginx.conf'), `daemon off; pid ${root}/nginx.pid; error_log ${root}/error.log;
events {}
http {
	client_body_temp_path ${root}/n1; proxy_temp_path ${root}/n2; fastcgi_temp_path ${root}/n3; uwsgi_temp_path ${root}/n4; scgi_temp_path ${root}/n5;
	include ${root}/gatehouse.conf;
}`);
	const args = ['-p', root, '-c', path.join(root, 'nginx.conf')];
	const checked = await run(NGINX, ['-t', ...args], { cwd: '/' });
	assert.equal(checked.code, 0, checked.stderr);
	const nginx = launch(NGINX, args, { cwd: '/' });
	t.after(async () => {
		nginx.kill('SIGTERM');
		await nginx.ended;
		fs.rmSync(root, { recursive: true });
	});
	const ca = fs.readFileSync(authority.cert);
	const ask = (where, { headers = {}, from, method = 'GET', body } = {}) => new Promise((resolve, reject) => {
		const request = https.request({ host: '127.0.0.1', port, servername: 'localhost', ca, path: where, localAddress: from, agent: false, method,
			headers: { host: `localhost:${port}`, ...headers } }, (response) => {
			let text = '';
			response.setEncoding('utf8').on('data', (piece) => { text += piece; }).on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
		});
		request.on('error', reject);
		request.end(body);
	});
	await until('nginx', async () => (await ask('/health/live')).status === 200);
	return { gateway, port, plainPort, ca, ask, root };
}

describe('deploy/nginx/gatehouse.conf', { skip }, () => {
	test('TLS 1.3, HSTS, inner pages, the client\'s address, the plain port', async (t) => {
		const { gateway, port, plainPort, ca, ask, root } = await start(t);
		const live = await ask('/health/live');
		assert.match(live.headers['strict-transport-security'], /max-age=63072000/);
		assert.equal(live.headers.server, 'nginx', 'no version');
		for (const inner of ['/metrics', '/status', '/health/ready']) assert.equal((await ask(inner)).status, 403, inner);
		await assert.rejects(new Promise((resolve, reject) => {
			const socket = tls.connect({ host: '127.0.0.1', port, servername: 'localhost', ca, maxVersion: 'TLSv1.2' }, resolve);
			socket.on('error', reject);
		}), /protocol version|alert|ECONNRESET/i);
		const plain = await new Promise((resolve, reject) => {
			http.get({ host: '127.0.0.1', port: plainPort, path: '/mcp?x=1', headers: { host: 'localhost' } }, (response) => resolve(response.resume())).on('error', reject);
		});
		assert.equal(plain.statusCode, 308);
		assert.equal(plain.headers.location, 'https://localhost/mcp?x=1');

		const params = { name: 'fx_echo', arguments: { via: 'nginx' } };
		const answer = await ask('/mcp', { method: 'POST', from: '127.0.0.3', body: JSON.stringify(modernBody('tools/call', params)),
			headers: { ...modernHeaders(gateway, 'tools/call', params), host: `localhost:${port}`, 'x-forwarded-for': '203.0.113.9' } });
		assert.equal(answer.status, 200, answer.text);
		const row = (await gateway.cliJson('audit', 'list')).find(({ target }) => target === 'fx_echo');
		assert.equal(row.ip, '127.0.0.3', 'what nginx saw, not what the client said');
		assert.doesNotMatch(fs.readFileSync(path.join(root, 'gatehouse.log'), 'utf8'), /x=1|Bearer|ghk_/);
		assert.equal((await ask('/mcp', { method: 'POST', headers: { 'content-length': String(17 << 20) } }).catch(() => ({ status: 413 }))).status, 413);
	});

	test('an event comes through at once; the official client works, with progress', async (t) => {
		const { gateway, port, ca } = await start(t);
		const through = { ...gateway.as('acme'), port, tls: { ca, servername: 'localhost' } };
		const listen = await modernStream(through, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 'last' });
		const first = await listen.next();
		assert.match(JSON.stringify(first), /acknowledged/, 'before the stream ends');
		// Node's fetch takes no authority of a test's own; the certificate is verified by `ask` above.
		process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
		t.after(() => { delete process.env.NODE_TLS_REJECT_UNAUTHORIZED; });
		const client = new Client({ name: 'e2e', version: '2' }, { versionNegotiation: { mode: 'auto' } });
		await client.connect(new StreamableHTTPClientTransport(new URL(`https://localhost:${port}/mcp`), {
			requestInit: { headers: { Authorization: `Bearer ${gateway.key}` } },
		}));
		t.after(() => client.close());
		let heard = 0;
		const result = await client.callTool({ name: 'fx_progress', arguments: { steps: 5, ms: 50 } }, { onprogress: () => heard++ });
		assert.equal(result.content[0].text, 'all steps done');
		assert.ok(heard >= 4, `${heard} steps heard`);
	});
});
