/* What changed, by the vectors of the method and by properties: nothing in flat data, nothing by order or scale. */
#include "history.h"

#define NOW 7 /* days 0 to 6 are before, 7 to 13 now */

/* The same each day of a week. */
static void week(struct made *made, uint32_t campaign, civil_day start, struct figures daily)
{
	for (int i = 0; i < 7; i++)
		made_day(made, campaign, start + i, daily);
}

/* The first anomaly of a scope and a metric; NULL: none. */
static yyjson_val *find(struct made *made, const char *campaign, const char *metric)
{
	yyjson_val *anomaly;
	size_t i, count;

	yyjson_arr_foreach(made_at(made, "anomalies"), i, count, anomaly)
	{
		struct str id = json_str(json_get(anomaly, "campaign_id"));

		if (str_eq(id, campaign == NULL ? STR_NONE : str_of(campaign)) &&
		    str_eq(json_str(json_get(anomaly, "metric")), str_of(metric)))
			return anomaly;
	}
	return NULL;
}

static void check_anomaly(struct made *made, const char *campaign, const char *metric, const char *want)
{
	yyjson_val *anomaly = find(made, campaign, metric);
	AUTO_BUF text = {0};

	if (want == NULL) {
		ck_assert_msg(anomaly == NULL, "%s is told", metric);
		return;
	}
	ck_assert_msg(anomaly != NULL, "%s is not told", metric);
	json_write(&text, anomaly);
	ck_assert_msg(memmem(text.p, text.n, want, strlen(want)) != NULL, "%.*s has no %s", STR_ARG(buf_str(&text)),
		      want);
}

/* Clicks of one day each, which decide alone: spend is there so that there is an account. */
static const struct {
	int64_t now, before;
	const char *want; /* NULL: not told */
} vectors[] = {
	{120, 100,
	 "\"current\":120,\"previous\":100,\"delta_pct\":20,\"direction\":\"up\",\"polarity\":\"good\","
	 "\"severity\":\"minor\",\"significant\":false"},
	{115, 100, NULL},
	{116, 100, "\"delta_pct\":16,"},
	{85, 100, NULL},
	{84, 100, "\"delta_pct\":-16,\"direction\":\"down\",\"polarity\":\"bad\",\"severity\":\"minor\""},
	{130, 100, "\"severity\":\"minor\",\"significant\":true"},
	{131, 100, "\"severity\":\"moderate\""},
	{150, 100, "\"severity\":\"moderate\""},
	{151, 100, "\"severity\":\"major\""},
	{0, 40,
	 "\"current\":0,\"previous\":40,\"delta_pct\":-100,\"direction\":\"stopped\",\"polarity\":\"bad\","
	 "\"severity\":\"major\",\"significant\":true"},
	{7, 0,
	 "\"current\":7,\"previous\":0,\"delta_pct\":null,\"direction\":\"new\",\"polarity\":\"good\","
	 "\"severity\":\"major\",\"significant\":true"},
	{0, 0, NULL},
};

START_TEST(vectors_of_the_method)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct made *made = made_new();
		uint32_t a = made_campaign(made);

		made_day(made, a, 3, (struct figures){.cost_micros = MICROS, .clicks = vectors[i].before});
		made_day(made, a, NOW + 3, (struct figures){.cost_micros = MICROS, .clicks = vectors[i].now});
		made_analyse(made, 0, 13, anomaly_analyse);
		check_anomaly(made, NULL, "clicks", vectors[i].want);
		check_anomaly(made, "c0", "clicks", vectors[i].want);
		made_free(made);
	}
}
END_TEST

START_TEST(undefined_is_not_told)
{
	struct made *made = made_new();
	uint32_t a = made_campaign(made);

	/* a ROAS of 2 before, none now: without spend there is no ROAS */
	week(made, a, 0, (struct figures){10 * MICROS, 20 * MICROS, 1000, 50, 2});
	week(made, a, NOW, (struct figures){0, 0, 1000, 50, 2});
	made_analyse(made, 0, 13, anomaly_analyse);
	check_anomaly(made, NULL, "roas", NULL);
	check_anomaly(made, NULL, "spend", "\"direction\":\"stopped\",\"polarity\":\"neutral\"");
	check_anomaly(made, NULL, "cpa", "\"direction\":\"stopped\",\"polarity\":\"good\"");
	made_free(made);
}
END_TEST

START_TEST(exactly_fifteen_is_no_news)
{
	struct made *made = made_new();
	uint32_t a = made_campaign(made);

	/* CPC 0.20 to 0.23, CTR 0.02 to 0.023: no double is exactly that */
	week(made, a, 0, (struct figures){20 * MICROS, 60 * MICROS, 5000, 100, 10});
	week(made, a, NOW, (struct figures){23 * MICROS, 60 * MICROS, 5000, 100, 10});
	made_analyse(made, 0, 13, anomaly_analyse);
	made_has(made, "anomalies", "[]");
	made_has(made, "all_clear", "true");
	made_has(made, "suppressed_low_volume", "0");
	made->days[7].figures.cost_micros++;
	made_analyse(made, 0, 13, anomaly_analyse);
	check_anomaly(made, NULL, "spend",
		      "\"unit\":\"amount\",\"current\":161.000001,\"previous\":140,\"delta_pct\":15,");
	made_has(made, "all_clear", "false");
	made_free(made);
}
END_TEST

START_TEST(small_numbers_are_suppressed)
{
	struct made *made = made_new();
	uint32_t large = made_campaign(made), small = made_campaign(made);

	week(made, large, 0, (struct figures){100 * MICROS, 100 * MICROS, 10000, 100, 10});
	week(made, large, NOW, (struct figures){100 * MICROS, 100 * MICROS, 10000, 100, 10});
	/* under one hundredth of the spend: its four counts that doubled, their ratios that did not */
	made_day(made, small, 0, (struct figures){7 * MICROS, 7 * MICROS, 700, 70, 7});
	made_day(made, small, NOW, (struct figures){5 * MICROS, 7 * MICROS, 700, 70, 7});
	made_analyse(made, 0, 13, anomaly_analyse);
	made_has(made, "anomalies", "[]");
	made_has(made, "suppressed_low_volume", "5"); /* spend, cpc, cpm, cpa, roas */
	made_free(made);
}
END_TEST

static const struct {
	struct figures before, now;
	const char *told, *not_told; /* metrics */
} volumes[] = {
	{{10 * MICROS, 0, 99, 19, 0}, {10 * MICROS, 0, 99, 9, 0}, "clicks", "ctr"},
	{{10 * MICROS, 0, 100, 19, 0}, {10 * MICROS, 0, 100, 9, 0}, "ctr", "cpc"},
	{{10 * MICROS, 0, 100, 20, 0}, {10 * MICROS, 0, 100, 9, 0}, "cpc", "roas"},
	{{10 * MICROS, 10 * MICROS, 10, 10, 4.9}, {10 * MICROS, 20 * MICROS, 10, 10, 4.9}, "conversion_value", "roas"},
	{{10 * MICROS, 10 * MICROS, 10, 10, 5}, {10 * MICROS, 20 * MICROS, 10, 10, 4}, "roas", "cvr"},
	{{10 * MICROS, 10 * MICROS, 99, 10, 4}, {20 * MICROS, 20 * MICROS, 99, 10, 4}, "spend", "cpm"},
};

START_TEST(ratios_need_volume)
{
	for (size_t i = 0; i < ARRAY_LEN(volumes); i++) {
		struct made *made = made_new();
		uint32_t a = made_campaign(made);

		made_day(made, a, 0, volumes[i].before);
		made_day(made, a, NOW, volumes[i].now);
		made_analyse(made, 0, 13, anomaly_analyse);
		check_anomaly(made, NULL, volumes[i].told, "\"metric\"");
		check_anomaly(made, NULL, volumes[i].not_told, NULL);
		made_free(made);
	}
}
END_TEST

START_TEST(the_gravest_first)
{
	struct made *made = made_new();
	uint32_t a = made_campaign(made), b = made_campaign(made), c = made_campaign(made);

	week(made, a, 0, (struct figures){100 * MICROS, 0, 0, 0, 0});
	week(made, a, NOW, (struct figures){120 * MICROS, 0, 0, 0, 0});
	week(made, b, 0, (struct figures){50 * MICROS, 0, 0, 0, 0});
	week(made, b, NOW, (struct figures){20 * MICROS, 0, 0, 0, 0});
	week(made, c, 0, (struct figures){2 * MICROS, 0, 0, 0, 0});
	made_analyse(made, 0, 13, anomaly_analyse);
	made_has(made, "anomaly_count", "2");
	made_has(made, "anomalies.0.campaign_id", "\"c1\"");
	made_has(made, "anomalies.0.severity", "\"major\"");
	made_has(made, "anomalies.0.spend_change_amount", "-210");
	made_has(made, "anomalies.1.campaign_id", "\"c0\"");
	made_has(made, "anomalies.1.severity", "\"minor\"");
	ck_assert(find(made, "c2", "spend") == NULL); /* below a hundredth */
	made_has(made, "suppressed_low_volume", "1");
	made_free(made);
}
END_TEST

START_TEST(rates_and_chance)
{
	struct made *made = made_new();
	uint32_t a = made_campaign(made);

	/* p̂ = 0.0165: z = 0.003 / sqrt(0.0165 * 0.9835 * 2 / 10000) = 1.67 and, with 0.004, p̂ = 0.017: 2.19 */
	made_day(made, a, 0, (struct figures){MICROS, 0, 10000, 150, 0});
	made_day(made, a, NOW, (struct figures){MICROS, 0, 10000, 180, 0});
	made_analyse(made, 0, 13, anomaly_analyse);
	check_anomaly(made, NULL, "ctr",
		      "\"unit\":\"ratio\",\"current\":0.018,\"previous\":0.015,\"delta_pct\":20,\"direction\":\"up\","
		      "\"polarity\":\"good\",\"severity\":\"minor\",\"significant\":false");
	check_anomaly(made, NULL, "cpc", "\"polarity\":\"good\",\"severity\":\"minor\",\"significant\":null");
	made->days[1].figures.clicks = 190;
	made_analyse(made, 0, 13, anomaly_analyse);
	check_anomaly(made, NULL, "ctr", "\"significant\":true");
	made_free(made);
}
END_TEST

START_TEST(nothing_known_of_before)
{
	struct made *made = made_new();
	uint32_t a = made_campaign(made);

	week(made, a, NOW, (struct figures){MICROS, MICROS, 1000, 100, 10});
	made->history.range_is_all = true;
	made_analyse(made, NOW, 13, anomaly_analyse);
	ck_assert(made->analysis.no_data);
	made_has(made, "all_clear", "false");
	made_has(made, "anomalies", "[]");
	made_has(made, "current_window", "{\"start\":\"1970-01-08\",\"end\":\"1970-01-14\"}");
	made_has(made, "previous_window", "{\"start\":\"1970-01-01\",\"end\":\"1970-01-07\"}");
	made_free(made);
}
END_TEST

START_TEST(flat_is_clear)
{
	struct made *made = made_new();
	uint64_t seed = 9;

	for (int i = 0; i < 30; i++) {
		struct figures daily = {(int64_t)(made_random(&seed) % 100) * MICROS,
					(int64_t)(made_random(&seed) % 900) * MICROS,
					(int64_t)(made_random(&seed) % 9000), (int64_t)(made_random(&seed) % 90), 3.5};
		uint32_t campaign = made_campaign(made);

		week(made, campaign, 0, daily);
		week(made, campaign, NOW, daily);
	}
	made_analyse(made, 0, 13, anomaly_analyse);
	made_has(made, "anomalies", "[]");
	made_has(made, "all_clear", "true");
	made_free(made);
}
END_TEST

START_TEST(order_of_rows_means_nothing)
{
	struct made *made = made_new();
	AUTO_BUF before = {0};
	uint64_t seed = 5;

	made_fill(made, 0, 13, 30, 77);
	made_analyse(made, 0, 13, anomaly_analyse);
	ck_assert_uint_gt(yyjson_arr_size(made_at(made, "anomalies")), 20);
	buf_put(&before, buf_str(&made->data));
	for (size_t i = made->history.day_count; i > 1; i--) {
		size_t j = made_random(&seed) % i;
		struct campaign_day row = made->days[i - 1];

		made->days[i - 1] = made->days[j];
		made->days[j] = row;
	}
	made_analyse(made, 0, 13, anomaly_analyse);
	ck_assert(str_eq(buf_str(&made->data), buf_str(&before)));
	made_free(made);
}
END_TEST

/* What is told does not depend on the currency. */
START_TEST(scale_of_money_means_nothing)
{
	static const int64_t factors[] = {1, 3, 100};
	struct made *made = made_new();
	AUTO_BUF before = {0};

	made_fill(made, 0, 13, 30, 78);
	for (size_t i = 0; i < ARRAY_LEN(factors); i++) {
		yyjson_val *anomaly;
		AUTO_BUF told = {0};
		size_t at, count;

		for (size_t j = 0; j < made->history.day_count; j++) {
			made->days[j].figures.cost_micros *= factors[i];
			made->days[j].figures.value_micros *= factors[i];
		}
		made_analyse(made, 0, 13, anomaly_analyse);
		yyjson_arr_foreach(made_at(made, "anomalies"), at, count, anomaly)
		{
			json_write(&told, json_get(anomaly, "campaign_id"));
			json_write(&told, json_get(anomaly, "metric"));
			json_write(&told, json_get(anomaly, "delta_pct"));
			json_write(&told, json_get(anomaly, "severity"));
		}
		if (i == 0)
			buf_put(&before, buf_str(&told));
		ck_assert(str_eq(buf_str(&told), buf_str(&before)));
	}
	made_free(made);
}
END_TEST

START_TEST(long_lists_are_cut)
{
	struct made *made = made_new();

	for (int i = 0; i < 50; i++) {
		uint32_t campaign = made_campaign(made);

		week(made, campaign, 0, (struct figures){10 * MICROS, 10 * MICROS, 1000, 100, 10});
		week(made, campaign, NOW, (struct figures){30 * MICROS, 20 * MICROS, 2000, 250, 40});
	}
	made_analyse(made, 0, 13, anomaly_analyse);
	made_has(made, "anomaly_count", "561"); /* all eleven, of 51 scopes */
	ck_assert_uint_eq(yyjson_arr_size(made_at(made, "anomalies")), 200);
	ck_assert_str_eq(made->analysis.warnings[1].code, "anomalies_not_all_listed");
	made_free(made);
}
END_TEST

UNIT_MAIN("anomaly", vectors_of_the_method, undefined_is_not_told, exactly_fifteen_is_no_news,
	  small_numbers_are_suppressed, ratios_need_volume, the_gravest_first, rates_and_chance,
	  nothing_known_of_before, flat_is_clear, order_of_rows_means_nothing, scale_of_money_means_nothing,
	  long_lists_are_cut)
