// Two replicas on one Redis: limits are exact over both, what one ends is ended on the other, and without the server both go on,
// each with its share, until it is back.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { onPostgres, stateSection } from './lib/backing.mjs';
import { stdioFixture } from './lib/fixture.mjs';
import { Gateway } from './lib/gateway.mjs';
import { modern, openSession } from './lib/mcp.mjs';
import { request } from './lib/raw.mjs';
import { redisServers, startRedis } from './lib/redis.mjs';
import { until } from './lib/wait.mjs';

const skip = (redisServers().length === 0 && 'neither redis-server nor valkey-server is installed: ./dev deps') ||
	(onPostgres && 'brings its own replicas');

/** Two gateways with one server key; whoever comes from this machine is one and the same caller. */
async function startPair(t, redis, limits = {}) {
	const pair = [];
	for (const number of [0, 1]) {
		const gateway = new Gateway({
			upstreams: { fx: stdioFixture() },
			limits,
			workers: 1,
			config: { auth: 'none', state: stateSection(redis, 'pair:') },
		});
		t.after(() => gateway.cleanup());
		gateway.configure();
		if (number === 1) {
			fs.mkdirSync(gateway.data, { mode: 0o700 });
			fs.copyFileSync(path.join(pair[0].data, 'server.key'), path.join(gateway.data, 'server.key'));
			fs.chmodSync(path.join(gateway.data, 'server.key'), 0o600);
		}
		pair.push(await gateway.start());
		await until('the gateway to be ready', async () => (await status(gateway)).ready);
	}
	return pair;
}

async function status(gateway) {
	return JSON.parse((await request({ port: gateway.port }, { method: 'GET', path: '/health/ready' })).body);
}

const list = (gateway) => modern({ port: gateway.port }, 'tools/list');
const isShared = async (gateway) => (await status(gateway)).shared_state.ok;

/** How many of `count` requests, in turns, were let in; each took less than `ms`. */
async function countAllowed(pair, count, ms) {
	let allowed = 0;
	for (let i = 0; i < count; i++) {
		const begun = performance.now();
		const { status: code } = await list(pair[i % 2]);
		assert.ok(code === 200 || code === 429, `status ${code}`);
		assert.ok(performance.now() - begun < ms, `a request took ${performance.now() - begun} ms`);
		allowed += code === 200;
	}
	return allowed;
}

test('a limit is one limit, and half of it each while the server is away', { skip }, async (t) => {
	const redis = await startRedis(t);
	const pair = await startPair(t, redis, { per_ip: '40/h' });
	for (const gateway of pair) assert.equal(await isShared(gateway), true);
	// Whether it is ready was asked with requests that are not counted; so all 40 are there.
	assert.equal(await countAllowed(pair, 60, 20000), 40);
	for (const gateway of pair) await until('each to see the other', async () => (await status(gateway)).shared_state.processes === 2);
	await redis.kill();
	for (const gateway of pair) await until('it to notice', async () => !(await isShared(gateway)));
	assert.equal(await countAllowed(pair, 60, 5000), 40); // a new start for both, with 20 each
	const metrics = await request({ port: pair[0].port }, { method: 'GET', path: '/metrics' });
	assert.match(String(metrics.body), /^gatehouse_state_down 1$/m);
	await redis.start();
	for (const gateway of pair) await until('it to return', () => isShared(gateway), 10000);
	assert.equal(await countAllowed(pair, 60, 20000), 40); // the server's count, which is new
	for (const gateway of pair) {
		assert.equal(gateway.logged((line) => line.event === 'state.down').length, 1);
		assert.equal(gateway.logged((line) => line.event === 'state.up').length, 1);
	}
});

test('a session that ended on one has ended on the other', { skip }, async (t) => {
	const redis = await startRedis(t);
	const [one, other] = await startPair(t, redis);
	const session = await openSession({ port: one.port });
	const there = { method: 'POST', path: '/mcp', headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json', 'mcp-session-id': session.id }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }) };
	assert.equal((await request({ port: other.port }, there)).status, 200);
	const ended = await request({ port: one.port }, { method: 'DELETE', path: '/mcp', headers: { 'mcp-session-id': session.id } });
	assert.equal(ended.status, 200);
	assert.equal((await request({ port: other.port }, there)).status, 404);
});

test('it starts without the server, and is there when the server comes', { skip }, async (t) => {
	const redis = await startRedis(t);
	await redis.kill();
	const [one] = await startPair(t, redis);
	assert.equal(await isShared(one), false);
	assert.equal((await list(one)).status, 200);
	await redis.start();
	await until('it to be shared', () => isShared(one), 10000);
});
