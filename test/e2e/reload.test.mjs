// Reloading by signal and by command: nothing in flight is lost, a bad file changes nothing, and
// clients with an open stream hear that their lists have changed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern, modernCall, modernStream, openSession } from './lib/mcp.mjs';
import { Connection, request } from './lib/raw.mjs';
import { each, until } from './lib/wait.mjs';

async function toolNames(gateway, path = '/mcp') {
	return (await modern({ ...gateway.as('acme'), path }, 'tools/list')).message.result.tools.map(({ name }) => name);
}

test('under load, by SIGHUP and by command: no request is dropped', async (t) => {
	const http = await startFixture(t);
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture(), web: http.upstream() } });
	const session = await openSession(gateway);
	let running = true;
	let calls = 0;
	const loading = each(8, 8, async (lane) => {
		const connection = await Connection.open(gateway);
		for (let i = 0; running; i++) {
			const args = { lane, i };
			const tool = i % 2 === 0 ? 'fx_echo' : 'web_echo';
			const answer = lane % 2 === 0 ? await modernCall(gateway, tool, args, { connection }) : await session.call(tool, args, { connection });
			assert.deepEqual(answer.message.result?.structuredContent, args, answer.text);
			calls++;
		}
		connection.destroy();
	});
	const slow = modernCall(gateway, 'fx_slow', { ms: 1500 });
	const [child] = gateway.childrenLike('fixture-mcp');

	for (let round = 1; round <= 6; round++) {
		const before = calls;
		gateway.configure({ limits: { body: `${round}MB` }, config: { toolsets: { [`set${round}`]: { include: ['fx.*'] } } } });
		if (round % 2 === 0) gateway.signal('SIGHUP');
		else assert.equal((await gateway.reload()).code, 0);
		await until('the new toolset', async () => (await modern({ ...gateway.as('acme'), path: `/mcp/set${round}` }, 'tools/list')).status === 200);
		await until('calls after it', () => calls > before + 20);
	}
	running = false;
	await loading;
	assert.equal((await slow).message.result.content[0].text, 'done');
	assert.ok(calls > 120, `${calls} calls`);
	assert.equal((await modern({ ...gateway.as('acme'), path: '/mcp/set1' }, 'tools/list')).status, 404);
	assert.deepEqual(gateway.childrenLike('fixture-mcp').map(({ pid }) => pid), [child.pid], 'an unchanged upstream keeps its child');
});

test('a file that is wrong is refused with line and column, and the old settings stay', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const good = JSON.stringify(gateway.settings, null, 2);
	const wrong = [
		[`${good.slice(0, good.lastIndexOf('}'))},\n  "listn": "127.0.0.1:1"\n}`, /gatehouse\.yaml:\d+:\d+: .*listn/],
		['upstreams: { fx: { stdio: { command: x, argz: [] } } }', /gatehouse\.yaml:1:\d+: .*argz/],
		['listen: 127.0.0.1:0\nlimits:\n  per_ip: often\n', /gatehouse\.yaml:3:\d+: .*per_ip/],
		['listen: [\n', /gatehouse\.yaml:\d+:\d+: /],
		['upstreams:\n  fx: { stdio: { command: x }, http: { url: "http://x/" } }\n', /gatehouse\.yaml:2:\d+: /],
		['upstreams:\n  fx: { stdio: { command: x } }\n  fx: { stdio: { command: y } }\n', /gatehouse\.yaml:3:\d+: /],
		['auth: none\nlisten: 0.0.0.0:1\n', /auth/],
		['a: &a [*a]\n', /gatehouse\.yaml:1:\d+: /],
		[`toolsets: { t: { names: plain, include: ["fx.*"], exclude: 5 } }`, /gatehouse\.yaml:1:\d+: /],
		['data: "${env:NOT_SET_ANYWHERE}"\nupstreams: { x: { http: { url: "${env:NOT_SET_ANYWHERE}" } } }\n', /gatehouse\.yaml:\d:\d+: .*NOT_SET_ANYWHERE/],
	];

	for (const [text, problem] of wrong) {
		gateway.writeConfig(text);
		const checked = await gateway.cli('check');
		assert.equal(checked.code, 1, text);
		assert.match(checked.stderr + checked.stdout, problem);
		// The command needs the data directory's place, so the refusal is read from the log.
		const refusals = gateway.logged(({ event }) => event === 'reload.refused').length;
		gateway.signal('SIGHUP');
		const line = await until('the refusal', () => gateway.logged(({ event }) => event === 'reload.refused')[refusals]);
		assert.match(line.problem, problem);
		assert.equal((await modernCall(gateway, 'fx_echo', { still: 1 })).message.result.structuredContent.still, 1);
	}
	gateway.writeConfig(good);
	assert.equal((await gateway.reload()).code, 0);
});

test('upstreams added, changed and removed: streams of both eras are told, children go', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const session = await openSession(gateway);
	const get = await session.listen();
	const listen = await modernStream(gateway, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 9 });
	const deaf = await modernStream(gateway, 'subscriptions/listen', { notifications: { promptsListChanged: true } }, { id: 10 });
	t.after(() => [get, listen, deaf].forEach(({ connection }) => connection.destroy()));
	await listen.next();
	await deaf.next();
	const told = async () => {
		await get.next(({ method }) => method === 'notifications/tools/list_changed');
		const { params } = await listen.next(({ method }) => method === 'notifications/tools/list_changed');
		assert.equal(params._meta['io.modelcontextprotocol/subscriptionId'], 9);
	};

	gateway.configure({ upstreams: { fx: stdioFixture(), more: stdioFixture(['--no-builtin', '--tools', '3']) } });
	assert.equal((await gateway.reload()).code, 0);
	await told();
	await until('the new tools', async () => (await toolNames(gateway)).includes('more_tool_0002'));

	gateway.configure({ upstreams: { fx: stdioFixture(), more: stdioFixture(['--no-builtin', '--tools', '5']) } });
	assert.equal((await gateway.reload()).code, 0);
	await told();
	await until('the changed tools', async () => (await toolNames(gateway)).includes('more_tool_0004'));
	assert.equal(gateway.childrenLike('fixture-mcp').length, 2, 'the old child is gone');

	gateway.configure({ upstreams: { fx: stdioFixture() } });
	assert.equal((await gateway.reload()).code, 0);
	await told();
	await until('the removed tools', async () => !(await toolNames(gateway)).includes('more_tool_0000'));
	await until('the end of its child', () => gateway.childrenLike('fixture-mcp').length === 1);
	assert.equal((await modernCall(gateway, 'more_tool_0000', { query: 'x' })).message.error.code, -32602);
	assert.equal((await gateway.upstream('more')), undefined);
	// Nothing about prompts was said to who asked only for them, tools to nobody else.
	assert.ok(deaf.messages.every(({ method }) => method !== 'notifications/tools/list_changed'));
});

test('an upstream that is removed while it answers still finishes its calls', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture(), going: stdioFixture() } });
	const call = modernCall(gateway, 'going_slow', { ms: 1000 });
	await until('the call', async () => (await gateway.upstream('going')).in_flight === 1);
	gateway.configure({ upstreams: { fx: stdioFixture() } });
	gateway.signal('SIGHUP');
	assert.equal((await call).message.result?.content[0].text, 'done');
	await until('the end of its child', () => gateway.childrenLike('fixture-mcp').length === 1);
});

test('limits and log level take effect at once; what needs a restart says so', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	gateway.configure({ limits: { per_ip: '5/min', body: '2KB' } });
	assert.equal((await gateway.reload()).code, 0);
	const large = await modernCall({ ...gateway.as('acme'), localAddress: '127.0.0.5' }, 'fx_echo', { text: 'x'.repeat(4000) });
	assert.equal(large.status, 413);
	const answers = await each(8, 1, () => modern({ ...gateway.as('acme'), localAddress: '127.0.0.6' }, 'tools/list'));
	assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200, 200, 429, 429, 429]);

	gateway.configure({ limits: { per_ip: 'off' }, workers: 3, config: { audit: { durability: 'strict' } } });
	assert.equal((await gateway.reload()).code, 0);
	for (const setting of ['workers', 'audit']) await gateway.untilLogged('reload.needs_restart', (line) => line.setting === setting);
	assert.equal((await request(gateway, { method: 'GET', path: '/health/live' })).status, 200);
});

test('the reload command without a server says so', async (t) => {
	const gateway = await startGateway(t, { upstreams: {} });
	await gateway.stop();
	const ended = await gateway.reload();
	assert.equal(ended.code, 1);
	assert.match(ended.stderr, /not running|no .*server|running/i);
});

test('many reloads at once, while everybody asks for the status', async (t) => {
	const gateway = await startGateway(t, { upstreams: { a: stdioFixture(), b: stdioFixture(['--tools', '1']) } });
	let running = true;
	const asking = each(6, 6, async () => {
		while (running) {
			assert.equal((await request(gateway, { method: 'GET', path: '/health/ready' })).status < 600, true);
			await request(gateway, { method: 'GET', path: '/metrics' });
			assert.equal((await modernCall(gateway, 'a_echo', { n: 1 })).message.result?.structuredContent?.n, 1);
		}
	});
	for (let round = 0; round < 8; round++) {
		gateway.configure({ upstreams: { a: stdioFixture(), b: stdioFixture(['--tools', String(round + 2)]) } });
		gateway.signal('SIGHUP');
		const ended = await Promise.all([gateway.reload(), gateway.reload()]);
		gateway.signal('SIGHUP');
		for (const { code, stderr } of ended) assert.ok(code === 0 || /again|busy|under way/.test(stderr), stderr);
		await until('a reload of its own', async () => (await gateway.reload()).code === 0);
	}
	await until('the last list', async () => (await toolNames(gateway)).includes('b_tool_0008'));
	running = false;
	await asking;
	assert.equal(gateway.childrenLike('fixture-mcp').length, 2);
});
