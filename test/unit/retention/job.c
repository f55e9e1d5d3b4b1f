/* What is past its period goes, in batches; what is not stays; when it was done is known. */
#include "../store_database.h"

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

START_TEST(periods_are_enforced)
{
	test_with_store(1, job_body);
}
END_TEST

UNIT_MAIN("job", periods_are_enforced)
