/* Reports as rows: one lease at a time, a failure that leaves what is there, bounds of a tenant. */
#include "../store_database.h"

#include "store/metric.h"
#include "store/person.h"

static struct metric_key key_of(const char *tenant, const char *ad_account, const char *report)
{
	return (struct metric_key){.tenant_id = str_of(tenant),
				   .platform = STR("google"),
				   .upstream = STR("google-ads"),
				   .ad_account = str_of(ad_account),
				   .report = str_of(report),
				   .range = STR("last_7_days")};
}

AWAITS static enum err keep(struct db *db, const struct metric_key *key, const char *by, struct str document,
			    int64_t fetched_ms)
{
	return metric_keep(
		db, key, str_of(by),
		&(struct metric){.document = document, .start_day = 5, .end_day = 11, .fetched_ms = fetched_ms});
}

static AWAITS void lease_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct metric_key key = key_of("A", "1", "campaign_days"), other = key_of("B", "1", "campaign_days");
	struct metric found;

	ck_err(metric_find(db, arena, &key, true, &found), ERR_NOT_FOUND);
	ck_ok(metric_lease(db, &key, STR("x"), 1000, 2000));
	ck_err(metric_lease(db, &key, STR("y"), 1999, 3000), ERR_BUSY);
	ck_ok(metric_lease(db, &other, STR("y"), 1999, 3000)); /* another tenant's is another */
	ck_ok(metric_renew(db, &key, STR("x"), 2500));
	ck_err(metric_lease(db, &key, STR("y"), 2400, 3000), ERR_BUSY);
	ck_ok(metric_lease(db, &key, STR("y"), 2500, 3500)); /* it has ended by itself */
	ck_err(metric_renew(db, &key, STR("x"), 9000), ERR_NOT_FOUND);
	ck_err(keep(db, &key, "x", STR("{}"), 2600), ERR_NOT_FOUND); /* too late: nothing of it stays */
	ck_ok(keep(db, &key, "y", STR("{\"rows\":[]}"), 2700));
	ck_ok(metric_find(db, arena, &key, true, &found));
	ck_str(found.document, "{\"rows\":[]}");
	ck_assert_int_eq(found.fetched_ms, 2700);
	ck_assert_int_eq(found.start_day, 5);
	ck_assert_int_eq(found.end_day, 11);
	ck_assert_int_eq(found.lease_until_ms, 0);
	ck_assert_int_eq(found.bytes, 11);

	ck_ok(metric_lease(db, &key, STR("z"), 2800, 3500));
	ck_ok(metric_fail(db, &key, STR("z"), 2900, STR("{\"class\":\"transient\"}")));
	ck_ok(metric_find(db, arena, &key, true, &found));
	ck_str(found.document, "{\"rows\":[]}");
	ck_str(found.failure, "{\"class\":\"transient\"}");
	ck_assert_int_eq(found.failed_ms, 2900);
	ck_ok(metric_lease(db, &key, STR("w"), 3000, 3500));
	ck_ok(keep(db, &key, "w", STR("{}"), 3100)); /* what came ends the failure */
	ck_ok(metric_find(db, arena, &key, false, &found));
	ck_assert_int_eq(found.failed_ms, 0);
	ck_str(found.document, "{}"); /* a small one comes with the rest */
	ck_ok(metric_lease(db, &key, STR("w"), 3200, 3500));
	ck_ok(keep(db, &key, "w", STR("{\"rows\":[1234567890,1234567890,1234567890,1234567890,1234567890,1234567890]}"),
		   3300));
	ck_ok(metric_find(db, arena, &key, false, &found));
	ck_assert_uint_eq(found.document.n, 0);
	ck_ok(metric_find(db, arena, &key, true, &found));
	ck_assert_uint_eq(found.document.n, (size_t)found.bytes);
}

START_TEST(one_has_the_lease)
{
	test_with_store(1, lease_body);
}
END_TEST

static AWAITS void bounds_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	char name[16], *large = malloc(METRIC_BYTES_MAX + 1);
	struct metric *metrics;
	struct str *ids;
	struct metric_key key;
	size_t count;
	int64_t gone;

	memset(large, ' ', METRIC_BYTES_MAX + 1);
	key = key_of("A", "1", "keywords");
	ck_ok(metric_lease(db, &key, STR("x"), 1000, 2000));
	ck_err(keep(db, &key, "x", (struct str){large, METRIC_BYTES_MAX + 1}, 1000), ERR_LIMIT);
	for (int i = 0; i < 34; i++) { /* two more than fit, and the one that is in work */
		snprintf(name, sizeof(name), "%d", 100 + i);
		key = key_of("A", name, "campaign_days");
		ck_ok(metric_lease(db, &key, STR("x"), 1000 + i, 2000));
		ck_ok(keep(db, &key, "x", STR("{}"), 1000 + i));
		if (i == 0)
			ck_ok(metric_use(db, &key, 5000));
	}
	ck_ok(test_write(db, "UPDATE metric SET bytes = 8388608 WHERE fetched_ms > 0"));
	key = key_of("A", "133", "campaign_days");
	ck_ok(metric_lease(db, &key, STR("x"), 3000, 4000));
	ck_ok(keep(db, &key, "x", STR("{}"), 3000));
	ck_ok(metric_list(db, arena, STR("A"), STR(""), 100, &metrics, &ids, &count));
	ck_assert_uint_eq(count, 33);
	key = key_of("A", "100", "campaign_days"); /* used since */
	ck_ok(metric_find(db, arena, &key, false, metrics));
	key = key_of("A", "101", "campaign_days");
	ck_err(metric_find(db, arena, &key, false, metrics), ERR_NOT_FOUND);
	ck_ok(metric_list(db, arena, STR("A"), ids[30], 100, &metrics, &ids, &count));
	ck_assert_uint_eq(count, 2);
	ck_ok(metric_forget(db, STR("A"), STR("meta"), &gone));
	ck_assert_int_eq(gone, 0);
	ck_ok(metric_forget(db, STR("A"), STR("google"), &gone));
	ck_assert_int_eq(gone, 33);
	free(large);
}

START_TEST(a_tenant_has_bounds)
{
	test_with_store(1, bounds_body);
}
END_TEST

static AWAITS void apart_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	const char *names[] = {"one", "two"};
	struct metric_key keys[2];
	struct tenant tenants[2];
	struct metric found;
	struct db_rows *rows;

	for (size_t i = 0; i < ARRAY_LEN(tenants); i++) {
		tenants[i] = test_tenant(db, arena, names[i]);
		keys[i] = key_of("", "1", "campaign_days");
		keys[i].tenant_id = tenants[i].id;
		ck_ok(metric_lease(db, &keys[i], STR("x"), 1000, 2000));
		ck_ok(keep(db, &keys[i], "x", STR("{}"), 1000));
	}
	if (test_engine == DB_POSTGRES) { /* no statement of a tenant sees another's, whatever it asks */
		ck_ok(db_query(db, tenants[0].id, arena, "SELECT tenant_id FROM metric", NULL, 0, &rows));
		ck_assert_uint_eq(rows->rows, 1);
		ck_bytes(rows->cells[0].str, tenants[0].id);
	}
	ck_ok(person_erase_tenant(db, tenants[0].id));
	ck_err(metric_find(db, arena, &keys[0], false, &found), ERR_NOT_FOUND);
	ck_ok(metric_find(db, arena, &keys[1], false, &found));
}

START_TEST(reports_are_a_tenants_own)
{
	test_with_store(1, apart_body);
}
END_TEST

DATABASE_MAIN("metric", one_has_the_lease, a_tenant_has_bounds, reports_are_a_tenants_own)
