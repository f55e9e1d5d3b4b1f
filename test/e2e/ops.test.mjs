// The operator's view: health, metrics, status, logs, and who may see what.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern, modernCall, openSession } from './lib/mcp.mjs';
import { request } from './lib/raw.mjs';
import { each, until } from './lib/wait.mjs';

const get = (target, path, headers = {}) => request(target, { method: 'GET', path, headers });

/** Prometheus text to {name: {type, help, samples: [{labels, value}]}}, strictly. */
function parseMetrics(text) {
	const families = {};
	assert.ok(text.endsWith('\n'));
	for (const line of text.slice(0, -1).split('\n')) {
		const comment = /^# (HELP|TYPE) ([a-z_:][a-z0-9_:]*) (.+)$/.exec(line);
		if (comment !== null) {
			const family = (families[comment[2]] ??= { samples: [] });
			assert.ok(!(comment[1] in family), `${comment[1]} ${comment[2]} twice`);
			family[comment[1]] = comment[3];
			continue;
		}
		const sample = /^([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/.exec(line);
		assert.ok(sample, `not a sample: ${line}`);
		const name = sample[1] in families ? sample[1] : sample[1].replace(/_(bucket|sum|count)$/, '');
		assert.ok(name in families, `${sample[1]} comes before its family`);
		assert.ok(Number.isFinite(Number(sample[3])), line);
		const labels = Object.fromEntries([...(sample[2] ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key, value]));
		families[name].samples.push({ name: sample[1], labels, value: Number(sample[3]) });
	}
	for (const [name, family] of Object.entries(families)) assert.ok(family.TYPE && family.HELP, name);
	return families;
}

test('live, ready, status', async (t) => {
	const gateway = await startGateway(t, { settle: false, upstreams: { late: stdioFixture(['--slow-start', '1500']), fx: stdioFixture() } });
	assert.equal((await get(gateway, '/health/live')).status, 200);
	const starting = await get(gateway, '/health/ready');
	assert.equal(starting.status, 503);
	assert.equal(starting.json.ready, false);
	assert.equal(starting.json.state, 'starting');
	await gateway.settled();

	const ready = (await get(gateway, '/health/ready')).json;
	assert.deepEqual([ready.ready, ready.state, ready.database.ok], [true, 'serving', true]);
	assert.ok(ready.database.latency_us >= 0);
	assert.deepEqual(ready.upstreams.map(({ name, state }) => [name, state]).sort(), [['fx', 'up'], ['late', 'up']]);
	for (const upstream of ready.upstreams) {
		assert.ok(upstream.latency_us >= 0);
		assert.ok(!('last_error' in upstream), 'errors are for operators');
	}
	assert.equal((await get(gateway, '/health/ready')).headers['cache-control'], 'no-store');

	const status = await gateway.status();
	assert.equal(status.loops, 2);
	assert.equal(status.catalog.tools, 36);
	assert.ok(status.rss_bytes > 1 << 20 && status.uptime_ms > 0);
	const fromCli = await gateway.cliJson('status');
	assert.deepEqual(fromCli.upstreams.map(({ name }) => name), status.upstreams.map(({ name }) => name));
	assert.equal((await gateway.cli('status')).code, 0);
});

test('a dead upstream is shown, and does not make the gateway unready', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture(), dead: { http: { url: 'http://127.0.0.1:1/mcp' } } } });
	const ready = await get(gateway, '/health/ready');
	assert.equal(ready.status, 200);
	assert.equal(ready.json.upstreams.find(({ name }) => name === 'dead').state, 'down');
	assert.match((await gateway.upstream('dead')).last_error, /./);
});

test('metrics are well formed and count what happened', async (t) => {
	const http = await startFixture(t);
	const gateway = await startGateway(t, { tenants: ['acme', 'rival'], upstreams: { fx: stdioFixture([], { timeout: '300ms' }), web: http.upstream() } });
	const session = await openSession(gateway);
	await each(30, 5, (i) => (i % 2 ? modernCall(gateway, 'fx_echo', { i }) : session.call('web_echo', { i })));
	await modernCall(gateway, 'fx_hang');
	await modernCall(gateway, 'web_fail');
	await modernCall(gateway, 'nope');
	await modern({ port: gateway.port, key: 'gh_wrong' }, 'tools/list');
	await modern({ port: gateway.port }, 'tools/list');
	const stream = await session.listen();

	const families = parseMetrics((await get(gateway, '/metrics')).text);
	const value = (name, labels = {}) => families[name]?.samples.find((sample) => sample.name === name && Object.entries(labels).every(([key, wanted]) => sample.labels[key] === wanted))?.value;
	assert.equal(families.gatehouse_requests_total.TYPE, 'counter');
	assert.ok(value('gatehouse_requests_total', { code: '2xx' }) >= 33);
	assert.equal(value('gatehouse_requests_total', { code: '4xx' }), 2);
	assert.equal(value('gatehouse_errors_total', { error: 'UPSTREAM_TIMEOUT' }), 1);
	assert.equal(value('gatehouse_errors_total', { error: 'MCP_UNKNOWN_TOOL' }), 1);
	assert.equal(value('gatehouse_auth_failures_total'), 1);
	assert.equal(value('gatehouse_upstream_up', { upstream: 'fx' }), 1);
	assert.equal(value('gatehouse_catalog_items', { kind: 'tool' }), 36);
	assert.equal(value('gatehouse_streams'), 1);
	assert.ok(value('process_resident_memory_bytes') > 1 << 20);
	assert.ok(value('gatehouse_fibers') >= 1);

	const histograms = Object.entries(families).filter(([, { TYPE }]) => TYPE === 'histogram');
	assert.ok(histograms.length >= 2);
	for (const [name, { samples }] of histograms) {
		const series = {};
		for (const sample of samples) (series[JSON.stringify({ ...sample.labels, le: undefined })] ??= []).push(sample);
		for (const [key, points] of Object.entries(series)) {
			const buckets = points.filter((point) => point.name === `${name}_bucket`);
			const counts = buckets.map((point) => point.value);
			assert.deepEqual(counts, [...counts].sort((a, b) => a - b), `${name}${key} is cumulative`);
			assert.equal(buckets.at(-1).labels.le, '+Inf');
			assert.equal(points.find((point) => point.name === `${name}_count`).value, counts.at(-1));
			assert.ok(points.some((point) => point.name === `${name}_sum`));
		}
	}
	const calls = families.gatehouse_call_seconds.samples.filter(({ name }) => name.endsWith('_count'));
	assert.equal(calls.find(({ labels }) => labels.upstream === 'fx' && labels.tool === 'echo').value, 15);
	assert.equal(calls.find(({ labels }) => labels.upstream === 'web' && labels.tool === 'echo').value, 15);
	await until('the audit rows', async () => {
		const now = parseMetrics((await get(gateway, '/metrics')).text);
		return now.gatehouse_audit_rows_total.samples[0].value >= 33 && now.gatehouse_audit_waiting.samples[0].value === 0;
	});
	stream.connection.destroy();
	await until('the end of the stream', async () => parseMetrics((await get(gateway, '/metrics')).text).gatehouse_streams.samples[0].value === 0);
});

describe('who may look', () => {
	test('the machine itself; others with a key that may', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, config: { trusted_proxies: ['127.0.0.1/32'] } });
		const { key: owner } = await gateway.makeKey('acme', '--role', 'owner');
		const { key: viewer } = await gateway.makeKey('acme', '--role', 'viewer');
		const outside = { 'x-forwarded-for': '203.0.113.9' };

		for (const path of ['/metrics', '/status']) {
			assert.equal((await get(gateway, path)).status, 200);
			assert.equal((await get(gateway, path, outside)).status, 401);
			assert.equal((await get(gateway, path, { ...outside, 'x-api-key': gateway.key })).status, 403, 'a member');
			assert.ok([200, 403].includes((await get(gateway, path, { ...outside, 'x-api-key': viewer })).status));
			assert.equal((await get(gateway, path, { ...outside, 'x-api-key': owner })).status, 200);
		}
		// Health is for load balancers: open to all, and says no more than it must.
		assert.equal((await get(gateway, '/health/live', outside)).status, 200);
		assert.equal((await get(gateway, '/health/ready', outside)).status, 200);
		// A header alone does not make a stranger local, nor the other way round.
		assert.equal((await get({ port: gateway.port, localAddress: '127.0.0.7' }, '/status', outside)).status, 401);
	});

	test('metrics_public opens metrics alone', async (t) => {
		const gateway = await startGateway(t, { upstreams: {}, config: { metrics_public: true, trusted_proxies: ['127.0.0.1/32'] } });
		assert.equal((await get(gateway, '/metrics', { 'x-forwarded-for': '203.0.113.9' })).status, 200);
		assert.equal((await get(gateway, '/status', { 'x-forwarded-for': '203.0.113.9' })).status, 401);
	});
});

test('every log line is one JSON object with time, level and event', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture(['--stderr', 'odd "quotes" \\ and \u0001 control']) } });
	await modernCall(gateway, 'no\nsuch "tool"', {}, { headers: { 'x-request-id': 'odd' } });
	await request(gateway, { method: 'GET', path: '/%22%5c%e2%82%ac', headers: {} });
	await gateway.untilLogged('upstream.stderr');
	const { stderr } = await gateway.stop();
	for (const line of stderr.split('\n').filter((text) => text !== '')) {
		const parsed = JSON.parse(line);
		assert.match(parsed.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
		assert.match(parsed.level, /^(debug|info|warn|error)$/);
		assert.match(parsed.event, /^[a-z_]+(\.[a-z_]+)*$/);
	}
});
