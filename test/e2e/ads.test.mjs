// The seven tools of ad analytics, called by the official client, against a year whose truth is known: what they say is held against a recomputation from the world's days, never
// against another answer. One gateway; account 0 has what was planted, account 1 is flat, the others have other currencies and days.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startHosts } from '../fixtures/ads/hosts.mjs';
import { textOf as dateOf } from '../fixtures/ads/days.mjs';
import { allocate, curves, SHIFT, trueValue, unitsOf } from '../fixtures/ads/truth-budget.mjs';
import { auction, isPersonal, placementWaste, pmax, pressure, quality, relevance, waste } from '../fixtures/ads/truth-parts.mjs';
import { anomalies, cpa, health, same, sameAnomalies } from '../fixtures/ads/truth.mjs';
import { HELD, PLANTED } from '../fixtures/ads/world.mjs';
import { assertChart, PLATFORMS, RANGES, startAds, TOOLS } from './lib/ads.mjs';
import { scope } from './lib/gateway.mjs';

const file = scope(after);
const DATES = Object.keys(RANGES);
const UNSUPPORTED = { get_pmax_breakdown: ['meta', 'tiktok'], get_quality_score: ['meta', 'tiktok'], get_search_term_waste: ['tiktok'], get_auction_insights: ['tiktok'] };
const SMALL = [2, 3, 4]; // accounts
let ads;
let hosts;

before(async () => {
	hosts = await startHosts(file);
	ads = await startAds(file, hosts);
});

const codes = ({ warnings }) => warnings.map(({ code }) => code);
const sum = (list, pick = (one) => one) => list.reduce((total, one) => total + pick(one), 0);

test('the worlds are what they are meant to be', () => {
	for (const platform of PLATFORMS) {
		const [year, flat] = [0, 1].map((accountIndex) => ads.world(platform, accountIndex));
		assert.equal(year.campaigns.length, 50);
		assert.deepEqual(anomalies(flat), { found: [], suppressed: 0 });
		assert.ok(anomalies(year).found.length >= 20);
		assert.deepEqual([...new Set(curves(flat).map(({ held }) => held))], ['no_spend_variation']);
	}
	const planted = waste(ads.world('google'), ads.world('google').range(30)).wasted.filter(({ parts }) => parts.some((part) => part.planted === 'waste'));
	assert.equal(planted.length, 6);
	assert.equal(waste(ads.world('google', 1), ads.world('google', 1).range(90), 'any_spend').wasted.length, 0);
});

test('the tools say what they take and give, in closed words', async () => {
	assert.deepEqual([...ads.tools.keys()].sort(), TOOLS.map((tool) => `ads_${tool}`).sort(), 'the platforms\' own tools are offered to nobody');
	for (const tool of TOOLS) {
		const { title, description, inputSchema, outputSchema, annotations } = ads.definition(tool);
		assert.ok(title.length > 2 && description.length > 40, tool);
		assert.equal(annotations.readOnlyHint, true);
		assert.equal(inputSchema.additionalProperties, false);
		assert.deepEqual(inputSchema.required, tool === 'get_weekly_anomaly' ? ['platform'] : ['platform', 'dateRange']);
		for (const [name, schema] of Object.entries(inputSchema.properties)) assert.ok(schema.enum?.length > 0 || schema.type === 'boolean', `${tool}: ${name} takes more than some words`);
		assert.deepEqual(inputSchema.properties.platform.enum, PLATFORMS);
		assert.ok(outputSchema !== undefined, tool);
	}
	for (const args of [{}, { platform: 'bing', dateRange: 'last_7_days' }, { platform: 'google', dateRange: 'LAST_90_DAYS' }, { platform: 'google', dateRange: 'last_7_days', account_id: '1' }]) {
		const refused = await ads.call('get_account_health', args).then(({ isError }) => isError, () => true);
		assert.equal(refused, true, JSON.stringify(args));
	}
});

test('what a platform does not have is said, and nobody is asked', async () => {
	const asked = () => sum(Object.values(hosts), (host) => host.seen.length);
	const begun = asked();
	for (const [tool, platforms] of Object.entries(UNSUPPORTED)) {
		for (const platform of platforms) {
			const told = await ads.refused(tool, { platform, dateRange: 'last_30_days' }, 'unsupported_platform');
			assert.deepEqual(told.supported_platforms, PLATFORMS.filter((one) => !platforms.includes(one)));
		}
	}
	assert.equal(asked(), begun);
});

for (const platform of PLATFORMS) {
	test(`${platform}: account health is the sums of the days`, async () => {
		for (const dateRange of DATES) {
			const { data, answer, world, range } = await ads.about('get_account_health', { platform, dateRange });
			same(data, health(world, range));
			assert.ok(codes(answer).includes('conversions_incomplete'));
			assert.equal(data.totals.spend_amount, data.campaigns.reduce((total, one) => total + Math.round(one.spend_amount * 100), Math.round((data.other?.spend_amount ?? 0) * 100)) / 100, 'campaigns and the rest are the whole');
		}
	});

	test(`${platform}: other currencies, other days`, async () => {
		for (const accountIndex of SMALL) {
			const { data, answer, world, range } = await ads.about('get_account_health', { platform, accountIndex, dateRange: 'last_30_days' });
			const account = hosts[platform].accounts[accountIndex];
			const truth = health(world, range);
			// Quotients that Meta rounds to six digits are all that is told there: not to the cent.
			if (account.roasOnly) {
				assert.ok(Math.abs(data.totals.conversion_value_amount - truth.totals.conversion_value_amount / 1e6) < 0.01 * range.days);
				same(data.totals.spend_amount, truth.totals.spend_amount, 'spend', 'spend_amount');
			} else if (account.leads) {
				assert.equal(answer.conversion_event, 'lead');
				same(data.totals, { spend_amount: truth.totals.spend_amount, conversions: truth.totals.conversions, conversion_value_amount: 0 });
				assert.equal(data.ranked_by, 'cpa');
			} else {
				same(data, truth);
			}
		}
	});

	test(`${platform}: the last week's changes are those that were planted, and none else`, async () => {
		const { data, world } = await ads.about('get_weekly_anomaly', { platform });
		const truth = sameAnomalies(data, world);
		const reported = (n) => data.anomalies.filter(({ campaign_id: id }) => id === world.campaigns[n].id);
		for (const [n, { name }] of Object.entries(PLANTED)) assert.ok(reported(n).length > 0, `${name} is not found`);
		const found = (n, metric) => reported(n).find((one) => one.metric === metric);
		assert.equal(found(3, 'spend').direction, 'up');
		assert.deepEqual([found(5, 'roas').direction, found(5, 'roas').polarity, found(5, 'roas').severity], ['down', 'bad', 'major']);
		assert.equal(found(7, 'spend').direction, 'stopped');
		assert.deepEqual([found(9, 'spend').direction, found(9, 'spend').delta_pct], ['new', null]);
		assert.equal(found(11, 'ctr').polarity, 'bad');
		assert.deepEqual([found(13, 'cpc').direction, found(13, 'cpc').polarity], ['up', 'bad']);
		const strangers = truth.filter(({ campaign_id: id, severity }) => severity === 'major' && !Object.keys(PLANTED).some((n) => world.campaigns[n].id === id));
		assert.ok(strangers.length <= 3, JSON.stringify(strangers));
	});

	test(`${platform}: a better split of the budget is better on the curves that the world was made from`, async () => {
		for (const maxShift of Object.keys(SHIFT)) {
			const { data, world } = await ads.about('get_budget_optimizer', { platform, dateRange: 'last_90_days', maxShift });
			betterThanBefore(data, world, SHIFT[maxShift]);
			if (maxShift === 'moderate') asTheMethodSays(data, world, SHIFT[maxShift]);
		}
	});

	test(`${platform}: nothing is found in weeks that are all alike`, async () => {
		const { data: clear } = await ads.about('get_weekly_anomaly', { platform, accountIndex: 1 });
		assert.deepEqual([clear.anomalies, clear.all_clear, clear.suppressed_low_volume], [[], true, 0]);
		// Nobody can tell what another split would do.
		const { data: split } = await ads.about('get_budget_optimizer', { platform, accountIndex: 1, dateRange: 'last_90_days' });
		for (const unit of split.units) assert.deepEqual([unit.method, unit.hold_reason, unit.recommended_daily_spend_amount], ['held', 'no_spend_variation', unit.current_daily_spend_amount]);
		assert.deepEqual([split.projection, split.actionable], [null, false]);
		if (platform === 'tiktok') return;
		for (const dateRange of DATES) {
			const { data } = await ads.about('get_search_term_waste', { platform, accountIndex: 1, dateRange });
			assert.deepEqual([data.waste_total_amount, data.terms.filter((one) => one.is_waste)], [0, []]);
		}
	});
}

/** Bounds, the sum, what holds a unit, and the gain on the true curves. */
function betterThanBefore(data, world, shift) {
	const units = new Map(unitsOf(world).map((unit) => [unit.id, unit]));
	const moved = data.units.filter(({ method }) => method !== 'held');
	assert.ok(moved.length >= 30, `${moved.length} units take part`);
	for (const { current_daily_spend_amount: now, recommended_daily_spend_amount: then, name } of moved) assert.ok(then >= now * (1 - shift) - 0.01 && then <= now * (1 + shift) + 0.01, `${name}: ${now} to ${then}`);
	const now = sum(moved, (unit) => unit.current_daily_spend_amount);
	const then = sum(moved, (unit) => unit.recommended_daily_spend_amount);
	assert.ok(Math.abs(now - then) < 0.01 * moved.length, `${now} becomes ${then}`);
	for (const [n, reason] of Object.entries(HELD)) {
		const unit = data.units.find(({ unit_id: id }) => id === world.campaigns[n].id);
		if (unit === undefined || reason === 'removed') continue; // no longer there
		assert.deepEqual([unit.method, unit.hold_reason], ['held', reason], unit.name);
	}
	const value = (name) => sum(moved, (unit) => trueValue(units.get(unit.unit_id), unit[name]));
	const gain = 100 * (value('recommended_daily_spend_amount') / value('current_daily_spend_amount') - 1);
	assert.ok(gain > 0.5, `the true gain is ${gain} %`);
	const { projection } = data;
	assert.equal(data.actionable, true);
	assert.ok(projection.interval80.low_pct <= projection.interval80.high_pct);
	assert.ok(projection.prob_improvement_ratio >= 0.6 && projection.prob_improvement_ratio <= 1, JSON.stringify(projection));
	assert.ok(Math.abs(projection.roas_delta_pct - gain) < 4, `${projection.roas_delta_pct} % are promised, ${gain} % come`);
	assert.equal(data.causal, false);
	assert.ok(data.assumptions.length > 0);
}

/** The same fits and the same split, from the method as it is published. */
function asTheMethodSays(data, world, shift) {
	const truth = curves(world).filter(({ held }) => held === null);
	const told = new Map(data.units.map((unit) => [unit.unit_id, unit]));
	const fitted = truth.filter(({ id }) => told.get(id).method === 'log_response');
	for (const unit of fitted) {
		const { fit: found, current_daily_spend_amount: current, name } = told.get(unit.id);
		assert.ok(Math.abs(current / unit.current - 1) < 0.001, `${name}: ${current}, but spends ${unit.current}`);
		same(found, { r2_ratio: unit.r2, n_days: unit.days }, name);
		for (const part of ['a', 'k']) assert.ok(Math.abs(found[`${part}_amount`] / unit[part] - 1) < 0.001, `${name}: ${JSON.stringify(found)}, but ${unit[part]}`);
	}
	const recommended = allocate(truth, shift);
	const near = truth.filter((unit, n) => Math.abs(told.get(unit.id).recommended_daily_spend_amount / recommended[n] - 1) < 0.02);
	assert.ok(near.length >= 0.9 * truth.length, `${near.length} of ${truth.length} recommendations are those of the method`);
}

test('google: terms that only cost are found, and what must not be suggested is not', async () => {
	for (const dateRange of DATES) {
		for (const threshold of ['one_cpa', 'any_spend', 'half_cpa', 'two_cpa']) {
			if (threshold !== 'one_cpa' && dateRange !== 'last_30_days') continue;
			const { data, world, range } = await ads.about('get_search_term_waste', { platform: 'google', dateRange, threshold });
			const truth = waste(world, range, threshold);
			const terms = new Map(truth.terms.map((one) => [one.text, one]));
			if (threshold !== 'any_spend') same({ threshold_amount: data.threshold_amount }, { threshold_amount: cpa(truth.account) * { half_cpa: 0.5, one_cpa: 1, two_cpa: 2 }[threshold] });
			same(data, { waste_total_amount: truth.total, waste_pct: (100 * truth.total) / truth.all, unreported_cost_amount: truth.account.cost - truth.all });
			assert.equal(data.terms.length, Math.min(50, truth.terms.length));
			for (const row of data.terms) sameTerm(row, terms.get(row.term));
			suggestionsAreSafe(data, truth);
			if (dateRange === 'last_7_days') assert.ok(data.negatives.some(({ text, match_type: type }) => type === 'PHRASE' && text === 'tutorial'), JSON.stringify(data.negatives));
		}
	}
});

function sameTerm(row, wanted) {
	assert.ok(wanted, `there is no term '${row.term}'`);
	const { sum: of, waste: wasted, pZero, confidence } = wanted;
	same(row, { cost_amount: of.cost, clicks: of.clicks, impressions: of.impressions, conversions: of.conversions, cpa_amount: cpa(of), is_waste: wasted, p_zero_ratio: pZero, confidence }, row.term);
}

function suggestionsAreSafe(data, { wasted, terms }) {
	const exact = data.negatives.filter(({ match_type: type }) => type === 'EXACT');
	const wanted = wasted.filter(({ confidence, parts }) => confidence !== 'low' && parts.every(({ status }) => status === 'NONE') && !parts.some(({ planted }) => planted === 'brand'));
	assert.deepEqual(exact.map(({ text }) => text).sort(), wanted.map(({ text }) => text).sort());
	const texts = data.negatives.map(({ text }) => text);
	const words = (text) => ` ${text.toLowerCase()} `;
	for (const text of texts) {
		assert.ok(!text.includes('acme'), `${text} is the brand`);
		assert.ok(!terms.some(({ sum: of, text: term }) => of.conversions > 0 && words(term).includes(words(text))), `${text} is in a term that sells`);
	}
	assert.ok(!texts.includes('free'), '"free trial" sells');
	assert.equal(exact.find(({ text }) => text === 'crm game')?.level, 'campaign', 'Performance Max has negatives of campaigns only');
	assert.deepEqual(data.already_excluded.map(({ term }) => term).sort(), ['crm definition', 'crm wiki']);
	const everything = JSON.stringify(data);
	assert.ok(!isPersonal(everything.replace(/"(campaign_id|ad_group_ids?)":("\d+"|\[[^\]]*\])/g, '').replace(/\d+(\.\d+)?/g, '')) && !/example\.com|1234567/.test(everything), 'people\'s addresses are not kept');
}

test('meta: placements stand in for search terms, and it is said that they do', async () => {
	for (const dateRange of DATES) {
		const { data, answer, world, range } = await ads.about('get_search_term_waste', { platform: 'meta', dateRange });
		const truth = placementWaste(world, range);
		assert.equal(answer.equivalence, 'proxy');
		assert.equal(data.entity_kind, 'placement');
		assert.ok(codes(answer).includes('meta_has_no_search_terms'));
		same(data, { waste_total_amount: truth.total, waste_pct: (100 * truth.total) / truth.all });
		const named = data.exclusions.map((one) => `${one.campaign_id} ${one.publisher_platform}/${one.platform_position}`).sort();
		const wanted = truth.wasted.filter(({ confidence }) => confidence !== 'low').map(({ campaign, text }) => `${campaign.id} ${text}`).sort();
		assert.deepEqual(named, wanted);
	}
});

test('google: quality scores, weighted by what they cost', async () => {
	for (const dateRange of DATES) {
		const { data, world, range } = await ads.about('get_quality_score', { platform: 'google', dateRange, focus: 'all' });
		const truth = quality(world, range);
		const { weighted, seen, below5, ...counts } = truth.summary;
		same(data.summary, { ...counts, spend_weighted_qs: weighted, impression_weighted_qs: seen, spend_below_5_pct: below5 }, 'summary');
		const { data: worst } = await ads.about('get_quality_score', { platform: 'google', dateRange });
		const flagged = worst.keywords.filter(({ flag }) => flag === 'worst_offender').map(({ criterion_id: id }) => id);
		assert.deepEqual(flagged.sort(), truth.worst.sort());
		assert.deepEqual(worst.keywords.slice(0, 5).map(({ criterion_id: id }) => id), truth.order.slice(0, 5));
		assert.deepEqual(worst.keywords.find(({ criterion_id: id }) => id === '550000').fix, ['expected_ctr', 'ad_relevance', 'landing_page']);
	}
});

test('google: Performance Max by asset groups and categories, without a cost that nobody tells', async () => {
	for (const dateRange of DATES) {
		const { data, world, range } = await ads.about('get_pmax_breakdown', { platform: 'google', dateRange });
		const truth = pmax(world, range);
		same(data.asset_groups, truth.asset_groups, 'asset_groups');
		same(data, { hidden_share_pct: truth.hidden_share_pct, cost_available: false });
		for (const row of data.search_categories) same(row, truth.categories.find((one) => one.campaign_id === row.campaign_id && one.category === row.category), row.category);
		assert.equal(data.search_categories.length, Math.min(50, truth.categories.length));
	}
});

const OWN = { share: 'impression_share_ratio', top: 'top_is_ratio', absoluteTop: 'abs_top_is_ratio', clickShare: 'click_share_ratio', lostBudget: 'lost_budget_ratio', lostRank: 'lost_rank_ratio' };

test('google: shares of auctions, and competitors only where they may be seen', async () => {
	for (const dateRange of DATES) {
		const { data, world, range } = await ads.about('get_auction_insights', { platform: 'google', dateRange });
		const truth = auction(world, range);
		assert.deepEqual([data.competitor_data, data.competitors], ['not_permitted', []]);
		for (const [name, told] of Object.entries(OWN)) same({ [told]: data.own[told] }, { [told]: truth.own[name] }, `own.${name}`);
		assert.deepEqual(data.weekly.map(({ week_start: week }) => week), truth.weeks.map(({ week }) => dateOf(week)));
		for (const [n, week] of data.weekly.entries()) same(week, { impression_share_ratio: truth.weeks[n].share, lost_rank_ratio: truth.weeks[n].lostRank }, week.week_start);
		// One campaign's share is told as "less than a tenth": so is the sum's, which is not more than that.
		assert.deepEqual([data.own.bounds.impression_share, truth.bounded], ['at_most', true]);
		assert.ok(truth.won < data.own.impression_share_ratio && truth.won > data.own.impression_share_ratio / 2);
		assert.equal(data.campaigns.length, 20);
	}
});

test('meta: how ads rank stands in for auctions', async () => {
	for (const dateRange of DATES) {
		const { data, answer, world, range } = await ads.about('get_auction_insights', { platform: 'meta', dateRange });
		const truth = relevance(world, range);
		assert.deepEqual([answer.equivalence, data.competitor_data, data.competitors], ['proxy', 'not_offered_by_platform', []]);
		for (const of of ['quality', 'engagement', 'conversion']) same(data.relevance[of], Object.fromEntries(Object.entries(truth[of]).map(([kind, value]) => [`${kind}_ratio`, value])), of);
		assert.deepEqual(data.worst_ads.map(({ id }) => id), truth.worst);
		same(data.pressure_weekly, pressure(world, range).map(({ week, cpm, reach, impressions, delta }) => ({ week_start: dateOf(week), cpm_amount: cpm, reach, impressions, cpm_delta_pct: delta })), 'pressure_weekly');
	}
});

test('a picture comes when it is asked for', async () => {
	for (const tool of TOOLS) {
		const args = { platform: 'google', ...(tool === 'get_weekly_anomaly' ? {} : { dateRange: 'last_30_days' }) };
		assertChart(await ads.call(tool, { ...args, chart: true }));
		assert.equal((await ads.call(tool, args)).content.some(({ type }) => type === 'image'), false);
	}
});

test('each report was asked for once, and nothing that platforms do not know', async () => {
	for (const [platform, host] of Object.entries(hosts)) {
		const expected = platform === 'google' ? /METRIC_ACCESS_DENIED/ : /^$/;
		assert.deepEqual(host.rejected.filter((what) => !expected.test(what)), [], platform);
	}
	const queries = hosts.google.asked('googleAds').map(({ params, json }) => `${params.customer} ${json.query} ${json.pageToken ?? ''}`);
	assert.deepEqual(queries.filter((one, n) => queries.indexOf(one) !== n), [], 'a query came twice');
	const reports = hosts.tiktok.asked('report').map(({ url }) => url);
	assert.deepEqual(reports.filter((one, n) => reports.indexOf(one) !== n), [], 'a report came twice');
	const again = queries.length;
	await ads.about('get_account_health', { platform: 'google', dateRange: 'last_30_days' });
	assert.equal(hosts.google.asked('googleAds').length, again);
});
