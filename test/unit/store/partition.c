/* Cutting the trail: what the anchor covers goes, in batches, and nothing else. */
#include "../store_database.h"

#include "store/partition.h"

static AWAITS void cut_body(struct db *db)
{
	const struct db_value bytes[] = {DB_B(STR("mac")), DB_B(STR("seal"))};
	const struct db_statement anchor = {
		.sql = "INSERT INTO audit_anchor (id, seq, mac, seal, archived_ms, file) VALUES (1, 3, ?, ?, 0, '')",
		.params = bytes,
		.count = 2,
		.changes_expected = 1};
	int64_t gone = -1;

	ck_ok(partition_prepare(db, 1000));
	for (int i = 0; i < 5; i++)
		ck_ok(test_write(db, "INSERT INTO audit (seq, at_ms) SELECT coalesce(max(seq), 0) + 1, 5 FROM audit"));
	ck_ok(partition_cut(db, 10, &gone));
	ck_assert_int_eq(gone, 0);
	ck_assert_int_ne(test_write(db, "DELETE FROM audit WHERE seq = 1"), OK);
	ck_ok(db_write(db, DB_ALL_TENANTS, &anchor, 1));
	ck_ok(partition_cut(db, 2, &gone));
	ck_assert_int_eq(gone, 2);
	ck_ok(partition_cut(db, 2, &gone));
	ck_assert_int_eq(gone, 1);
	ck_assert_int_eq(test_int(db, "SELECT min(seq) FROM audit"), 4);
	ck_assert_int_ne(test_write(db, "DELETE FROM audit WHERE seq = 4"), OK);
}

START_TEST(what_is_archived_goes)
{
	test_with_store(1, cut_body);
}
END_TEST

DATABASE_MAIN("partition", what_is_archived_goes)
