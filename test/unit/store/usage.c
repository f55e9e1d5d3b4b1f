/* Months, and rows of usage that are added to. */
#include "../store_database.h"

#include "store/usage.h"

static const struct {
	int64_t at_ms, end_ms;
	int month;
} months[] = {
	{0, 2678400000, 197001},
	{1795254062000, 1796083200000, 202611}, /* 2026-11-21 */
	{1796083199999, 1796083200000, 202611}, /* its last millisecond */
	{1796083200000, 1798761600000, 202612}, /* the next one's first */
	{1798761599999, 1798761600000, 202612}, /* a year ends */
	{1798761600000, 1801440000000, 202701},
	{1709164800000, 1709251200000, 202402}, /* 29 February */
};

START_TEST(a_month_has_an_end)
{
	ck_assert_int_eq(usage_month_of(months[_i].at_ms), months[_i].month);
	ck_assert_int_eq(usage_month_end_ms(months[_i].at_ms), months[_i].end_ms);
}
END_TEST

static AWAITS void add_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct str acme = STR("acme"), other = STR("other");
	struct usage usages[] = {
		{acme, STR(""), 202611, 5, 2},	  {acme, STR("ada"), 202611, 3, 2},  {acme, STR("bob"), 202611, 2, 0},
		{acme, STR("ada"), 202610, 9, 0}, {other, STR("ada"), 202611, 1, 1},
	};
	struct usage_search search = {.tenant_id = acme, .limit = 3};
	struct usage found, *page;
	size_t done, count;

	ck_ok(test_write(db, "INSERT INTO tenant (id, name, created_ms) VALUES ('acme', 'a', 1), ('other', 'o', 1)"));
	ck_ok(usage_get(db, acme, STR("ada"), 202611, &found));
	ck_assert_int_eq(found.calls, 0);
	ck_ok(usage_add(db, usages, ARRAY_LEN(usages), &done));
	ck_assert_uint_eq(done, ARRAY_LEN(usages));
	ck_ok(usage_add(db, &usages[1], 1, &done));
	ck_ok(usage_add(db, usages, 0, &done));
	ck_assert_uint_eq(done, 0);
	ck_ok(usage_get(db, acme, STR("ada"), 202611, &found));
	ck_assert_int_eq(found.calls, 6);
	ck_assert_int_eq(found.failures, 4);
	ck_ok(usage_get(db, acme, STR(""), 202611, &found));
	ck_assert_int_eq(found.calls, 5);

	ck_ok(usage_add(db, &(struct usage){STR("erased"), STR("ada"), 202611, 1, 0}, 1, &done));
	ck_ok(usage_get(db, STR("erased"), STR("ada"), 202611, &found));
	ck_assert_int_eq(found.calls, 0);

	ck_ok(usage_page(db, arena, &search, &page, &count));
	ck_assert_uint_eq(count, 3);
	ck_bytes(page[0].principal, STR(""));
	ck_bytes(page[1].principal, STR("ada"));
	ck_bytes(page[2].principal, STR("bob"));
	search.after_month = 202611;
	search.after_principal = STR("bob");
	ck_ok(usage_page(db, arena, &search, &page, &count));
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(page[0].month, 202610);
	ck_assert_int_eq(page[0].calls, 9);

	search = (struct usage_search){.tenant_id = acme, .principal = STR("ada"), .month = 202611, .limit = 3};
	ck_ok(usage_page(db, arena, &search, &page, &count));
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(page[0].calls, 6);
}

START_TEST(usage_is_added_up)
{
	test_with_store(1, add_body);
}
END_TEST

static AWAITS void many_body(struct db *db)
{
	struct usage usages[150];
	size_t done;

	ck_ok(test_write(db, "INSERT INTO tenant (id, name, created_ms) VALUES ('acme', 'a', 1)"));
	for (size_t i = 0; i < ARRAY_LEN(usages); i++)
		usages[i] = (struct usage){STR("acme"), STR("ada"), 202000 + (int)i, 1, 0};
	ck_ok(usage_add(db, usages, ARRAY_LEN(usages), &done));
	ck_assert_uint_eq(done, ARRAY_LEN(usages));
	ck_assert_int_eq(test_int(db, "SELECT sum(calls) FROM usage_month"), ARRAY_LEN(usages));
}

START_TEST(many_are_added_in_batches)
{
	test_with_store(1, many_body);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("usage");

	tcase_add_loop_test(tcase, a_month_has_an_end, 0, ARRAY_LEN(months));
	tcase_add_test(tcase, usage_is_added_up);
	tcase_add_test(tcase, many_are_added_in_batches);
	return unit_run("usage", tcase);
}
