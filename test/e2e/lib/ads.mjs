// Ad analytics through the gateway: the tools of connector `ads`, its three platforms simulated (test/fixtures/ads), used through the official client.
//
//	const hosts = await startHosts(t);
//	const ads = await startAds(t, hosts);
//	const answer = await ads.tell('get_account_health', { platform: 'meta', dateRange: 'last_30_days' });
//	await ads.refused('get_quality_score', { platform: 'meta', dateRange: 'last_7_days' }, 'unsupported_platform');
import assert from 'node:assert/strict';
import { Connector, setSecret, textOf } from './connector.mjs';
import { prepareGateway } from './gateway.mjs';
import { sql } from './sqlite.mjs';

export const PLATFORMS = ['google', 'meta', 'tiktok'];
export const RANGES = { last_7_days: 7, last_30_days: 30, last_90_days: 90 };
export const TOOLS = ['get_account_health', 'get_pmax_breakdown', 'get_quality_score', 'get_search_term_waste', 'get_budget_optimizer', 'get_auction_insights', 'get_weekly_anomaly'];

const HOUR_MS = 3600 * 1000;
const upstreamOf = (platform) => `${platform}-ads`;
const BASES = { google: ({ url }) => url, meta: ({ url }) => url, tiktok: ({ url }) => url };

/** The settings of the platforms' upstreams: their hosts, and what a platform does not tell by itself. */
function settingsOf(platform, host) {
	const base = { base: BASES[platform](host) };
	return platform === 'tiktok' ? { ...base, app_id: host.appId, app_secret: host.secret } : base;
}

export class Ads extends Connector {
	constructor(gateway, hosts) {
		super(gateway, undefined, 'ads');
		this.hosts = hosts;
	}

	async call(tool, args = {}, options = {}) {
		const result = await super.call(tool, args, options);
		for (const host of Object.values(this.hosts)) host.satisfied();
		return result;
	}

	/** The answer of a call that succeeds: the envelope is looked at, `data` is the caller's. `result`: the whole, with a picture. */
	async tell(tool, args) {
		const answer = await this.ok(tool, args, { status: 'ok', tool, platform: args.platform });
		const { range, freshness, account } = answer;
		assert.equal(account.index, args.accountIndex ?? '0', JSON.stringify(account));
		assert.ok(['hit', 'miss', 'stale'].includes(freshness.cache), JSON.stringify(freshness));
		assert.ok(Number.isInteger(freshness.age_s) && freshness.age_s >= 0, JSON.stringify(freshness));
		assert.ok(Math.abs(Date.now() - freshness.age_s * 1000 - Date.parse(freshness.fetched_at)) < 60000, JSON.stringify(freshness));
		if (args.dateRange !== undefined) assert.equal(range.days, RANGES[args.dateRange]);
		return answer;
	}

	world(platform, accountIndex = 0) {
		return this.hosts[platform].accounts[accountIndex].world;
	}

	/** The answer of an account and the world's range that it has to be about. */
	async about(tool, { platform, accountIndex = 0, dateRange, ...more }) {
		const world = this.world(platform, accountIndex);
		const range = world.range(RANGES[dateRange] ?? 7);
		const answer = await this.tell(tool, { platform, ...(dateRange === undefined ? {} : { dateRange }), ...(accountIndex === 0 ? {} : { accountIndex: String(accountIndex) }), ...more });
		assert.deepEqual([answer.range.start, answer.range.end], [range.startText, range.endText], 'whole days of the account');
		assert.deepEqual([answer.currency, answer.time_zone, answer.account.id], [world.currency, world.zone, world.id]);
		return { answer, data: answer.data, world, range };
	}

	/** A refusal that says what it is; its structure. */
	async refused(tool, args, status, words = /./) {
		const result = await this.call(tool, args);
		const { structuredContent: told } = result;
		assert.equal(result.isError, true, `${tool} should be refused: ${textOf(result)}`);
		assert.deepEqual([told?.status, told?.tool, told?.platform], [status, tool, args.platform], textOf(result));
		assert.match(told.message, words);
		assert.deepEqual(JSON.parse(textOf(result)), told);
		return told;
	}

	async #before(column, hours, accountIndex) {
		const ids = Object.values(this.hosts).map(({ accounts }) => `'${accounts[accountIndex].world.id}'`);
		await sql(`${this.gateway.data}/gatehouse.db`, `UPDATE metric SET ${column} = ${column} - ${hours * HOUR_MS} WHERE ${column} > 0 AND ad_account IN (${ids})`);
	}

	/** Reports of an ad account were fetched so long ago, at each platform. */
	async age(hours, accountIndex) {
		await this.#before('fetched_ms', hours, accountIndex);
	}

	/** What failed did so a while ago: a platform that has failed is left alone for some time. */
	async forgive(accountIndex) {
		await this.#before('failed_ms', 1, accountIndex);
	}
}

const AUTH = { google: { type: 'bearer' }, meta: { type: 'bearer' }, tiktok: { type: 'header' } };

/** The sections of the upstreams: `ads` and its platforms. */
export function adsUpstreams(hosts, more = {}) {
	const upstreams = { ads: { connector: { use: 'ads', settings: { brands: 'acme, acme shop' } } } };
	for (const [platform, host] of Object.entries(hosts)) {
		upstreams[upstreamOf(platform)] = { connector: { use: upstreamOf(platform), settings: settingsOf(platform, host), allow_private: true }, auth: AUTH[platform], breaker_failures: 10000, ...more[platform] };
	}
	return upstreams;
}

/** A gateway with the tools of ad analytics and the hosts' tokens; `more`: of the platforms' upstreams, beside the usual. */
export async function startAds(t, hosts, more = {}) {
	const gateway = await prepareGateway(t, { workers: 1, upstreams: adsUpstreams(hosts, more) });
	for (const [platform, host] of Object.entries(hosts)) if (more[platform]?.auth === undefined) await setSecret(gateway, upstreamOf(platform), host.token);
	await gateway.start();
	return new Ads(gateway, hosts).connect(t);
}

/** Whether an image block is a drawing that can be shown: one SVG document, without scripts or links. */
export function assertChart(result) {
	const pictures = result.content.filter(({ type }) => type === 'image');
	assert.equal(pictures.length, 1, textOf(result).slice(0, 200));
	assert.equal(pictures[0].mimeType, 'image/svg+xml');
	const svg = Buffer.from(pictures[0].data, 'base64').toString('utf8');
	assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
	assert.match(svg, /<\/svg>\s*$/);
	assert.doesNotMatch(svg, /<script|javascript:|onload|href|<foreignObject|<!ENTITY|NaN|Infinity/i);
	return svg;
}
