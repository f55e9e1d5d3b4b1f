// A fleet of three: whatever a client needs is found through any replica, although streams, questions, parked calls and children
// live on one; and when that one dies its clients go on.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { stdioFixture } from './lib/fixture.mjs';
import { killOrphans, scope } from './lib/gateway.mjs';
import { baseHeaders, modern, modernCall, modernStream, nextId, openSession } from './lib/mcp.mjs';
import { Connection, request, requestBytes } from './lib/raw.mjs';
import { startReplicas } from './lib/replicas.mjs';
import { EventStream, parseEvents } from './lib/sse.mjs';
import { makeAuthority, makeCertificate } from './lib/tls.mjs';
import { until } from './lib/wait.mjs';

const file = scope(after);
const asking = path.join(path.dirname(fileURLToPath(import.meta.url)), 'lib/asking-server.mjs');
const ELICIT = { method: 'elicitation/create', params: { message: 'Name?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } } };
const ANSWER = { action: 'accept', content: { name: 'Alice' } };
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const TASKS = 'io.modelcontextprotocol/tasks';
const [A, B, C] = [0, 1, 2];
let fleet;

/** Every replica knows the same three, all of them alive. */
function untilTheyAgree() {
	return until('the replicas to know each other', async () => {
		const seen = await Promise.all([A, B, C].map(async (number) => (await request(fleet.targetOf(number), { method: 'GET', path: '/status' })).json.fleet));
		const alive = seen.map(({ node }) => node).sort();
		return seen.every(({ nodes }) => nodes.map(({ node }) => node).join() === alive.join());
	});
}

before(async () => {
	fleet = await startReplicas(file, {
		tenants: ['acme', 'rival', 'limited'],
		prepare: (gateway) => gateway.cliJson('limit', 'set', '--tenant', 'limited', '--tenant-per-minute', '20'),
		upstreams: {
			fx: stdioFixture(),
			old: { stdio: { command: process.execPath, args: [asking, 'legacy', 'stdio'] } },
			jobs: stdioFixture(['--era', 'modern', '--with', 'tasks']),
			bot: { connector: { use: 'telegram', settings: { updates: 'webhook' }, webhook: { secret: 'proof' } } },
		},
	});
	await untilTheyAgree();
});

/** A session made on replica `number`. */
const sessionOn = (number, options) => openSession(fleet.targetOf(number), options);

/** The same session, spoken to through replica `number`. */
function through(number, session) {
	return Object.assign(Object.create(Object.getPrototypeOf(session)), session, { target: fleet.targetOf(number) });
}

async function forwards(number) {
	const { text } = await request(fleet.targetOf(number), { method: 'GET', path: '/metrics' });
	return Object.fromEntries([...text.matchAll(/gatehouse_forwards_total\{what="(\w+)"\} (\d+)/g)].map(([, what, count]) => [what, Number(count)]));
}

/** POST and keep the connection: its answer is a stream. */
async function post(session, body) {
	const connection = await Connection.open(session.target);
	await connection.write(requestBytes(session.target, { headers: session.headers(), body: JSON.stringify(body) }));
	return new EventStream(connection, await connection.head());
}

async function get(session, headers = {}) {
	const connection = await Connection.open(session.target);
	await connection.write(requestBytes(session.target, { method: 'GET', headers: session.headers({ 'content-type': null, accept: 'text/event-stream', ...headers }) }));
	return new EventStream(connection, await connection.head());
}

const toolCall = (name, args, id = nextId(), extra = {}) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args, ...extra } });

describe('a session', () => {
	test('is served through every replica, by its home', async () => {
		const before = await Promise.all([A, B, C].map(forwards));
		const session = await sessionOn(A);
		for (const number of [A, B, C, B]) {
			const answer = await through(number, session).call('fx_echo', { through: number });
			assert.equal(answer.status, 200, answer.text);
			assert.deepEqual(JSON.parse(answer.message.result.content[0].text), { through: number });
			assert.equal(answer.fields.filter(([name]) => name === 'x-request-id').length, 1);
		}
		const now = await Promise.all([A, B, C].map(forwards));
		assert.equal(now[A].taken - before[A].taken, 3);
		assert.equal(now[B].sent - before[B].sent, 2);
		assert.equal(now[C].sent - before[C].sent, 1);
	});

	test('keeps its request id, and errors keep their shape', async () => {
		const session = await sessionOn(A);
		const answer = await through(B, session).call('fx_nothing', {}, { headers: { 'x-request-id': 'through-b' } });
		assert.equal(answer.headers['x-request-id'], 'through-b');
		assert.equal(answer.message.error.code, -32602);
		const large = await through(C, session).call('fx_size', { bytes: 3000000 });
		assert.equal(large.message.result.content[0].text.length, 3000000);
	});

	test('is nobody else\'s, through whichever replica', async () => {
		const session = await sessionOn(A);
		for (const number of [A, B]) {
			const stolen = Object.assign(through(number, session), { target: fleet.targetOf(number, 'acme', { key: fleet.replicas[A].gateway.keys.rival }) });
			assert.equal((await stolen.call('fx_echo', {})).status, 404);
		}
	});

	test('lists are answered where they are asked', async () => {
		const session = await sessionOn(A);
		const before = await forwards(B);
		assert.ok((await through(B, session).request('tools/list')).message.result.tools.length > 3);
		assert.equal((await forwards(B)).sent, before.sent);
	});

	test('ends through any replica, for all of them', async () => {
		const session = await sessionOn(A);
		const stream = await get(through(B, session));
		assert.equal(stream.head.status, 200);
		assert.equal((await through(C, session).end()).status, 200);
		await stream.rest();
		for (const number of [A, B, C]) assert.equal((await through(number, session).call('fx_echo', {})).status, 404);
	});

	test('has one stream of its own in the fleet', async () => {
		const session = await sessionOn(A);
		const stream = await get(through(B, session));
		assert.equal(stream.head.status, 200);
		assert.equal((await get(through(C, session))).head.status, 409);
		assert.equal((await get(session)).head.status, 409);
		stream.connection.destroy();
		await until('the home to hear that the client went', async () => {
			const again = await get(through(C, session));
			again.connection.destroy();
			return again.head.status === 200;
		});
	});

	test('a batch of 2025-03-26', async () => {
		const session = await sessionOn(A, { version: '2025-03-26' });
		const answer = await through(C, session).send([toolCall('fx_echo', { a: 1 }, 'one'), toolCall('fx_echo', { b: 2 }, 'two')]);
		assert.deepEqual(answer.message.map(({ id }) => id).sort(), ['one', 'two']);
	});

	test('a call that another replica has under way is canceled', async () => {
		const session = await sessionOn(A);
		const pending = through(B, session).request('tools/call', { name: 'fx_hang', arguments: {} }, { id: 'stuck' });
		await until('the call to run', async () => {
			await through(C, session).notify('notifications/cancelled', { requestId: 'stuck', reason: 'test' });
			return Promise.race([pending.then(() => true), new Promise((resolve) => setTimeout(resolve, 50, false))]);
		});
		assert.ok((await pending).status >= 200);
	});
});

describe('what a platform tells one replica', () => {
	const URI = 'gatehouse://events/bot';
	const UPDATED = 'notifications/resources/updated';
	const tell = async (number, tenant, update_id) => {
		const headers = { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': 'proof' };
		const answer = await request({ port: fleet.replicas[number].port }, { method: 'POST', path: `/webhooks/telegram/bot/${tenant}`, headers, body: JSON.stringify({ update_id, message: {} }) });
		assert.equal(answer.status, 200, answer.text);
	};
	const heard = (stream) => stream.messages.filter(({ method }) => method === UPDATED).length;

	test('is heard once by those of its tenant who listen at any', async () => {
		const listen = (number, tenant) => modernStream(fleet.targetOf(number, tenant), 'subscriptions/listen', { notifications: { resourceSubscriptions: [URI] } });
		const [here, there, theirs] = await Promise.all([listen(B, 'acme'), listen(A, 'acme'), listen(A, 'rival')]);
		for (const stream of [here, there, theirs]) assert.deepEqual((await stream.next()).params.notifications, { resourceSubscriptions: [URI] });
		for (const [tenant, id] of [['acme', 1], ['rival', 2], ['acme', 3]]) await tell(B, tenant, id);
		for (const [stream, times] of [[here, 2], [there, 2], [theirs, 1]]) for (let i = 0; i < times; i++) await stream.next(({ method }) => method === UPDATED);

		// Each hears of one more, and of no other.
		for (const [tenant, id] of [['rival', 4], ['acme', 5]]) await tell(B, tenant, id);
		for (const stream of [here, there, theirs]) await stream.next(({ method }) => method === UPDATED);
		assert.deepEqual([here, there, theirs].map(heard), [3, 3, 2]);
		for (const stream of [here, there, theirs]) stream.connection.destroy();
	});
});

describe('questions', () => {
	test('asked on B, answered through C, of a session of A', async () => {
		const session = await sessionOn(A, { capabilities: { elicitation: {} } });
		const stream = await post(through(B, session), toolCall('old_ask', { rounds: [{ who: ELICIT }] }, 'call'));
		const question = await stream.next(({ method }) => method === 'elicitation/create');
		assert.equal((await through(C, session).send({ jsonrpc: '2.0', id: question.id, result: ANSWER })).status, 202);
		const answer = await stream.next(({ id, method }) => id === 'call' && method === undefined);
		assert.deepEqual(JSON.parse(answer.result.content[0].text), [{ who: ANSWER }]);
	});

	test('a call that is parked on A is taken up through B and C', async () => {
		const options = { meta: { [CAPABILITIES]: { elicitation: { form: {} } } } };
		const params = { name: 'old_ask', arguments: { rounds: [{ who: ELICIT }, { again: ELICIT }] } };
		let { result } = (await modern(fleet.targetOf(A), 'tools/call', params, options)).message;
		for (const number of [B, C]) {
			assert.equal(result.resultType, 'input_required', JSON.stringify(result));
			const inputResponses = Object.fromEntries(Object.keys(result.inputRequests).map((key) => [key, ANSWER]));
			const answer = await modern(fleet.targetOf(number), 'tools/call', { ...params, inputResponses, requestState: result.requestState }, options);
			({ result } = answer.message);
			assert.ok(result, answer.text);
		}
		assert.deepEqual(JSON.parse(result.content[0].text), [{ who: ANSWER }, { again: ANSWER }]);
	});

	test('a parked call is taken up by nobody else', async () => {
		const options = { meta: { [CAPABILITIES]: { elicitation: { form: {} } } } };
		const params = { name: 'old_ask', arguments: { rounds: [{ who: ELICIT }] } };
		const { result } = (await modern(fleet.targetOf(A), 'tools/call', params, options)).message;
		const rival = fleet.targetOf(B, 'acme', { key: fleet.replicas[A].gateway.keys.rival });
		const stolen = await modern(rival, 'tools/call', { ...params, requestState: result.requestState }, options);
		assert.equal(stolen.message.error?.code, -32602, stolen.text);
		const own = await modern(fleet.targetOf(C), 'tools/call', { ...params, inputResponses: { [Object.keys(result.inputRequests)[0]]: ANSWER }, requestState: result.requestState }, options);
		assert.equal(own.message.result?.resultType, 'complete', own.text);
	});
});

/** Whole events of a stream, with their ids. */
async function events(stream, count) {
	let text = stream.text ?? '';
	const found = () => parseEvents(text.slice(0, text.lastIndexOf('\n\n') + 2)).filter(({ comment }) => comment === null);
	while (found().length < count) {
		const chunk = await stream.connection.chunk();
		if (chunk === null) break;
		text += chunk.toString('utf8');
	}
	return found();
}

const messages = (list) => list.filter(({ data }) => data).map(({ data }) => JSON.parse(data));

describe('streams', () => {
	test('what a client of A missed is read on through C', async () => {
		const session = await sessionOn(A);
		const first = await post(through(B, session), toolCall('fx_progress', { steps: 6, ms: 40 }, 'p', { _meta: { progressToken: 't' } }));
		const seen = await events(first, 3);
		first.connection.destroy();
		const rest = await events(await get(through(C, session), { 'last-event-id': seen.at(-1).id }), Infinity);
		const all = messages([...seen, ...rest]);
		assert.deepEqual(all.slice(0, -1).map(({ params }) => params.progress), [1, 2, 3, 4, 5, 6]);
		assert.equal(all.at(-1).id, 'p');
	});

	test('a session of HTTP+SSE hears through A what it says through B', async () => {
		const target = fleet.targetOf(A);
		const connection = await Connection.open(target);
		await connection.write(requestBytes(target, { method: 'GET', path: '/sse', headers: { ...baseHeaders(target), 'content-type': null, accept: 'text/event-stream' } }));
		const stream = { connection, head: await connection.head() };
		const [endpoint] = await events(stream, 1);
		const say = (number, message) => request(fleet.targetOf(number), { path: endpoint.data, headers: baseHeaders(target), body: JSON.stringify(message) });
		const initialize = { jsonrpc: '2.0', id: 'i', method: 'initialize', params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'x', version: '1' } } };
		assert.equal((await say(B, initialize)).status, 202);
		assert.equal((await say(C, toolCall('fx_echo', { a: 1 }, 'c'))).status, 202);
		const said = messages(await events(stream, 2));
		assert.deepEqual(new Set(said.map(({ id }) => id)), new Set(['i', 'c']));
		connection.destroy();
	});
});

describe('tasks', () => {
	test('of a child of A, through B', async () => {
		const options = { meta: { [CAPABILITIES]: { extensions: { [TASKS]: {} } } } };
		const { result } = (await modernCall(fleet.targetOf(A), 'jobs_job', { ms: 50 }, options)).message;
		assert.equal(result.resultType, 'task');
		await until('the task to be done', async () => {
			const { message } = await modern(fleet.targetOf(B), 'tasks/get', { taskId: result.taskId }, options);
			assert.equal(message.result?.taskId, result.taskId, JSON.stringify(message));
			return message.result.status === 'completed';
		});
	});
});

/** Rows of the trail about a request, once each. */
async function rowsOf(requestId) {
	const lists = await Promise.all(fleet.replicas.map(({ gateway }) => gateway.cliJson('audit', 'list')));
	return [...new Set(lists.flat().filter((row) => row.request_id === requestId && row.event.startsWith('mcp.')).map((row) => JSON.stringify(row)))].map((row) => JSON.parse(row));
}

describe('trust', () => {
	test('a call has one row', async () => {
		const session = await sessionOn(A);
		await through(B, session).call('fx_echo', {}, { headers: { 'x-request-id': 'r-once' } });
		const rows = await until('the row', async () => {
			const found = await rowsOf('r-once');
			return found.length > 0 && found;
		});
		assert.deepEqual(rows.map(({ event, outcome }) => [event, outcome]), [['mcp.tool_called', 'ok']]);
	});

	test('a request counts once, wherever it comes in', async () => {
		const key = fleet.replicas[A].gateway.keys.limited;
		const session = await openSession(fleet.targetOf(A, 'acme', { key })); // two of twenty
		const other = Object.assign(through(B, session), { target: fleet.targetOf(B, 'acme', { key }) });
		const statuses = [];
		while (statuses.length < 25) statuses.push((await other.call('fx_echo', {})).status);
		const passed = statuses.filter((status) => status === 200).length;
		assert.ok(passed >= 18 && passed <= 19, statuses.join());
	});

	test('a stranger who claims to be a replica is refused', async () => {
		for (const claim of ['', 'x', 'A'.repeat(200), 'A'.repeat(2000)]) {
			const answer = await modernCall(fleet.targetOf(A), 'fx_echo', {}, { headers: { 'gatehouse-forwarded': claim } });
			assert.equal(answer.status, 403, answer.text);
		}
		assert.ok((await forwards(A)).refused >= 4);
		assert.equal((await modernCall(fleet.targetOf(A), 'fx_echo', {})).status, 200);
	});
});

test('between replicas over TLS, a client that has proved itself by its certificate is that client', async (t) => {
	const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-replicas-'));
	t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
	const authority = await makeAuthority(directory, 'authority');
	const server = await makeCertificate(directory, 'server', authority);
	const client = await makeCertificate(directory, 'client', authority);
	const { replicas } = await startReplicas(t, {
		tls: { cert: server.cert, key: server.key, client_ca: authority.cert },
		ca: authority.cert,
		upstreams: { fx: stdioFixture() },
		prepare: async (gateway) => {
			const machine = await gateway.cliJson('service-account', 'create', '--tenant', 'acme', '--name', 'press', '--role', 'member');
			await gateway.cliJson('certificate', 'create', '--tenant', 'acme', '--user-id', machine.id, '--pem', `@${client.cert}`);
		},
	});
	const [ca, cert, key] = [authority.cert, client.cert, client.key].map((name) => fs.readFileSync(name));
	const on = (number, proof = { cert, key }) => ({ port: replicas[number].port, tls: { ca, servername: 'localhost', ...proof } });
	const session = await until('a session', async () => openSession(on(A)).catch(() => null));
	const there = (number, proof) => Object.assign(Object.create(Object.getPrototypeOf(session)), session, { target: on(number, proof) });

	for (const number of [B, C]) {
		const answer = await until('the catalog', async () => {
			const called = await there(number).call('fx_echo', { number });
			return called.message.result !== undefined && called;
		});
		assert.deepEqual(JSON.parse(answer.message.result.content[0].text), { number });
	}
	assert.equal((await there(B, {}).call('fx_echo', {})).status, 401);
	const { text } = await request({ ...on(A), key: replicas[A].gateway.key }, { method: 'GET', path: '/metrics' });
	assert.match(text, /gatehouse_forwards_total\{what="taken"\} [1-9]/);
});

describe('clients of the official SDKs, through a balancer without stickiness', () => {
	const url = () => new URL(`http://127.0.0.1:${fleet.balancer.port}/mcp`);
	const init = () => ({ requestInit: { headers: { Authorization: `Bearer ${fleet.target().key}` } } });

	async function walk(client, call) {
		assert.ok((await client.listTools()).tools.length > 3);
		for (let i = 0; i < 6; i++) assert.deepEqual(JSON.parse((await call({ name: 'fx_echo', arguments: { i } })).content[0].text), { i });
		for (let i = 0; i < 3; i++) {
			const { content } = await call({ name: 'old_ask', arguments: { rounds: [{ who: ELICIT }] } });
			assert.deepEqual(JSON.parse(content[0].text), [{ who: ANSWER }]);
		}
		const seen = [];
		await call({ name: 'fx_progress', arguments: { steps: 3, ms: 5 } }, { onprogress: ({ progress }) => seen.push(progress) });
		assert.deepEqual(seen, [1, 2, 3]);
		await client.close();
	}

	test('v1', async () => {
		const client = new ClientV1({ name: 'e2e', version: '1' }, { capabilities: { elicitation: {} } });
		client.setRequestHandler(ElicitRequestSchema, () => ANSWER);
		await client.connect(new TransportV1(url(), init()));
		await walk(client, (params, options) => client.callTool(params, undefined, options));
	});

	for (const mode of ['legacy', { pin: '2026-07-28' }]) {
		test(`v2, ${JSON.stringify(mode)}`, async () => {
			const client = new ClientV2({ name: 'e2e', version: '2' }, { versionNegotiation: { mode }, capabilities: { elicitation: { form: {} } } });
			client.setRequestHandler('elicitation/create', () => ANSWER);
			await client.connect(new TransportV2(url(), init()));
			await walk(client, (params, options) => client.callTool(params, options));
		});
	}
});

describe('when a replica goes', () => {
	test('streams that it relays end between two events, and it does not wait for them', async () => {
		const session = await sessionOn(A);
		const stream = await get(through(B, session));
		const stopped = fleet.replicas[B].gateway.stop(10000);
		await stream.rest();
		assert.equal((await stopped).code, 0);
		await fleet.replicas[B].restart();
		await untilTheyAgree();
		assert.equal((await through(B, session).call('fx_echo', {})).status, 200);
	});

	test('Redis forgets everything: nobody is taken for dead, and who listens is told to look', async () => {
		const session = await sessionOn(A);
		const stream = await get(through(B, session));
		assert.equal(stream.head.status, 200);
		const listener = await modernStream(fleet.targetOf(A), 'subscriptions/listen', { notifications: { resourceSubscriptions: ['gatehouse://events/bot'] } });
		await listener.next();
		await fleet.redis.restart();
		for (const end = Date.now() + 2500; Date.now() < end;) {
			for (const number of [A, B, C]) assert.equal((await get(through(number, session))).head.status, 409);
		}
		await listener.next(({ method }) => method === 'notifications/resources/updated'); // something may have gone by
		for (const one of [stream, listener]) one.connection.destroy();
		await untilTheyAgree();
	});

	test('a home that is killed: what ran there fails and says so, its sessions go on elsewhere', async () => {
		const options = { meta: { [CAPABILITIES]: { elicitation: { form: {} } } } };
		const params = { name: 'old_ask', arguments: { rounds: [{ who: ELICIT }] } };
		const session = await sessionOn(A);
		const parked = (await modern(fleet.targetOf(A), 'tools/call', params, options)).message.result;
		const streamed = await post(through(B, session), toolCall('fx_progress', { steps: 1000, ms: 20 }, 'p', { _meta: { progressToken: 't' } }));
		const [{ id: last }] = await events(streamed, 1);
		const running = through(B, session).call('fx_hang', {}, { headers: { 'x-request-id': 'r-lost' } });
		const { children } = fleet.replicas[A].gateway.resources();
		await until('the call to be at its home', async () => (await forwards(A)).taken >= 2);
		await new Promise((resolve) => setTimeout(resolve, 100));
		await fleet.replicas[A].gateway.crash();
		killOrphans(children);

		const lost = await running;
		assert.equal(lost.status, 503, lost.text);
		assert.equal(lost.message.error.code, -32000);
		assert.match(lost.message.error.message, /may or may not/);
		for (const number of [B, C]) {
			const answer = await through(number, session).call('fx_echo', { number });
			assert.equal(answer.status, 200, answer.text);
		}
		const rest = messages(await events(await get(through(C, session), { 'last-event-id': last }), Infinity));
		assert.deepEqual([rest.length, rest[0].id, rest[0].error.code], [1, 'p', -32603]);
		const stream = await get(through(B, session));
		assert.equal(stream.head.status, 200);
		assert.equal((await get(through(C, session))).head.status, 409);
		stream.connection.destroy();
		const again = await modern(fleet.targetOf(B), 'tools/call', { ...params, requestState: parked.requestState }, options);
		assert.equal(again.message.error?.code, -32602, again.text);
		const rows = await until('the row', async () => {
			const found = await rowsOf('r-lost');
			return found.length > 0 && found;
		});
		assert.deepEqual(rows.map(({ event, outcome }) => [event, outcome]), [['mcp.call_lost', 'REPLICA_LOST']]);

		/* At the same address another process answers now: nobody takes it for the one before. */
		await fleet.replicas[A].restart();
		for (const number of [B, C]) assert.equal((await through(number, session).call('fx_echo', {})).status, 200);
		await untilTheyAgree();
		const own = await sessionOn(A);
		assert.equal((await through(B, own).call('fx_echo', {})).status, 200);
		assert.ok((await forwards(A)).taken > 0);
	});
});
