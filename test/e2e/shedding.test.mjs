// More work than a server takes: what waits too long makes work of low priority be put off, so that the rest stays fast;
// nothing of it grows, and it passes by itself. Times are counted in calls of others that were done meanwhile.
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startFixture } from './lib/fixture.mjs';
import { prepareGateway, startGateway } from './lib/gateway.mjs';
import { modern, modernCall, openSession } from './lib/mcp.mjs';
import { Connection, request } from './lib/raw.mjs';
import { sql } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const MB = 1 << 20;
const PLACES = 2;
const CROWDS = 5; // tenants of low priority ...
const EACH = 8; // ... with so many clients: 20 times what the server takes
const plans = { cheap: { priority: 'low' }, dear: { priority: 'high' } };
const free = { per_tenant: 'off', per_ip: 'off' };

const metric = async (gateway, name) => {
	const { text } = await request(gateway, { method: 'GET', path: '/metrics' });
	return Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (.+)$`, 'm').exec(text)[1]);
};
const shedCalls = (gateway, priority) => metric(gateway, `gatehouse_shed_total{work="call",priority="${priority}"}`);
const shedLevel = (gateway) => metric(gateway, 'gatehouse_upstream_shed_level{upstream="fx"}');
const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);

async function tenant(gateway, name, plan) {
	const { key } = await gateway.makeKey(name);
	const set = await gateway.cli('limit', 'set', '--tenant', name, '--plan', plan);
	assert.equal(set.code, 0, set.stderr);
	return { port: gateway.port, key };
}

/** Clients that call again and again until they are told to stop; what became of their calls. */
function crowd(targets, args, onAnswer) {
	const running = { stopped: false, outcomes: new Map() };
	const client = async (target) => {
		const connection = await Connection.open(target);
		while (!running.stopped) {
			const answer = await modernCall(target, 'fx_slow', args, { connection, ms: 60000 });
			count(running.outcomes, answer.status);
			onAnswer?.(answer);
			if (answer.status !== 200) await pause(20); // less than Retry-After says: they are no polite clients
		}
		connection.destroy();
	};
	running.ended = Promise.all(targets.map(client));
	running.stop = () => {
		running.stopped = true;
		return running.ended;
	};
	return running;
}

test('low priority is put off while a server is overrun, high priority stays fast, and it passes', async (t) => {
	const fixture = await startFixture(t);
	const gateway = await startGateway(t, {
		upstreams: { fx: fixture.upstream({ concurrency: PLACES, queue: 200 }) },
		limits: { ...free, shed: { wait: '150ms', interval: '200ms' } }, config: { plans },
	});
	const low = [];
	for (let i = 0; i < CROWDS; i++) low.push(await tenant(gateway, `low${i}`, 'cheap'));
	const high = await tenant(gateway, 'high', 'dear');
	await until('the plans to hold', async () => (await modernCall(high, 'fx_slow', { ms: 1 })).status === 200);

	let refused;
	const load = crowd(low.flatMap((one) => Array(EACH).fill(one)), { ms: 100 }, (answer) => {
		if (answer.status !== 200) refused ??= answer;
	});
	const others = () => load.outcomes.get(200) ?? 0;
	let calls = 0;
	for (; calls < 8 || load.outcomes.get(503) === undefined || await shedCalls(gateway, 'low') < 100; calls++) {
		assert.ok(calls < 200, `nothing is put off: ${JSON.stringify([...load.outcomes])}`);
		const before = others();
		const answer = await modernCall(high, 'fx_slow', { ms: 100 });
		assert.equal(answer.status, 200, answer.text);
		assert.ok(!answer.message.result.isError, answer.text);
		// A turn of everybody's, and what is on its way; in one line it would be all forty.
		assert.ok(others() - before <= CROWDS + 3 * PLACES + 2, `${others() - before} calls were done meanwhile`);
	}

	assert.deepEqual([...load.outcomes.keys()].sort(), [200, 503]);
	assert.ok(Number(refused.headers['retry-after']) >= 1);
	assert.equal(refused.message.error.code, -32000);
	assert.equal(refused.message.error.data.retryable, true);
	assert.equal(refused.message.error.data.retryAfterMs, 1000 * Number(refused.headers['retry-after']));
	assert.match(refused.message.error.message, /fx: there is more to do than can be done in time.*Retry-After.*priority/);
	assert.equal(await shedCalls(gateway, 'high'), 0);
	assert.equal(await shedCalls(gateway, 'normal'), 0);

	// What costs the server nothing is answered all the time, to whoever is put off too.
	const session = await openSession(low[0]);
	assert.ok((await session.request('ping')).message.result);
	assert.equal((await modern(low[1], 'server/discover')).status, 200);
	assert.equal((await modern(low[1], 'tools/list')).status, 200);
	assert.equal((await request(gateway, { method: 'GET', path: '/health/ready' })).status, 200);
	await session.end();

	await load.stop();
	await until('it to pass', async () => await shedLevel(gateway) === 0, 10000);
	for (const one of low) assert.equal((await modernCall(one, 'fx_slow', { ms: 1 })).status, 200);
	const begun = gateway.logged(({ event }) => event === 'shed.begun');
	const ended = await until('the log to say so', () => {
		const lines = gateway.logged(({ event }) => event === 'shed.ended');
		return lines.length === begun.length && lines;
	});
	assert.equal(begun[0].upstream, 'fx');
	assert.ok(begun.length < calls, `${begun.length} lines: once each time, not for each call`);
	assert.equal(begun[0].level, 'warn');
	assert.equal(ended[0].level, 'info');
	await gateway.stop();
	const rows = await sql(`${gateway.data}/gatehouse.db`, `SELECT t.name, a.outcome, count(*) AS n FROM audit a JOIN tenant t ON t.id = a.tenant_id
		WHERE a.event = 'rate_limit.exceeded' AND a.target = 'shed' GROUP BY 1, 2`);
	assert.ok(rows.length > 0 && rows.length <= CROWDS, JSON.stringify(rows));
	for (const { name, outcome, n } of rows) assert.ok(/^low/.test(name) && outcome === 'SHED' && n <= 2, JSON.stringify(rows));
});

test('one tenant alone is never put off for its own crowd, nor is anybody when it is turned off', async (t) => {
	const fixture = await startFixture(t);
	const gateway = await startGateway(t, {
		upstreams: { fx: fixture.upstream({ concurrency: PLACES, queue: 200 }) },
		limits: { ...free, shed: { wait: '20ms', interval: '50ms' } }, config: { plans },
	});
	const one = await tenant(gateway, 'one', 'cheap');
	const two = await tenant(gateway, 'two', 'cheap');
	const alone = crowd(Array(12).fill(one), { ms: 50 });
	await until('a hundred calls', () => alone.outcomes.get(200) > 100, 30000);
	await alone.stop();
	assert.deepEqual([...alone.outcomes.keys()], [200]);

	gateway.configure({ limits: { ...free, shed: { wait: '0s', lag: '0s' } } });
	assert.equal((await gateway.reload()).code, 0);
	const both = crowd([one, two, one, two, one, two, one, two], { ms: 50 });
	await until('a hundred calls more', () => both.outcomes.get(200) > 100, 30000);
	await both.stop();
	assert.deepEqual([...both.outcomes.keys()], [200]);
	assert.equal(await shedCalls(gateway, 'low'), 0);
});

/** Let a process run for a moment only, again and again: a machine that has too little for it. The moments are shorter than
 * what waits for it takes, and nothing more comes meanwhile, as this one waits too: so it is stopped at work, not idle. */
function strangle(pid) {
	const running = { stopped: false };
	const main = async () => {
		while (!running.stopped) {
			process.kill(pid, 'SIGSTOP');
			await pause(30);
			process.kill(pid, 'SIGCONT');
			for (const end = performance.now() + 0.5; performance.now() < end;);
		}
	};
	const ended = main();
	return () => {
		running.stopped = true;
		return ended;
	};
}

test('a gateway that is late itself puts off lists, never what begins or ends something, and recovers', async (t) => {
	const fixture = await startFixture(t);
	const gateway = await startGateway(t, {
		workers: 1, upstreams: { fx: fixture.upstream() },
		limits: { ...free, shed: { lag: '5ms', interval: '10ms' } }, config: { plans },
	});
	const low = await tenant(gateway, 'low', 'cheap');
	const control = new Map();
	let refused;
	let stopped = false;
	const lists = Array.from({ length: 128 }, async () => {
		const connection = await Connection.open(low);
		while (!stopped) {
			const answer = await modern(low, 'tools/list', {}, { connection });
			if (answer.status !== 200) refused ??= answer;
		}
		connection.destroy();
	});
	const asks = Array.from({ length: 4 }, async () => {
		while (!stopped) {
			const session = await openSession(low);
			count(control, (await session.request('ping')).status);
			count(control, (await modern(low, 'server/discover')).status);
			count(control, (await request(gateway, { method: 'GET', path: '/health/ready' })).status);
			await session.end();
		}
	});
	const release = strangle(gateway.pid);
	try {
		await until('a list that is put off', () => refused !== undefined && control.get(200) > 8, 60000);
	} finally {
		stopped = true;
		await release();
	}
	await Promise.all([...lists, ...asks]);
	assert.deepEqual([...control.keys()], [200], 'control work is never put off');
	assert.equal(refused.status, 503);
	assert.ok(Number(refused.headers['retry-after']) >= 1);
	assert.match(refused.message.error.message, /more to do than can be done in time/);
	assert.ok(await metric(gateway, 'gatehouse_shed_total{work="list",priority="low"}') > 0);
	assert.ok(gateway.logged(({ event, what }) => event === 'shed.begun' && what === 'loop').length > 0);
	await until('it to recover', async () => await metric(gateway, 'gatehouse_shed_level') === 0 && (await modern(low, 'tools/list')).status === 200);
});

test('memory does not grow while twenty times more calls come than the server takes', async (t) => {
	const fixture = await startFixture(t);
	const gateway = await prepareGateway(t, {
		upstreams: { fx: fixture.upstream({ concurrency: PLACES, queue: 8 }) },
		limits: { ...free, shed: { wait: '50ms', interval: '100ms' } }, config: { plans },
	});
	// What a sanitizer keeps of freed memory would hide what is asked here.
	await gateway.start({ env: { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64` } });
	await gateway.settled();
	const targets = [];
	for (const [name, plan] of [['low', 'cheap'], ['high', 'dear'], ['acme', 'none']]) {
		targets.push(plan === 'none' ? gateway.as('acme') : await tenant(gateway, name, plan));
	}
	let answers = 0;
	const load = crowd(Array.from({ length: 20 * PLACES }, (_, i) => targets[i % targets.length]), { ms: 20, pad: 'x'.repeat(65536) }, () => answers++);
	await until('a warm-up', () => answers > 400, 60000);
	const before = gateway.resources().rss;
	let most = 0;
	await until('the overload', () => {
		most = Math.max(most, gateway.resources().rss);
		return answers > 2500;
	}, 120000);
	await load.stop();
	assert.ok(load.outcomes.get(503) + load.outcomes.get(429) > 800, JSON.stringify([...load.outcomes]));
	assert.ok(load.outcomes.get(200) > 100, JSON.stringify([...load.outcomes]));
	t.diagnostic(`${JSON.stringify([...load.outcomes])}; RSS ${(before / MB).toFixed(1)} MB, then at most ${(most / MB).toFixed(1)} MB`);
	assert.ok(most - before < 16 * MB, `RSS went from ${before / MB} to ${most / MB} MB`);
});
