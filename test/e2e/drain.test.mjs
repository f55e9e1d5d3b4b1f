// The end: SIGTERM lets calls in flight finish, tells streams, refuses newcomers, stops every child
// and exits with 0; what takes longer than the drain time is cut.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern, modernCall, modernHeaders, modernStream, openSession } from './lib/mcp.mjs';
import { descendants, isRunning } from './lib/process.mjs';
import { Connection, requestBytes } from './lib/raw.mjs';
import { sql } from './lib/sqlite.mjs';
import { timed, until, within } from './lib/wait.mjs';

async function inFlight(gateway, count, name = 'fx') {
	await until(`${count} calls in flight`, async () => (await gateway.upstream(name)).in_flight === count);
}

for (const signal of ['SIGTERM', 'SIGINT']) {
	test(`${signal}: calls in flight are answered, streams are told, nothing is left`, async (t) => {
		const http = await startFixture(t);
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture(['--fork-child']), web: http.upstream() } });
		const session = await openSession(gateway);
		const idle = await Connection.open(gateway);
		await modern(gateway, 'tools/list', {}, { connection: idle });
		const get = await session.listen();
		const listen = await modernStream(gateway, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 'last' });
		await listen.next();
		const calls = [
			modernCall(gateway, 'fx_slow', { ms: 1200 }),
			session.call('fx_slow', { ms: 1200 }),
			modernCall(gateway, 'fx_progress', { steps: 12, ms: 100 }, { meta: { progressToken: 'p' } }),
		];
		await inFlight(gateway, 3);
		const children = descendants(gateway.pid);
		assert.equal(children.length, 2);

		gateway.signal(signal);
		await gateway.untilLogged('stopping');
		await within('the end of an idle connection', idle.closed());
		const last = await listen.next();
		assert.equal(last.id, 'last');
		assert.equal(last.result.resultType, 'complete');
		assert.equal(await listen.advance(), false, 'a clean end');
		assert.deepEqual(await get.rest(), []);
		await assert.rejects(Connection.open(gateway), /ECONNREFUSED|closed|reset/i);

		const answers = await Promise.all(calls);
		assert.deepEqual(answers.map(({ message }) => message.result.content[0].text), ['done', 'done', 'all steps done']);
		assert.ok(answers[2].notifications.length >= 10);
		const ended = await gateway.child.ended;
		assert.deepEqual([ended.code, ended.signal], [0, null]);
		await until('the end of the children', () => !children.some(isRunning));
		const rows = await sql(`${gateway.data}/gatehouse.db`, "SELECT outcome FROM audit WHERE event = 'mcp.tool_called'");
		assert.deepEqual(rows.map(({ outcome }) => outcome), ['ok', 'ok', 'ok']);
		assert.equal((await gateway.cli('audit', 'verify')).code, 0);
	});
}

test('a request whose body is still coming is taken or refused, never left hanging', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, limits: { drain: '3s' } });
	const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'x' });
	const connection = await Connection.open(gateway);
	const bytes = requestBytes(gateway, { headers: modernHeaders(gateway, 'x'), body });
	await connection.write(bytes.subarray(0, bytes.length - 5));
	gateway.signal('SIGTERM');
	await gateway.untilLogged('stopping');
	await connection.write(bytes.subarray(bytes.length - 5));
	const answer = await connection.response().catch(({ code }) => ({ status: code }));
	assert.ok([400, 404, 503, 'CLOSED'].includes(answer.status), String(answer.status));
	assert.equal((await gateway.child.ended).code, 0);
});

test('what outlasts the drain time is cut, with an error', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, limits: { drain: '500ms' } });
	const call = modernCall(gateway, 'fx_hang').catch((error) => error);
	await inFlight(gateway, 1);
	const { value, ms } = await timed(() => gateway.stop());
	assert.equal(value.code, 0);
	assert.ok(ms >= 450 && ms < 6000, `${ms} ms`);
	const answer = await call;
	assert.ok(answer instanceof Error || answer.message.result?.isError === true || answer.message.error !== undefined);
	const [row] = await sql(`${gateway.data}/gatehouse.db`, "SELECT outcome FROM audit WHERE target = 'fx_hang'");
	assert.match(row.outcome, /CANCELED|SHUTDOWN|TIMEOUT|UPSTREAM/);
});

test('stopping while upstreams are still starting', async (t) => {
	const gateway = await startGateway(t, { settle: false, upstreams: { late: stdioFixture(['--slow-start', '60000']), down: { http: { url: 'http://127.0.0.1:1/mcp' } } } });
	await gateway.untilLogged('upstream.spawned');
	const { value, ms } = await timed(() => gateway.stop());
	assert.equal(value.code, 0);
	assert.ok(ms < 8000, `${ms} ms`);
});

test('start, stop, start: sessions of before are still good, keys too', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const session = await openSession(gateway);
	await gateway.stop();
	await gateway.start();
	await gateway.settled();
	session.target = gateway;
	assert.equal((await session.call('fx_echo', { still: 'here' })).message.result.structuredContent.still, 'here');
});
