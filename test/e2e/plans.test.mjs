// What a tenant's plan, its own limits and the month leave to its callers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call } from './lib/api.mjs';
import { stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern, modernCall } from './lib/mcp.mjs';
import { sql } from './lib/sqlite.mjs';
import { each, until } from './lib/wait.mjs';

const start = (t, config = {}, options = {}) =>
	startGateway(t, { upstreams: { fx: stdioFixture() }, config: { ...config }, ...options });
const target = (gateway, key = gateway.key) => ({ port: gateway.port, key });
const echo = (gateway, key) => modernCall(target(gateway, key), 'fx_echo', { text: 'x' });
const limit = async (gateway, ...flags) => {
	const { code, stderr } = await gateway.cli('limit', 'set', '--tenant', 'acme', ...flags);
	assert.equal(code, 0, stderr);
};
const monthsEnd = () => {
	const now = new Date();
	return (Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1) - now.getTime()) / 1000;
};
/** How many of `count` calls on connections of their own were let through. */
const through = async (gateway, count, key) => {
	const statuses = (await each(count, 8, () => echo(gateway, key))).map(({ status }) => status);
	assert.deepEqual(statuses.filter((status) => status !== 200 && status !== 429), []);
	return statuses.filter((status) => status === 200).length;
};
const usage = async (gateway, key) => (await call(gateway, 'GET', '/tenants/self/usage', { key })).json.items;

test('a plan bounds a tenant until its own limits say otherwise, at once', async (t) => {
	const gateway = await start(t, { plans: { free: { tenant_per_minute: 3 }, paid: { tenant_per_minute: 500 } } });
	const ask = () => modern(target(gateway), 'tools/list');
	await limit(gateway, '--plan', 'free');
	const refused = await until('the plan to hold', async () => {
		const answer = await ask();
		return answer.status === 429 && answer;
	}, 2000);
	assert.equal(refused.headers['ratelimit-limit'], '3');
	await limit(gateway, '--tenant-per-minute', '0');
	await until('its own limit to hold', async () => (await ask()).status === 200, 2000);
	for (let i = 0; i < 10; i++) assert.equal((await ask()).status, 200);
});

for (const workers of [1, 2]) {
	test(`a quota is met exactly at its end by ${workers} worker(s), and a restart keeps the count`, async (t) => {
		const gateway = await start(t, { plans: { free: { tenant_per_month: 20 } } }, { workers });
		await limit(gateway, '--plan', 'free');
		await gateway.stop();
		await gateway.start();
		await gateway.settled();
		assert.equal(await through(gateway, 13), 13);
		await gateway.stop();
		await gateway.start();
		await gateway.settled();
		assert.equal(await through(gateway, 30), 7);

		const refused = await echo(gateway);
		assert.equal(refused.status, 429);
		assert.match(refused.text, /this month's calls are used up/);
		const wait = Number(refused.headers['retry-after']);
		assert.ok(Math.abs(wait - monthsEnd()) < 60, `Retry-After: ${wait}`);
		assert.equal((await modern(target(gateway), 'tools/list')).status, 200); // costs no call
		await gateway.stop();
		assert.deepEqual(
			await sql(`${gateway.data}/gatehouse.db`, "SELECT target, outcome FROM audit WHERE event = 'rate_limit.exceeded'"),
			[{ target: 'tenant_per_month', outcome: 'QUOTA' }],
		);
		const rows = await sql(`${gateway.data}/gatehouse.db`, 'SELECT calls, failures FROM usage_month');
		assert.deepEqual(rows, [{ calls: 20, failures: 0 }, { calls: 20, failures: 0 }]); // the tenant, its key
	});
}

test("a caller's quota is theirs alone; usage is shown by the API and the command line, failures too", async (t) => {
	const gateway = await start(t, { plans: { free: { principal_per_month: 4 } } });
	const other = await gateway.makeKey('acme');
	const { key } = await gateway.makeKey('acme', '--role', 'admin');
	await limit(gateway, '--plan', 'free');
	await gateway.stop();
	await gateway.start();
	await gateway.settled();
	assert.equal(await through(gateway, 9), 4);
	assert.equal((await echo(gateway, other.key)).status, 200);
	await modernCall(target(gateway, other.key), 'fx_fail', {});

	const shown = await until('usage to be written', async () => {
		const items = await usage(gateway, key);
		return items.find(({ principal }) => principal === '')?.calls === 6 && items;
	});
	const now = new Date();
	assert.equal(shown.length, 3);
	assert.ok(shown.every(({ month }) => month === now.getUTCFullYear() * 100 + now.getUTCMonth() + 1));
	const { calls, failures } = shown.find(({ principal }) => principal === other.id);
	assert.deepEqual({ calls, failures }, { calls: 2, failures: 1 });
	assert.equal((await call(gateway, 'GET', `/tenants/self/usage?principal=${other.id}`, { key })).json.items.length, 1);
	assert.deepEqual((await call(gateway, 'GET', '/tenants/self/usage?month=202001', { key })).json.items, []);
	assert.equal((await call(gateway, 'GET', '/tenants/self/usage?month=soon', { key })).status, 400);
	const first = (await call(gateway, 'GET', '/tenants/self/usage?limit=1', { key })).json;
	const rest = (await call(gateway, 'GET', `/tenants/self/usage?cursor=${first.next}`, { key })).json;
	assert.deepEqual([...first.items, ...rest.items], shown);
	const one = await call(gateway, 'GET', `/tenants/self/usage/${shown[0].id}`, { key });
	assert.deepEqual(one.json, shown[0]);
	assert.equal((await call(gateway, 'GET', '/tenants/self/usage/202001.', { key })).status, 404);
	assert.equal((await call(gateway, 'GET', '/tenants/self/usage/x', { key })).status, 404);
	const listed = await gateway.cliJson('usage', 'list', '--tenant', 'acme');
	assert.deepEqual(listed.items ?? listed, shown);

	assert.equal((await call(gateway, 'GET', '/tenants/self/usage', { key: other.key })).status, 403); // a member's
	const stranger = await gateway.makeKey('globex', '--role', 'admin');
	assert.deepEqual(await usage(gateway, stranger.key), []);
});
