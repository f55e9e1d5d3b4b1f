// A hundred callers of three replicas, of a report that nobody has: the platform is asked once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHosts } from '../fixtures/ads/hosts.mjs';
import { health, same } from '../fixtures/ads/truth.mjs';
import { adsUpstreams } from './lib/ads.mjs';
import { onPostgres } from './lib/backing.mjs';
import { startFleet } from './lib/cluster.mjs';
import { setSecret } from './lib/connector.mjs';
import { modernCall } from './lib/mcp.mjs';
import { redisServers } from './lib/redis.mjs';
import { until } from './lib/wait.mjs';

const skip = (redisServers().length === 0 && 'neither redis-server nor valkey-server is installed: ./dev deps') || (onPostgres && 'brings its own replicas');
const CALLERS = 100;
const REPLICAS = 3;
const ARGS = { platform: 'google', dateRange: 'last_30_days' };

test('one fetch in the fleet', { skip }, async (t) => {
	const hosts = await startHosts(t, { platforms: ['google'], kinds: [{ name: 'One', size: 6, days: 200 }] });
	const fleet = await startFleet(t, { replicas: REPLICAS, upstreams: adsUpstreams(hosts), state: { timeout: '3s' } });
	await setSecret(fleet.replicas[0].gateway, 'google-ads', hosts.google.token);
	hosts.google.knobs.latency_ms = 200;

	// The credential is known everywhere within a moment; that is asked with a tool that fetches nothing.
	for (let n = 0; n < REPLICAS; n++) {
		await until(`replica ${n} to have the tools`, async () => (await modernCall(fleet.targetOf(n), 'ads_get_quality_score', { ...ARGS, platform: 'meta' })).message.result?.structuredContent?.status === 'unsupported_platform');
	}
	const answers = await Promise.all(Array.from({ length: CALLERS }, (_, n) => modernCall(fleet.targetOf(n % REPLICAS), 'ads_get_account_health', ARGS)));
	const { world } = hosts.google.accounts[0];
	for (const { message, text } of answers) {
		assert.equal(message.result?.structuredContent?.status, 'ok', text);
		same(message.result.structuredContent.data, health(world, world.range(30)));
	}
	const asked = hosts.google.seen.map(({ method, url, json }) => `${method} ${url} ${json?.query ?? ''}`);
	assert.equal(new Set(asked).size, asked.length, asked.join('\n'));
	hosts.google.satisfied();
});
