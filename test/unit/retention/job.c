/* What is past its period goes, in batches; what is not stays; when it was done is known. */
#include "../store_database.h"

#include "base/clock.h"
#include "retention/retention.h"

static AWAITS void job_body(struct db *db)
{
	const struct retention_periods periods = {.idempotency_ms = 86400000, .usage_ms = 730 * 86400000LL};
	struct retention_line lines[RETENTION_LINES];

	ck_ok(test_write(db, "INSERT INTO usage_month VALUES ('T', 'P', 202001, 5, 0), ('T', 'P', 299901, 5, 0)"));
	ck_ok(test_write(db, "INSERT INTO blocked VALUES ('192.0.2.0/24', '', 1, 2), ('192.0.3.0/24', '', 1, 0)"));
	ck_ok(test_write(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
			     " INSERT INTO idempotency (principal, key, digest, status, created_ms)"
			     " SELECT 'P', 'k' || i, x'00', 200, i FROM n"));
	ck_ok(retention_show(db, &periods, lines));
	ck_str(str_of(lines[1].name), "idempotency");
	ck_assert(lines[1].past == 2500 && lines[1].swept_ms == 0);
	ck_ok(retention_enforce(db, &periods));
	ck_ok(retention_show(db, &periods, lines));
	ck_assert(lines[1].rows == 0 && lines[1].swept_ms > 0);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM usage_month"), 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM blocked"), 1);
	ck_assert_int_eq(test_int(db, "SELECT rows FROM retention_run WHERE name = 'idempotency'"), 2500);
}

/* Reports of ad platforms go for good after their time, whoever still asks for them; runs of syncs after theirs. */
static AWAITS void purge_body(struct db *db)
{
	const struct retention_periods periods = {.metrics_ms = 90 * 86400000LL, .sync_log_ms = 30 * 86400000LL};
	char reports[400], runs[400]; /* two: statements are known by their address */
	int64_t now_ms = clock_wall_ms(), day_ms = 86400000;

	snprintf(reports, sizeof(reports),
		 "INSERT INTO metric (id, tenant_id, platform, upstream, account, holder, ad_account, report, span,"
		 " fetched_ms, used_ms) VALUES ('old', 'T', '', '', '', '', '', '', '', %lld, %lld),"
		 " ('new', 'T', '', '', '', '', '', '', '', %lld, 0), ('never', 'T', '', '', '', '', '', '', '', 0, 5),"
		 " ('asked', 'T', '', '', '', '', '', '', '', 0, %lld)",
		 (long long)(now_ms - 91 * day_ms), (long long)now_ms, (long long)(now_ms - 89 * day_ms),
		 (long long)now_ms);
	ck_ok(test_write(db, reports));
	snprintf(runs, sizeof(runs),
		 "INSERT INTO sync_log (id, tenant_id, platform, driver, started_ms, ended_ms, held_ms, outcome,"
		 " steps_total) VALUES ('old', 'T', 'meta', 'jobs', %lld, 1, 0, 'ok', 5),"
		 " ('new', 'T', 'meta', 'jobs', %lld, 1, 0, 'ok', 5)",
		 (long long)(now_ms - 31 * day_ms), (long long)(now_ms - 29 * day_ms));
	ck_ok(test_write(db, runs));
	ck_ok(retention_purge(db, &periods, RETENTION_METRICS));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM metric WHERE id IN ('new', 'asked')"), 2);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM metric"), 2);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM sync_log"), 2);
	ck_ok(retention_purge(db, &periods, RETENTION_SYNC_LOG));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM sync_log WHERE id = 'new'"), 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM sync_log"), 1);
}

START_TEST(reports_are_deleted_for_good)
{
	test_with_store(1, purge_body);
}
END_TEST

START_TEST(periods_are_enforced)
{
	test_with_store(1, job_body);
}
END_TEST

UNIT_MAIN("job", periods_are_enforced, reports_are_deleted_for_good)
