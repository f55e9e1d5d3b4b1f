// Faults that were found once and shall not come back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stateSection } from './lib/backing.mjs';
import { startFaultProxy } from './lib/faults.mjs';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern, modernCall, openSession } from './lib/mcp.mjs';
import { Connection, request, requestBytes } from './lib/raw.mjs';
import { redisServers, startRedis } from './lib/redis.mjs';
import { EventStream } from './lib/sse.mjs';
import { each, until } from './lib/wait.mjs';

const noRedis = redisServers().length === 0 && 'neither redis-server nor valkey-server is installed: ./dev deps';

async function toolNames(target) {
	return (await modern(target, 'tools/list')).message.result.tools.map(({ name }) => name);
}

async function auditRows(gateway, event) {
	return until(`the row ${event}`, async () => {
		const rows = (await gateway.cliJson('audit', 'list')).filter((row) => row.event === event);
		return rows.length > 0 ? rows : undefined;
	});
}

test('reloads that overlap, while status is read, keep every upstream and its tools', async (t) => {
	const http = await startFixture(t);
	const gateway = await startGateway(t, { upstreams: { a: stdioFixture(), b: http.upstream() } });
	let running = true;
	const watching = each(4, 4, async () => {
		while (running) {
			assert.equal((await request(gateway, { method: 'GET', path: '/status' })).status, 200);
			const names = await toolNames(gateway.as('acme'));
			assert.ok(names.includes('a_echo') && names.includes('b_echo'), names.join());
		}
	});

	for (let round = 0; round < 5; round++) {
		gateway.configure({ upstreams: { a: stdioFixture(), [`c${round}`]: http.upstream(), b: http.upstream(), [`d${round}`]: http.upstream() } });
		gateway.signal('SIGHUP');
		const both = await Promise.all([gateway.reload(), gateway.reload()]);
		assert.deepEqual(both.map(({ code }) => code), [0, 0]);
		await until('the new tools', async () => {
			const names = await toolNames(gateway.as('acme'));
			return names.includes(`c${round}_echo`) && names.includes(`d${round}_echo`);
		});
	}
	running = false;
	await watching;
	assert.deepEqual((await gateway.status()).upstreams.map(({ name }) => name), ['a', 'c4', 'b', 'd4']);
});

test('a reload cannot take the sign-in away from a gateway that others can reach', async (t) => {
	const gateway = await startGateway(t, { listen: '0.0.0.0:0', upstreams: { fx: stdioFixture() } });

	gateway.configure({ listen: '127.0.0.1:0', config: { auth: 'none' } });
	const refused = await gateway.reload();
	assert.notEqual(refused.code, 0);
	assert.match(refused.stderr + refused.stdout, /auth cannot be turned off/);
	assert.equal((await modern({ port: gateway.port }, 'tools/list')).status, 401);
	assert.equal((await auditRows(gateway, 'config.reloaded'))[0].outcome, 'CONFIG');
});

test('a new separator renames the tools of upstreams that go on running', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	assert.ok((await toolNames(gateway.as('acme'))).includes('fx_echo'));

	gateway.configure({ config: { separator: '__' } });
	assert.equal((await gateway.reload()).code, 0);
	await until('the new names', async () => (await toolNames(gateway.as('acme'))).includes('fx__echo'));
	assert.deepEqual((await modernCall(gateway, 'fx__echo', { a: 1 })).message.result.structuredContent, { a: 1 });
});

/** Calls of `old` by four clients, while a new file leaves it out: each is served, or the tool is unknown. */
async function leaveOut(t, config) {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture(), old: stdioFixture() }, ...config });
	const session = await openSession(gateway);
	let running = true;
	let refusals = 0;
	const calling = each(4, 4, async () => {
		while (running && refusals < 4) {
			const answer = await session.call('old_echo', { a: 1 });
			if (answer.message.error?.code === -32602) refusals++;
			else assert.deepEqual(answer.message.result.structuredContent, { a: 1 }, answer.text);
		}
	});

	gateway.configure({ upstreams: { fx: stdioFixture() } });
	assert.equal((await gateway.reload()).code, 0);
	await until('the tool to be unknown', () => refusals > 0);
	running = false;
	await calling;
}

test('an upstream that the new file leaves out serves until its tools are gone from the lists', (t) => leaveOut(t, {}));

test('also those who wait for their limits when it leaves', { skip: noRedis }, async (t) => {
	const redis = await startRedis(t);
	const slow = await startFaultProxy(t, { port: redis.port });
	slow.delay(30);
	await leaveOut(t, { limits: { per_ip: '100000/s' }, config: { state: stateSection(redis, 'slow:', slow.port) } });
});

test('DELETE ends the GET stream of its session', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const session = await openSession(gateway);
	const stream = await session.listen();
	assert.equal(stream.head.status, 200);

	assert.equal((await session.end()).status, 200);
	assert.deepEqual(await stream.rest(3000), []);
	assert.equal((await session.request('ping')).status, 404);
	const again = await session.request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'e2e', version: '1' } });
	assert.equal(again.status, 200, 'the header of a session that has ended does not stand in the way of a new one');
	assert.notEqual(again.headers['mcp-session-id'], session.id);
});

test('what a role does not allow is audited', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const { key } = await gateway.makeKey('acme', '--role', 'viewer');

	const answer = await modernCall({ port: gateway.port, key }, 'fx_echo', { a: 1 });
	assert.equal(answer.message.result.isError, true);
	const [row] = await auditRows(gateway, 'access.denied');
	assert.equal(row.outcome, 'FORBIDDEN');
	assert.equal(row.target, 'tools:call');
});

test('log messages pass from the level that the client named, in both eras', async (t) => {
	const http = await startFixture(t, ['--era', 'modern', '--sse']);
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture(['--era', 'legacy']), web: http.upstream() } });
	const session = await openSession(gateway);
	const heard = (answer) => answer.notifications.filter(({ method }) => method === 'notifications/message').length;
	const logLevel = (level) => ({ meta: { 'io.modelcontextprotocol/logLevel': level } });

	assert.equal(heard(await session.call('fx_log', { count: 2, level: 'info' })), 2, 'none named: the server decides');
	assert.deepEqual((await session.request('logging/setLevel', { level: 'error' })).message.result, {});
	assert.equal(heard(await session.call('fx_log', { count: 2, level: 'warning' })), 0);
	assert.equal(heard(await session.call('fx_log', { count: 2, level: 'critical' })), 2);
	assert.equal((await session.request('logging/setLevel', { level: 'debug' })).status, 200);
	assert.equal(heard(await session.call('fx_log', { count: 2, level: 'warning' })), 2);
	assert.equal(heard(await session.call('web_log', { count: 2, level: 'warning' })), 2, 'a modern server is told the level of the session');
	assert.equal((await session.request('logging/setLevel', { level: 'loud' })).message.error.code, -32602);

	assert.equal(heard(await modernCall(gateway, 'fx_log', { count: 2, level: 'error' })), 0, 'a modern client that named none');
	assert.equal(heard(await modernCall(gateway, 'fx_log', { count: 2, level: 'info' }, logLevel('error'))), 0);
	assert.equal(heard(await modernCall(gateway, 'fx_log', { count: 2, level: 'alert' }, logLevel('error'))), 2);
});

test('a session whose client went away in the middle of a stream has its call finished', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const session = await openSession(gateway);
	const connection = await Connection.open(gateway);
	const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'fx_progress', arguments: { steps: 8, ms: 800 }, _meta: { progressToken: 'p' } } });

	await connection.write(requestBytes(gateway, { path: '/mcp', headers: session.headers(), body }));
	const stream = new EventStream(connection, await connection.head());
	await stream.next(({ method }) => method === 'notifications/progress');
	connection.destroy();
	const [row] = await auditRows(gateway, 'mcp.tool_called');
	assert.equal(row.outcome, 'ok');
});

test('small lies in requests: a cursor that is a number, a list of messages, a name that is missing or endless', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const session = await openSession(gateway);
	const error = async (method, params) => (await session.request(method, params)).message.error;

	assert.equal((await error('tools/list', { cursor: 1 })).code, -32602);
	assert.match((await error('prompts/get', {})).message, /params\.name/);
	assert.equal((await error('tools/call', { name: 'n'.repeat(100_000) })).message, 'Unknown tool');
	const batch = await session.send([{ jsonrpc: '2.0', id: 1, method: 'ping' }]);
	assert.equal(batch.status, 400);
	assert.equal(batch.message.error.code, -32600);
	assert.match(batch.message.error.message, /batch/);
});

test('a call that the cap on children refuses is a failure the model can read, not a bad request', async (t) => {
	const gateway = await startGateway(t, { upstreams: { each: stdioFixture([], { isolation: 'session', stdio: { children_per_tenant: 1 } }) } });
	const first = await openSession(gateway);
	const second = await openSession(gateway);

	assert.deepEqual((await first.call('each_echo', { a: 1 })).message.result.structuredContent, { a: 1 });
	const refused = await second.call('each_echo', { a: 2 });
	assert.equal(refused.status, 200);
	assert.equal(refused.message.result?.isError, true, refused.text);
});

test('notifications/cancelled ends a call from any connection, and its row says so', async (t) => {
	const http = await startFixture(t);
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture(), web: http.upstream() } });
	const session = await openSession(gateway);

	for (const [n, tool] of ['fx_hang', 'web_hang', 'fx_hang', 'web_hang'].entries()) {
		const call = session.call(tool, {}, { id: `call-${n}` });
		const [upstream] = tool.split('_');
		await until('the call to run', async () => (await gateway.upstream(upstream)).in_flight === 1);
		assert.equal((await session.notify('notifications/cancelled', { requestId: `call-${n}` })).status, 202);
		assert.equal((await call).message.result.isError, true);
	}
	const rows = await until('four rows', async () => {
		const found = await auditRows(gateway, 'mcp.tool_failed');
		return found.length === 4 ? found : undefined;
	});
	assert.ok(rows.every(({ outcome }) => outcome === 'CANCELED'));
});

test('what servers offer is bounded in all: one too many is left out, the gateway and the others go on', async (t) => {
	const toolsets = Object.fromEntries(Array.from({ length: 1700 }, (_, n) => [`t${n}`, { include: ['nobody.*'] }]));
	const gateway = await startGateway(t, {
		upstreams: { small: stdioFixture(), big: stdioFixture(['--tools', '5000', '--no-builtin']) },
		config: { toolsets },
	});
	await until('the log to say so', () => gateway.logged(({ event, upstream }) => event === 'catalog.full' && upstream === 'big').length > 0);
	const names = await toolNames(gateway);
	assert.ok(names.includes('small_echo') && !names.some((name) => name.startsWith('big_')), names.slice(0, 30).join());
});
