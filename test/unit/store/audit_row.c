/* Audit rows as rows: what goes in comes out, nothing is changed or deleted by accident, cells
 * of a wrong type are noticed. */
#include "../store_database.h"

#include <stdatomic.h>

#include "store/audit_search.h"

/* Hands out `count` rows once, then the head. */
struct source {
	int count, at;
	atomic_bool done;
	struct loop *loop;
	struct wait wait;
	struct task task;
};

/* PostgreSQL's texts have no NUL: the audit room gives none. */
static struct str target(void)
{
	return test_engine == DB_SQLITE ? STR("a\0b") : STR("a\xc3\xa4z");
}

static bool source_next(void *arg, struct audit_row *row)
{
	struct source *source = arg;

	if (source->at == source->count)
		return false;
	source->at++;
	*row = (struct audit_row){
		.seq = source->at,
		.at_ms = 1000 + source->at,
		.event = STR("mcp.tool_called"),
		.tenant_id = STR("tenant"),
		.principal = STR("key"),
		.ip = STR("::1"),
		.request_id = STR_NONE,
		.target = target(),
		.upstream = STR("up"),
		.outcome = STR("ok"),
		.duration_us = -1,
		.bytes_in = INT64_MAX,
		.bytes_out = source->at,
	};
	memset(row->mac, source->at, sizeof(row->mac));
	return true;
}

static bool source_pending(void *arg)
{
	return !atomic_load(&((struct source *)arg)->done);
}

static enum err source_drain(void *arg, struct db_tx *tx)
{
	struct audit_head head = {.seq = 3}, back;
	int64_t last;

	TRY(audit_row_last(tx, &last));
	ck_assert_int_eq(last, 0);
	TRY(audit_head_read(tx, &back));
	ck_assert_int_eq(back.seq, 0);
	TRY(audit_row_insert(tx, source_next, arg));
	TRY(audit_row_last(tx, &last));
	ck_assert_int_eq(last, 3);
	for (int i = 1; i <= 2; i++) { /* made, then changed */
		memset(head.mac, i, sizeof(head.mac));
		memset(head.seal, 2 * i, sizeof(head.seal));
		TRY(audit_head_write(tx, &head));
	}
	TRY(audit_head_read(tx, &back));
	ck_assert_mem_eq(&back, &head, sizeof(head));
	return OK;
}

static void source_done(struct task *task)
{
	wait_done(&CONTAINER_OF(task, struct source, task)->wait, OK);
}

static void source_committed(void *arg)
{
	struct source *source = arg;

	atomic_store(&source->done, true);
	loop_post(source->loop, &source->task);
}

static void source_failed(void *arg, enum err why)
{
	ck_err(why, OK);
}

static enum err source_settle(void *arg, struct db_tx *tx, bool *ret_there)
{
	(void)arg;
	(void)tx;
	*ret_there = false;
	return OK;
}

AWAITS static void insert_three(struct db *db)
{
	struct source source = {.count = 3, .loop = loop_self(), .task = {.run = source_done}};
	struct db_feed feed = {.pending = source_pending,
			       .drain = source_drain,
			       .committed = source_committed,
			       .failed = source_failed,
			       .settle = source_settle,
			       .arg = &source};

	db_feed_set(db, &feed);
	db_feed_ring(db, true);
	ck_ok(wait_for(&source.wait, NULL, NULL));
	db_feed_clear(db);
}

static AWAITS void rows_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct audit_row *rows;
	struct audit_head head;
	size_t count;

	ck_ok(audit_head_get(db, &head));
	ck_assert_int_eq(head.seq, 0);
	insert_three(db);
	ck_ok(audit_head_get(db, &head));
	ck_assert_int_eq(head.seq, 3);
	ck_assert_uint_eq(head.mac[15], 2);
	ck_assert_uint_eq(head.seal[15], 4);

	ck_ok(audit_row_page(db, arena, 1, 10, &rows, &count));
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(rows[0].seq, 2);
	ck_assert(!rows[0].damaged);
	ck_assert_int_eq(rows[0].at_ms, 1002);
	ck_str(rows[0].event, "mcp.tool_called");
	ck_str(rows[0].tenant_id, "tenant");
	ck_str(rows[0].principal, "key");
	ck_str(rows[0].ip, "::1");
	ck_str(rows[0].request_id, "");
	ck_bytes(rows[0].target, target());
	ck_str(rows[0].upstream, "up");
	ck_str(rows[0].outcome, "ok");
	ck_assert_int_eq(rows[0].duration_us, -1);
	ck_assert(rows[0].bytes_in == INT64_MAX);
	ck_assert_int_eq(rows[1].bytes_out, 3);
	ck_assert_uint_eq(rows[1].mac[0], 3);
	ck_ok(audit_row_page(db, arena, 0, 2, &rows, &count));
	ck_assert_uint_eq(count, 2);
	ck_ok(audit_row_page(db, arena, 3, 2, &rows, &count));
	ck_assert_uint_eq(count, 0);
}

START_TEST(rows_come_back)
{
	test_with_store(1, rows_body);
}
END_TEST

static AWAITS void forever_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct audit_row *rows;
	size_t count;

	insert_three(db);
	ck_err(test_write(db, "UPDATE audit SET outcome = 'ok'"), ERR_DB);
	ck_err(test_write(db, "DELETE FROM audit WHERE seq = 3"), ERR_DB);
	ck_err(test_write(db, "DELETE FROM audit_head"), ERR_DB);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit WHERE outcome = 'ok'"), 3);

	if (test_engine == DB_POSTGRES)
		return; /* who serves cannot do damage there */
	ck_ok(test_write(db, "DROP TRIGGER audit_no_update"));
	ck_ok(test_write(db, "UPDATE audit SET request_id = NULL WHERE seq = 1"));
	ck_ok(test_write(db, "UPDATE audit SET bytes_out = 'x' WHERE seq = 2"));
	ck_ok(test_write(db, "UPDATE audit SET mac = x'00' WHERE seq = 3"));
	ck_ok(audit_row_page(db, arena, 0, 10, &rows, &count));
	ck_assert_uint_eq(count, 3);
	for (size_t i = 0; i < count; i++)
		ck_assert(rows[i].damaged);
}

static AWAITS size_t found_between(struct db *db, int64_t from_ms, int64_t to_ms, bool newest_first, int64_t *ret_first)
{
	const struct audit_search search = {
		.tenant_id = STR("b"), .from_ms = from_ms, .to_ms = to_ms, .newest_first = newest_first};
	AUTO(arena) *arena = arena_new(1 << 20);
	struct audit_row *rows;
	int64_t resume;
	size_t count;

	ck_ok(audit_row_search(db, arena, &search, 1000, &rows, &count, &resume));
	ck_assert_int_eq(resume, 0);
	*ret_first = count == 0 ? 0 : rows[0].seq;
	return count;
}

/* 1,000 rows a minute apart, but for one that is a little late; numbers begin at 101, every tenth row is of tenant b.
 */
static AWAITS void search_body(struct db *db)
{
	const int64_t minute = 60000;
	int64_t first;

	ck_assert_uint_eq(found_between(db, 1, 1000, true, &first), 0);
	ck_ok(test_write(db, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
			     " INSERT INTO audit (seq, at_ms, tenant_id) SELECT 100 + i, i * 60000 - CASE i WHEN 500 "
			     "THEN 59000 ELSE 0 END,"
			     " CASE WHEN i % 10 = 0 THEN 'b' ELSE 'a' END FROM n"));
	ck_assert_uint_eq(found_between(db, 0, 0, true, &first), 100);
	ck_assert_int_eq(first, 1100);
	ck_assert_uint_eq(found_between(db, 0, 0, false, &first), 100);
	ck_assert_int_eq(first, 110);
	/* From is in, to is out. */
	ck_assert_uint_eq(found_between(db, 200 * minute, 300 * minute, true, &first), 10);
	ck_assert_int_eq(first, 390);
	ck_assert_uint_eq(found_between(db, 200 * minute, 300 * minute + 1, false, &first), 11);
	ck_assert_int_eq(first, 300);
	ck_assert_uint_eq(found_between(db, 499 * minute, 499 * minute + 2000, true, &first), 1);
	ck_assert_int_eq(first, 600);
	ck_assert_uint_eq(found_between(db, 1000 * minute, 0, true, &first), 1);
	ck_assert_uint_eq(found_between(db, 1001 * minute, 0, true, &first), 0);
	ck_assert_uint_eq(found_between(db, 0, 10 * minute, false, &first), 0);
	ck_assert_uint_eq(found_between(db, 0, 10 * minute + 1, false, &first), 1);
	ck_assert_uint_eq(found_between(db, 5000 * minute, 6000 * minute, false, &first), 0);
}

static AWAITS size_t found_page(struct db *db, const struct audit_search *search, size_t limit, int64_t *ret_first,
				int64_t *ret_resume)
{
	AUTO(arena) *arena = arena_new(8 << 20);
	struct audit_row *rows;
	size_t count;

	ck_ok(audit_row_search(db, arena, search, limit, &rows, &count, ret_resume));
	for (size_t i = 0; i < count; i++) {
		ck_str(rows[i].tenant_id, "b");
		ck_assert(i == 0 || (rows[i].seq > rows[i - 1].seq) != search->newest_first);
	}
	*ret_first = count == 0 ? 0 : rows[0].seq;
	return count;
}

static AWAITS size_t make_blocks(struct db *db)
{
	size_t count = 0;
	bool made = true;

	for (;; count++) {
		ck_ok(audit_block_make(db, &made));
		if (!made)
			return count;
	}
}

/* All of b's rows, page by page, each once and in order; its rows of `principal` "p" too. */
static AWAITS void check_pages(struct db *db, struct audit_search search, size_t limit, size_t expected)
{
	size_t count = 0;

	search.after_seq = 0;
	for (int pages = 0; pages < 400; pages++) {
		int64_t first, resume;

		count += found_page(db, &search, limit, &first, &resume);
		ck_assert(first == 0 || search.after_seq == 0 || (first > search.after_seq) != search.newest_first);
		search.after_seq = resume;
		if (resume == 0)
			break;
	}
	ck_assert_int_eq(search.after_seq, 0);
	ck_assert_uint_eq(count, expected);
}

/* Three blocks and a tail; b has every thousandth row, the ones of 5,000 are p's. What is found must not depend on
 * which blocks are noted. */
static AWAITS void blocks_body(struct db *db)
{
	struct audit_search search = {.tenant_id = STR("b")}, of_p = {.tenant_id = STR("b"), .principal = STR("p")};
	struct audit_search some = {.tenant_id = STR("b"), .from_ms = 40000, .to_ms = 70000};
	int64_t first, resume;

	ck_assert_uint_eq(make_blocks(db), 0);
	ck_ok(test_write(db, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 110000)"
			     " INSERT INTO audit (seq, at_ms, tenant_id, principal) SELECT i, i * 1000,"
			     " CASE WHEN i % 1000 = 0 THEN 'b' WHEN i < 50000 THEN '' ELSE 'a' END,"
			     " CASE WHEN i % 5000 = 0 THEN 'p' ELSE 'q' END FROM n"));
	some.from_ms *= 1000;
	some.to_ms *= 1000;
	for (int round = 0; round < 2; round++) {
		for (int newest_first = 0; newest_first < 2; newest_first++) {
			search.newest_first = of_p.newest_first = some.newest_first = newest_first;
			check_pages(db, search, 7, 110);
			check_pages(db, search, 1000, 110);
			check_pages(db, of_p, 3, 22);
			check_pages(db, some, 4, 30);
			ck_assert_uint_eq(found_page(db, &search, 10, &first, &resume), 10);
			ck_assert_int_eq(first, newest_first ? 110000 : 1000);
		}
		ck_assert_uint_eq(make_blocks(db), round == 0 && test_engine == DB_SQLITE ? 3 : 0);
	}
	search.tenant_id = STR("nobody");
	ck_assert_uint_eq(found_page(db, &search, 10, &first, &resume), 0);
	ck_assert_int_eq(resume, 0);
	if (test_engine == DB_SQLITE)
		ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit_block"), 8);
}

START_TEST(a_tenants_rows_are_found)
{
	test_with_store(1, blocks_body);
}
END_TEST

START_TEST(times_narrow_a_search)
{
	test_with_store(1, search_body);
}
END_TEST

START_TEST(rows_stay)
{
	test_with_store(1, forever_body);
}
END_TEST

DATABASE_MAIN("audit_row", rows_come_back, rows_stay, times_narrow_a_search, a_tenants_rows_are_found)
