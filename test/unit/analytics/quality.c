/* Quality scores: what is flagged, in which order, and how scores are weighed. */
#include "history.h"

#define UNITS(n) ((int64_t)(n)*MICROS)

static struct keyword keyword(const char *id, int quality, int cost, int impressions)
{
	return (struct keyword){.campaign_id = STR("c"),
				.ad_group_id = STR("g"),
				.criterion_id = str_of(id),
				.text = str_of(id),
				.match_type = STR("EXACT"),
				.quality = quality,
				.expected_ctr = RANK_AVERAGE,
				.ad_relevance = RANK_BELOW_AVERAGE,
				.landing_page = RANK_UNKNOWN,
				.figures = {.cost_micros = UNITS(cost),
					    .impressions = impressions,
					    .clicks = impressions / 10,
					    .conversions = 2}};
}

START_TEST(offenders)
{
	/* costs of those with a score: 1 10 20 30 40 50 60 70: the sixth of eight is the 75th percentile, 50 */
	const struct keyword keywords[] = {
		keyword("k1", 3, 50, 100), keyword("k2", 4, 40, 100), keyword("k3", 5, 70, 100),
		keyword("k4", 9, 60, 100), keyword("k5", 7, 30, 100), keyword("k6", 1, 20, 100),
		keyword("k7", 2, 10, 100), keyword("k8", 10, 1, 300), keyword("k9", 0, 500, 100)};
	struct made *made = made_new();

	ck_ok(quality_analyse(made_begin(made), keywords, ARRAY_LEN(keywords), true));
	made_end(made);
	made_has(made, "summary.scored_keywords", "8");
	made_has(made, "summary.unscored_keywords", "1");
	made_has(made, "summary.spend_weighted_qs", "5.1957"); /* 1460 / 281 */
	made_has(made, "summary.impression_weighted_qs", "6.1");
	made_has(made, "summary.distribution.1-3", "{\"n\":3,\"spend_amount\":80}");
	made_has(made, "summary.distribution.4-6", "{\"n\":2,\"spend_amount\":110}");
	made_has(made, "summary.distribution.7-10", "{\"n\":3,\"spend_amount\":91}");
	made_has(made, "summary.spend_below_5_pct", "42.7");
	/* by cost x (7 - score): k1 200, k3 140, k2 and k6 120, k7 50; the others are fine */
	ck_assert_uint_eq(yyjson_arr_size(made_at(made, "keywords")), 5);
	made_has(made, "keywords.0.criterion_id", "\"k1\"");
	made_has(made, "keywords.0.flag", "\"worst_offender\"");
	made_has(made, "keywords.0.components",
		 "{\"expected_ctr\":\"AVERAGE\",\"ad_relevance\":\"BELOW_AVERAGE\",\"landing_page\":null}");
	made_has(made, "keywords.0.fix", "[\"ad_relevance\"]");
	made_has(made, "keywords.0.cpa_amount", "25");
	made_has(made, "keywords.1.criterion_id", "\"k3\"");
	made_has(made, "keywords.1.flag", "null");
	made_has(made, "keywords.2.criterion_id", "\"k2\"");
	made_has(made, "keywords.2.flag", "null"); /* a low score, and cheaper than most */
	made_has(made, "keywords.4.criterion_id", "\"k7\"");

	ck_ok(quality_analyse(made_begin(made), keywords, ARRAY_LEN(keywords), false));
	made_end(made);
	ck_assert_uint_eq(yyjson_arr_size(made_at(made, "keywords")), 9);
	made_has(made, "keywords.5.criterion_id", "\"k9\""); /* dear, and nobody knows */
	made_has(made, "keywords.5.quality_score", "null");
	ck_assert(str_starts(buf_str(&made->svg), STR("<svg")));
	made_free(made);
}
END_TEST

START_TEST(nothing_is_scored)
{
	const struct keyword keywords[] = {keyword("k1", 0, 0, 0), keyword("k2", 11, 5, 0)};
	struct made *made = made_new();

	ck_ok(quality_analyse(made_begin(made), keywords, 2, true));
	made_end(made);
	made_has(made, "summary.spend_weighted_qs", "null");
	made_has(made, "summary.unscored_keywords", "2");
	made_has(made, "keywords", "[]");
	ck_assert(!made->analysis.no_data);
	ck_ok(quality_analyse(made_begin(made), NULL, 0, true));
	made_end(made);
	ck_assert(made->analysis.no_data);
	made_free(made);
}
END_TEST

/* A keyword without spend offends nobody, though no other has more. */
START_TEST(no_spend)
{
	const struct keyword keywords[] = {keyword("k1", 1, 0, 100), keyword("k2", 2, 0, 100)};
	struct made *made = made_new();

	ck_ok(quality_analyse(made_begin(made), keywords, 2, false));
	made_end(made);
	made_has(made, "keywords.0.flag", "null");
	made_has(made, "summary.spend_below_5_pct", "null");
	made_has(made, "summary.impression_weighted_qs", "1.5");
	made_free(made);
}
END_TEST

UNIT_MAIN("quality", offenders, nothing_is_scored, no_spend)
