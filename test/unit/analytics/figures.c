/* Money from text to text without a loss, ratios that are undefined rather than wrong, and how changes are told. */
#include "../unit.h"

#include <math.h>

#include "analytics/figures.h"

static const struct {
	const char *text;
	bool read;
	int64_t micros;
} money[] = {
	{"0", true, 0},
	{"12.34", true, 12340000},
	{"-12.34", true, -12340000},
	{"0.000001", true, 1},
	{"0.0000005", true, 1},
	{"-0.0000005", true, -1},
	{"0.0000004999", true, 0},
	{"0.9999995", true, 1000000},
	{"1.10", true, 1100000},
	{"007", true, 7000000},
	{"9223372036854.775807", true, INT64_MAX},
	{"9223372036854.7758069", true, INT64_MAX},
	{"9223372036854.7758075", false, 0},
	{"9223372036854.775808", false, 0},
	{"99999999999999999999", false, 0},
	{"", false, 0},
	{"-", false, 0},
	{".5", false, 0},
	{"5.", false, 0},
	{"1e3", false, 0},
	{"+1", false, 0},
	{"1,5", false, 0},
	{" 1", false, 0},
	{"1 ", false, 0},
	{"1.2.3", false, 0},
	{"NaN", false, 0},
};

START_TEST(money_is_read_exactly)
{
	for (size_t i = 0; i < ARRAY_LEN(money); i++) {
		int64_t micros = 0;

		ck_assert_msg(micros_read(str_of(money[i].text), &micros) == money[i].read, "%s", money[i].text);
		ck_assert_msg(micros == money[i].micros, "%s: %lld", money[i].text, (long long)micros);
	}
}
END_TEST

static struct str amount(struct buf *out, int64_t micros)
{
	out->n = 0;
	put_amount(out, micros);
	return buf_str(out);
}

START_TEST(money_is_written_exactly)
{
	AUTO_BUF out = {0};

	ck_str(amount(&out, 0), "0");
	ck_str(amount(&out, 12340000), "12.34");
	ck_str(amount(&out, -12340000), "-12.34");
	ck_str(amount(&out, 1), "0.000001");
	ck_str(amount(&out, -1), "-0.000001");
	ck_str(amount(&out, 100000), "0.1");
	ck_str(amount(&out, 10000000), "10");
	ck_str(amount(&out, INT64_MAX), "9223372036854.775807");
	ck_str(amount(&out, INT64_MIN), "-9223372036854.775808");
}
END_TEST

START_TEST(money_comes_back)
{
	int64_t micros = 1, again;
	AUTO_BUF out = {0};

	for (int i = 0; i < 5000;
	     i++, micros = (int64_t)((uint64_t)micros * 6364136223846793005u + 1442695040888963407u)) {
		if (micros == INT64_MIN)
			continue;
		ck_assert(micros_read(amount(&out, micros), &again));
		ck_assert(again == micros);
	}
}
END_TEST

static struct str written(struct buf *out, void (*put)(struct buf *out, double value), double value)
{
	out->n = 0;
	put(out, value);
	return buf_str(out);
}

START_TEST(numbers_are_rounded_once)
{
	AUTO_BUF out = {0};

	ck_str(written(&out, put_ratio, 0.04563), "0.0456");
	ck_str(written(&out, put_ratio, 2.0), "2");
	ck_str(written(&out, put_ratio, 0.00005), "0.0001");
	ck_str(written(&out, put_ratio, -0.00001), "0");
	ck_str(written(&out, put_ratio, NAN), "null");
	ck_str(written(&out, put_ratio, INFINITY), "null");
	ck_str(written(&out, put_pct, -33.3333333), "-33.33");
	ck_str(written(&out, put_pct, 15.0), "15");
	ck_str(written(&out, put_pct, 0.125), "0.13");
	ck_str(written(&out, put_pct, 0.05), "0.05");
	ck_str(written(&out, put_count, 3.5), "3.5");
	ck_str(written(&out, put_count, 0.1 + 0.2), "0.3");
	ck_str(written(&out, put_count, 1e15), "1000000000000000");
	ck_str(written(&out, put_count, 1e22), "10000000000000000000000");
	ck_str(written(&out, put_amount_of, 1234567.4), "1.234567");
	ck_str(written(&out, put_amount_of, -1234567.5), "-1.234568");
	ck_str(written(&out, put_amount_of, NAN), "null");
	ck_str(written(&out, put_amount_of, 1e30), "999999999999999983222784");
}
END_TEST

START_TEST(names_are_separated)
{
	AUTO_BUF out = {0};

	buf_put_byte(&out, '{');
	put_name(&out, "a");
	buf_put_byte(&out, '{');
	put_name(&out, "b");
	put_amount(&out, MICROS);
	buf_put_byte(&out, '}');
	put_name(&out, "c");
	put_ratio(&out, NAN);
	ck_str(buf_str(&out), "{\"a\":{\"b\":1},\"c\":null");
}
END_TEST

START_TEST(ratios_of_nothing_are_undefined)
{
	struct figures none = {0}, some = {.cost_micros = 50000000,
					   .value_micros = 125000000,
					   .impressions = 1000,
					   .clicks = 40,
					   .conversions = 2.5};

	ck_assert(isnan(ratio(0, 0)) && isnan(ratio(1, 0)) && isnan(ratio(1, -1)));
	ck_assert(isnan(figures_ctr(&none)) && isnan(figures_cvr(&none)) && isnan(figures_roas(&none)));
	ck_assert(isnan(figures_cpc(&none)) && isnan(figures_cpm(&none)) && isnan(figures_cpa(&none)));
	ck_assert(figures_ctr(&some) == 0.04 && figures_cvr(&some) == 0.0625 && figures_roas(&some) == 2.5);
	ck_assert(figures_cpc(&some) == 1250000 && figures_cpm(&some) == 50000000 && figures_cpa(&some) == 20000000);
}
END_TEST

START_TEST(changes)
{
	static const struct {
		double now, before, pct;
		const char *direction;
	} cases[] = {
		{120, 100, 20, "up"}, {115, 100, 15, "up"},	 {80, 100, -20, "down"},     {0, 40, -100, "stopped"},
		{7, 0, NAN, "new"},   {0, 0, 0, "flat"},	 {NAN, 2, NAN, "undefined"}, {2, NAN, NAN, "undefined"},
		{5, 5, 0, "flat"},    {1, -1, NAN, "undefined"}, {-1, 0, NAN, "undefined"},  {-50, 100, -150, "down"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct delta delta = delta_of(cases[i].now, cases[i].before);

		ck_assert_str_eq(direction_name(delta.direction), cases[i].direction);
		ck_assert(isnan(cases[i].pct) ? isnan(delta.pct) : delta.pct == cases[i].pct);
	}
}
END_TEST

START_TEST(sums_lose_nothing)
{
	struct figures sum = {0}, more = {.cost_micros = 10000,
					  .value_micros = 30000,
					  .impressions = 3,
					  .clicks = 1,
					  .conversions = 0.25};

	for (int i = 0; i < 1000; i++)
		figures_add(&sum, &more);
	ck_assert(sum.cost_micros == 10000000 && sum.value_micros == 30000000 && sum.impressions == 3000 &&
		  sum.clicks == 1000 && sum.conversions == 250);
}
END_TEST

UNIT_MAIN("figures", money_is_read_exactly, money_is_written_exactly, money_comes_back, numbers_are_rounded_once,
	  names_are_separated, ratios_of_nothing_are_undefined, changes, sums_lose_nothing)
