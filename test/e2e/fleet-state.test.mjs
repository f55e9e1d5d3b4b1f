// Three replicas on one PostgreSQL and one Redis: what they keep together. A month's quota ends for all of them at once and is
// neither lost nor doubled when Redis forgets it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { onPostgres } from './lib/backing.mjs';
import { startFleet } from './lib/cluster.mjs';
import { stdioFixture } from './lib/fixture.mjs';
import { scope } from './lib/gateway.mjs';
import { modernCall } from './lib/mcp.mjs';
import { request } from './lib/raw.mjs';
import { redisServers } from './lib/redis.mjs';
import { each, until } from './lib/wait.mjs';

const skip = (redisServers().length === 0 && 'neither redis-server nor valkey-server is installed: ./dev deps') ||
	(onPostgres && 'brings its own replicas');
const file = scope(after);
let fleet;

before(async () => {
	if (skip) return;
	fleet = await startFleet(file, {
		tenants: ['acme', 'rival', 'metered', 'forgotten'],
		upstreams: { fx: stdioFixture() },
	});
});

describe('a quota of the month', { skip }, () => {
	/** How many of `count` calls, through all replicas at once, were let in. */
	async function through(count, tenant) {
		const answers = await each(count, 12, (i) => modernCall(fleet.targetOf(i % 3, tenant), 'fx_echo', { text: 'x' }));
		const statuses = answers.map(({ status }) => status);
		assert.deepEqual(statuses.filter((status) => status !== 200 && status !== 429), []);
		return statuses.filter((status) => status === 200).length;
	}

	/** Before its first call: no replica knows another one. */
	const limit = (tenant, quota) => fleet.cli('limit', 'set', '--tenant', tenant, '--tenant-per-month', String(quota));

	async function written(tenant) {
		const [row] = await fleet.database.sql(`SELECT calls FROM usage_month u JOIN tenant t ON t.id = u.tenant_id WHERE t.name = '${tenant}' AND principal = ''`);
		return row?.calls ?? 0;
	}

	test('is met exactly by all replicas together', async () => {
		await limit('metered', 150);
		let allowed = await through(210, 'metered');
		assert.ok(allowed <= 150, `${allowed} of 150`);
		await until('what replicas hold to be used', async () => {
			allowed += await through(6, 'metered');
			return allowed >= 150;
		}, 15000);
		assert.equal(allowed, 150);
		assert.equal(await through(9, 'metered'), 0);
		await until('the rows', async () => (await written('metered')) === 150);
	});

	test('is remembered by the rows when Redis forgets it', async () => {
		await limit('forgotten', 90);
		let allowed = await through(45, 'forgotten');
		await until('the rows', async () => (await written('forgotten')) === allowed);
		await fleet.redis.restart();
		for (const replica of fleet.replicas)
			await until('Redis to be back', async () => (await request(replica, { method: 'GET', path: '/health/ready' })).json.shared_state.ok);
		await until('the end of the quota', async () => {
			const more = await through(9, 'forgotten');
			allowed += more;
			return more === 0 && allowed >= 90;
		}, 20000);
		assert.ok(allowed >= 90 && allowed <= 94, `${allowed} of 90`); // what others held when the counter began anew
	});
});
