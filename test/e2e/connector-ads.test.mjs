// The adapters of ad platforms (connectors/google-ads.yaml, meta-ads.yaml, tiktok-ads.yaml) against the simulated hosts: the same rows from all three, paging,
// reports that are waited for, limits, and each platform's ways to say no. Nobody is offered their tools, so the files are read here without `internal`.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { startHosts } from '../fixtures/ads/hosts.mjs';
import { textOf } from '../fixtures/ads/days.mjs';
import { Connector, setSecret } from './lib/connector.mjs';
import { prepareGateway, scope } from './lib/gateway.mjs';
import { rootDirectory } from './lib/paths.mjs';

const KINDS = [{ name: 'Small', size: 5, days: 120 }, { name: 'Below', size: 5, days: 40, currency: 'KWD', seed: 'below' }];
const UPSTREAMS = {
	google: { use: 'google-ads', auth: 'bearer' },
	meta: { use: 'meta-ads', auth: 'bearer', settings: { app_secret: 'secret' } },
	tiktok: { use: 'tiktok-ads', auth: 'header', settings: { app_id: '7100', app_secret: 'app secret' } },
};
const file = scope(after);
const its = {};
let hosts;
let gateway;

/** A built-in connector as a file whose tools clients are offered; `from` of it is `to`. */
function offered(directory, use, { name = use, from = '', to = '' } = {}) {
	const made = path.join(directory, `${name}.yaml`);
	writeFileSync(made, readFileSync(path.join(rootDirectory, 'connectors', `${use}.yaml`), 'utf8').replace(/^internal: true\n/m, '').replace(from, to));
	return made;
}

before(async () => {
	hosts = await startHosts(file, { kinds: KINDS });
	hosts.google.accounts[1].manager = Object.keys(hosts.google.managers)[0];
	hosts.meta.appSecret = 'secret';
	const files = mkdtempSync(path.join(tmpdir(), 'ads-files-'));
	file.after(() => rmSync(files, { recursive: true }));
	const upstreams = Object.fromEntries(Object.entries(UPSTREAMS).map(([name, { use, auth, settings }]) => [name, {
		connector: { file: offered(files, use), settings: { base: hosts[name].url, ...settings }, allow_private: true }, auth: { type: auth }, breaker_failures: 10000,
	}]));
	upstreams.hasty = { ...upstreams.meta, connector: { ...upstreams.meta.connector, file: offered(files, 'meta-ads', { name: 'hasty', from: 'max_ms: 40000', to: 'max_ms: 1500' }) } };
	const base = { base: hosts.google.url, login_customer_id: Object.keys(hosts.google.managers)[0] };
	const both = hosts.google.accounts.map(({ world }) => world.id);
	upstreams.ads = { connector: { use: 'ads', settings: { google: 'pair' } } };
	upstreams.pair = { connector: { use: 'google-ads', settings: { base: base.base }, allow_private: true, accounts: { second: { ...base, account_id: both[1] }, first: { account_id: both[0] } } }, auth: { type: 'bearer' }, breaker_failures: 10000 };
	gateway = await prepareGateway(file, { workers: 1, upstreams, tenants: ['acme', 'busy', 'full', 'dead'] });
	for (const name of Object.keys(UPSTREAMS)) {
		for (const tenant of Object.keys(gateway.keys)) await setSecret(gateway, name, hosts[name].token, tenant);
	}
	await setSecret(gateway, 'hasty', hosts.meta.token);
	for (const account of ['first', 'second']) await setSecret(gateway, `pair.${account}`, hosts.google.token);
	await gateway.start();
	for (const name of Object.keys(UPSTREAMS)) its[name] = await new Connector(gateway, hosts[name], name).connect(file);
});

beforeEach(() => {
	for (const host of Object.values(hosts)) host.calm();
});

const worldOf = (name, n = 0) => hosts[name].accounts[n].world;
/** The last `days` whole days of an account. */
const last = (name, days, n = 0) => {
	const { id, today } = worldOf(name, n);
	return { account_id: id, start: textOf(today - days), end: textOf(today - 1) };
};
const total = (rows, of) => rows.reduce((sum, row) => sum + of(row), 0);

function sameSums(name, rows, { conversions, value }) {
	const world = worldOf(name);
	const sum = world.sum(world.today - 30, world.today - 1);
	assert.equal(total(rows, (row) => row.cost_micros), sum.cost);
	assert.equal(total(rows, (row) => row.impressions), sum.impressions);
	assert.equal(total(rows, (row) => row.clicks), sum.clicks);
	assert.equal(total(rows, conversions), sum.conversions);
	assert.equal(total(rows, value), sum.value);
	assert.equal(new Set(rows.map(({ campaign_id: id, date }) => `${id} ${date}`)).size, rows.length, 'a row for each campaign and day');
}
const ofKind = (member, type, field) => (row) => row[member]?.find((one) => one.type === type)?.[field] ?? 0;

test('accounts: all that are reached, those below managers too, by their currencies and time zones', async () => {
	for (const [name, it] of Object.entries(its)) {
		const { rows } = await it.ok('accounts');
		assert.deepEqual(rows.map(({ id, currency, time_zone: zone, status }) => ({ id, currency, zone, status })).sort((a, b) => (a.id < b.id ? -1 : 1)),
			[0, 1].map((n) => ({ id: worldOf(name, n).id, currency: worldOf(name, n).currency, zone: worldOf(name, n).zone, status: 'active' })));
	}
	const { rows } = await its.google.ok('accounts');
	assert.deepEqual(rows.map(({ login_id: login }) => login), [undefined, hosts.google.accounts[1].manager]);
});

test('campaign_days: sums are the truth, over several pages', async () => {
	for (const host of Object.values(hosts)) host.knobs.page_size = 40;
	sameSums('google', await its.google.pages('campaign_days', last('google', 30), 'rows'), { conversions: (row) => row.conversions, value: (row) => row.value_micros });
	sameSums('meta', await its.meta.pages('campaign_days', last('meta', 30), 'rows'), { conversions: ofKind('actions', 'omni_purchase', 'value'), value: ofKind('action_values', 'omni_purchase', 'value_micros') });
	sameSums('tiktok', await its.tiktok.pages('campaign_days', last('tiktok', 30), 'rows'), { conversions: ofKind('actions', 'complete_payment', 'value'), value: ofKind('action_values', 'complete_payment', 'value_micros') });
	for (const { url } of hosts.meta.asked('insights')) assert.doesNotMatch(url, /access_token/, 'the address in paging.next is not used');
});

test('an account below a manager wants its number; money of three decimals is exact', async () => {
	const { manager } = hosts.google.accounts[1];
	await its.google.fails('campaign_days', last('google', 7, 1), 'permission', /login_customer_id/);
	const { rows } = await its.google.ok('campaign_days', { ...last('google', 7, 1), login_id: manager });
	const { today } = worldOf('google', 1);
	assert.equal(total(rows, (row) => row.cost_micros), worldOf('google', 1).sum(today - 7, today - 1).cost);
	for (const name of ['meta', 'tiktok']) {
		const found = await its[name].ok('campaign_days', last(name, 7, 1));
		assert.equal(total(found.rows, (row) => row.cost_micros), worldOf(name, 1).sum(worldOf(name, 1).today - 7, worldOf(name, 1).today - 1).cost, name);
	}
});

test('Meta: what is large is a report that is waited for, page by page', async () => {
	hosts.meta.knobs.page_size = 200;
	const long = await its.meta.pages('campaign_days', last('meta', 90), 'rows');
	const { today } = worldOf('meta');
	assert.equal(total(long, (row) => row.cost_micros), worldOf('meta').sum(today - 90, today - 1).cost);
	assert.equal(hosts.meta.asked('POST /:version/act_:account/insights').length, 1);
	hosts.meta.syncRowsMax = 10;
	const { rows } = await its.meta.ok('campaign_days', last('meta', 7));
	assert.equal(total(rows, (row) => row.cost_micros), worldOf('meta').sum(today - 7, today - 1).cost);
	assert.equal(hosts.meta.asked('POST /:version/act_:account/insights').length, 2);
	hosts.meta.runEnds = 'Job Failed';
	await its.meta.fails('campaign_days', last('meta', 90), 'transient', /The report failed/);
	Object.assign(hosts.meta, { syncRowsMax: 3000, runEnds: 'Job Completed' });
});

test('Meta: a report that is not there in time is an empty page, and the next one goes on waiting', async () => {
	const hasty = await new Connector(gateway, hosts.meta, 'hasty').connect(file);
	const begun = hosts.meta.asked('POST /:version/act_:account/insights').length;
	const sizes = [];
	hosts.meta.runsAsked = 3;
	const rows = await hasty.pages('campaign_days', last('meta', 90), 'rows', (page) => sizes.push(page.rows.length));
	const { today } = worldOf('meta');
	assert.equal(sizes[0], 0);
	assert.equal(total(rows, (row) => row.cost_micros), worldOf('meta').sum(today - 90, today - 1).cost);
	assert.equal(hosts.meta.asked('POST /:version/act_:account/insights').length, begun + 1, 'it is begun once');
	hosts.meta.runsAsked = 1;
});

test('every other tool has rows', async () => {
	const cid = worldOf('google').campaigns[0].id;
	for (const tool of ['search_terms', 'keywords', 'auction', 'asset_groups', 'pmax_terms']) assert.ok(Array.isArray((await its.google.ok(tool, last('google', 30))).rows), tool);
	await its.google.ok('categories', { ...last('google', 30), campaign_id: cid });
	assert.ok((await its.google.ok('simulations', { account_id: worldOf('google').id })).rows[0].points.length > 3);
	for (const tool of ['search_terms', 'auction', 'pressure']) assert.ok((await its.meta.ok(tool, last('meta', 30))).rows.length > 0, tool);
	for (const name of Object.keys(its)) {
		const { rows } = await its[name].ok('campaigns', { account_id: worldOf(name).id });
		assert.ok(rows.length > 0 && rows.every((row) => ['active', 'paused', 'removed'].includes(row.status) && typeof row.lifetime === 'boolean'), name);
	}
	for (const name of ['meta', 'tiktok']) assert.ok((await its[name].ok('budgets_below', { account_id: worldOf(name).id })).rows.length > 0, name);
});

test('competitors: unsupported for most projects, rows for chosen ones', async () => {
	await its.google.fails('competitors', last('google', 30), 'unsupported', /chosen projects/);
	hosts.google.auctionInsights = true;
	assert.deepEqual(Object.keys((await its.google.ok('competitors', last('google', 30))).rows[0]).sort(), ['absolute_top', 'domain', 'outranking', 'overlap', 'position_above', 'share', 'top']);
	hosts.google.auctionInsights = false;
});

test('answers of another shape are none: nothing is taken for no rows', async () => {
	for (const [name, it] of Object.entries(its)) {
		hosts[name].fault({ how: 'refuse', status: 200, json: {} });
		await it.fails('campaigns', { account_id: worldOf(name).id }, 'invalid', /another shape/);
		hosts[name].fault({ how: 'garbage', times: 2 });
		await it.fails('campaigns', { account_id: worldOf(name).id }, 'transient');
	}
	hosts.google.refuse('googleAds', 200, { fieldMask: 'x', results: {} });
	assert.equal((await its.google.ok('campaigns', { account_id: worldOf('google').id })).rows, undefined);
});

test('TikTok: some of it is said to be partial, dashes are nothing', async () => {
	Object.assign(hosts.tiktok, { partial: true, dashes: true });
	const { rows, warning } = await its.tiktok.ok('campaign_days', last('tiktok', 7));
	assert.equal(warning, 'partial');
	assert.ok(rows.every((row) => (row.action_values ?? []).every(({ value_micros: value }) => Number.isInteger(value))));
	Object.assign(hosts.tiktok, { partial: false, dashes: false });
});

test('what is busy for a moment is asked again', () => Promise.all(Object.entries({ google: [429, 500, 200], tiktok: [429, 500, 200], meta: [500, 503, 200] }).map(([name, statuses]) => {
	hosts[name].knobs.status_sequence = statuses;
	return its[name].ok('campaigns', { account_id: worldOf(name).id });
})));

test('limits: refused with the time to wait, and the account is left alone', async () => {
	const busy = { google: await its.google.as('busy'), meta: await its.meta.as('busy') };
	hosts.google.refuse('googleAds', 429, { error: { code: 429, message: 'Slow down', details: [{ errors: [{ errorCode: { quotaError: 'RESOURCE_TEMPORARILY_EXHAUSTED' }, message: 'Slow down', details: { quotaErrorDetails: { retryDelay: '30s' } } }] }] } });
	await busy.google.fails('campaigns', { account_id: worldOf('google').id }, 'rate_limited', /(29|30) seconds/);
	hosts.meta.knobs.status_sequence = [429];
	await busy.meta.fails('campaigns', { account_id: worldOf('meta').id }, 'rate_limited');
	const asked = hosts.meta.seen.length;
	await busy.meta.fails('campaigns', { account_id: worldOf('meta').id }, 'rate_limited', /wants this account to wait/);
	assert.equal(hosts.meta.seen.length, asked);
});

test('Meta: before its limits are used up, all tools of the account wait', async () => {
	const full = await its.meta.as('full');
	hosts.meta.usage = 96;
	await full.ok('campaigns', { account_id: worldOf('meta').id });
	hosts.meta.usage = 10;
	await full.fails('budgets_below', { account_id: worldOf('meta').id }, 'rate_limited', /(299|300) seconds/);
});

test('ads: several accounts of an upstream are asked, and nobody is offered the tools of it', async () => {
	const ads = await new Connector(gateway, hosts.google, 'ads').connect(file);
	const asked = { platform: 'google', dateRange: 'last_30_days' };
	for (const [index, { world }] of hosts.google.accounts.entries()) {
		const { account, data } = await ads.ok('get_account_health', { ...asked, accountIndex: String(index) }, { currency: world.currency });
		assert.equal(account.id, world.id);
		assert.equal(Math.round(data.totals.spend_amount * 1e6), world.sum(world.today - 30, world.today - 1).cost);
	}
	assert.deepEqual([...ads.tools.keys()].filter((name) => name.startsWith('pair')), []);
	await assert.rejects(its.google.client.callTool({ name: 'pair_accounts', arguments: {} }), /pair_accounts/);
	const none = await ads.as('busy');
	await none.fails('get_account_health', asked, 'pair.second: no credential is kept for you');
});

test('tokens that have ended, scopes that lack, versions that are gone', async () => {
	for (const [name, it] of Object.entries(its)) {
		hosts[name].knobs.token_state = 'wrong_scope';
		await it.fails('campaigns', { account_id: worldOf(name).id }, 'permission');
		hosts[name].calm();
		const dead = await it.as('dead');
		for (const state of ['expired', 'revoked']) {
			hosts[name].knobs.token_state = state;
			await dead.disconnected('campaigns', { account_id: worldOf(name).id });
		}
		hosts[name].calm();
	}
	hosts.google.refuse('googleAds', 400, { error: { code: 400, message: 'x', details: [{ errors: [{ errorCode: { requestError: 'UNSUPPORTED_VERSION' }, message: 'Version v25 is gone.' }] }] } });
	await its.google.fails('campaigns', { account_id: worldOf('google').id }, 'version_sunset', /setting `version`/);
	hosts.tiktok.refuse('campaign', 200, { code: 40006, message: 'no such version' });
	await its.tiktok.fails('campaigns', { account_id: worldOf('tiktok').id }, 'version_sunset', /setting `version`/);
});
