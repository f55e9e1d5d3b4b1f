// Background work over ad reports: a run fills the cache, a crash repeats no finished step, an account that is refused is not tried again, each hour asks for every tenant once,
// and at night what is old goes. One gateway with the three platforms simulated, a tenant for each test.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startHosts } from '../fixtures/ads/hosts.mjs';
import { call } from './lib/api.mjs';
import { setSecret } from './lib/connector.mjs';
import { prepareGateway, scope } from './lib/gateway.mjs';
import { request } from './lib/raw.mjs';
import { sql } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const file = scope(after);
const PLATFORMS = ['google', 'meta', 'tiktok'];
const AUTH = { google: 'bearer', meta: 'bearer', tiktok: 'header' };
const DAY_MS = 86400000;
let hosts;
let gateway;

const settingsOf = (platform, { url, appId, secret }) => ({ base: url, ...(platform === 'tiktok' ? { app_id: appId, app_secret: secret } : {}) });
const database = (...statements) => sql(`${gateway.data}/gatehouse.db`, ...statements);
const runs = (...tenant) => gateway.cliJson('sync', ...tenant);
const ended = ({ outcome }) => !['running', 'waiting'].includes(outcome);

async function ask(tenant, ...platform) {
	const { code, stdout, stderr } = await gateway.cli('sync', 'run', tenant, ...platform);
	assert.equal(code, 0, stderr);
	return stdout.trim().split('\n');
}

/** The rows of runs, once they have ended. */
async function untilEnded(tenant, ids) {
	return until(`the end of ${ids.join(', ')}`, async () => {
		const rows = (await runs(tenant)).filter(({ id }) => ids.includes(id));
		return rows.length === ids.length && rows.every(ended) && rows;
	}, 30000);
}

const events = async (name) => (await gateway.cliJson('audit', 'list')).filter(({ event }) => event === name);

before(async () => {
	hosts = await startHosts(file, { kinds: [{ name: 'Small', size: 4, days: 100 }, { name: 'Other', size: 3, days: 100 }] });
	const upstreams = { ads: { connector: { use: 'ads' } } };
	for (const platform of PLATFORMS) {
		upstreams[`${platform}-ads`] = { connector: { use: `${platform}-ads`, settings: settingsOf(platform, hosts[platform]), allow_private: true }, auth: { type: AUTH[platform] }, breaker_failures: 10000 };
	}
	gateway = await prepareGateway(file, { workers: 1, upstreams, tenants: ['acme', 'bolt', 'cove', 'dusk'], metrics: true });
	for (const tenant of ['acme', 'dusk']) for (const platform of PLATFORMS) await setSecret(gateway, `${platform}-ads`, hosts[platform].token, tenant);
	await setSecret(gateway, 'meta-ads', hosts.meta.token, 'bolt');
	await setSecret(gateway, 'tiktok-ads', hosts.tiktok.token, 'cove');
	await gateway.start();
});

test('a run fills the cache, and says what it did', async () => {
	const ids = await ask('acme');
	assert.equal(ids.length, 3);
	const rows = await untilEnded('acme', ids);
	for (const row of rows) {
		assert.deepEqual([row.outcome, row.error, row.place, row.driver], ['ok', '', `${row.platform}-ads`, 'jobs'], JSON.stringify(row));
		assert.equal(row.steps_done, row.steps_total);
		assert.equal(row.reports, 1 + 2 * 2, 'accounts, then days and campaigns of two ad accounts');
		assert.ok(row.rows > 0 && row.bytes > 0 && row.ended_ms > 0);
	}
	const kept = await database('SELECT platform, report, count(*) AS n FROM metric WHERE fetched_ms > 0 GROUP BY platform, report ORDER BY platform, report');
	assert.deepEqual(kept.map(({ platform, report, n }) => [platform, report, Number(n)]), PLATFORMS.flatMap((platform) => [[platform, 'accounts', 1], [platform, 'campaign_days', 2], [platform, 'campaigns', 2]]));
	for (const host of Object.values(hosts)) host.satisfied();

	const { key: owner } = await gateway.makeKey('acme', '--role', 'owner');
	const rival = (await gateway.makeKey('bolt', '--role', 'owner')).key;
	const listed = (await call(gateway, 'GET', '/tenants/acme/sync-runs?platform=meta', { key: owner })).json;
	assert.deepEqual(listed.items.map(({ id, outcome }) => [id, outcome]), [[ids[1], 'ok']]);
	const one = await call(gateway, 'GET', `/tenants/acme/sync-runs/${ids[1]}`, { key: owner });
	assert.equal(one.json.reports, 5);
	assert.equal((await call(gateway, 'GET', `/tenants/bolt/sync-runs/${ids[1]}`, { key: rival })).status, 404);
	const completed = await events('sync.completed');
	assert.deepEqual(completed.map(({ target }) => target).sort(), [...ids].sort());
	const operator = (await gateway.cli('operator-key', 'create')).stdout.trim();
	await gateway.reload();
	const text = (await request({ port: gateway.port }, { method: 'GET', path: '/metrics', headers: { authorization: `Bearer ${operator}` } })).text;
	assert.match(text, /gatehouse_sync_runs_total\{platform="google"\} 1\n/);
	assert.match(text, /gatehouse_sync_reports_total\{platform="tiktok"\} 5\n/);
});

test('a crash in the middle repeats no finished step', async () => {
	const { meta } = hosts;
	const begun = () => ({ accounts: meta.asked('/me/adaccounts').length, days: meta.asked('POST /:version/act_:account/insights').length + meta.asked('GET /:version/act_:account/insights').length });
	const before = begun();
	const asked = meta.asked('/campaigns').length;
	meta.fault({ at: '/campaigns', how: 'held', skip: 1 });
	const [id] = await ask('bolt', 'meta');
	await until('the second ad account to be asked for its campaigns', () => meta.asked('/campaigns').length === asked + 2);
	const first = begun();
	assert.ok(first.days > before.days);
	const [running] = await runs('bolt');
	assert.deepEqual([running.id, running.outcome, running.steps_done], [id, 'running', 2]);
	await gateway.crash();
	meta.release();
	await database('UPDATE job SET lease_until_ms = 0', 'UPDATE metric SET lease_until_ms = 0'); // as they are half a minute later
	await gateway.start();
	const [row] = await untilEnded('bolt', [id]);
	assert.deepEqual([row.outcome, row.started], ['ok', running.started]);
	assert.deepEqual(begun(), first, 'neither accounts nor days are asked for again');
	assert.equal(meta.asked('/campaigns').length, asked + 3, 'and of campaigns only what had not come');
});

test('an account that is refused ends in a logged failure, and is not tried again', async () => {
	const { tiktok } = hosts;
	tiktok.knobs.token_state = 'revoked';
	const [id] = await ask('cove', 'tiktok');
	const [row] = await untilEnded('cove', [id]);
	assert.equal(row.outcome, 'failed');
	assert.match(row.error, /CREDENTIAL|token_revoked|reauth/);
	assert.ok(!(await gateway.cliJson('jobs')).some((job) => job.id === id), 'nothing is left to be tried');
	const [event] = await events('sync.failed');
	assert.equal(event.target, id);
	await gateway.untilLogged('sync.failed', (line) => line.run === id);
	const asked = tiktok.seen.length;
	const [again] = await ask('cove', 'tiktok');
	await untilEnded('cove', [again]);
	assert.ok(tiktok.seen.length - asked <= 1, 'the next run finds out with one question at most');
	tiktok.calm();
});

test('each hour asks for every tenant once, for disabled ones not', async () => {
	const [{ id: dusk }] = (await gateway.cliJson('tenant', 'list')).filter(({ name }) => name === 'dusk');
	await database(`UPDATE tenant SET disabled = 1 WHERE id = '${dusk}'`);
	const hourly = async () => {
		const [jobs, rows] = [await gateway.cliJson('jobs'), await database("SELECT id FROM sync_log WHERE id LIKE 'sync:%:2%T__'")];
		return [...new Set([...jobs, ...rows].map(({ id }) => id).filter((id) => /^sync:.*:\d{4}-\d\d-\d\dT\d\d$/.test(id)))].sort();
	};
	const history = async () => (await gateway.cliJson('jobs', 'history', 'sync-scheduled-refresh')).filter(({ outcome }) => outcome === 'ok').length;
	for (let round = 1; round <= 2; round++) {
		const done = await history();
		assert.equal((await gateway.cli('jobs', 'run', 'sync-scheduled-refresh')).code, 0);
		await until('the round', async () => (await history()) > done);
		const all = await hourly();
		const hour = all.map((id) => id.slice(-13)).sort().at(-1); // the hour may end in the middle of this test
		const ids = all.filter((id) => id.endsWith(hour));
		assert.deepEqual(ids.map((id) => id.split(':')[2]).sort(), ['google', 'meta', 'meta', 'tiktok', 'tiktok'], `round ${round}: ${ids.join(' ')}`);
		assert.ok(!ids.some((id) => id.includes(dusk)));
	}
	// Those whose minute has come run now; none may come in the middle of what follows.
	await until('the end of the runs', async () => {
		await database(`DELETE FROM job WHERE schedule = '' AND next_ms > ${Date.now() + 1000}`);
		return Number((await database("SELECT count(*) AS n FROM job WHERE schedule = ''"))[0].n) === 0;
	}, 30000);
});

test('at night reports go that are past their time, and runs of syncs', async () => {
	await database(`UPDATE metric SET fetched_ms = fetched_ms - ${91 * DAY_MS} WHERE platform = 'google'`, `UPDATE sync_log SET started_ms = started_ms - ${31 * DAY_MS} WHERE platform = 'tiktok' AND ended_ms > 0`);
	for (const job of ['gdpr-purge-cache', 'archive-audit-log']) {
		assert.equal((await gateway.cli('jobs', 'run', job)).code, 0);
		await until(job, async () => (await gateway.cliJson('jobs', 'history', job)).some(({ outcome }) => outcome === 'ok'));
	}
	const left = await database("SELECT (SELECT count(*) FROM metric WHERE platform = 'google' AND fetched_ms < 0) AS metrics, (SELECT count(*) FROM sync_log WHERE platform = 'tiktok' AND ended_ms > 0 AND started_ms < ended_ms - 86400000) AS runs, (SELECT count(*) FROM metric WHERE platform = 'meta') AS others");
	assert.deepEqual([Number(left[0].runs), Number(left[0].others) > 0], [0, true]);
	assert.equal(Number((await database(`SELECT count(*) AS n FROM metric WHERE platform = 'google' AND fetched_ms > 0 AND fetched_ms < ${Date.now() - 90 * DAY_MS}`))[0].n), 0);
});

test('what is kept is shown, and forgotten when an operator says so', async () => {
	const shown = (...platform) => gateway.cliJson('ads', 'show', 'acme', ...platform);
	const before = await shown();
	const [days] = before.filter(({ platform, report }) => platform === 'meta' && report === 'campaign_days');
	assert.deepEqual([days.upstream, days.range, days.failure], ['meta-ads', 'last_90_days', '']);
	assert.ok(days.rows > 0 && days.bytes > days.rows && Date.parse(days.fetched_at) <= Date.now());
	assert.match((await gateway.cli('ads', 'show', 'acme', 'meta')).stdout, /^FETCHED .*\n(.*\n)*.* meta .* campaign_days /);
	const { reports } = await gateway.cliJson('ads', 'invalidate', 'acme', 'meta');
	assert.equal(reports, before.filter(({ platform }) => platform === 'meta').length);
	assert.deepEqual(await shown('meta'), []);
	assert.equal((await shown()).length, before.length - reports);
	assert.equal((await events('ads.invalidated'))[0].target, 'meta');
	const { code, stderr } = await gateway.cli('ads', 'invalidate', 'acme', 'bing');
	assert.deepEqual([code !== 0, /google, meta or tiktok/.test(stderr)], [true, true]);
	const { stdout } = await gateway.cli('ads', 'warm', 'acme', 'meta');
	await untilEnded('acme', [stdout.trim()]);
	assert.ok((await shown('meta')).length > 0);
});
