// The HTTP+SSE transport of 2024-11-05, as old clients speak it: the official SDK's, and bare sockets.
import assert from 'node:assert/strict';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { baseHeaders, openSession } from './lib/mcp.mjs';
import { Connection, request, requestBytes } from './lib/raw.mjs';
import { parseEvents } from './lib/sse.mjs';
import { each, until } from './lib/wait.mjs';

const file = scope(after);
const asking = path.join(path.dirname(fileURLToPath(import.meta.url)), 'lib/asking-server.mjs');
const askingUpstream = (era) => ({ stdio: { command: process.execPath, args: [asking, era, 'stdio'] } });
const ELICIT = { method: 'elicitation/create', params: { message: 'Name?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } } };
let gateway;

before(async () => {
	gateway = await startGateway(file, {
		tenants: ['acme', 'rival'],
		upstreams: { fx: stdioFixture(), other: stdioFixture(['--name', 'other']), old: askingUpstream('legacy'), young: askingUpstream('modern') },
		config: { toolsets: { one: { include: ['other.*'] } } },
	});
});

async function connect(path = '/sse', options = {}) {
	const client = new Client({ name: 'e2e', version: '1' }, options);
	const headers = { Authorization: `Bearer ${gateway.key}` };
	const transport = new SSEClientTransport(new URL(`http://127.0.0.1:${gateway.port}${path}`), {
		requestInit: { headers },
		eventSourceInit: { fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...headers } }) },
	});
	await client.connect(transport);
	return client;
}

/** A session on bare sockets. */
class Raw {
	static async open(target = gateway, path = '/sse') {
		const raw = new Raw();
		raw.target = target;
		raw.connection = await Connection.open(target);
		await raw.connection.write(requestBytes(target, { method: 'GET', path, headers: { ...baseHeaders(target), 'content-type': null, accept: 'text/event-stream' } }));
		raw.head = await raw.connection.head();
		raw.text = '';
		raw.events = [];
		if (raw.head.status !== 200) return raw;
		[raw.endpoint] = await raw.atLeast(1);
		return raw;
	}

	async atLeast(count) {
		while (this.events.length < count) {
			const chunk = await this.connection.chunk();
			if (chunk === null) throw new Error('the stream ended');
			this.text += chunk.toString('utf8');
			const end = this.text.lastIndexOf('\n\n');
			if (end < 0) continue;
			this.events.push(...parseEvents(this.text.slice(0, end + 2)).filter(({ comment }) => comment === null));
			this.text = this.text.slice(end + 2);
		}
		return this.events;
	}

	async answer(id) {
		for (let count = 2; ; count++) {
			const events = await this.atLeast(count);
			const message = JSON.parse(events[count - 1].data);
			if (message.id === id) return message;
		}
	}

	post(message, { target = this.target, headers = {}, path = this.endpoint.data } = {}) {
		return request(target, { path, headers: { ...baseHeaders(target), ...headers }, body: JSON.stringify(message) });
	}

	async initialize(protocolVersion = '2024-11-05') {
		const accepted = await this.post({ jsonrpc: '2.0', id: 'i', method: 'initialize', params: { protocolVersion, capabilities: {}, clientInfo: { name: 'x', version: '1' } } });
		assert.equal(accepted.status, 202);
		return (await this.answer('i')).result;
	}
}

describe('the official SDK', () => {
	test('lists and calls, large answers too', async () => {
		const client = await connect();
		const { tools } = await client.listTools();
		assert.ok(tools.some(({ name }) => name === 'fx_echo'));
		const echo = await client.callTool({ name: 'fx_echo', arguments: { a: [1, 'b'] } });
		assert.deepEqual(echo.structuredContent, { a: [1, 'b'] });
		const large = await client.callTool({ name: 'fx_size', arguments: { bytes: 5 << 20 } });
		assert.equal(large.content[0].text.length, 5 << 20);
		await client.close();
	});

	test('hears progress before the answer', async () => {
		const client = await connect();
		const seen = [];
		await client.callTool({ name: 'fx_progress', arguments: { steps: 4, ms: 50 } }, undefined, { onprogress: ({ progress }) => seen.push(progress) });
		// The SDK forgets its listener when the answer comes in the same turn as the last step.
		assert.ok(seen.length > 0);
		assert.deepEqual(seen, [1, 2, 3, 4].slice(0, seen.length));
		await client.close();
	});

	test('many calls at the same time, each with its answer', async () => {
		const client = await connect();
		await each(60, 20, async (n) => {
			const answer = await client.callTool({ name: 'fx_echo', arguments: { n } });
			assert.equal(answer.structuredContent.n, n);
		});
		await client.close();
	});

	test('a toolset', async () => {
		const client = await connect('/sse/one');
		const { tools } = await client.listTools();
		assert.ok(tools.length > 0 && tools.every(({ name }) => name.startsWith('other_')));
		await assert.rejects(client.callTool({ name: 'fx_echo', arguments: {} }), /Unknown tool/);
		await client.close();
	});

	test('hears that a list has changed', async () => {
		const client = await connect();
		let heard = 0;
		client.setNotificationHandler(ToolListChangedNotificationSchema, () => heard++);
		await client.callTool({ name: 'fx_fixture_control', arguments: { add_tools: 1 } });
		await until('the notification', () => heard > 0);
		await client.close();
	});

	test('is asked questions, and answers them', async () => {
		const client = await connect('/sse', { capabilities: { elicitation: { form: {} } } });
		client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({ action: 'accept', content: { name: params.message } }));
		for (const name of ['old_ask', 'young_ask']) {
			const answer = await client.callTool({ name, arguments: { rounds: [{ a: ELICIT }] } });
			assert.match(answer.content[0].text, /accept.*Name\?/, name);
		}
		await client.close();
	});

	test('errors come back as errors', async () => {
		const client = await connect();
		await assert.rejects(client.callTool({ name: 'fx_nothing', arguments: {} }), /Unknown tool/);
		const failed = await client.callTool({ name: 'fx_fail', arguments: {} });
		assert.equal(failed.isError, true);
		await client.close();
	});
});

describe('on the wire', () => {
	test('endpoint, 202, and messages as events; the revision is the one asked for', async () => {
		for (const version of ['2024-11-05', '2025-06-18']) {
			const raw = await Raw.open();
			assert.equal(raw.endpoint.event, 'endpoint');
			assert.match(raw.endpoint.data, /^\/messages\?sessionId=[A-Za-z0-9_-]+$/);
			assert.equal((await raw.initialize(version)).protocolVersion, version);
			assert.equal(raw.events[1].event, 'message');
			assert.equal(raw.events[1].id, null);
			raw.connection.destroy();
		}
	});

	test('the connection of a POST goes on at once, while its call runs', async () => {
		const raw = await Raw.open();
		await raw.initialize();
		const connection = await Connection.open(gateway);
		const send = async (message) => {
			await connection.write(requestBytes(gateway, { path: raw.endpoint.data, headers: baseHeaders(gateway), body: JSON.stringify(message) }));
			return (await connection.response()).status;
		};
		assert.equal(await send({ jsonrpc: '2.0', id: 'hang', method: 'tools/call', params: { name: 'fx_hang', arguments: {} } }), 202);
		assert.equal(await send({ jsonrpc: '2.0', id: 'ping', method: 'ping' }), 202);
		assert.deepEqual((await raw.answer('ping')).result, {});
		assert.equal(await send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'hang' } }), 202);
		const ended = await raw.answer('hang');
		assert.ok(ended.error ?? ended.result.isError);
		connection.destroy();
		raw.connection.destroy();
	});

	test('a client that reads late gets everything, in whole', async () => {
		const raw = await Raw.open();
		await raw.initialize();
		raw.connection.socket.pause();
		for (let id = 0; id < 6; id++) {
			assert.equal((await raw.post({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'fx_size', arguments: { bytes: 500000 } } })).status, 202);
		}
		await until('all answers to be made', async () => (await gateway.upstream('fx')).in_flight === 0);
		raw.connection.socket.resume();
		const answers = (await raw.atLeast(8)).slice(2).map(({ data }) => JSON.parse(data));
		assert.deepEqual(answers.map(({ id }) => id).sort(), [0, 1, 2, 3, 4, 5]);
		assert.ok(answers.every(({ result }) => result.content[0].text.length === 500000));
		raw.connection.destroy();
	});

	test('a session is its principal’s, this transport’s, and ends with its stream', async () => {
		const raw = await Raw.open();
		await raw.initialize();
		const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
		const token = raw.endpoint.data.split('=')[1];
		const statuses = async (...posts) => (await Promise.all(posts)).map(({ status }) => status);

		assert.deepEqual(await statuses(
			raw.post(ping, { target: gateway.as('rival') }),
			raw.post(ping, { path: '/messages?sessionId=AAAA' }),
			raw.post(ping, { path: '/messages' }),
			raw.post(ping, { path: '/mcp', headers: { 'mcp-session-id': token } }),
		), [404, 404, 404, 404]);
		const session = await openSession(gateway);
		assert.equal((await raw.post(ping, { path: `/messages?sessionId=${session.id}` })).status, 404);
		assert.equal((await raw.post(ping, { headers: { authorization: null } })).status, 401);

		raw.connection.reset();
		await until('the end of the session', async () => (await raw.post(ping)).status === 404);
	});

	test('what cannot be taken is refused in the POST itself', async () => {
		const raw = await Raw.open();
		const refused = async (body, headers = {}) => (await request(gateway, { path: raw.endpoint.data, headers: { ...baseHeaders(gateway), ...headers }, body })).status;
		assert.equal(await refused('{'), 400);
		assert.equal(await refused('[]'), 400);
		assert.equal(await refused('[{"jsonrpc":"2.0","id":1,"method":"ping"}]'), 400);
		assert.equal(await refused('{}', { 'content-type': 'text/plain' }), 415);
		assert.equal((await request(gateway, { method: 'GET', path: raw.endpoint.data, headers: baseHeaders(gateway) })).status, 405);
		assert.equal((await request(gateway, { path: '/sse', headers: baseHeaders(gateway), body: '{}' })).status, 405);
		assert.equal((await Raw.open(gateway, '/sse/nope')).head.status, 404);
		assert.equal((await request(gateway, { method: 'GET', path: '/sse', headers: {} })).status, 401);
		raw.connection.destroy();
	});

	test('initialize is for once', async () => {
		const raw = await Raw.open();
		await raw.initialize();
		await raw.post({ jsonrpc: '2.0', id: 'again', method: 'initialize', params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'x', version: '1' } } });
		assert.equal((await raw.answer('again')).error.code, -32600);
		raw.connection.destroy();
	});
});

test('GET on /mcp without a session is a 405 that names the way', async () => {
	const answer = await request(gateway, { method: 'GET', headers: { ...baseHeaders(gateway), accept: 'text/event-stream' } });
	assert.equal(answer.status, 405);
	assert.match(answer.json.error.message, /\/sse/);
});
