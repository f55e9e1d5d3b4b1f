/* What only a server can do: vanish and come back, tell a tenant's rows from another's, take too long, run
 * out of connections, take many rows at once. Each case starts the server that it wants to lose. */
#include "../database.h"

#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/limits.h"

static const char tables[] = "CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT)";

static bool installed;

static struct db_spec spec(void)
{
	test_engine = DB_POSTGRES;
	test_postgres_launch();
	test_postgres_roles();
	return test_spec(NULL, 0, tables, 5);
}

static void run(unsigned pool, int64_t timeout_ms, void (*body)(struct db *db))
{
	struct db_spec s;

	if (!installed)
		return;
	s = spec();
	s.server.pool = pool;
	s.server.timeout_ms = timeout_ms;
	test_with_db(1, &s, body);
	test_postgres_kill(SIGQUIT);
}

static AWAITS enum err put(struct db *db, int64_t id)
{
	return db_write(db, DB_ALL_TENANTS,
			&(struct db_statement){"INSERT INTO item (id) VALUES (?)", (struct db_value[]){DB_I(id)}, 1, 1},
			1);
}

static AWAITS void restart_body(struct db *db)
{
	int64_t us, tries = 0;

	ck_ok(put(db, 1));
	test_postgres_kill(SIGQUIT);
	ck_assert(db_ping(db, &us) != OK);
	ck_assert(put(db, 2) != OK);
	test_postgres_launch();
	while (db_ping(db, &us) != OK) {
		ck_assert_int_lt(++tries, 500);
		ck_ok(fiber_sleep(10));
	}
	ck_ok(put(db, 3));
	ck_assert_int_eq(test_int(db, "SELECT sum(id) FROM item"), 4);
}

START_TEST(restart_is_survived)
{
	run(2, 0, restart_body);
}
END_TEST

static AWAITS void scope_body(struct db *db)
{
	static const char sql[] = "SELECT coalesce(current_setting('app.current_tenant_id', true), 'none')";
	AUTO(arena) *arena = arena_new(65536);
	struct db_rows *rows;

	for (int i = 0; i < 3; i++) {
		ck_ok(db_query(db, STR("tenant-a"), arena, sql, NULL, 0, &rows));
		ck_str(rows->cells[0].str, "tenant-a");
		ck_ok(db_query(db, DB_ALL_TENANTS, arena, sql, NULL, 0, &rows));
		ck_str(rows->cells[0].str, "*");
	}
	ck_err(db_query(db, DB_ALL_TENANTS, arena, "INSERT INTO item VALUES (1, '') RETURNING id", NULL, 0, &rows),
	       ERR_DB);
	ck_ok(db_write(db, STR("tenant-b"),
		       &(struct db_statement){"INSERT INTO item VALUES (1, current_setting('app.current_tenant_id'))",
					      NULL, 0, 1},
		       1));
	ck_ok(db_query(db, DB_ALL_TENANTS, arena, "SELECT name FROM item", NULL, 0, &rows));
	ck_str(rows->cells[0].str, "tenant-b");
}

START_TEST(scope_is_the_transactions)
{
	run(1, 0, scope_body);
}
END_TEST

static AWAITS void slow_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(65536);
	struct db_rows *rows;

	ck_err(db_query(db, DB_ALL_TENANTS, arena, "SELECT pg_sleep(30)", NULL, 0, &rows), ERR_TIMEOUT);
	ck_ok(put(db, 1));
	ck_err(put(db, 1), ERR_EXISTS);
	ck_ok(put(db, 2));
}

START_TEST(slow_statement_is_ended)
{
	run(1, 200, slow_body);
}
END_TEST

AWAITS_ENTRY static void many_main(void *arg)
{
	struct db *db = arg;

	ck_assert_int_eq(test_int(db, "SELECT 1 FROM pg_sleep(0.02)"), 1);
}

AWAITS_ENTRY static void canceled_main(void *arg)
{
	struct db *db = arg;
	AUTO(arena) *arena = arena_new(4096);
	struct db_rows *rows;

	ck_err(db_query(db, DB_ALL_TENANTS, arena, "SELECT pg_sleep(0.3)", NULL, 0, &rows), ERR_CANCELED);
}

static AWAITS void pool_body(struct db *db)
{
	struct group group;

	group_init(&group, loop_self());
	for (int i = 0; i < 40; i++)
		ck_ok(group_spawn(&group, "many", many_main, db));
	ck_ok(group_join(&group));
	ck_assert_uint_eq(db_stats(db).connections, 2);
	group_init(&group, loop_self());
	ck_ok(group_spawn(&group, "canceled", canceled_main, db));
	ck_ok(fiber_sleep(100));
	group_cancel(&group);
	ck_ok(group_join(&group));
	ck_ok(put(db, 1));
	ck_assert_uint_le(db_stats(db).connections, 2);
}

START_TEST(pool_is_bounded)
{
	run(2, 0, pool_body);
}
END_TEST

/* --- a COMMIT without an answer --- */

#define FEED_ROWS 10000

/* FEED_ROWS rows, once. */
struct feed {
	int at;
	atomic_int drains, failures, settled, there, committed;
};

static bool feed_pending(void *arg)
{
	struct feed *feed = arg;

	return atomic_load(&feed->committed) == 0;
}

static bool feed_next(void *arg, struct db_value *cells)
{
	struct feed *feed = arg;

	if (feed->at == FEED_ROWS)
		return false;
	cells[0] = DB_I(++feed->at);
	cells[1] = feed->at % 2 == 0 ? DB_N : DB_T(STR("odd"));
	return true;
}

static enum err feed_drain(void *arg, struct db_tx *tx)
{
	static const struct db_load load = {
		.postgres = "INSERT INTO item (id, name) SELECT * FROM unnest(?, ?)", .kinds = "it", .columns = 2};
	struct feed *feed = arg;

	feed->at = 0;
	atomic_fetch_add(&feed->drains, 1);
	return db_tx_insert(tx, &load, feed_next, feed);
}

static void feed_committed(void *arg)
{
	atomic_fetch_add(&((struct feed *)arg)->committed, 1);
}

static void feed_failed(void *arg, enum err why)
{
	atomic_fetch_add(&((struct feed *)arg)->failures, 1);
}

static enum err feed_settle(void *arg, struct db_tx *tx, bool *ret_there)
{
	AUTO(arena) *arena = arena_new(4096);
	struct feed *feed = arg;
	struct db_rows *rows;

	TRY(db_tx_query(tx, arena, "SELECT id FROM item WHERE id = ?", (struct db_value[]){DB_I(FEED_ROWS)}, 1, &rows));
	*ret_there = rows->rows == 1;
	atomic_fetch_add(&feed->settled, 1);
	atomic_fetch_add(&feed->there, *ret_there);
	return OK;
}

static struct feed *set_feed(struct db *db, struct feed *feed)
{
	const struct db_feed set = {feed_pending, feed_drain, feed_committed, feed_failed, feed_settle, feed};

	db_feed_set(db, &set);
	db_feed_ring(db, true);
	return feed;
}

AWAITS static void await_committed(struct db *db, struct feed *feed)
{
	for (int tries = 0; atomic_load(&feed->committed) == 0; tries++) {
		ck_assert_int_lt(tries, 1000);
		ck_ok(fiber_sleep(10));
	}
	db_feed_clear(db);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM item"), FEED_ROWS);
	ck_assert_int_eq(atomic_load(&feed->committed), 1);
}

/* The server waits for a standby that is not there, after its own commit, and is ended in that wait. */
static AWAITS void committed_body(struct db *db)
{
	struct feed feed = {0};

	test_postgres_run("postgres", "postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	test_postgres_run("postgres", "postgres", "SELECT pg_reload_conf(), pg_sleep(0.2)");
	set_feed(db, &feed);
	while (test_int(db, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == 0)
		ck_ok(fiber_sleep(10));
	test_postgres_run("postgres", "postgres", "ALTER SYSTEM RESET synchronous_standby_names");
	test_postgres_run("postgres", "postgres",
			  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
	test_postgres_run("postgres", "postgres", "SELECT pg_reload_conf()");
	await_committed(db, &feed);
	ck_assert_int_eq(atomic_load(&feed.drains), 1);
	ck_assert_int_eq(atomic_load(&feed.there), 1);
	ck_assert_int_eq(atomic_load(&feed.failures), 0);
}

START_TEST(rows_of_an_unanswered_commit_are_found)
{
	run(1, 0, committed_body);
}
END_TEST

/* A trigger that waits until COMMIT ends the connection once, before anything is durable. */
static AWAITS void uncommitted_body(struct db *db)
{
	struct feed feed = {0};

	test_postgres_run("postgres", test_postgres_name(),
			  "CREATE SEQUENCE once; GRANT ALL ON once TO PUBLIC;"
			  "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN"
			  " IF nextval('once') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;"
			  " RETURN NEW; END $$;"
			  "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED"
			  " FOR EACH ROW WHEN (NEW.id = 7) EXECUTE FUNCTION fail()");
	set_feed(db, &feed);
	await_committed(db, &feed);
	ck_assert_int_eq(atomic_load(&feed.drains), 2);
	ck_assert_int_eq(atomic_load(&feed.settled), 1);
	ck_assert_int_eq(atomic_load(&feed.there), 0);
	ck_assert_int_eq(atomic_load(&feed.failures), 1);
}

START_TEST(rows_of_a_lost_commit_come_again)
{
	run(1, 0, uncommitted_body);
}
END_TEST

/* --- silence --- */

static int turns;
static bool turning;

AWAITS_ENTRY static void turn(void *arg)
{
	while (turning && fiber_sleep(10) == OK)
		turns++;
}

/* From here on a fiber of this loop counts how often it has its turn. */
static void turns_begin(void)
{
	turns = 0;
	turning = true;
	ck_ok(fiber_spawn(loop_self(), "turns", turn, NULL, 0, NULL));
}

static AWAITS void turns_end(int least)
{
	ck_assert_int_ge(turns, least);
	turning = false;
	ck_ok(fiber_sleep(30)); /* it ends */
}

/* Something that accepts where the server was, and says nothing. */
static int silent_listener(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", test_postgres_directory);
	(void)unlink(address.sun_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

static AWAITS void frozen_body(struct db *db)
{
	int64_t pid = test_int(db, "SELECT pg_backend_pid()"), us;

	turns_begin();
	ck_assert_int_eq(kill((pid_t)pid, SIGSTOP), 0);
	ck_err(db_ping(db, &us), ERR_TIMEOUT);
	turns_end(100);
	ck_assert_int_eq(kill((pid_t)pid, SIGCONT), 0);
	ck_ok(db_ping(db, &us)); /* on a new connection */

	pid = test_int(db, "SELECT pg_backend_pid()");
	turns_begin();
	ck_assert_int_eq(kill((pid_t)pid, SIGSTOP), 0);
	ck_err(put(db, 1), ERR_DB);
	turns_end(100);
	ck_assert_int_eq(kill((pid_t)pid, SIGCONT), 0);
	ck_ok(put(db, 2));
}

START_TEST(frozen_server_holds_nobody)
{
	run(1, 300, frozen_body);
}
END_TEST

static AWAITS void silent_body(struct db *db)
{
	int64_t us, tries = 0;
	int fd;

	test_postgres_kill(SIGQUIT);
	fd = silent_listener();
	turns_begin();
	ck_err(db_ping(db, &us), ERR_DB);
	ck_err(db_ping(db, &us), ERR_BUSY); /* known to be away: nobody waits for it again */
	turns_end(100);
	close(fd);
	test_postgres_launch();
	while (db_ping(db, &us) != OK) {
		ck_assert_int_lt(++tries, 500);
		ck_ok(fiber_sleep(10));
	}
}

START_TEST(silent_server_holds_nobody)
{
	run(1, 0, silent_body);
}
END_TEST

AWAITS_ENTRY static void open_silent_body(void *arg)
{
	AUTO_BUF problem = {0};
	struct db *db;

	turns_begin();
	ck_err(db_open(arg, &problem, &db), ERR_DB);
	turns_end(100);
	ck_assert_ptr_nonnull(memmem(problem.p, problem.n, "timeout expired", 15));
}

START_TEST(opening_ends_at_a_silent_server)
{
	char url[160];
	struct db_spec s = {test_data(), .commit_ms = 5, .server = {.url = url}};
	int fd;

	if (!installed)
		return;
	fd = silent_listener();
	(void)snprintf(url, sizeof(url), "postgresql://x@/x?host=%s", test_postgres_directory);
	ck_ok(rt_run(1, open_silent_body, &s));
	close(fd);
}
END_TEST

/* --- without prepared statements --- */

static AWAITS void unprepared_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(65536);
	const struct db_value params[] = {DB_I(7), DB_N};
	const struct db_statement insert = {"INSERT INTO item VALUES (?, ?)", params, 2, 1};
	struct db_rows *rows;

	ck_ok(db_write(db, DB_ALL_TENANTS, &insert, 1));
	ck_ok(db_query(db, DB_ALL_TENANTS, arena, "SELECT id FROM item WHERE id = ? AND name IS NOT DISTINCT FROM ?",
		       params, 2, &rows));
	ck_assert_uint_eq(rows->rows, 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM pg_prepared_statements"), 0);
}

static AWAITS void prepared_body(struct db *db)
{
	ck_assert_int_gt(test_int(db, "SELECT count(*) FROM pg_prepared_statements"), 0);
}

START_TEST(nothing_is_prepared_where_told_so)
{
	struct db_spec s;

	if (!installed)
		return;
	s = spec();
	s.server.pool = 1; /* whose session is looked at */
	test_with_db(1, &s, prepared_body);
	s.server.unprepared = true;
	test_with_db(1, &s, unprepared_body);
	test_postgres_kill(SIGQUIT);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("postgres");
	int status;

	installed = test_postgres_init();
	if (!installed)
		fprintf(stderr, "PostgreSQL is not installed: nothing is tested here\n");
	tcase_add_test(tcase, restart_is_survived);
	tcase_add_test(tcase, scope_is_the_transactions);
	tcase_add_test(tcase, slow_statement_is_ended);
	tcase_add_test(tcase, pool_is_bounded);
	tcase_add_test(tcase, rows_of_an_unanswered_commit_are_found);
	tcase_add_test(tcase, rows_of_a_lost_commit_come_again);
	tcase_add_test(tcase, frozen_server_holds_nobody);
	tcase_add_test(tcase, silent_server_holds_nobody);
	tcase_add_test(tcase, opening_ends_at_a_silent_server);
	tcase_add_test(tcase, nothing_is_prepared_where_told_so);
	status = unit_run("postgres", tcase);
	test_postgres_end();
	return status;
}
