/* Shares of auctions, which are never averaged, and Meta's stand-ins for them. */
#include "history.h"

#define UNITS(n) ((int64_t)(n)*MICROS)
#define MONDAY 20773 /* 2026-11-16 */

static struct auction_week week(const char *campaign, civil_day day, int impressions, double share, double budget,
				double rank)
{
	return (struct auction_week){.campaign_id = str_of(campaign),
				     .campaign_name = str_of(campaign),
				     .week = day,
				     .impressions = impressions,
				     .share = share,
				     .top = 0.0999,
				     .absolute_top = -1,
				     .click_share = 0.4,
				     .exact_match = -1,
				     .lost_budget = budget,
				     .lost_rank = rank};
}

START_TEST(own_shares)
{
	const struct auction_week weeks[] = {week("big", MONDAY, 900, 0.9, 0.05, 0.05),
					     week("small", MONDAY, 100, 0.1, 0.9001, 0),
					     week("small", MONDAY - 7, 50, 0.5, 0.1, 0.4)};
	struct auction_input input = {.weeks = weeks, .week_count = 3};
	struct made *made = made_new();

	ck_ok(auction_analyse(made_begin(made), &input));
	made_end(made);
	/* 1050 of 1000 + 1000 + 100 */
	made_has(made, "own.impressions", "1050");
	made_has(made, "own.impression_share_ratio", "0.5");
	made_has(made, "own.lost_budget_ratio", "0.4572"); /* (50 + 900.1 + 10) / 2100 */
	made_has(made, "own.lost_rank_ratio", "0.0429");   /* (50 + 0 + 40) / 2100 */
	made_has(made, "own.abs_top_is_ratio", "null");
	made_has(made, "own.bounds.impression_share", "\"exact\"");
	made_has(made, "own.bounds.top_is", "\"at_most\"");
	made_has(made, "own.bounds.lost_budget", "\"at_least\"");
	made_has(made, "diagnosis", "\"budget_constrained\"");
	made_has(made, "weekly.0.week_start", "\"2026-11-09\"");
	made_has(made, "weekly.0.impression_share_ratio", "0.5");
	made_has(made, "weekly.1.impression_share_ratio", "0.5"); /* 1000 of 2000 */
	made_has(made, "campaigns.0.campaign_id", "\"big\"");
	made_has(made, "campaigns.0.diagnosis", "\"balanced\"");
	made_has(made, "campaigns.1.diagnosis", "\"budget_constrained\"");
	made_has(made, "competitor_data", "\"not_permitted\"");
	made_has(made, "competitors", "[]");
	ck_assert_str_eq(made->analysis.warnings[0].code, "competitors_not_permitted");
	ck_assert(str_starts(buf_str(&made->svg), STR("<svg")));
	made_free(made);
}
END_TEST

static const struct {
	double budget, rank;
	const char *want;
} diagnoses[] = {
	{0.2, 0.19, "\"budget_constrained\""},
	{0.2, 0.2, "\"rank_constrained\""},
	{0.19, 0.1, "\"balanced\""},
	{0.3, 0.4, "\"rank_constrained\""},
	{-1, -1, "null"},
	{-1, 0.5, "\"rank_constrained\""},
	{0.5, -1, "\"budget_constrained\""},
	{0.1, 0.19, "\"balanced\""},
};

START_TEST(diagnosis)
{
	struct made *made = made_new();

	for (size_t i = 0; i < ARRAY_LEN(diagnoses); i++) {
		const struct auction_week weeks[] = {
			week("c", MONDAY, 100, 0.5, diagnoses[i].budget, diagnoses[i].rank)};
		struct auction_input input = {.weeks = weeks, .week_count = 1};

		ck_ok(auction_analyse(made_begin(made), &input));
		made_end(made);
		made_has(made, "diagnosis", diagnoses[i].want);
	}
	made_free(made);
}
END_TEST

START_TEST(competitors)
{
	struct competitor them[7];
	struct auction_input input = {.competitors = them, .competitor_count = 7, .competitors_permitted = true};
	struct made *made = made_new();

	for (int i = 0; i < 7; i++)
		them[i] = (struct competitor){.domain = i == 3 ? STR("first.example") : STR("other.example"),
					      .share = i == 3 ? 0.9 : 0.1 * i,
					      .overlap = 0.25,
					      .outranking = -1,
					      .top = 0.5};
	ck_ok(auction_analyse(made_begin(made), &input));
	made_end(made);
	made_has(made, "competitor_data", "\"available\"");
	ck_assert_uint_eq(yyjson_arr_size(made_at(made, "competitors")), 5);
	made_has(made, "competitors.0.domain", "\"first.example\"");
	made_has(made, "competitors.0.overlap_ratio", "0.25");
	made_has(made, "competitors.0.outranking_share_ratio", "null");
	made_has(made, "competitors.0.top_impression_pct", "50");
	made_has(made, "own.impression_share_ratio", "null");
	ck_assert(made->analysis.no_data);
	made_free(made);
}
END_TEST

static struct ranked_ad ad(const char *id, enum rank quality, int cost, int impressions)
{
	return (struct ranked_ad){.id = str_of(id),
				  .name = str_of(id),
				  .campaign_id = STR("c"),
				  .quality = quality,
				  .engagement = RANK_AVERAGE,
				  .impressions = impressions,
				  .cost_micros = UNITS(cost),
				  .frequency = 1.5};
}

START_TEST(relevance)
{
	const struct ranked_ad ads[] = {ad("a", RANK_BELOW_AVERAGE, 10, 100), ad("b", RANK_BELOW_AVERAGE, 20, 200),
					ad("c", RANK_ABOVE_AVERAGE, 90, 100)};
	const struct pressure_week weeks[] = {
		{.week = MONDAY, .cost_micros = UNITS(12), .impressions = 2000, .reach = 1000},
		{.week = MONDAY - 7, .cost_micros = UNITS(10), .impressions = 2000, .reach = 1600},
		{.week = MONDAY - 14, .cost_micros = 0, .impressions = 0, .reach = 0}};
	struct relevance_input input = {.ads = ads, .ad_count = 3, .weeks = weeks, .week_count = 3};
	struct made *made = made_new();

	ck_ok(relevance_analyse(made_begin(made), &input));
	made_end(made);
	made_has(made, "competitor_data", "\"not_offered_by_platform\"");
	made_has(made, "relevance.quality",
		 "{\"below_average_ratio\":0.75,\"average_ratio\":0,\"above_average_ratio\":0.25,\"unknown_ratio\":0}");
	made_has(made, "relevance.conversion.unknown_ratio", "1");
	made_has(made, "pressure_weekly.0.cpm_amount", "null");
	made_has(made, "pressure_weekly.1.cpm_amount", "5");
	made_has(made, "pressure_weekly.1.cpm_delta_pct", "null");
	made_has(made, "pressure_weekly.2.cpm_delta_pct", "20");
	made_has(made, "pressure_weekly.2.frequency_ratio", "2");
	made_has(made, "worst_ads.0.id", "\"b\"");
	made_has(made, "worst_ads.0.quality", "\"below_average\"");
	made_has(made, "worst_ads.0.conversion", "\"unknown\"");
	ck_assert_uint_eq(yyjson_arr_size(made_at(made, "worst_ads")), 2);
	ck_assert(str_starts(buf_str(&made->svg), STR("<svg")));

	input = (struct relevance_input){.ad_count = 0};
	ck_ok(relevance_analyse(made_begin(made), &input));
	made_end(made);
	ck_assert(made->analysis.no_data);
	made_has(made, "relevance.quality.average_ratio", "null");
	made_free(made);
}
END_TEST

UNIT_MAIN("auction", own_shares, diagnosis, competitors, relevance)
