/* Feeds: rows ride on the writer's commits, in time or at once, survive failures in order, and
 * stay away once the feed is cleared. */
#include "../database.h"

#include <stdatomic.h>

static const struct db_migration migrations[] = {
	{1, "rows",
	 "CREATE TABLE row (seq INTEGER PRIMARY KEY, value INTEGER, name TEXT, bytes BLOB);"
	 "CREATE TABLE other (id INTEGER PRIMARY KEY)"},
};

static const char tables[] = "CREATE TABLE row (seq BIGINT PRIMARY KEY, value BIGINT, name TEXT, bytes BYTEA);"
			     "CREATE TABLE other (id BIGINT PRIMARY KEY)";

/* A feed of the numbers 1 to `wanted`. */
struct numbers {
	struct db *db;
	atomic_int wanted, committed;
	int at, failures_left, failed;
	bool cleared;
	struct loop *loop;
	struct wait *waiter;
	int waiter_wants;
	struct task task;
	atomic_bool posted;
};

static bool numbers_pending(void *arg)
{
	struct numbers *n = arg;

	ck_assert(!n->cleared);
	return atomic_load(&n->wanted) > atomic_load(&n->committed);
}

static bool numbers_next(void *arg, struct db_value *cells)
{
	struct numbers *n = arg;

	if (n->at == atomic_load(&n->wanted))
		return false;
	n->at++;
	cells[0] = DB_I(n->at);
	cells[1] = DB_I(n->at);
	cells[2] = DB_T(n->at % 2 == 0 ? STR("even") : STR_NONE);
	cells[3] = n->at % 3 == 0 ? DB_N : DB_B(STR("\0b"));
	return true;
}

static enum err numbers_drain(void *arg, struct db_tx *tx)
{
	static const struct db_load load = {
		.sqlite = "INSERT OR FAIL INTO row SELECT NULL, c1, c2, c3 FROM db_rows",
		.postgres = "INSERT INTO row (seq, value, name, bytes) SELECT * FROM unnest(?, ?, ?, ?)",
		.kinds = "iitb",
		.columns = 4,
	};
	struct numbers *n = arg;

	n->at = atomic_load(&n->committed);
	TRY(db_tx_insert(tx, &load, numbers_next, n));
	if (n->failures_left > 0) {
		n->failures_left--;
		return db_tx_run(tx, "INSERT INTO row (seq) VALUES (1)", NULL, 0); /* there is one */
	}
	return OK;
}

static void numbers_wake(struct task *task)
{
	struct numbers *n = CONTAINER_OF(task, struct numbers, task);

	atomic_store(&n->posted, false);
	if (n->waiter != NULL && atomic_load(&n->committed) >= n->waiter_wants) {
		wait_done(n->waiter, OK);
		n->waiter = NULL;
	}
}

static void numbers_committed(void *arg)
{
	struct numbers *n = arg;

	atomic_store(&n->committed, n->at);
	if (!atomic_exchange(&n->posted, true))
		loop_post(n->loop, &n->task);
}

static void numbers_failed(void *arg, enum err why)
{
	struct numbers *n = arg;

	ck_err(why, ERR_EXISTS);
	n->failed++;
}

static enum err numbers_settle(void *arg, struct db_tx *tx, bool *ret_there)
{
	AUTO(arena) *arena = arena_new(4096);
	struct numbers *n = arg;
	struct db_rows *rows;

	TRY(db_tx_query(tx, arena, "SELECT 1 FROM row WHERE seq = ?", (struct db_value[]){DB_I(n->at)}, 1, &rows));
	*ret_there = rows->rows == 1;
	return OK;
}

static void numbers_set(struct numbers *n, struct db *db)
{
	struct db_feed feed = {numbers_pending, numbers_drain, numbers_committed, numbers_failed, numbers_settle, n};

	n->db = db;
	n->loop = loop_self();
	n->task.run = numbers_wake;
	db_feed_set(db, &feed);
}

AWAITS static void numbers_add(struct numbers *n, int count, bool now)
{
	struct wait wait = WAIT_INIT;

	n->waiter = &wait;
	n->waiter_wants = atomic_fetch_add(&n->wanted, count) + count;
	db_feed_ring(n->db, now);
	ck_ok(wait_for(&wait, NULL, NULL));
}

static AWAITS void rides_body(struct db *db)
{
	struct numbers n = {0};

	numbers_set(&n, db);
	numbers_add(&n, 1, false);
	numbers_add(&n, 1000, false);
	numbers_add(&n, 10, true);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM row WHERE seq = value"), 1011);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM row WHERE name = 'even'"), 505);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM row WHERE name = ''"), 506);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM row WHERE bytes IS NULL"), 337);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM row WHERE length(bytes) = 2"), 1011 - 337);
	db_feed_clear(db);
	n.cleared = true;
	ck_ok(test_write(db, "INSERT INTO other VALUES (1)"));
}

/* Wakes from deep sleep, in time and at once, many times over. */
static AWAITS void often_body(struct db *db)
{
	struct numbers n = {0};

	numbers_set(&n, db);
	for (int i = 0; i < 300; i++)
		numbers_add(&n, 1 + i % 3, i % 5 == 0);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM row WHERE seq = value"), 600);
	db_feed_clear(db);
}

/* A failing feed is tried again and takes no write with it. */
static AWAITS void fails_body(struct db *db)
{
	struct numbers n = {.failures_left = 3};

	numbers_set(&n, db);
	atomic_store(&n.wanted, 5);
	db_feed_ring(db, false);
	ck_ok(test_write(db, "INSERT INTO other VALUES (1)"));
	numbers_add(&n, 5, false);
	ck_assert_int_eq(n.failed, 3);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM row WHERE seq = value"), 10);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM other"), 1);
	db_feed_clear(db);
}

/* Closing commits what the feed still has. */
static struct numbers last;

static AWAITS void last_body(struct db *db)
{
	numbers_set(&last, db);
	atomic_store(&last.wanted, 7);
	db_feed_ring(db, false);
}

static AWAITS void last_count(struct db *db)
{
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM row"), 7);
}

static void run(int64_t commit_ms, void (*body)(struct db *db))
{
	struct db_spec spec = test_spec(migrations, 1, tables, commit_ms);

	test_with_db(1, &spec, body);
}

START_TEST(rows_ride_along)
{
	run(5, rides_body);
}
END_TEST

START_TEST(no_ring_is_lost)
{
	run(1, often_body);
}
END_TEST

START_TEST(commit_interval_may_be_zero)
{
	run(0, often_body);
}
END_TEST

START_TEST(failures_lose_nothing)
{
	run(2, fails_body);
}
END_TEST

START_TEST(closing_commits_the_rest)
{
	run(60000, last_body);
	run(5, last_count);
}
END_TEST

DATABASE_MAIN("feed", rows_ride_along, no_ring_is_lost, commit_interval_may_be_zero, failures_lose_nothing,
	      closing_commits_the_rest)
