/* Taking archived rows from the trail: the anchor moves and the rows go together, only from where it was seen; and on
 * PostgreSQL the role that serves gets no row away that is young, missing a mark or the newest. */
#include "../store_database.h"

#include "store/audit_archive.h"

#define DAY_MS 86400000LL

/* Rows 1 to `count`, with MACs of their number, from `at_ms` on; the head knows them. */
AWAITS static void put_rows(struct db *db, int count, int64_t at_ms)
{
	uint8_t mac[AUDIT_MAC_BYTES];
	const struct db_value cells[] = {DB_I(count), DB_B(((struct str){(const char *)mac, sizeof(mac)}))};
	struct db_statement head = {"UPDATE audit_head SET seq = ?, mac = ?, seal = mac", cells, 2, 1};

	if (db_engine(db) == DB_SQLITE)
		head.sql = "INSERT INTO audit_head (id, seq, mac, seal) VALUES (1, ?1, ?2, ?2)";
	for (int i = 1; i <= count; i++) {
		const struct db_value row[] = {DB_I(i), DB_I(at_ms + i), cells[1]};

		memset(mac, i, sizeof(mac));
		ck_ok(db_write(
			db, DB_ALL_TENANTS,
			&(struct db_statement){"INSERT INTO audit (seq, at_ms, mac) VALUES (?, ?, ?)", row, 3, 1}, 1));
	}
	ck_ok(db_write(db, DB_ALL_TENANTS, &head, 1));
}

AWAITS static enum err move(struct db *db, int64_t after, int64_t upto, uint8_t mac)
{
	struct audit_head anchor = {.seq = upto};

	memset(anchor.mac, mac, sizeof(anchor.mac));
	memset(anchor.seal, 9, sizeof(anchor.seal));
	return audit_archive_move(db, after, &anchor, STR("file"), 1000);
}

AWAITS static int64_t first(struct db *db)
{
	return test_int(db, "SELECT min(seq) FROM audit");
}

static AWAITS void moves_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(4096);
	int64_t seq, at_ms;
	struct str file;

	put_rows(db, 6, 1000);
	ck_err(move(db, 1, 3, 3), ERR_NOT_FOUND); /* the anchor is not there */
	ck_assert_int_eq(first(db), 1);
	ck_ok(move(db, 0, 2, 2));
	ck_assert_int_eq(first(db), 3);
	ck_err(move(db, 0, 4, 4), ERR_NOT_FOUND); /* who comes second */
	ck_ok(move(db, 2, 5, 5));
	ck_assert_int_eq(first(db), 6);
	ck_ok(audit_archive_state(db, arena, &seq, &file, &at_ms));
	ck_assert_int_eq(seq, 5);
	ck_str(file, "file");
	ck_assert_int_ne(test_write(db, "DELETE FROM audit WHERE seq = 6"), OK);
}

START_TEST(rows_go_with_the_anchor)
{
	test_with_store(1, moves_body);
}
END_TEST

/* Whoever has the role that serves, and SQL of their own. */
static AWAITS void refused_body(struct db *db)
{
	static const char *const tries[] = {
		"INSERT INTO audit_anchor VALUES (1, 3, '\\x00', '\\x00', 0, 'f')",
		"UPDATE audit_anchor SET seq = 5",
		"DELETE FROM audit_anchor",
		"DELETE FROM audit WHERE seq = 1",
		"CREATE OR REPLACE FUNCTION audit_keep_ms() RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'",
		/* no file; not the row's mark; a hole; all that there is */
		"SELECT audit_archive(2, 3, (SELECT mac FROM audit WHERE seq = 3), '\\x00', '')",
		"SELECT audit_archive(2, 4, (SELECT mac FROM audit WHERE seq = 3), '\\x00', 'f')",
		"SELECT audit_archive(2, 3, NULL, '\\x00', 'f')",
		"SELECT audit_archive(2, 2000, (SELECT mac FROM audit WHERE seq = 3), '\\x00', 'f')",
		"SELECT audit_archive(2, 6, (SELECT mac FROM audit WHERE seq = 6), '\\x00', 'f')",
	};

	if (db_engine(db) == DB_SQLITE)
		return; /* who has the file has it whole */
	put_rows(db, 6, 1000);
	ck_ok(move(db, 0, 2, 2));
	for (size_t i = 0; i < ARRAY_LEN(tries); i++)
		ck_assert_msg(test_write(db, tries[i]) != OK, "%s", tries[i]);
	ck_assert_int_eq(first(db), 3);
	ck_assert_int_eq(test_int(db, "SELECT seq FROM audit_anchor"), 2);
}

START_TEST(who_serves_cannot_cut_as_they_like)
{
	test_with_store(1, refused_body);
}
END_TEST

static AWAITS void young_body(struct db *db)
{
	if (db_engine(db) == DB_SQLITE)
		return;
	put_rows(db, 4, (int64_t)time(NULL) * 1000 - DAY_MS + 60000); /* a minute less than a day old */
	ck_assert_int_ne(move(db, 0, 2, 2), OK);
	ck_assert_int_eq(first(db), 1);
	test_postgres_run(
		"gatehouse_owner", test_postgres_name(),
		"CREATE OR REPLACE FUNCTION gatehouse.audit_keep_ms() RETURNS bigint LANGUAGE sql IMMUTABLE AS"
		" 'SELECT 80000000::bigint'");
	ck_ok(move(db, 0, 2, 2));
	ck_assert_int_eq(first(db), 3);
}

START_TEST(young_rows_stay)
{
	struct db_spec spec = test_store_spec();

	if (test_engine == DB_POSTGRES)
		test_postgres_run(
			"gatehouse_owner", test_postgres_name(),
			"CREATE OR REPLACE FUNCTION gatehouse.audit_keep_ms() RETURNS bigint LANGUAGE sql IMMUTABLE"
			" AS 'SELECT 86400000::bigint'");
	test_with_db(1, &spec, young_body);
}
END_TEST

DATABASE_MAIN("audit_archive", rows_go_with_the_anchor, who_serves_cannot_cut_as_they_like, young_rows_stay)
