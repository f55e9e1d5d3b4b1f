/* Every way to touch the trail behind the key's back is found and named. */
#include "trail.h"

#include "audit/chain.h"
#include "store/cells.h"

#define ROWS 2500 /* several pages */

/* The bytes are fixed: this vector was computed by another implementation. */
START_TEST(format_is_fixed)
{
	static const uint8_t want_mac[] = {0x65, 0x52, 0xa4, 0x78, 0x91, 0x48, 0x80, 0x18,
					   0xeb, 0xf5, 0xde, 0x56, 0x38, 0x69, 0x1c, 0xdb};
	static const uint8_t want_seal[] = {0x08, 0x3f, 0x48, 0xf3, 0xe3, 0x3e, 0xb6, 0xac,
					    0x6a, 0xe3, 0x5e, 0x1b, 0x35, 0xe7, 0xe7, 0x82};
	struct chain_body body = {.at_ms = 1732147200123, .duration_us = -1, .bytes_in = 0, .bytes_out = 300}, back;
	uint8_t bytes[CHAIN_HEAD_BYTES + CHAIN_BODY_BYTES_MAX], before[AUDIT_MAC_BYTES], key_bytes[CRYPTO_KEY_BYTES];
	struct audit_head head = {.seq = 7};
	AUTO(secret) *key = NULL;
	char long_id[200];
	size_t n;

	for (uint8_t i = 0; i < sizeof(key_bytes); i++)
		key_bytes[i] = i;
	key = secret_new(key_bytes);
	memset(long_id, 'x', sizeof(long_id));
	memset(before, 9, sizeof(before));
	body.strings[0] = STR("tool.call");
	body.strings[1] = STR("tenant");
	body.strings[3] = STR("::1");
	body.strings[4] = (struct str){long_id, sizeof(long_id)};
	body.strings[5] = STR("a\0b");
	body.strings[6] = STR("up");
	body.strings[7] = STR("ok");
	n = chain_encode(&body, bytes + CHAIN_HEAD_BYTES);
	ck_assert_uint_le(n, chain_body_bytes_max(&body));
	chain_link(key, bytes, n, before, 7, head.mac);
	ck_assert_mem_eq(head.mac, want_mac, AUDIT_MAC_BYTES);
	chain_seal(key, &head);
	ck_assert_mem_eq(head.seal, want_seal, AUDIT_MAC_BYTES);
	ck_assert(chain_is_sealed(key, &head));
	head.seq++;
	ck_assert(!chain_is_sealed(key, &head));

	chain_decode(bytes + CHAIN_HEAD_BYTES, &back);
	ck_assert_int_eq(back.at_ms, body.at_ms);
	ck_assert_int_eq(back.duration_us, -1);
	for (size_t i = 0; i < CHAIN_STRINGS; i++)
		ck_bytes(back.strings[i], body.strings[i]);
}
END_TEST

static AWAITS void sound_body(struct db *db)
{
	AUTO(secret) *other = secret_random();
	AUTO_BUF problem = {0};
	int64_t rows = -1;

	ck_assert_int_eq(trail_rows(db), 0);
	trail_write(db, 0, ROWS);
	ck_assert_int_eq(trail_rows(db), ROWS);
	trail_write(db, ROWS, 5); /* goes on where the last one ended */
	ck_assert_int_eq(trail_rows(db), ROWS + 5);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit WHERE bytes_out = seq - 1"), ROWS + 5);
	ck_err(audit_verify(db, other, &problem, &rows), ERR_DB_CORRUPT);
	ck_assert_int_eq(rows, -1);
}

START_TEST(untouched_trail_verifies)
{
	test_with_store(2, sound_body);
}
END_TEST

struct tamper {
	const char *sql[4];
	const char *words;
};

static const struct tamper tampers[] = {
	{{"UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 1"}, "row 1 was changed"},
	{{"UPDATE audit SET event = 'tool.cal' WHERE seq = 2"}, "row 2 was changed"},
	{{"UPDATE audit SET tenant_id = '' WHERE seq = 999"}, "row 999 was changed"},
	{{"UPDATE audit SET principal = upper(principal) || 'x' WHERE seq = 1000"}, "row 1000 was changed"},
	{{"UPDATE audit SET ip = '127.0.0.2' WHERE seq = 1001"}, "row 1001 was changed"},
	{{"UPDATE audit SET request_id = 'x' WHERE seq = 1002"}, "row 1002 was changed"},
	{{"UPDATE audit SET target = 'x' WHERE seq = 1003"}, "row 1003 was changed"},
	{{"UPDATE audit SET upstream = 'x' WHERE seq = 1004"}, "row 1004 was changed"},
	{{"UPDATE audit SET outcome = 'x' WHERE seq = 1005"}, "row 1005 was changed"},
	{{"UPDATE audit SET duration_us = 124 WHERE seq = 1006"}, "row 1006 was changed"},
	{{"UPDATE audit SET bytes_in = 0 WHERE seq = 1007"}, "row 1007 was changed"},
	{{"UPDATE audit SET bytes_out = 0 WHERE seq = 2500"}, "row 2500 was changed"},
	{{"UPDATE audit SET mac = zeroblob(16) WHERE seq = 5"}, "row 5 was changed"},
	{{"UPDATE audit SET mac = NULL WHERE seq = 5"}, "row 5 was changed"},
	{{"UPDATE audit SET bytes_in = '250' || 'x' WHERE seq = 6"}, "row 6 was changed"},
	/* bytes moved over the border of two strings */
	{{"UPDATE audit SET upstream = 'benc', outcome = 'hok' WHERE seq = 7"}, "row 7 was changed"},
	/* missing: the first, one between, all after one, the last, all */
	{{"DELETE FROM audit WHERE seq = 1"}, "row 1 is missing"},
	{{"DELETE FROM audit WHERE seq = 1500"}, "row 1500 is missing"},
	{{"DELETE FROM audit WHERE seq > 1200"}, "rows 1201 to 2500 are missing at the end"},
	{{"DELETE FROM audit WHERE seq = 2500"}, "rows 2500 to 2500 are missing at the end"},
	{{"DELETE FROM audit"}, "rows 1 to 2500 are missing at the end"},
	/* missing and the rest moved up */
	{{"DELETE FROM audit WHERE seq = 2499", "UPDATE audit SET seq = 2499 WHERE seq = 2500"},
	 "row 2499 was changed, or does not follow"},
	/* reordered: two rows exchanged */
	{{"UPDATE audit SET seq = 9999 WHERE seq = 10", "UPDATE audit SET seq = 10 WHERE seq = 11",
	  "UPDATE audit SET seq = 11 WHERE seq = 9999"},
	 "row 10 was changed, or does not follow"},
	/* added: a copy at the end, one in front */
	{{"INSERT INTO audit SELECT 2501, at_ms, event, tenant_id, principal, ip, request_id, target, upstream, "
	  "outcome,"
	  " duration_us, bytes_in, bytes_out, mac FROM audit WHERE seq = 2500"},
	 "row 2501 was changed, or does not follow"},
	{{"INSERT INTO audit (seq) VALUES (0)"}, "row 0 does not belong there"},
	{{"INSERT INTO audit (seq) VALUES (-5)"}, "row -5 does not belong there"},
	/* the mark of the end: cut together with the rows, moved, forged, gone */
	{{"DELETE FROM audit WHERE seq > 2000",
	  "UPDATE audit_head SET seq = 2000, mac = (SELECT mac FROM audit WHERE seq = 2000)"},
	 "the mark of the last row was changed"},
	{{"UPDATE audit_head SET seq = 2499"}, "row 2499 is not the one that was written last"},
	{{"UPDATE audit_head SET seal = zeroblob(16)"}, "the mark of the last row was changed"},
	{{"UPDATE audit_head SET mac = x'00'"}, "row 2500 is not the one that was written last"},
	{{"DROP TRIGGER audit_head_no_delete", "DELETE FROM audit_head"}, "the mark of the last row is missing"},
};

static AWAITS void tamper_body(struct db *db)
{
	static int round;
	const struct tamper *tamper = &tampers[round++];
	AUTO(secret) *key = trail_key();
	AUTO_BUF problem = {0};
	int64_t rows;

	trail_write(db, 0, ROWS);
	ck_assert_int_eq(trail_rows(db), ROWS);
	ck_ok(test_write(db, "DROP TRIGGER audit_no_update"));
	ck_ok(test_write(db, "DROP TRIGGER audit_no_delete"));
	for (size_t i = 0; i < ARRAY_LEN(tamper->sql) && tamper->sql[i] != NULL; i++)
		ck_ok(test_write(db, tamper->sql[i]));
	ck_assert_msg(audit_verify(db, key, &problem, &rows) == ERR_DB_CORRUPT, "not found: %s", tamper->sql[0]);
	buf_put_byte(&problem, '\0');
	ck_assert_msg(strstr(problem.p, tamper->words) != NULL, "%s: %s", tamper->sql[0], problem.p);

	/* Going on writing must not heal it. */
	trail_write(db, ROWS, 3);
	ck_assert_msg(audit_verify(db, key, NULL, &rows) == ERR_DB_CORRUPT, "healed: %s", tamper->sql[0]);
}

#define ARCHIVED 1000

/* What archiving leaves behind: a sealed anchor, and no rows up to it. */
static AWAITS void cut_off(struct db *db, const struct secret *key)
{
	AUTO(arena) *arena = arena_new(65536);
	struct audit_head anchor = {.seq = ARCHIVED};
	struct audit_row *row;
	size_t count;

	ck_ok(audit_row_page(db, arena, ARCHIVED - 1, 1, &row, &count));
	ck_assert_uint_eq(count, 1);
	memcpy(anchor.mac, row->mac, sizeof(anchor.mac));
	chain_seal_anchor(key, &anchor);
	ck_ok(db_write(db, DB_ALL_TENANTS,
		       (const struct db_statement[]){
			       STATEMENT("INSERT INTO audit_anchor (id, seq, mac, seal, archived_ms, file)"
					 " VALUES (1, ?, ?, ?, 1, 'x')",
					 1, DB_I(anchor.seq),
					 DB_B(((struct str){(const char *)anchor.mac, sizeof(anchor.mac)})),
					 DB_B(((struct str){(const char *)anchor.seal, sizeof(anchor.seal)}))),
			       STATEMENT("DELETE FROM audit WHERE seq <= ?", ARCHIVED, DB_I(anchor.seq)),
		       },
		       2));
}

static const struct tamper anchor_tampers[] = {
	{{"DELETE FROM audit WHERE seq = 1001"}, "row 1001 is missing"},
	{{"UPDATE audit SET ip = 'x' WHERE seq = 1001"}, "row 1001 was changed"},
	{{"DELETE FROM audit"}, "rows 1001 to 2500 are missing at the end"},
	{{"INSERT INTO audit (seq) VALUES (1000)"}, "row 1000 does not belong there"},
	{{"INSERT INTO audit (seq) VALUES (1)"}, "row 1 does not belong there"},
	{{"DELETE FROM audit_anchor"}, "row 1 is missing"},
	{{"UPDATE audit_anchor SET seal = zeroblob(16)"}, "the mark of the last archived row was changed"},
	{{"UPDATE audit_anchor SET mac = zeroblob(16)"}, "the mark of the last archived row was changed"},
	/* moved on, together with the rows */
	{{"UPDATE audit_anchor SET seq = 1500, mac = (SELECT mac FROM audit WHERE seq = 1500)",
	  "DELETE FROM audit WHERE seq <= 1500"},
	 "the mark of the last archived row was changed"},
	/* a head is sealed with the same key, and is no anchor */
	{{"UPDATE audit_anchor SET (seq, mac, seal) = (SELECT seq, mac, seal FROM audit_head)", "DELETE FROM audit"},
	 "the mark of the last archived row was changed"},
};

static AWAITS void anchor_body(struct db *db)
{
	static int round;
	const struct tamper *tamper = &anchor_tampers[round++];
	AUTO(secret) *key = trail_key();
	AUTO_BUF problem = {0};
	int64_t rows;

	trail_write(db, 0, ROWS);
	ck_assert_msg(test_write(db, "DELETE FROM audit WHERE seq = 1") != OK, "deleted without an anchor");
	cut_off(db, key);
	ck_assert_msg(test_write(db, "DELETE FROM audit WHERE seq = 1001") != OK, "deleted behind the anchor");
	ck_assert_int_eq(trail_rows(db), ROWS);
	ck_ok(test_write(db, "DROP TRIGGER audit_no_update"));
	ck_ok(test_write(db, "DROP TRIGGER audit_no_delete"));
	for (size_t i = 0; i < ARRAY_LEN(tamper->sql) && tamper->sql[i] != NULL; i++)
		ck_ok(test_write(db, tamper->sql[i]));
	ck_assert_msg(audit_verify(db, key, &problem, &rows) == ERR_DB_CORRUPT, "not found: %s", tamper->sql[0]);
	buf_put_byte(&problem, '\0');
	ck_assert_msg(strstr(problem.p, tamper->words) != NULL, "%s: %s", tamper->sql[0], problem.p);
}

START_TEST(table_begins_at_the_anchor)
{
	for (size_t i = 0; i < ARRAY_LEN(anchor_tampers); i++) {
		test_with_store(1, anchor_body);
		test_directory_remove();
		ck_assert_int_eq(mkdir(test_directory, 0700), 0);
	}
}
END_TEST

START_TEST(every_tampering_is_found)
{
	for (size_t i = 0; i < ARRAY_LEN(tampers); i++) {
		test_with_store(1, tamper_body);
		test_directory_remove();
		ck_assert_int_eq(mkdir(test_directory, 0700), 0);
	}
}
END_TEST

AWAITS_ENTRY static void append_main(void *arg)
{
	trail_append(arg, 0, 20000);
}

static AWAITS void meanwhile_body(struct db *db)
{
	struct audit *audit = trail_start(db, AUDIT_GROUP);
	struct group group;
	int64_t rows, before = -1;

	group_init(&group, loop_self());
	ck_ok(group_spawn(&group, "append", append_main, audit));
	while ((rows = trail_rows(db)) < 20000) {
		ck_assert_int_ge(rows, before);
		before = rows;
	}
	ck_ok(group_join(&group));
	audit_stop(audit);
	ck_assert_int_eq(trail_rows(db), 20000);
}

START_TEST(verifies_while_rows_come)
{
	test_with_store(1, meanwhile_body);
}
END_TEST

UNIT_MAIN("verify", format_is_fixed, untouched_trail_verifies, every_tampering_is_found, table_begins_at_the_anchor,
	  verifies_while_rows_come)
