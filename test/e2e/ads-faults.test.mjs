// Ad analytics on bad days: platforms that are slow, busy, dead or strange, tokens that end, and many callers at once. One gateway; each test has an ad account of its own, whose
// reports nobody has asked for.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startHosts } from '../fixtures/ads/hosts.mjs';
import { health, same } from '../fixtures/ads/truth.mjs';
import { Ads, PLATFORMS, startAds } from './lib/ads.mjs';
import { connectable, connectAccount } from './lib/connect.mjs';
import { textOf } from './lib/connector.mjs';
import { scope } from './lib/gateway.mjs';
import { makeUser } from './lib/people.mjs';
import { startProvider } from './lib/provider.mjs';
import { until } from './lib/wait.mjs';

const file = scope(after);
const CALLERS = 100;
const ACCOUNTS = ['many', 'busy', 'dead', 'cold', 'shape', 'broken', 'warm', 'pages', 'waiting', 'partial'];
const KINDS = ACCOUNTS.map((name) => ({ name, seed: name, size: 6, days: 120 }));
const HUGE = 80 * 1024 * 1024;
const HEALTH = 'get_account_health';
/** What a host is asked for reports of campaigns by days. */
const DAYS = { google: 'googleAds', meta: 'insights', tiktok: 'report' };
/** A field that is not what it should be. */
const STRANGE = { google: { missing_fields: ['costMicros'] }, meta: { wrong_fields: { spend: 'a lot' } }, tiktok: { wrong_fields: { spend: { amount: 1 } } } };
let hosts;
let ads;

before(async () => {
	hosts = await startHosts(file, { kinds: KINDS });
	ads = await startAds(file, hosts);
	for (const platform of PLATFORMS) await ads.tell(HEALTH, asked(platform, 'warm')); // which accounts there are
});

const indexOf = (name) => ACCOUNTS.indexOf(name);
const asked = (platform, name) => ({ platform, dateRange: 'last_30_days', accountIndex: String(indexOf(name)) });
const about = (platform, name) => ads.about(HEALTH, { platform, dateRange: 'last_30_days', accountIndex: indexOf(name) });
const refused = (platform, name, status, words) => ads.refused(HEALTH, asked(platform, name), status, words);

/** The answer is the truth, and its freshness is as it should be. */
async function isTrue(platform, name, freshness = {}) {
	const { data, answer, world, range } = await about(platform, name);
	same(data, health(world, range));
	assert.deepEqual({ ...answer.freshness, ...freshness }, answer.freshness);
	return answer;
}

/** Answers that were made of reports are kept for seconds without a look at the table. */
const untilStale = (platform, name) => until(`${platform}'s report to be old`, async () => (await about(platform, name)).answer.freshness.cache === 'stale');

test('a hundred callers of a report that nobody has: one asks the platform', async () => {
	for (const platform of PLATFORMS) {
		const host = hosts[platform];
		const begun = host.seen.length;
		host.knobs.latency_ms = 100;
		const answers = await Promise.all(Array.from({ length: CALLERS }, () => ads.client.callTool({ name: ads.nameOf(HEALTH), arguments: asked(platform, 'many') })));
		for (const answer of answers) assert.equal(answer.structuredContent?.status, 'ok', textOf(answer));
		const { world } = host.accounts[indexOf('many')];
		same(answers.at(-1).structuredContent.data, health(world, world.range(30)));
		assert.equal(new Set(answers.map(({ structuredContent }) => JSON.stringify(structuredContent.data))).size, 1);
		const requests = host.seen.slice(begun).map(({ method, url, json }) => `${method} ${url} ${JSON.stringify(json ?? '')}`).filter((what) => !what.includes('async_status')); // is it ready?
		assert.ok(requests.length > 0);
		assert.deepEqual(requests.filter((one, n) => requests.indexOf(one) !== n), []);
		host.calm();
	}
});

test('a platform that is busy is asked again', async () => {
	for (const platform of PLATFORMS) {
		hosts[platform].knobs.status_sequence = [503, 200];
		await isTrue(platform, 'busy', { cache: 'miss' });
		assert.deepEqual(hosts[platform].knobs.status_sequence, []);
		hosts[platform].calm();
	}
});

test('a platform that is dead: what was there is told, as old; what was not is an error', async () => {
	for (const platform of PLATFORMS) await isTrue(platform, 'dead', { cache: 'miss' });
	await ads.age(3, indexOf('dead'));
	for (const platform of PLATFORMS) hosts[platform].fault({ how: 'drop', times: Infinity });
	for (const platform of PLATFORMS) {
		await untilStale(platform, 'dead');
		const answer = await isTrue(platform, 'dead', { cache: 'stale' });
		assert.ok(answer.freshness.age_s >= 3 * 3600, JSON.stringify(answer.freshness));
		assert.ok(answer.warnings.some(({ code }) => code === 'stale'), JSON.stringify(answer.warnings));
		await refused(platform, 'cold', 'upstream_error');
		hosts[platform].calm();
	}
	for (const platform of PLATFORMS) {
		await until(`a new report of ${platform}`, async () => {
			await ads.forgive(indexOf('dead'));
			return (await about(platform, 'dead')).answer.freshness.age_s < 3600;
		});
		await isTrue(platform, 'dead');
	}
});

test('another shape than a report has is an error that names it, and never takes the place of a good one', async () => {
	for (const platform of PLATFORMS) {
		Object.assign(hosts[platform].knobs, STRANGE[platform]);
		await refused(platform, 'shape', 'upstream_error');
		hosts[platform].calm();
	}
	await ads.forgive(indexOf('shape'));
	for (const platform of PLATFORMS) await isTrue(platform, 'shape');
	await ads.age(3, indexOf('shape'));
	for (const platform of PLATFORMS) {
		Object.assign(hosts[platform].knobs, STRANGE[platform]);
		await untilStale(platform, 'shape');
		await until(`${platform}'s strange report to be told of`, async () => (await isTrue(platform, 'shape', { cache: 'stale' })).warnings.some(({ detail }) => /could not be fetched anew/.test(detail)));
		hosts[platform].calm();
	}
});

for (const [name, knobs] of Object.entries({ 'half of it': { truncate_mid_stream: true }, 'broken JSON': { malformed_json: true }, 'more than fits': { huge_body: HUGE } })) {
	test(`an answer that is ${name} is no answer`, async () => {
		await ads.forgive(indexOf('broken'));
		for (const platform of knobs.huge_body ? ['google'] : PLATFORMS) {
			Object.assign(hosts[platform].knobs, { at: DAYS[platform], ...knobs });
			await refused(platform, 'broken', 'upstream_error');
			hosts[platform].calm();
		}
	});
}

test('a token that allows too little is no reason to connect again', async () => {
	await ads.forgive(indexOf('broken'));
	for (const platform of PLATFORMS) {
		hosts[platform].knobs.token_state = 'wrong_scope';
		await refused(platform, 'broken', 'permission_denied');
		hosts[platform].calm();
	}
});

test('a body that comes slowly is waited for; a row that comes twice counts once', async () => {
	await ads.forgive(indexOf('broken'));
	for (const platform of PLATFORMS) {
		Object.assign(hosts[platform].knobs, { duplicate_rows: true, slow_body: 50 });
		const told = await ads.call(HEALTH, asked(platform, 'broken'));
		hosts[platform].calm();
		assert.ok(!told.isError, textOf(told));
		await isTrue(platform, 'broken', { cache: 'hit' });
	}
});

test('reports of many pages; tokens are in no log', async () => {
	for (const platform of PLATFORMS) {
		hosts[platform].knobs.page_size = 100;
		await isTrue(platform, 'pages', { cache: 'miss' });
		hosts[platform].calm();
	}
	// Meta's addresses of next pages have the token in them: nobody goes there.
	assert.ok(hosts.meta.asked('insights').some(({ query }) => query.after !== undefined));
	for (const { token, seen } of Object.values(hosts)) {
		assert.ok(seen.every(({ url }) => !url.includes(token)));
		assert.equal(ads.gateway.allStderr.includes(token), false);
	}
});

test('meta: a report that takes its time, one that fails, and limits that are used up', async () => {
	const { meta } = hosts;
	Object.assign(meta, { syncRowsMax: 100, runEnds: 'Job Failed' });
	await refused('meta', 'waiting', 'upstream_error');
	Object.assign(meta, { runEnds: 'Job Completed', runsAsked: 2 });
	await ads.forgive(indexOf('waiting'));
	await isTrue('meta', 'waiting');
	assert.ok(meta.asked('POST').length > 0);
	Object.assign(meta, { syncRowsMax: 3000, usageStep: 30 });
	const answers = [];
	for (const dateRange of ['last_7_days', 'last_30_days', 'last_90_days']) answers.push(await ads.call('get_search_term_waste', { ...asked('meta', 'waiting'), dateRange }));
	const { structuredContent: told } = answers.at(-1);
	assert.equal(told.status, 'rate_limited', textOf(answers.at(-1)));
	assert.ok(told.retry_after_s > 0, JSON.stringify(told));
	const before = meta.seen.length;
	await ads.refused('get_auction_insights', asked('meta', 'waiting'), 'rate_limited');
	assert.equal(meta.seen.length, before, 'the account is left alone');
	Object.assign(meta, { usage: 10, usageStep: 0 });
});

test('tiktok: a part of an answer says that it is one, and a dash is no number', async () => {
	hosts.tiktok.partial = true;
	const told = await isTrue('tiktok', 'partial');
	hosts.tiktok.partial = false;
	assert.ok(told.warnings.some(({ code }) => code === 'partial'), JSON.stringify(told.warnings));
	hosts.tiktok.dashes = true;
	await isTrue('tiktok', 'waiting');
	hosts.tiktok.dashes = false;
});

test('whoever has not connected, and whose token was taken back, gets a link', async (t) => {
	const { google } = hosts;
	const provider = await startProvider(t, { people: { owner: { id: '1', name: 'Owner' } } });
	provider.next = 'owner';
	const { gateway } = await startAds(t, { google }, { google: { auth: connectable(provider, { each: 'tenant' }).auth } });
	const { key } = await gateway.makeKey('acme', '--role', 'owner'); // who may connect the tenant's account
	const linked = await new Ads(gateway, { google }).connect(t, key);
	google.letsIn = (token) => provider.good(token) !== null;
	const link = (result) => /http:\/\/127\.0\.0\.1:\d+\/auth\/google-ads\/start\?ticket=[\w-]{43}/.exec(textOf(result))?.[0];
	const none = await linked.call(HEALTH, asked('google', 'many'));
	assert.equal(none.isError, true);
	assert.ok(link(none), textOf(none));

	const owner = await makeUser(gateway, { email: 'owner@acme.example', role: 'owner' });
	await connectAccount(gateway, { upstream: 'google-ads', person: owner, each: 'tenant' });
	await linked.tell(HEALTH, asked('google', 'many'));
	await linked.refused(HEALTH, asked('meta', 'many'), 'not_connected');

	provider.forget();
	const revoked = await linked.call('get_auction_insights', asked('google', 'many'));
	assert.equal(revoked.isError, true);
	assert.ok(link(revoked), textOf(revoked));
	assert.equal(gateway.allStderr.includes(new URL(link(revoked)).searchParams.get('ticket')), false);
});
