// Children and sessions of upstreams from birth to death: their environment, their output, their
// idle time; cancels, progress and list changes on their way through.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern, modernCall, modernStream, nextId, openSession } from './lib/mcp.mjs';
import { commandLine, descendants } from './lib/process.mjs';
import { Connection, requestBytes } from './lib/raw.mjs';
import { until } from './lib/wait.mjs';

async function statsOf(gateway, name) {
	return (await modernCall(gateway, `${name}_stats`)).message.result.structuredContent;
}

describe('what a child gets', () => {
	test('only the environment that the config names', async (t) => {
		const gateway = await startGateway(t, {
			settle: false,
			upstreams: { fx: stdioFixture([], { stdio: { env: { API_TOKEN: 'of-the-upstream', EMPTY: '' } } }) },
			spawn: { env: { ...process.env, GATEHOUSE_SECRET: 'not for children', AWS_SECRET_ACCESS_KEY: 'x' } },
		});
		await gateway.settled();
		const { names, value } = (await modernCall(gateway, 'fx_env', { name: 'API_TOKEN' })).message.result.structuredContent;
		assert.equal(value, 'of-the-upstream');
		const unexpected = names.filter((name) => !['PATH', 'HOME', 'LANG', 'TMPDIR', 'API_TOKEN', 'EMPTY'].includes(name));
		assert.deepEqual(unexpected, []);
	});

	test('a process group, a directory and limits of its own', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture([], { stdio: { files: '64', processes: '4000' } }), there: stdioFixture([], { stdio: { cwd: '/' } }) } });
		const fx = (await modernCall(gateway, 'fx_env')).message.result.structuredContent;
		assert.equal(fx.pid, fx.group);
		assert.equal(fx.cwd, gateway.data);
		assert.equal(fx.nofile, 64);
		assert.equal(fx.nproc, 4000);
		assert.equal(fx.core, 0);
		assert.equal((await modernCall(gateway, 'there_env')).message.result.structuredContent.cwd, '/');
	});

	test('no descriptor of the gateway', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
		const [child] = gateway.childrenLike('fixture-mcp');
		const links = fs.readdirSync(`/proc/${child.pid}/fd`).map((fd) => fs.readlinkSync(`/proc/${child.pid}/fd/${fd}`));
		const foreign = links.filter((link) => link.includes('gatehouse') || link.includes('.db'));
		assert.deepEqual(foreign, []);
		assert.ok(links.filter((link) => link.startsWith('socket:')).length <= 3, links.join(' '));
	});
});

describe('what a child says beside the protocol', () => {
	test('lines on stdout that are no messages are tolerated with a warning', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture(['--noise']) } });
		for (let i = 0; i < 5; i++) assert.deepEqual((await modernCall(gateway, 'fx_echo', { i })).message.result.structuredContent, { i });
		const warnings = gateway.logged((line) => line.level === 'warn' && line.upstream === 'fx');
		assert.ok(warnings.length >= 1, 'a warning');
		assert.ok(warnings.length <= 3, 'not one for each line');
	});

	test('stderr becomes log lines, with secrets redacted', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture(['--stderr', `starting with token=sk-${'a'.repeat(30)} and "quotes"`]) } });
		const line = await gateway.untilLogged('upstream.stderr', ({ upstream }) => upstream === 'fx');
		assert.match(line.line, /starting with/);
		assert.ok(!gateway.stderr.includes('a'.repeat(30)));
	});
});

describe('the end of children', () => {
	test('stubborn ones and their own children are killed with the gateway', async (t) => {
		const gateway = await startGateway(t, { upstreams: { deaf: stdioFixture(['--ignore-eof', '--ignore-term', '--fork-child']), fork: stdioFixture(['--fork-child']) } });
		const all = descendants(gateway.pid);
		assert.equal(all.length, 4, all.map(({ pid }) => commandLine(pid)).join('; '));
		assert.equal((await gateway.stop()).code, 0);
		// gateway.cleanup() fails this test when one of them is left.
	});

	test('a crash of the child ends its own children too', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fork: stdioFixture(['--fork-child']) } });
		const before = descendants(gateway.pid).map(({ pid }) => pid);
		await modernCall(gateway, 'fork_crash', {});
		await until('new ones only', () => {
			const now = descendants(gateway.pid).map(({ pid }) => pid);
			return now.length === 2 && now.every((pid) => !before.includes(pid));
		});
	});

	test('started on demand, ended when idle, started again', async (t) => {
		const gateway = await startGateway(t, { upstreams: { lazy: stdioFixture([], { idle: '300ms', stdio: { warm: false } }) } });
		await until('the end of the idle child', () => gateway.childrenLike('fixture-mcp').length === 0);
		assert.ok((await modern(gateway, 'tools/list')).text.includes('lazy_echo'), 'its tools stay listed');
		assert.deepEqual((await modernCall(gateway, 'lazy_echo', { again: 1 })).message.result.structuredContent, { again: 1 });
		assert.equal(gateway.childrenLike('fixture-mcp').length, 1);
		await until('the end of the idle child', () => gateway.childrenLike('fixture-mcp').length === 0);
	});

	test('children kept per session are reaped when idle, though nobody says DELETE', async (t) => {
		const gateway = await startGateway(t, { upstreams: { own: stdioFixture([], { isolation: 'session', idle: '500ms', stdio: { warm: false, children: 8, children_per_tenant: 8 } }) } });
		for (let i = 0; i < 6; i++) assert.equal((await (await openSession(gateway)).call('own_echo', { i })).message.result.structuredContent.i, i);
		await until('the end of all of them', () => gateway.childrenLike('fixture-mcp').length === 0);
	});

	test('upstream sessions are closed with DELETE', async (t) => {
		const http = await startFixture(t, ['--era', 'legacy', '--sessions']);
		const gateway = await startGateway(t, { upstreams: { web: http.upstream({ isolation: 'session' }) } });
		const session = await openSession(gateway);
		await session.call('web_echo', {});
		const { sessions_live: live } = await http.stats();
		await session.end();
		await until('one session less', async () => (await http.stats()).sessions_live === live - 1);
		await gateway.stop();
		await until('no session', async () => (await http.stats()).sessions_live === 0);
	});
});

describe('cancels reach the upstream', () => {
	for (const era of ['legacy', 'modern']) {
		for (const transport of ['http', 'stdio']) {
			test(`client of either era, ${era} upstream over ${transport}`, async (t) => {
				const http = transport === 'http' ? await startFixture(t, ['--era', era]) : null;
				const gateway = await startGateway(t, { upstreams: { fx: http?.upstream() ?? stdioFixture(['--era', era]) } });
				const stats = () => (http === null ? statsOf(gateway, 'fx') : http.stats());
				// What the gateway itself listens to counts as in flight there.
				const ended = async (calls) => {
					const now = await stats();
					return now.in_flight === now.listeners_live && now.cancel_notices + now.cancel_closes >= calls;
				};

				const running = async () => {
					const now = await stats();
					return now.in_flight === now.listeners_live + 1;
				};

				// 2026-07-28: closing the connection is the cancel.
				const connection = await Connection.open(gateway);
				const params = { name: 'fx_hang', arguments: {} };
				const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...params, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} } } });
				await connection.write(requestBytes(gateway, { headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', authorization: `Bearer ${gateway.key}`, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'fx_hang' }, body }));
				await until('the call at the upstream', running);
				connection.destroy();
				await until('the first cancel', () => ended(1));
				assert.equal((await gateway.upstream('fx')).in_flight, 0);

				// Before: a notification, also when it comes on another connection.
				const session = await openSession(gateway);
				const id = nextId();
				const call = session.call('fx_hang', {}, { id });
				await until('the call at the upstream', running);
				assert.equal((await session.notify('notifications/cancelled', { requestId: id, reason: 'test' })).status, 202);
				await until('the second cancel', () => ended(2));
				await call.catch(() => {});
			});
		}
	}

	test('in a session a lost connection is no cancel', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
		const session = await openSession(gateway);
		const connection = await Connection.open(gateway);
		await connection.write(requestBytes(gateway, { headers: session.headers(), body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fx_slow","arguments":{"ms":700}}}' }));
		await until('the call', async () => (await gateway.upstream('fx')).in_flight === 1);
		connection.destroy();
		await until('the end of the call', async () => (await gateway.upstream('fx')).in_flight === 0);
		assert.equal((await statsOf(gateway, 'fx')).cancel_notices, 0);
	});

	test('a cancel from another session does nothing', async (t) => {
		const gateway = await startGateway(t, { tenants: ['acme', 'rival'], upstreams: { fx: stdioFixture() } });
		const session = await openSession(gateway);
		const call = session.call('fx_slow', { ms: 600 }, { id: 77 });
		await until('the call', async () => (await gateway.upstream('fx')).in_flight === 1);
		for (const other of [await openSession(gateway), await openSession(gateway.as('rival'))]) await other.notify('notifications/cancelled', { requestId: 77 });
		assert.equal((await call).message.result.content[0].text, 'done');
	});
});

describe('lists that change', () => {
	for (const era of ['legacy', 'modern']) {
		test(`a ${era} upstream over HTTP tells clients of both eras`, async (t) => {
			const http = await startFixture(t, ['--era', era]);
			const gateway = await startGateway(t, { upstreams: { web: http.upstream() } });
			const session = await openSession(gateway);
			const get = await session.listen();
			const listen = await modernStream(gateway, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 'L' });
			t.after(() => [get, listen].forEach(({ connection }) => connection.destroy()));
			const acknowledged = await listen.next();
			assert.equal(acknowledged.method, 'notifications/subscriptions/acknowledged');
			assert.deepEqual(acknowledged.params, { notifications: { toolsListChanged: true }, _meta: { 'io.modelcontextprotocol/subscriptionId': 'L' } });

			await until('the gateway to listen', async () => {
				const stats = await http.stats();
				return stats.streams_live + stats.listeners_live >= 1;
			});
			await http.control({ add_tools: 2 });
			await http.control({ list_changed: 'tools' });
			assert.equal((await get.next()).method, 'notifications/tools/list_changed');
			const told = await listen.next();
			assert.equal(told.method, 'notifications/tools/list_changed');
			assert.equal(told.params._meta['io.modelcontextprotocol/subscriptionId'], 'L');
			const names = (await modern(gateway, 'tools/list')).message.result.tools.map(({ name }) => name);
			assert.ok(names.includes('web_tool_0000') && names.includes('web_tool_0001'));
			assert.equal((await modernCall(gateway, 'web_tool_0001', { query: 'x' })).message.result.isError ?? false, false);
		});
	}

	test('an upstream with many pages is read to its end', async (t) => {
		const http = await startFixture(t, ['--tools', '250', '--page', '7']);
		const gateway = await startGateway(t, { upstreams: { web: http.upstream() } });
		const { tools } = (await modern(gateway, 'tools/list')).message.result;
		assert.equal(tools.filter(({ name }) => name.startsWith('web_tool_')).length, 250);
	});
});
