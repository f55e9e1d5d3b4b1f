/* Rows of reports: what is read, what is refused, which action is a conversion, what is never kept. */
#include "../unit.h"

#include "ads/rows.h"
#include "analytics/civil.h"

static struct arena *arena;

static enum err take(struct report *report, const char *page, struct buf *problem)
{
	struct str next;

	return report_take(report, str_of(page), &next, problem);
}

static void begin(struct report *report, enum report_kind kind, enum ads_platform platform)
{
	arena = arena_new(1 << 20);
	report_begin(report, kind, platform, arena);
}

/* Written and read again: the document that is kept. */
static struct report again(const struct report *report, struct buf *out)
{
	struct report kept;
	AUTO_BUF problem = {0};
	struct str next;

	out->n = 0;
	ck_ok(report_write(report, out));
	report_begin(&kept, report->kind, report->platform, arena);
	ck_ok(report_take(&kept, buf_str(out), &next, &problem));
	return kept;
}

START_TEST(days_are_read_and_kept)
{
	AUTO_BUF problem = {0}, out = {0};
	struct report report, kept;
	const struct day_row *rows;
	civil_day day;
	struct str next;

	begin(&report, REPORT_CAMPAIGN_DAYS, ADS_GOOGLE);
	ck_ok(report_take(
		&report,
		STR("{\"rows\":[{\"campaign_id\":\"1780000000000000001\",\"name\":\"Brand \\u201e1\\u201c\","
		    "\"status\":\"active\",\"channel\":\"SEARCH\",\"date\":\"2026-11-14\",\"cost_micros\":12340000,"
		    "\"impressions\":100,\"clicks\":7,\"conversions\":1.5,\"value_micros\":99000000,"
		    "\"audience\":\"never kept\"}],\"next_cursor\":\"more\"}"),
		&next, &problem));
	ck_str(next, "more");
	ck_ok(report_take(
		&report,
		STR("{\"rows\":[{\"campaign_id\":\"2\",\"date\":\"2026-11-15\",\"cost_micros\":0,"
		    "\"impressions\":0,\"clicks\":0,\"name\":null,\"conversions\":\"2.25\"}],\"next_cursor\":null}"),
		&next, &problem));
	ck_str(next, "");
	report_settle(&report, STR("EUR"));
	kept = again(&report, &out);
	ck_assert_uint_eq(kept.count, 2);
	rows = kept.rows;
	ck_assert(civil_read(STR("2026-11-14"), &day));
	ck_str(rows[0].campaign_id, "1780000000000000001");
	ck_str(rows[0].name, "Brand „1“");
	ck_assert_int_eq(rows[0].day, day);
	ck_assert_int_eq(rows[0].status, CAMPAIGN_ACTIVE);
	ck_assert_int_eq(rows[0].figures.cost_micros, 12340000);
	ck_assert_double_eq(rows[0].figures.conversions, 1.5);
	ck_assert_int_eq(rows[0].figures.value_micros, 99000000);
	ck_assert_int_eq(rows[1].status, CAMPAIGN_UNKNOWN);
	ck_assert_double_eq(rows[1].figures.conversions, 2.25);
	ck_str(kept.event, "conversions");
	ck_assert_ptr_null(memmem(out.p, out.n, "never", 5));
	arena_free(arena);
}
END_TEST

static const struct {
	enum report_kind kind;
	const char *page, *problem;
} wrong[] = {
	{REPORT_CAMPAIGN_DAYS, "nonsense", "not JSON"},
	{REPORT_CAMPAIGN_DAYS, "{\"data\":[]}", "rows: not a list"},
	{REPORT_CAMPAIGN_DAYS, "{\"rows\":[3]}", "rows[0]: not an object"},
	{REPORT_CAMPAIGN_DAYS,
	 "{\"rows\":[{\"campaign_id\":\"1\",\"date\":\"2026-11-14\",\"impressions\":1,\"clicks\":1}]}",
	 "rows[0].cost_micros: is missing"},
	{REPORT_CAMPAIGN_DAYS, "{\"rows\":[{\"campaign_id\":7,\"date\":\"2026-11-14\"}]}",
	 "rows[0].campaign_id: not a text"},
	{REPORT_CAMPAIGN_DAYS,
	 "{\"rows\":[{\"campaign_id\":\"1\",\"date\":\"14.11.2026\",\"impressions\":1,\"clicks\":1,\"cost_micros\":1}]"
	 "}",
	 "rows[0].date: not a date"},
	{REPORT_CAMPAIGN_DAYS,
	 "{\"rows\":[{\"campaign_id\":\"1\",\"date\":\"2026-11-14\",\"impressions\":1,\"clicks\":1,\"cost_micros\":1.5}"
	 "]}",
	 "rows[0].cost_micros: not an integer"},
	{REPORT_CAMPAIGN_DAYS,
	 "{\"rows\":[{\"campaign_id\":\"1\",\"date\":\"2026-11-14\",\"impressions\":1,\"clicks\":1,\"cost_micros\":1,"
	 "\"conversions\":\"many\"}]}",
	 "rows[0].conversions: not a number"},
	{REPORT_CAMPAIGN_DAYS,
	 "{\"rows\":[{\"campaign_id\":\"1\",\"date\":\"2026-11-14\",\"impressions\":1,\"clicks\":-1,\"cost_micros\":1}]"
	 "}",
	 "rows[0].clicks: is negative"},
	{REPORT_CAMPAIGN_DAYS,
	 "{\"rows\":[{\"campaign_id\":\"1\",\"date\":\"2026-11-14\",\"cost_micros\":9000000000000000000}]}",
	 "rows[0].cost_micros: too large"},
	{REPORT_SIMULATIONS, "{\"rows\":[{\"campaign_id\":\"1\",\"points\":[{}]}]}",
	 "rows[0].points: cost_micros is not an integer"},
};

START_TEST(another_shape_is_refused)
{
	AUTO_BUF problem = {0};
	struct report report;

	begin(&report, wrong[_i].kind, ADS_GOOGLE);
	ck_err(take(&report, wrong[_i].page, &problem), ERR_UPSTREAM_GARBAGE);
	ck_bytes(buf_str(&problem), str_of(wrong[_i].problem));
	arena_free(arena);
}
END_TEST

#define META_ROW(id, actions, values)                                                                                  \
	"{\"campaign_id\":\"" id "\",\"date\":\"2026-11-14\",\"cost_micros\":54200000,\"impressions\":8123,"           \
	"\"clicks\":131,\"roas\":3.926,\"actions\":[" actions "],\"action_values\":[" values "]}"

START_TEST(one_purchase_counts)
{
	AUTO_BUF problem = {0}, out = {0};
	struct report report, kept;
	const struct day_row *rows;

	begin(&report, REPORT_CAMPAIGN_DAYS, ADS_META);
	/* `purchase` comes first, in the first row; `omni_purchase`, which another row has, is the better one. */
	ck_ok(take(
		&report,
		"{\"rows\":[" META_ROW(
			"1", "{\"type\":\"purchase\",\"value\":\"9\"},{\"type\":\"link_click\",\"value\":\"97\"}",
			"{\"type\":\"purchase\",\"value_micros\":900000000}") "," META_ROW("2",
											   "{\"type\":"
											   "\"purchase\","
											   "\"value\":\"5\"},{"
											   "\"type\":\"omni_"
											   "purchase\","
											   "\"value\":4}",
											   "{\"type\":\"omni_"
											   "purchase\",\"value_"
											   "micros\":"
											   "212800000}") "," META_ROW("3",
														      "{\"type\":\"omni_purchase\",\"value\":\"1\"}",
														      "") "]}",
		&problem));
	report_settle(&report, STR("EUR"));
	kept = again(&report, &out);
	rows = kept.rows;
	ck_str(kept.event, "omni_purchase");
	ck_assert_double_eq(rows[0].figures.conversions, 0);
	ck_assert_double_eq(rows[1].figures.conversions, 4);
	ck_assert_int_eq(rows[1].figures.value_micros, 212800000);
	ck_assert_double_eq(rows[2].figures.conversions, 1);
	ck_assert_int_eq(rows[2].figures.value_micros, 212789200); /* 3.926 * 54.20: nothing else is told */
	arena_free(arena);
}
END_TEST

START_TEST(leads_count_where_nobody_buys)
{
	AUTO_BUF problem = {0}, out = {0};
	struct report report, kept;

	begin(&report, REPORT_CAMPAIGN_DAYS, ADS_META);
	ck_ok(take(&report, "{\"rows\":[" META_ROW("1", "{\"type\":\"lead\",\"value\":\"3\"}", "") "]}", &problem));
	report_settle(&report, STR("KWD"));
	kept = again(&report, &out);
	ck_str(kept.event, "lead");
	ck_assert_double_eq(((struct day_row *)kept.rows)->figures.conversions, 3);
	arena_free(arena);
}
END_TEST

START_TEST(smaller_units_become_micros)
{
	static const struct {
		const char *currency;
		int64_t micros;
	} cases[] = {{"EUR", 50000000}, {"JPY", 5000000000}, {"KWD", 5000000}, {"XXX", 50000000}};
	AUTO_BUF problem = {0};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct report report;

		begin(&report, REPORT_CAMPAIGNS, ADS_META);
		ck_ok(take(
			&report,
			"{\"rows\":[{\"campaign_id\":\"1\",\"budget_minor\":5000},"
			"{\"campaign_id\":\"2\",\"budget_minor\":5000,\"budget_micros\":7},{\"campaign_id\":\"3\"}]}",
			&problem));
		report_settle(&report, str_of(cases[i].currency));
		ck_assert_int_eq(((struct campaign_row *)report.rows)[0].budget_micros, cases[i].micros);
		ck_assert_int_eq(((struct campaign_row *)report.rows)[1].budget_micros, 7);
		ck_assert_int_eq(((struct campaign_row *)report.rows)[2].budget_micros, -1);
		arena_free(arena);
	}
}
END_TEST

START_TEST(what_names_a_person_is_dropped)
{
	static const struct {
		const char *text;
		bool personal;
	} cases[] = {
		{"running shoes", false},
		{"iphone 15 128 gb", false},
		{"jane.doe@example.org", true},
		{"mail to a@b.de please", true},
		{"@home cafe", false},
		{"tickets @ 8.30", false},
		{"+49 30 1234567", true},
		{"030/123 45 67", true},
		{"call 0171-2345678 now", true},
		{"(555) 123-4567", true},
		{"555 123 4567", true},
		{"123456789", true},
		{"model 2024 2025", false},
		{"12345678", false},
		{"5 x 10 x 15", false},
		{"a@", false},
		{"@", false},
		{"", false},
	};
	AUTO_BUF problem = {0}, out = {0};
	struct report report, kept;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_msg(term_is_personal(str_of(cases[i].text)) == cases[i].personal, "%s", cases[i].text);
	begin(&report, REPORT_SEARCH_TERMS, ADS_GOOGLE);
	ck_ok(take(
		&report,
		"{\"rows\":[{\"term\":\"jane@example.org\",\"campaign_id\":\"1\",\"cost_micros\":5,\"impressions\":4,"
		"\"clicks\":3,\"conversions\":2},{\"term\":\"shoes\",\"campaign_id\":\"1\",\"status\":\"ADDED_"
		"EXCLUDED\","
		"\"cost_micros\":1,\"impressions\":1,\"clicks\":1}]}",
		&problem));
	report_settle(&report, STR("EUR"));
	kept = again(&report, &out);
	ck_assert_uint_eq(kept.count, 1);
	ck_assert_int_eq(((struct term_row *)kept.rows)->term.status, TERM_EXCLUDED);
	ck_assert_int_eq(kept.dropped_rows, 1);
	ck_assert_int_eq(kept.dropped.cost_micros, 5);
	ck_assert_double_eq(kept.dropped.conversions, 2);
	ck_assert_ptr_null(memmem(out.p, out.n, "jane", 4));
	arena_free(arena);
}
END_TEST

START_TEST(stand_ins_have_their_own_fields)
{
	AUTO_BUF problem = {0}, out = {0};
	struct report report, kept;

	begin(&report, REPORT_SEARCH_TERMS, ADS_META);
	ck_ok(take(
		&report,
		"{\"rows\":[{\"publisher_platform\":\"facebook\",\"platform_position\":\"feed\",\"campaign_id\":\"1\","
		"\"cost_micros\":5,\"impressions\":4,\"clicks\":3}]}",
		&problem));
	report_settle(&report, STR("EUR"));
	kept = again(&report, &out);
	ck_str(((struct term_row *)kept.rows)->term.text, "facebook/feed");
	arena_free(arena);
	begin(&report, REPORT_AUCTION, ADS_META);
	ck_ok(take(&report,
		   "{\"rows\":[{\"kind\":\"ad\",\"ad_id\":\"1\",\"campaign_id\":\"1\",\"impressions\":500,\"cost_"
		   "micros\":1,"
		   "\"frequency\":1.35,\"quality\":\"BELOW_AVERAGE_10\",\"engagement\":\"AVERAGE\",\"conversion\":\"?"
		   "\"}]}",
		   &problem));
	kept = again(&report, &out);
	ck_assert_int_eq(((struct ranked_ad *)kept.rows)->quality, RANK_BELOW_AVERAGE);
	ck_assert_int_eq(((struct ranked_ad *)kept.rows)->engagement, RANK_AVERAGE);
	ck_assert_int_eq(((struct ranked_ad *)kept.rows)->conversion, RANK_UNKNOWN);
	arena_free(arena);
	begin(&report, REPORT_SIMULATIONS, ADS_GOOGLE);
	ck_ok(take(&report,
		   "{\"rows\":[{\"campaign_id\":\"1\",\"points\":[{\"cost_micros\":20,\"value_micros\":5},"
		   "{\"cost_micros\":10,\"value_micros\":4,\"conversions\":1.25}]}]}",
		   &problem));
	kept = again(&report, &out);
	ck_assert_uint_eq(((struct simulation *)kept.rows)->point_count, 2);
	ck_assert_int_eq(((struct simulation *)kept.rows)->points[0].cost_micros, 10);
	ck_assert_double_eq(((struct simulation *)kept.rows)->points[0].conversions, 1.25);
	arena_free(arena);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("rows");

	tcase_add_test(tcase, days_are_read_and_kept);
	tcase_add_loop_test(tcase, another_shape_is_refused, 0, (int)ARRAY_LEN(wrong));
	tcase_add_test(tcase, one_purchase_counts);
	tcase_add_test(tcase, leads_count_where_nobody_buys);
	tcase_add_test(tcase, smaller_units_become_micros);
	tcase_add_test(tcase, what_names_a_person_is_dropped);
	tcase_add_test(tcase, stand_ins_have_their_own_fields);
	return unit_run("rows", tcase);
}
