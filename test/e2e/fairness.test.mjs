// Places at a busy server: tenants get them in turn, and who finds none is told why and when to come again. Times are
// counted in service times: how many calls of the other tenant were done before one's own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modernCall } from './lib/mcp.mjs';
import { sql } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const PLACES = 4;
const free = { per_tenant: 'off', per_ip: 'off' };
const slow = (gateway, key, ms) => modernCall({ port: gateway.port, key }, 'fx_slow', { ms });
const told = (answer, status, words) => {
	assert.equal(answer.status, status, answer.text);
	assert.match(answer.text, words);
	assert.match(answer.text, /"retryable":true/);
	assert.ok(Number(answer.headers['retry-after']) >= 1, 'Retry-After');
};

const upstreams = async (t, transport, settings) =>
	transport === 'stdio' ? stdioFixture([], settings) : (await startFixture(t)).upstream(settings);

for (const transport of ['http', 'stdio']) {
	test(`one tenant's crowd does not keep another's single calls waiting (${transport})`, async (t) => {
		const gateway = await startGateway(t, {
			upstreams: { fx: await upstreams(t, transport, { concurrency: PLACES, queue: 400 }) }, limits: free,
		});
		const { key: modest } = await gateway.makeKey('modest');
		let done = 0;
		const crowd = Array.from({ length: 200 }, () => slow(gateway, gateway.key, 100).then((answer) => {
			done++;
			return answer;
		}));
		await until('the crowd to wait', async () => (await gateway.upstream('fx')).queued >= 120);
		for (let i = 0; i < 5; i++) {
			const before = done;
			const answer = await slow(gateway, modest, 100);
			assert.equal(answer.status, 200);
			assert.ok(answer.message.result !== undefined && !answer.message.result.isError, answer.text);
			// Its own service time, and about one more of waiting: two rounds of places, and a third for what is on its way.
			assert.ok(done - before <= 3 * PLACES + 2, `${done - before} calls of the crowd were done meanwhile`);
		}
		assert.ok(done < 180, 'there was a crowd all the time');
		for (const answer of await Promise.all(crowd)) assert.ok(!answer.message.result.isError, answer.text);
		const { queue } = await gateway.upstream('fx');
		assert.ok(queue.waits > 100 && queue.refused === 0 && queue.tenants === 0, JSON.stringify(queue));
	});
}

test('who finds no place is told which limit it was; another tenant still finds room; a flood leaves one row', async (t) => {
	const gateway = await startGateway(t, {
		upstreams: { fx: stdioFixture([], { concurrency: 1, queue: 6, queue_per_tenant: 4 }) }, limits: free,
	});
	const { key: second } = await gateway.makeKey('second');
	const { key: third } = await gateway.makeKey('third');
	const waiting = async (n) => until(`${n} calls to wait`, async () => (await gateway.upstream('fx')).queued === n);
	const many = (key, n) => Array.from({ length: n }, () => slow(gateway, key, 200));
	const greedy = many(gateway.key, 12);
	await waiting(4);
	const others = many(second, 2);
	await waiting(6);
	others.push(...many(third, 1)); // the queue is full: the greedy tenant's last call makes room
	const answers = await Promise.all(greedy);
	const refused = answers.filter(({ status }) => status !== 200);
	assert.equal(refused.length, 8);
	for (const answer of refused) told(answer, 429, /fx: too many calls of your tenant wait .*queue_per_tenant/);
	for (const answer of await Promise.all(others)) assert.equal(answer.status, 200, answer.text);
	const metrics = await (await fetch(`http://127.0.0.1:${gateway.port}/metrics`)).text();
	assert.match(metrics, /gatehouse_upstream_queue_refused_total\{upstream="fx"\} 8/);
	assert.match(metrics, /gatehouse_limited_total\{limit="queue"\} 8/);
	await gateway.stop();
	assert.deepEqual(await sql(`${gateway.data}/gatehouse.db`, "SELECT target, outcome FROM audit WHERE event = 'rate_limit.exceeded'"),
		[{ target: 'queue_per_tenant', outcome: 'QUEUE_TENANT' }]);
});

test('a wait for a place ends', async (t) => {
	const gateway = await startGateway(t, {
		upstreams: { fx: stdioFixture([], { concurrency: 1, queue_timeout: '200ms' }) }, limits: free,
	});
	const first = slow(gateway, gateway.key, 1500);
	await until('the first call', async () => (await gateway.upstream('fx')).in_flight === 1);
	told(await slow(gateway, gateway.key, 1), 503, /queue_timeout.*concurrency/);
	assert.equal((await first).status, 200);
	assert.equal((await slow(gateway, gateway.key, 1)).status, 200);
});

test('a plan with more weight gets more places', async (t) => {
	const gateway = await startGateway(t, {
		upstreams: { fx: stdioFixture([], { concurrency: 1, queue: 200 }) }, limits: free,
		config: { plans: { heavy: { weight: 3 } } },
	});
	await gateway.makeKey('large');
	const set = await gateway.cli('limit', 'set', '--tenant', 'large', '--plan', 'heavy');
	assert.equal(set.code, 0, set.stderr);
	const { key: large } = await gateway.makeKey('large');
	const order = [];
	const call = (name, key) => slow(gateway, key, 20).then(() => order.push(name));
	const holder = slow(gateway, gateway.key, 1500);
	await until('the first call', async () => (await gateway.upstream('fx')).in_flight === 1);
	const calls = Array.from({ length: 40 }, () => [call('small', gateway.key), call('large', large)]).flat();
	await until('the lines', async () => (await gateway.upstream('fx')).queued === 80);
	await Promise.all([holder, ...calls]);
	const share = order.slice(0, 40).filter((name) => name === 'large').length;
	assert.ok(share >= 27 && share <= 33, `${share} of the first 40`);
});
