// Streams that survive: the answer to a POST that became a stream, and the stream of a session, are
// kept for a client whose connection breaks; and nobody else can have them.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { modern, nextId, openSession } from './lib/mcp.mjs';
import { Connection, requestBytes } from './lib/raw.mjs';
import { parseEvents } from './lib/sse.mjs';
import { until } from './lib/wait.mjs';

const file = scope(after);
let gateway;

before(async () => {
	gateway = await startGateway(file, { tenants: ['acme', 'rival'], upstreams: { fx: stdioFixture() } });
});

/** An event stream that keeps whole events: ids, retry, data. */
class Events {
	constructor(connection, head) {
		Object.assign(this, { connection, head, text: '', events: [], over: false });
	}

	async advance() {
		const chunk = this.over ? null : await this.connection.chunk();
		if (chunk === null) {
			this.over = true;
			return false;
		}
		this.text += chunk.toString('utf8');
		const end = this.text.lastIndexOf('\n\n');
		if (end < 0) return true;
		this.events.push(...parseEvents(this.text.slice(0, end + 2)).filter(({ comment }) => comment === null));
		this.text = this.text.slice(end + 2);
		return true;
	}

	async atLeast(count) {
		while (this.events.length < count && (await this.advance()));
		return this.events;
	}

	async rest() {
		while (await this.advance());
		return this.events;
	}
}

function messages(events) {
	return events.filter(({ data }) => data).map(({ data }) => JSON.parse(data));
}

async function send(session, { method = 'POST', body, headers = {} }) {
	const connection = await Connection.open(session.target);
	await connection.write(requestBytes(session.target, {
		method,
		headers: session.headers(method === 'GET' ? { 'content-type': null, accept: 'text/event-stream', ...headers } : headers),
		body: body === undefined ? undefined : JSON.stringify(body),
	}));
	return new Events(connection, await connection.head());
}

function progressCall(id, args, token = 'p') {
	return { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'fx_progress', arguments: args, _meta: { progressToken: token } } };
}

function resume(session, lastEventId) {
	return send(session, { method: 'GET', headers: { 'last-event-id': lastEventId } });
}

describe('the stream of a POST', () => {
	test('begins with a priming event, and every event has an id of its own', async () => {
		const session = await openSession(gateway);
		const stream = await send(session, { body: progressCall('one', { steps: 3, ms: 1 }) });
		const [priming, ...events] = await stream.rest();

		assert.equal(priming.data, '');
		assert.match(priming.id, /^[\x21-\x7e]+$/);
		assert.ok(Number(priming.retry) > 0);
		assert.deepEqual(messages(events).map(({ method, id }) => method ?? id),
			['notifications/progress', 'notifications/progress', 'notifications/progress', 'one']);
		assert.equal(new Set([priming, ...events].map(({ id }) => id)).size, 5);
		stream.connection.destroy();
	});

	test('older clients get ids, and no event that they could not read', async () => {
		for (const version of ['2025-03-26', '2025-06-18']) {
			const session = await openSession(gateway, { version });
			const stream = await send(session, { body: progressCall(1, { steps: 1, ms: 1 }) });
			const events = await stream.rest();

			assert.equal(events.length, 2);
			assert.ok(events.every(({ id, data, retry }) => id !== null && data && retry === undefined));
			stream.connection.destroy();
		}
	});

	test('a modern client gets no ids', async () => {
		const answer = await modern(gateway, 'tools/call', { name: 'fx_progress', arguments: { steps: 1, ms: 1 } },
			{ meta: { progressToken: 1 } });
		assert.ok(answer.sse);
		assert.equal(answer.notifications.length, 1);
	});

	test('an answer without events stays plain JSON', async () => {
		const session = await openSession(gateway);
		const answer = await session.call('fx_echo', { a: 1 });
		assert.equal(answer.sse, false);
		assert.equal(answer.message.result.structuredContent.a, 1);
	});

	test('a client that loses its connection gets the rest, on another loop too, and the call runs once', async () => {
		const session = await openSession(gateway);
		for (let round = 0; round < 6; round++) {
			const id = nextId();
			const stream = await send(session, { body: progressCall(id, { steps: 6, ms: 40 }) });
			const seen = await stream.atLeast(3); // priming and two steps
			stream.connection.reset();

			const again = await resume(session, seen[2].id);
			assert.equal(again.head.status, 200);
			const rest = messages(await again.rest());
			assert.deepEqual(rest.map((message) => message.params?.progress ?? message.id), [3, 4, 5, 6, id]);
			assert.equal(rest.at(-1).result.isError ?? false, false);
			again.connection.destroy();
		}
	});

	test('a client that comes back after the end gets everything it has not seen', async () => {
		const session = await openSession(gateway);
		const stream = await send(session, { body: progressCall('late', { steps: 3, ms: 1 }) });
		const events = await stream.rest();
		stream.connection.destroy();
		for (let from = 0; from < events.length; from++) {
			const again = await resume(session, events[from].id);
			assert.deepEqual((await again.rest()).map(({ id }) => id), events.slice(from + 1).map(({ id }) => id));
			again.connection.destroy();
		}
	});

	test('two clients that resume the same stream: the newer one has it', async () => {
		const session = await openSession(gateway);
		const stream = await send(session, { body: progressCall('twice', { steps: 20, ms: 20 }) });
		const [priming] = await stream.atLeast(1);
		const first = await resume(session, priming.id);
		await first.atLeast(1);
		const second = await resume(session, priming.id);
		assert.equal(messages(await second.rest()).at(-1).id, 'twice');
		await first.rest();
		assert.ok(messages(first.events).every(({ id }) => id === undefined), 'the answer went to one only');
		for (const one of [stream, first, second]) one.connection.destroy();
	});

	test("another session's or tenant's id is a stranger's", async () => {
		const session = await openSession(gateway);
		const stream = await send(session, { body: progressCall('mine', { steps: 1, ms: 1 }) });
		const [priming] = await stream.rest();
		stream.connection.destroy();
		const unknown = priming.id.replace(/\.r[0-9a-f]+\./, '.rffffff.');
		const strangers = [await openSession(gateway), await openSession(gateway.as('rival'))];

		for (const stranger of strangers) {
			const answers = [];
			for (const id of [priming.id, unknown]) {
				const again = await resume(stranger, id);
				assert.equal(again.head.status, 200);
				answers.push(messages(await again.rest()));
				again.connection.destroy();
			}
			assert.deepEqual(answers[0], answers[1]);
			assert.equal(answers[0].length, 1);
			assert.equal(answers[0][0].id, 'mine');
			assert.match(answers[0][0].error.message, /may or may not have been carried out/);
		}
	});

	test('garbage in Last-Event-ID is refused, with a text', async () => {
		const session = await openSession(gateway);
		for (const garbage of ['garbage', '1', 'AAAAAAAAAAA.r1.1.MSwicmVzdWx0Ijp7fQ', 'AAAAAAAAAAA.r1.1', 'x'.repeat(5000)]) {
			const answer = await resume(session, garbage);
			assert.equal(answer.head.status, 400, garbage.slice(0, 40));
			assert.match((await answer.connection.body(answer.head)).toString(), /Last-Event-ID/);
			answer.connection.destroy();
		}
	});

	test('after a DELETE nothing is left to resume', async () => {
		const session = await openSession(gateway);
		const stream = await send(session, { body: progressCall(1, { steps: 1, ms: 1 }) });
		const [priming] = await stream.rest();
		stream.connection.destroy();
		assert.equal((await session.end()).status, 200);
		const again = await resume(session, priming.id);
		assert.equal(again.head.status, 404);
		again.connection.destroy();
	});
});

test('after a restart a lost call is answered with an error, at once', async (t) => {
	const own = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const session = await openSession(own);
	const stream = await send(session, { body: progressCall('lost', { steps: 500, ms: 20 }) });
	const seen = await stream.atLeast(3);
	await own.crash();
	await own.start();
	await own.settled();
	session.target.port = own.port;

	const again = await resume(session, seen.at(-1).id);
	assert.equal(again.head.status, 200);
	const [lost, ...more] = messages(await again.rest());
	assert.deepEqual(more, []);
	assert.equal(lost.id, 'lost');
	assert.match(lost.error.message, /may or may not have been carried out/);
	again.connection.destroy();
	stream.connection.destroy();
});

test('a stream of its own after a restart is a fresh one', async () => {
	const session = await openSession(gateway);
	const stream = await resume(session, 'AAAAAAAAAAA.s1.7');
	assert.equal(stream.head.status, 200);
	assert.equal(stream.head.headers['content-type'], 'text/event-stream');
	const second = await send(session, { method: 'GET' });
	assert.equal(second.head.status, 409);
	for (const one of [stream, second]) one.connection.destroy();
});

describe('the stream of a session', () => {
	test('news that came while the client was away are said when it is back, and only then', async (t) => {
		const own = await startGateway(t, { upstreams: { fx: stdioFixture() } });
		const session = await openSession(own);
		const add = (tools) => session.call('fx_fixture_control', { add_tools: tools });
		const count = async () => (await session.request('tools/list')).message.result.tools.length;
		const before = await count();
		const stream = await send(session, { method: 'GET' });
		assert.equal(stream.head.status, 200);

		await add(3);
		const [priming, first] = await stream.atLeast(2);
		assert.equal(priming.data, '');
		assert.ok(priming.id);
		assert.equal(JSON.parse(first.data).method, 'notifications/tools/list_changed');
		assert.ok(first.id);
		stream.connection.reset();

		await add(2);
		await until('the new list', async () => (await count()) === before + 5);
		const back = await until('the old stream to be gone', async () => {
			const again = await resume(session, first.id);
			return again.head.status === 200 ? again : undefined;
		});
		const [missed] = await back.atLeast(1);
		assert.equal(JSON.parse(missed.data).method, 'notifications/tools/list_changed');
		assert.notEqual(missed.id, first.id);
		back.connection.destroy();
	});

	test('a resumed stream takes the place of one that only seems to be open', async (t) => {
		const own = await startGateway(t, { upstreams: { fx: stdioFixture() } });
		const session = await openSession(own);
		const stream = await send(session, { method: 'GET' });
		const [priming] = await stream.atLeast(1);
		const early = await resume(session, priming.id); // before anything was said
		assert.equal(early.head.status, 200);
		await stream.rest();
		await session.call('fx_fixture_control', { add_tools: 2 });
		const [first] = await early.atLeast(1);
		const second = await resume(session, first.id);
		assert.equal(second.head.status, 200);
		await early.rest(); // it is ended, in order
		await session.call('fx_fixture_control', { add_tools: 4 });
		assert.equal((await second.atLeast(1)).length, 1);
		const third = await send(session, { method: 'GET' });
		assert.equal(third.head.status, 409);
		assert.equal((await session.end()).status, 200);
		await second.rest();
		for (const one of [stream, early, second, third]) one.connection.destroy();
	});

	test('an older client gets no event that it could not read', async () => {
		const session = await openSession(gateway, { version: '2025-06-18' });
		const stream = await send(session, { method: 'GET' });
		await session.call('fx_fixture_control', { add_tools: 1 });
		const [first] = await stream.atLeast(1);
		assert.equal(JSON.parse(first.data).method, 'notifications/tools/list_changed');
		stream.connection.destroy();
	});
});

/** A way to the gateway whose connections can be cut. */
async function cuttable(t) {
	const sockets = new Set();
	const server = net.createServer((socket) => {
		const onward = net.connect(gateway.port, '127.0.0.1');
		for (const [one, other] of [[socket, onward], [onward, socket]]) {
			sockets.add(one);
			one.pipe(other);
			one.on('error', () => other.destroy());
			one.on('close', () => {
				sockets.delete(one);
				other.destroy();
			});
		}
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		for (const socket of sockets) socket.destroy();
		server.close();
	});
	return { url: new URL(`http://127.0.0.1:${server.address().port}/mcp`), cut: () => [...sockets].forEach((socket) => socket.resetAndDestroy()) };
}

describe('the official SDK', () => {
	const options = (more = {}) => ({ requestInit: { headers: { Authorization: `Bearer ${gateway.key}` } }, ...more });
	const call = { method: 'tools/call', params: { name: 'fx_progress', arguments: { steps: 40, ms: 50 } } };

	test('comes back by itself when its connections are cut, and has every step and the answer', async (t) => {
		const { url, cut } = await cuttable(t);
		const client = new Client({ name: 'e2e', version: '1' });
		await client.connect(new StreamableHTTPClientTransport(url, options()));
		const seen = [];
		const answer = await client.request(call, CallToolResultSchema, { onprogress: ({ progress }) => {
			seen.push(progress);
			if (progress === 3) cut();
		} });
		assert.equal(answer.content[0].text, 'all steps done');
		assert.deepEqual(seen.slice(0, 39), Array.from({ length: 39 }, (_, i) => i + 1));
		await client.close();
	});

	test('another client takes up a call with the resumption token', async (t) => {
		const { url } = await cuttable(t);
		const first = new Client({ name: 'e2e', version: '1' });
		const transport = new StreamableHTTPClientTransport(url, options({ reconnectionOptions: { maxRetries: 0, initialReconnectionDelay: 1, maxReconnectionDelay: 1, reconnectionDelayGrowFactor: 1 } }));
		await first.connect(transport);
		let token;
		const lost = first.request(call, CallToolResultSchema, { onresumptiontoken: (value) => (token = value), onprogress: () => undefined }).then(() => 'answered', () => 'lost');
		await until('a token', () => token !== undefined);
		const sessionId = transport.sessionId;
		await transport.close(); // the session stays
		assert.equal(await lost, 'lost');

		const second = new Client({ name: 'e2e', version: '1' });
		await second.connect(new StreamableHTTPClientTransport(url, options({ sessionId })));
		const answer = await second.request(call, CallToolResultSchema, { resumptionToken: token });
		assert.equal(answer.content[0].text, 'all steps done');
		await second.close();
	});
});
