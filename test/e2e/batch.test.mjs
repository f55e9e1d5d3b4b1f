// JSON-RPC batches: a session of exactly 2025-03-26 may send them; every element is a request like
// any other, and their answers come back together.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sql } from './lib/sqlite.mjs';
import { stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { baseHeaders, openSession } from './lib/mcp.mjs';
import { request } from './lib/raw.mjs';

const file = scope(after);
let gateway;

before(async () => {
	gateway = await startGateway(file, { upstreams: { fx: stdioFixture() } });
});

const old = (options = {}) => openSession(options.gateway ?? gateway, { version: '2025-03-26', ...options });
const ask = (id, method, params) => ({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) });
const call = (id, name, args = {}, token) => ask(id, 'tools/call', { name, arguments: args, ...(token === undefined ? {} : { _meta: { progressToken: token } }) });
const byId = (answers) => Object.fromEntries(answers.map((answer) => [String(answer.id), answer]));

describe('a batch', () => {
	test('its answers are one array, each under its own id, errors beside results', async () => {
		const session = await old();
		const answer = await session.send([ask(1, 'ping'), call('two', 'fx_echo', { a: 1 }), { jsonrpc: '2.0', method: 'notifications/initialized' },
			ask(3, 'no/such'), call(4, 'fx_nothing'), 17, { jsonrpc: '2.0' }, []]);
		assert.equal(answer.status, 200);
		assert.equal(answer.headers['content-type'], 'application/json');
		assert.equal(answer.message.length, 7);
		const answers = byId(answer.message);
		assert.deepEqual(answers[1].result, {});
		assert.deepEqual(answers.two.result.structuredContent, { a: 1 });
		assert.equal(answers[3].error.code, -32601);
		assert.equal(answers[4].error.code, -32602);
		assert.deepEqual(answer.message.filter(({ id }) => id === null).map(({ error }) => error.code), [-32600, -32600, -32600]);
	});

	test('without a request there is nothing to answer', async () => {
		const session = await old();
		const answer = await session.send([{ jsonrpc: '2.0', method: 'notifications/initialized' }, { jsonrpc: '2.0', id: 9, result: {} }]);
		assert.equal(answer.status, 202);
		assert.equal(answer.text, '');
	});

	test('its elements run at the same time', async () => {
		const session = await old();
		const begun = performance.now();
		const answer = await session.send(Array.from({ length: 10 }, (_, id) => call(id, 'fx_slow', { ms: 300 })));
		assert.equal(answer.message.length, 10);
		assert.ok(performance.now() - begun < 2500);
	});

	test('is a stream of events when something is to be said before, and the stream can be resumed', async () => {
		const session = await old();
		const answer = await session.send([call('p', 'fx_progress', { steps: 3, ms: 5 }, 'token'), ask('q', 'ping')]);
		assert.ok(answer.sse);
		const all = [...answer.notifications, answer.message];
		assert.deepEqual(all.filter(({ method }) => method).map(({ params }) => [params.progressToken, params.progress]), [['token', 1], ['token', 2], ['token', 3]]);
		assert.deepEqual(all.filter(({ id }) => id !== undefined).map(({ id }) => id).sort(), ['p', 'q']);
	});

	test('a client that reads streams only gets one', async () => {
		const session = await old();
		const answer = await session.send([ask(1, 'ping'), ask(2, 'ping')], { headers: { accept: 'text/event-stream' } });
		assert.ok(answer.sse);
		assert.equal(answer.notifications.length + 1, 2);
	});

	test('a cancel reaches its element only', async () => {
		const session = await old();
		const answer = session.send([call('long', 'fx_hang'), call('short', 'fx_echo', { b: 2 })]);
		await gateway.untilLogged('upstream.spawned');
		const stop = async () => {
			for (;;) {
				await session.notify('notifications/cancelled', { requestId: 'long' });
				if (await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 50))])) return;
			}
		};
		await stop();
		const answers = byId((await answer).message);
		assert.deepEqual(answers.short.result.structuredContent, { b: 2 });
		assert.ok(answers.long.error ?? answers.long.result.isError);
	});

	test('initialize and newer messages are refused inside', async () => {
		const session = await old();
		const answer = await session.send([ask(1, 'initialize', { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'x', version: '1' } }), ask(2, 'ping')]);
		const answers = byId(answer.message);
		assert.equal(answers[1].error.code, -32600);
		assert.deepEqual(answers[2].result, {});
		assert.equal(answer.headers['mcp-session-id'], undefined);
	});

	test('empty, too many, other revisions, no session', async () => {
		const session = await old();
		const empty = await session.send([]);
		assert.deepEqual([empty.status, empty.message.error.code], [400, -32600]);
		const many = await session.send(Array.from({ length: 65 }, (_, id) => ask(id, 'ping')));
		assert.deepEqual([many.status, many.message.error.code], [413, -32600]);
		for (const version of ['2025-06-18', '2025-11-25']) {
			const other = await openSession(gateway, { version });
			const answer = await other.send([ask(1, 'ping')]);
			assert.deepEqual([answer.status, answer.message.error.code], [400, -32600], version);
		}
		const nobody = await request(gateway, { headers: baseHeaders(gateway), body: JSON.stringify([ask(1, 'ping')]) });
		assert.deepEqual([nobody.status, nobody.json.error.code], [400, -32600]);
	});
});

test('every element is counted, and has its audit row', async (t) => {
	const own = await startGateway(t, { upstreams: { fx: stdioFixture() }, limits: { per_tenant: '20/min' } });
	const session = await old({ gateway: own });
	const answer = await session.send(Array.from({ length: 30 }, (_, id) => call(id, 'fx_echo', { id })));
	assert.equal(answer.status, 200);
	const refused = answer.message.filter(({ result }) => result === undefined || result.isError);
	assert.ok(refused.length >= 11 && refused.length < 20, `${refused.length} were refused`);
	assert.match(JSON.stringify(refused[0]), /too many requests/);
	await own.stop();
	assert.equal((await sql(path.join(own.data, 'gatehouse.db'), "SELECT count(*) AS n FROM audit WHERE event = 'mcp.tool_called'"))[0].n, 30 - refused.length);
});
