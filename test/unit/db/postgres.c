/* What only a server can do: vanish and come back, tell a tenant's rows from another's, take too long, run
 * out of connections, take many rows at once. Each case starts the server that it wants to lose. */
#include "../database.h"

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
	status = unit_run("postgres", tcase);
	test_postgres_end();
	return status;
}
