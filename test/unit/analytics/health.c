/* How an account does, counted by hand, and what must hold whatever the rows are. */
#include "history.h"

#define DAY 20776

static struct figures figures(int64_t cost, int64_t value, int64_t impressions, int64_t clicks, double conversions)
{
	return (struct figures){cost * MICROS, value * MICROS, impressions, clicks, conversions};
}

START_TEST(totals_and_the_time_before)
{
	struct made *made = made_new();
	uint32_t a = made_campaign(made), b = made_campaign(made);

	made_day(made, a, DAY - 4, figures(40, 0, 1000, 10, 0)); /* the window before */
	made_day(made, a, DAY, figures(30, 90, 1000, 30, 3));
	made_day(made, b, DAY + 2, figures(20, 10, 1000, 10, 1));
	made_day(made, b, DAY + 3, figures(500, 500, 500, 500, 500)); /* after the range */
	made_analyse(made, DAY - 1, DAY + 2, health_analyse);
	made_has(made, "totals",
		 "{\"spend_amount\":50,\"impressions\":2000,\"clicks\":40,\"conversions\":4,"
		 "\"conversion_value_amount\":100,\"ctr_ratio\":0.02,\"cpc_amount\":1.25,\"cpa_amount\":12.5,"
		 "\"roas_ratio\":2}");
	made_has(made, "previous",
		 "{\"spend_amount\":40,\"impressions\":1000,\"clicks\":10,\"conversions\":0,"
		 "\"conversion_value_amount\":0,\"ctr_ratio\":0.01,\"cpc_amount\":4,\"cpa_amount\":null,\"roas_ratio\":"
		 "0}");
	made_has(made, "delta_pct",
		 "{\"spend\":25,\"impressions\":100,\"clicks\":300,\"conversions\":null,\"conversion_value\":null,"
		 "\"ctr\":100,\"cpc\":-68.75,\"cpa\":null,\"roas\":null}");
	ck_assert(!made->analysis.no_data && made->svg.n > 0);
	ck_assert_str_eq(made->analysis.warnings[0].code, "conversions_incomplete");

	made->history.range_is_all = true; /* nothing is known of before */
	made_analyse(made, DAY - 1, DAY + 2, health_analyse);
	made_has(made, "previous", "null");
	made_has(made, "delta_pct", "null");
	made_free(made);
}
END_TEST

START_TEST(gaps_are_filled)
{
	struct made *made = made_new();
	uint32_t a = made_campaign(made), b = made_campaign(made);

	made_day(made, a, 0, figures(10, 20, 100, 5, 1));
	made_day(made, a, 2, figures(1, 2, 10, 1, 0));
	made_day(made, b, 2, figures(2, 2, 10, 1, 1));
	made_analyse(made, 0, 3, health_analyse);
	ck_assert_uint_eq(yyjson_arr_size(made_at(made, "daily")), 4);
	made_has(made, "daily.0",
		 "{\"date\":\"1970-01-01\",\"spend_amount\":10,\"impressions\":100,\"clicks\":5,\"conversions\":1,"
		 "\"conversion_value_amount\":20,\"ctr_ratio\":0.05,\"cpa_amount\":10,\"roas_ratio\":2}");
	made_has(made, "daily.1",
		 "{\"date\":\"1970-01-02\",\"spend_amount\":0,\"impressions\":0,\"clicks\":0,\"conversions\":0,"
		 "\"conversion_value_amount\":0,\"ctr_ratio\":null,\"cpa_amount\":null,\"roas_ratio\":null}");
	made_has(made, "daily.2.spend_amount", "3");
	made_has(made, "daily.2.roas_ratio", "1.3333");
	made_has(made, "daily.3.date", "\"1970-01-04\"");
	made_free(made);
}
END_TEST

/* 10, 20, 30, 40: up by 10 a day, 280 % of the mean a week, exactly a line. */
START_TEST(trend_of_a_line)
{
	struct made *made = made_new();
	uint32_t a = made_campaign(made);

	for (int i = 0; i < 4; i++)
		made_day(made, a, i, figures(10 * (i + 1), 0, 100, i % 2, 0));
	made_analyse(made, 0, 3, health_analyse);
	made_has(made, "trend.spend", "{\"slope_amount_per_day\":10,\"change_pct_per_week\":280,\"r2_ratio\":1}");
	made_has(made, "trend.impressions", "{\"slope_per_day\":0,\"change_pct_per_week\":0,\"r2_ratio\":null}");
	/* 0, 1, 0, 1: slope 0.2, of 0.2 parts explained */
	made_has(made, "trend.clicks", "{\"slope_per_day\":0.2,\"change_pct_per_week\":280,\"r2_ratio\":0.2}");
	made_has(made, "trend.ctr", "{\"slope_ratio_per_day\":0.002,\"change_pct_per_week\":280,\"r2_ratio\":0.2}");
	made_has(made, "trend.conversions", "{\"slope_per_day\":0,\"change_pct_per_week\":null,\"r2_ratio\":null}");
	made_has(made, "trend.cpa", "{\"slope_amount_per_day\":null,\"change_pct_per_week\":null,\"r2_ratio\":null}");
	made_analyse(made, 0, 0, health_analyse);
	made_has(made, "trend.spend", "{\"slope_amount_per_day\":null,\"change_pct_per_week\":null,\"r2_ratio\":null}");
	made_free(made);
}
END_TEST

START_TEST(ranks)
{
	struct made *made = made_new();
	uint32_t low = made_campaign(made), high = made_campaign(made), large = made_campaign(made),
		 tiny = made_campaign(made);

	made_campaign(made); /* did nothing: neither ranked nor counted */
	made_day(made, low, 0, figures(100, 100, 1000, 10, 1));
	made_day(made, high, 0, figures(100, 400, 1000, 10, 0));
	made_day(made, large, 0, figures(200, 200, 1000, 10, 5));
	made_day(made, tiny, 0, (struct figures){MICROS - 1, 900 * MICROS, 10, 1, 1});
	made_analyse(made, 0, 0, health_analyse);
	made_has(made, "ranked_by", "\"roas\"");
	ck_assert_uint_eq(yyjson_arr_size(made_at(made, "campaigns")), 3);
	made_has(made, "campaigns.0",
		 "{\"rank\":1,\"id\":\"c1\",\"name\":\"c1\",\"status\":\"active\",\"spend_amount\":100,"
		 "\"spend_share_pct\":24.94,\"conversions\":0,\"conversion_value_amount\":400,\"ctr_ratio\":0.01,"
		 "\"cpa_amount\":null,\"roas_ratio\":4}");
	made_has(made, "campaigns.1.id", "\"c2\""); /* the same ROAS, more spend */
	made_has(made, "campaigns.2.id", "\"c0\"");
	made_has(made, "unranked_count", "1");
	made_has(made, "other.campaign_count", "1");
	made_has(made, "other.spend_amount", "0.999999");

	/* Without value: the cheapest conversion first, none at all last. */
	for (size_t i = 0; i < made->history.day_count; i++)
		made->days[i].figures.value_micros = 0;
	made_analyse(made, 0, 0, health_analyse);
	made_has(made, "ranked_by", "\"cpa\"");
	made_has(made, "campaigns.0.id", "\"c2\"");
	made_has(made, "campaigns.1.id", "\"c0\"");
	made_has(made, "campaigns.2.id", "\"c1\"");
	made_free(made);
}
END_TEST

START_TEST(a_hundredth_is_ranked)
{
	struct made *made = made_new();
	uint32_t a = made_campaign(made), b = made_campaign(made), c = made_campaign(made);

	made_day(made, a, 0, figures(9800, 1, 1, 1, 1));
	made_day(made, b, 0, (struct figures){100 * MICROS, MICROS, 1, 1, 1});
	made_day(made, c, 0, (struct figures){100 * MICROS, MICROS, 1, 1, 1});
	made_analyse(made, 0, 0, health_analyse);
	made_has(made, "unranked_count", "0");
	made->days[1].figures.cost_micros--; /* now just below, as the whole is by less */
	made_analyse(made, 0, 0, health_analyse);
	made_has(made, "unranked_count", "1");
	made_free(made);
}
END_TEST

START_TEST(the_rest_is_together)
{
	struct made *made = made_new();

	for (int i = 0; i < 53; i++)
		made_day(made, made_campaign(made), 0, figures(100 + i, 100, 10, 1, 1));
	made_analyse(made, 0, 0, health_analyse);
	ck_assert_uint_eq(yyjson_arr_size(made_at(made, "campaigns")), 50);
	made_has(made, "unranked_count", "0");
	made_has(made, "other.campaign_count", "3");
	made_has(made, "other.spend_amount", "453"); /* the three largest have the lowest ROAS */
	made_free(made);
}
END_TEST

START_TEST(nothing_at_all)
{
	struct made *made = made_new();

	made_analyse(made, 0, 6, health_analyse);
	ck_assert(made->analysis.no_data);
	made_has(made, "totals.spend_amount", "0");
	made_has(made, "totals.roas_ratio", "null");
	made_has(made, "delta_pct.spend", "0");
	made_has(made, "delta_pct.roas", "null");
	made_has(made, "campaigns", "[]");
	made_has(made, "other", "null");
	made_free(made);
}
END_TEST

static void swap_rows(struct made *made, uint64_t seed)
{
	for (size_t i = made->history.day_count; i > 1; i--) {
		size_t j = made_random(&seed) % i;
		struct campaign_day row = made->days[i - 1];

		made->days[i - 1] = made->days[j];
		made->days[j] = row;
	}
}

START_TEST(order_of_rows_means_nothing)
{
	struct made *made = made_new();
	AUTO_BUF before = {0};

	made_fill(made, 0, 59, 20, 42);
	made_analyse(made, 30, 59, health_analyse);
	buf_put(&before, buf_str(&made->data));
	for (uint64_t seed = 1; seed < 6; seed++) {
		swap_rows(made, seed);
		made_analyse(made, 30, 59, health_analyse);
		ck_assert(str_eq(buf_str(&made->data), buf_str(&before)));
	}
	made_free(made);
}
END_TEST

/* Twice the money: amounts double, what is a ratio of money and money stays, ranks stay. */
START_TEST(scale_of_money_means_nothing)
{
	static const char *const same[] = {
		"totals.ctr_ratio",    "totals.roas_ratio",	      "delta_pct",
		"campaigns.3.id",      "campaigns.3.spend_share_pct", "campaigns.7.roas_ratio",
		"daily.12.roas_ratio", "trend.spend.r2_ratio",	      "trend.spend.change_pct_per_week",
		"previous.roas_ratio"};
	struct made *made = made_new();
	struct buf before[ARRAY_LEN(same)] = {{0}};

	made_fill(made, 0, 59, 20, 7);
	made_analyse(made, 30, 59, health_analyse);
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		json_write(&before[i], made_at(made, same[i]));
	for (size_t i = 0; i < made->history.day_count; i++) {
		made->days[i].figures.cost_micros *= 8;
		made->days[i].figures.value_micros *= 8;
	}
	made_analyse(made, 30, 59, health_analyse);
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		AUTO_BUF after = {0};

		json_write(&after, made_at(made, same[i]));
		ck_assert_msg(str_eq(buf_str(&before[i]), buf_str(&after)), "%s", same[i]);
		buf_free(&before[i]);
	}
	made_free(made);
}
END_TEST

/* What is listed and the rest are the whole, to the last micro. */
START_TEST(campaigns_add_up)
{
	struct made *made = made_new();
	int64_t sum = 0, micros;
	AUTO_BUF text = {0};
	yyjson_val *campaign;
	size_t i, count;

	made_fill(made, 0, 29, 57, 3);
	made->days[0].figures.cost_micros = 1;
	made_analyse(made, 0, 29, health_analyse);
	yyjson_arr_foreach(made_at(made, "campaigns"), i, count, campaign)
	{
		text.n = 0;
		json_write(&text, json_get(campaign, "spend_amount"));
		ck_assert(micros_read(buf_str(&text), &micros));
		sum += micros;
	}
	text.n = 0;
	json_write(&text, made_at(made, "other.spend_amount"));
	ck_assert(micros_read(buf_str(&text), &micros));
	sum += micros;
	text.n = 0;
	json_write(&text, made_at(made, "totals.spend_amount"));
	ck_assert(micros_read(buf_str(&text), &micros));
	ck_assert_int_eq(sum, micros);
	made_free(made);
}
END_TEST

UNIT_MAIN("health", totals_and_the_time_before, gaps_are_filled, trend_of_a_line, ranks, a_hundredth_is_ranked,
	  the_rest_is_together, nothing_at_all, order_of_rows_means_nothing, scale_of_money_means_nothing,
	  campaigns_add_up)
