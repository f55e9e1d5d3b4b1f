// Upstreams of the HTTP+SSE transport of 2024-11-05: the official SDK's SSEServerTransport (inside
// server-everything) behind the gateway, named as such and found out behind `http`; and the fixture's.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { startFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modernCall } from './lib/mcp.mjs';
import { packageBin } from './lib/paths.mjs';
import { endGroup, launch } from './lib/process.mjs';
import { freePort } from './lib/port.mjs';
import { accepts } from './lib/real.mjs';
import { makeAuthority, makeCertificate } from './lib/tls.mjs';
import { until } from './lib/wait.mjs';

const everything = packageBin('@modelcontextprotocol/server-everything');

async function startEverything(t, port) {
	const server = launch(process.execPath, [everything, 'sse'], { env: { ...process.env, PORT: String(port) } });

	t.after(() => endGroup(server));
	await until('server-everything over SSE', () => accepts(port));
	return server;
}

async function connect(t, gateway) {
	const client = new Client({ name: 'e2e', version: '1' }, { capabilities: { sampling: {} } });
	const said = { role: 'assistant', model: 'm', content: { type: 'text', text: 'said the model' } };

	client.setRequestHandler(CreateMessageRequestSchema, () => said);
	const requestInit = { headers: { Authorization: `Bearer ${gateway.key}` } };

	await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${gateway.port}/mcp`), { requestInit }));
	t.after(() => client.close());
	return client;
}

const echo = async (client, upstream, message) =>
	(await client.callTool({ name: `${upstream}_echo`, arguments: { message } })).content[0].text;

describe('the SDK\'s own server', () => {
	for (const kind of ['sse', 'http']) {
		test(`configured as ${kind}: tools, prompts, resources, progress, a restart`, async (t) => {
			const port = await freePort();
			let server = await startEverything(t, port);
			const gateway = await startGateway(t, { upstreams: { old: { [kind]: { url: `http://127.0.0.1:${port}/sse` } } } });
			const client = await connect(t, gateway);

			assert.match(await echo(client, 'old', 'one'), /one/);
			const asked = await client.callTool({ name: 'old_trigger-sampling-request', arguments: { prompt: 'who?', maxTokens: 10 } });
			assert.match(asked.content[0].text, /said the model/);
			const steps = [];
			const slow = { name: 'old_trigger-long-running-operation', arguments: { duration: 0.2, steps: 4 } };
			await client.callTool(slow, undefined, { onprogress: ({ progress }) => steps.push(progress) });
			assert.ok(steps.length >= 3, `progress ${steps}`);
			assert.ok((await client.listPrompts()).prompts.length > 0);
			const { resources } = await client.listResources();
			assert.ok((await client.readResource({ uri: resources[0].uri })).contents.length > 0);

			const lost = client.callTool({ ...slow, arguments: { duration: 60, steps: 600 } }, undefined, { onprogress: () => running++ });
			let running = 0;
			lost.catch(() => {});
			await until('the call to run', () => running > 0);
			await endGroup(server);
			const failed = await lost.then((result) => result.isError === true, () => true);
			assert.ok(failed, 'a call whose stream ends fails, and is not made again');
			server = await startEverything(t, port);
			await until('the server to be back', async () => /two/.test(await echo(client, 'old', 'two')));
		});
	}
});

describe('the fixture', () => {
	test('one session per user, each with a stream of its own, ended when idle', async (t) => {
		const { url } = await startFixture(t, ['--era', 'legacy', '--http-sse', '/messages']);
		const sse = url.replace('/mcp', '/sse');
		const gateway = await startGateway(t, { upstreams: { fx: { sse, isolation: 'user', idle: '500ms' } } });
		const { key } = await gateway.makeKey('other');
		const stats = async () => (await fetch(url.replace('/mcp', '/stats'))).json();

		assert.equal((await modernCall(gateway, 'fx_echo', { a: 1 })).message.result.structuredContent.a, 1);
		assert.equal((await modernCall({ port: gateway.port, key }, 'fx_echo', { b: 1 })).message.result.structuredContent.b, 1);
		assert.equal((await stats()).sessions_opened, 3); // and the keeper's
		await until('idle sessions to end', async () => (await stats()).sessions_live === 1);
	});

	test('over TLS, with the upstream\'s own credential on the stream and on every message', async (t) => {
		const { url } = await startFixture(t, ['--era', 'legacy', '--http-sse', '/messages']);
		const seen = { GET: 0, POST: 0, refused: 0 };
		const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-e2e-'));
		t.after(() => fs.rmSync(directory, { recursive: true }));
		const authority = await makeAuthority(directory, 'authority');
		const { cert, key } = await makeCertificate(directory, 'server', authority);
		const door = https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, (req, res) => {
			if (req.headers['x-token'] !== 's3cret') {
				seen.refused++;
				res.writeHead(401).end();
				return;
			}
			seen[req.method]++;
			const onward = http.request(new URL(req.url, url), { method: req.method, headers: { ...req.headers, host: new URL(url).host } }, (answer) => {
				res.writeHead(answer.statusCode, answer.headers);
				res.flushHeaders();
				answer.pipe(res);
			});
			onward.on('error', () => res.destroy());
			req.pipe(onward);
		});
		await new Promise((resolve) => door.listen(0, '127.0.0.1', resolve));
		t.after(() => {
			door.closeAllConnections();
			door.close();
		});
		const sse = { url: `https://127.0.0.1:${door.address().port}/sse`, ca: authority.cert, headers: { 'X-Token': 's3cret' } };
		const gateway = await startGateway(t, { upstreams: { fx: { sse } } });

		assert.equal((await modernCall(gateway, 'fx_echo', { a: 1 })).message.result.structuredContent.a, 1);
		assert.deepEqual([seen.GET, seen.POST >= 4, seen.refused], [1, true, 0]);
	});

	test('an endpoint of another origin is refused', async (t) => {
		const { url } = await startFixture(t, ['--era', 'legacy', '--http-sse', 'http://localhost:9/messages']);
		const gateway = await startGateway(t, { settle: false, upstreams: { fx: { sse: url.replace('/mcp', '/sse') } } });

		await until('the refusal', () => gateway.logged((line) => line.event === 'upstream.endpoint' && /another origin/.test(line.problem)).length > 0);
	});
});
