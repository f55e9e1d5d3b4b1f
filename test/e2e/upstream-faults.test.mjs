// What a broken upstream does to its callers, over stdio and HTTP: an error that says which
// server failed and what to do, in bounded time, and nothing at all to anybody else.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { describe, test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern, modernCall, openSession } from './lib/mcp.mjs';
import { sql } from './lib/sqlite.mjs';
import { each, timed, until } from './lib/wait.mjs';

const PATIENT = { timeout: '1s', breaker_failures: 1000 };

/** A call's failure as its caller sees it: a tool result that a model can read. */
function failure(answer, pattern) {
	assert.equal(answer.status, 200, answer.text);
	assert.equal(answer.message.result?.isError, true, answer.text);
	assert.match(answer.message.result.content[0].text, pattern);
}

async function alive(gateway, name) {
	const answer = await modernCall(gateway, `${name}_echo`, { alive: name });
	assert.equal(answer.message.result?.structuredContent?.alive, name, answer.text);
}

describe('garbage', () => {
	for (const how of ['json', 'id', 'empty', 'html', 'http', 'sse', 'status']) {
		test(`over HTTP: ${how}`, async (t) => {
			const http = await startFixture(t);
			const gateway = await startGateway(t, { upstreams: { web: http.upstream(PATIENT) } });
			const { value, ms } = await timed(() => modernCall(gateway, 'web_garbage', { how }));
			failure(value, /^web: /);
			assert.ok(ms < 5000, `after ${ms} ms`);
			failure(await (await openSession(gateway)).call('web_garbage', { how }), /^web: /);
			await alive(gateway, 'web');
			assert.equal((await gateway.untilLogged('request.failed', (line) => line.target === 'web_garbage')).level, 'warn');
			const rows = await until('the audit rows', async () => {
				const found = await sql(`${gateway.data}/gatehouse.db`, "SELECT outcome FROM audit WHERE target = 'web_garbage'");
				return found.length === 2 && found;
			});
			for (const { outcome } of rows) assert.match(outcome, /^(UPSTREAM_|CLOSED)/);
		});
	}

	test('over stdio, all kinds at once, beside good calls', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture([], PATIENT) } });
		const calls = ['json', 'id', 'empty', 'html', 'http', 'sse', 'status'].map((how) => modernCall(gateway, 'fx_garbage', { how }));
		const good = each(20, 4, () => alive(gateway, 'fx'));
		for (const answer of await Promise.all(calls)) failure(answer, /^fx: /);
		await good;
		await alive(gateway, 'fx');
	});

	test('an answer cut short', async (t) => {
		const http = await startFixture(t);
		const gateway = await startGateway(t, { upstreams: { web: http.upstream(PATIENT), fx: stdioFixture([], PATIENT) } });
		failure(await modernCall(gateway, 'web_truncate', { bytes: 5000 }), /^web: /);
		failure(await modernCall(gateway, 'fx_truncate', { exit: true }), /^fx: /);
		await alive(gateway, 'web');
		await until('a new child', () => alive(gateway, 'fx').then(() => true));
	});

	test('an answer larger than allowed', async (t) => {
		const http = await startFixture(t);
		const small = { ...PATIENT, answer: '256KB', timeout: '10s' };
		const gateway = await startGateway(t, { upstreams: { web: http.upstream(small), fx: stdioFixture([], small) } });
		failure(await modernCall(gateway, 'web_size', { bytes: 1 << 20 }), /larger than allowed/);
		failure(await modernCall(gateway, 'fx_size', { bytes: 300 << 10 }), /larger than allowed/);
		await alive(gateway, 'web');
		await alive(gateway, 'fx');
		// A line that does not end ends the child instead.
		failure(await modernCall(gateway, 'fx_size', { bytes: 1 << 20 }), /^fx: /);
		await until('the next good answer', () => alive(gateway, 'fx').then(() => true));
	});

	test('10 MB results, both ways in, both eras', async (t) => {
		const http = await startFixture(t);
		const gateway = await startGateway(t, { upstreams: { web: http.upstream(), fx: stdioFixture() } });
		const session = await openSession(gateway);
		const bytes = 10 << 20;
		const digest = (text) => crypto.createHash('sha256').update(text).digest('hex');
		let first;
		for (const name of ['web', 'fx']) {
			for (const answer of [await modernCall(gateway, `${name}_size`, { bytes }), await session.call(`${name}_size`, { bytes })]) {
				const { text } = answer.message.result.content[0];
				assert.equal(text.length, bytes);
				assert.equal(digest(text), (first ??= digest(text)));
			}
		}
	});
});

describe('silence', () => {
	test('a call that is never answered ends at the upstream\'s time-out, and is canceled there', async (t) => {
		const http = await startFixture(t);
		const gateway = await startGateway(t, { upstreams: { web: http.upstream({ timeout: '500ms' }), fx: stdioFixture([], { timeout: '500ms' }) } });
		for (const name of ['web', 'fx']) {
			const { value, ms } = await timed(() => modernCall(gateway, `${name}_hang`));
			failure(value, /did not answer in time/);
			assert.ok(ms >= 450 && ms < 5000, `${ms} ms`);
		}
		await until('the cancel', async () => (await http.stats()).cancel_closes === 1);
		const stats = await http.stats();
		assert.equal(stats.in_flight, stats.listeners_live, 'only the gateway\'s own listening is left');
		const { structuredContent } = (await modernCall(gateway, 'fx_stats')).message.result;
		assert.ok(structuredContent.cancel_notices >= 1);
	});

	test('a request has a deadline of its own', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, limits: { request_timeout: '500ms' } });
		const { value, ms } = await timed(() => modernCall(gateway, 'fx_hang'));
		failure(value, /time/);
		assert.ok(ms < 5000);
		await alive(gateway, 'fx');
	});

	test('a slow upstream blocks nobody: not another one, not tools/list', async (t) => {
		const http = await startFixture(t);
		const gateway = await startGateway(t, { upstreams: { quick: http.upstream(), slow: stdioFixture() } });
		const hanging = each(40, 40, () => modernCall(gateway, 'slow_slow', { ms: 3000 }));
		await until('the slow calls', async () => (await gateway.upstream('slow')).in_flight === 40);
		const { ms } = await timed(() => each(50, 5, async () => {
			await alive(gateway, 'quick');
			await modern(gateway, 'tools/list');
		}));
		assert.equal((await gateway.upstream('slow')).in_flight, 40, 'the slow calls were still running');
		assert.ok(ms < 3000, `${ms} ms`);
		for (const answer of await hanging) assert.equal(answer.message.result.content[0].text, 'done');
	});

	test('an upstream that is slow to start keeps no list waiting', async (t) => {
		const gateway = await startGateway(t, {
			settle: false,
			upstreams: { quick: stdioFixture(), late: stdioFixture(['--slow-start', '2500']), never: { http: { url: 'http://127.0.0.1:1/mcp' } } },
		});
		await gateway.untilUpstream('quick', 'up');
		const names = async () => (await modern(gateway, 'tools/list')).message.result.tools.map(({ name }) => name);
		const first = await until('the quick tools', async () => {
			const found = await names();
			return found.includes('quick_echo') && found;
		}, 2000);
		assert.ok(!first.includes('late_echo'));
		await gateway.untilUpstream('never', 'down');
		await until('the late tools', async () => (await names()).includes('late_echo'));
	});

	test('concurrency and queue are bounded', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture([], { concurrency: 2, queue: 2 }) } });
		const answers = await each(8, 8, () => modernCall(gateway, 'fx_slow', { ms: 500 }));
		const busy = answers.filter(({ status }) => status === 503);
		assert.equal(busy.length, 4);
		for (const answer of busy) assert.match(answer.message.error.message, /too many calls/);
		await alive(gateway, 'fx');
	});
});

describe('crashes', () => {
	test('a child that dies in a call: its callers are told, the next call finds a new child', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture([], PATIENT) } });
		const pid = () => modernCall(gateway, 'fx_env').then(({ message }) => message.result?.structuredContent?.pid);
		const first = await pid();
		const beside = modernCall(gateway, 'fx_hang');
		await until('the call beside', async () => (await gateway.upstream('fx')).in_flight === 1);
		failure(await modernCall(gateway, 'fx_crash', {}), /^fx: /);
		failure(await beside, /^fx: /);
		const second = await until('a new child', pid);
		assert.notEqual(second, first);
		assert.ok((await gateway.upstream('fx')).restarts >= 1);
		assert.equal(gateway.childrenLike('fixture-mcp').length, 1);
	});

	test('a warm child killed from outside comes back by itself', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
		const [child] = gateway.childrenLike('fixture-mcp');
		process.kill(child.pid, 'SIGKILL');
		await until('a new child', () => {
			const now = gateway.childrenLike('fixture-mcp');
			return now.length === 1 && now[0].pid !== child.pid;
		});
		await until('an answer', () => alive(gateway, 'fx').then(() => true));
	});

	test('a child that always dies is started again with growing pauses, and harms nobody', async (t) => {
		const gateway = await startGateway(t, {
			settle: false,
			upstreams: { bad: { stdio: { command: '/bin/sh', args: ['-c', 'echo "$$" >>starts; exit 3'] } }, missing: { stdio: { command: '/no/such/program' } }, good: stdioFixture() },
		});
		await gateway.untilUpstream('bad', 'down');
		await gateway.untilUpstream('missing', 'down');
		await gateway.settled();
		await alive(gateway, 'good');
		const spawns = () => gateway.logged((line) => line.event === 'upstream.spawned' && line.upstream === 'bad').map(({ time }) => Date.parse(time));
		const times = await until('the fifth start', () => spawns().length >= 5 && spawns());
		const pauses = times.slice(1).map((time, i) => time - times[i]);
		// Each failed life may be two starts: one probed, one initialized.
		assert.ok(pauses.at(-1) + pauses.at(-2) > pauses[0] + pauses[1], `pauses: ${pauses.join(', ')}`);
		assert.match((await gateway.upstream('bad')).last_error, /./);
	});

	test('an HTTP server that restarts: the next call works', async (t) => {
		const http = await startFixture(t, ['--era', 'legacy', '--sessions']);
		const gateway = await startGateway(t, { upstreams: { web: http.upstream(PATIENT) } });
		await each(4, 4, () => alive(gateway, 'web'));
		await http.restart();
		await until('the next good answer', () => alive(gateway, 'web').then(() => true));
	});

	test('an upstream session that is gone (404) is opened again without the client noticing', async (t) => {
		const http = await startFixture(t, ['--era', 'legacy', '--sessions']);
		const gateway = await startGateway(t, { upstreams: { web: http.upstream() } });
		const session = await openSession(gateway);
		for (let i = 0; i < 3; i++) {
			await http.control({ drop_sessions: true });
			const answers = await each(8, 8, (n) => (n % 2 === 0 ? modernCall(gateway, 'web_echo', { n }) : session.call('web_echo', { n })));
			answers.forEach((answer, n) => assert.deepEqual(answer.message.result?.structuredContent, { n }, answer.text));
		}
		assert.ok((await http.stats()).sessions_opened >= 4);
	});

	test('the breaker opens after failures in a row, answers at once, and closes again', async (t) => {
		const http = await startFixture(t);
		const gateway = await startGateway(t, { upstreams: { web: http.upstream({ breaker_failures: 3, breaker_rest: '1s', timeout: '5s' }) } });
		for (let i = 0; i < 3; i++) failure(await modernCall(gateway, 'web_garbage', { how: 'http' }), /^web: /);
		await gateway.untilUpstream('web', 'resting');
		const { value, ms } = await timed(() => modernCall(gateway, 'web_echo', {}));
		failure(value, /rests/);
		assert.ok(ms < 500, `${ms} ms`);
		await until('the breaker to close', () => alive(gateway, 'web').then(() => true), 8000);
		await gateway.untilUpstream('web', 'up');
		assert.equal((await gateway.upstream('web')).failures >= 3, true);
	});
});
