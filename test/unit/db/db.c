/* Reads and writes: every kind of value, atomicity, sharing commits, several loops and
 * processes at once, bounds. */
#include "../database.h"

#include "base/limits.h"

static const struct db_migration migrations[] = {
	{1, "items", "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE, bytes BLOB)"},
};

static const char tables[] = "CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT UNIQUE, bytes BYTEA)";

static struct db_spec spec(void)
{
	return test_spec(migrations, 1, tables, 5);
}

static const char insert_sql[] = "INSERT INTO item (id, name, bytes) VALUES (?, ?, ?)";

static struct db_statement insert(const struct db_value params[3])
{
	return (struct db_statement){.sql = insert_sql, .params = params, .count = 3, .changes_expected = 1};
}

static AWAITS void values_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	struct str name = test_engine == DB_SQLITE ? ((struct str){"a\0b", 3}) : STR("a\x01'b\xc3\xa4");
	struct db_value one[] = {DB_I(INT64_MIN), DB_T(name), DB_B(STR("\xff\0\x01"))};
	struct db_value two[] = {DB_I(7), DB_T(STR_NONE), DB_B(STR_NONE)};
	struct db_value three[] = {DB_I(INT64_MAX), DB_N, DB_N};
	struct db_statement writes[] = {insert(one), insert(two), insert(three)};
	struct db_rows *rows;

	ck_ok(db_write(db, DB_ALL_TENANTS, writes, 3));
	ck_ok(db_query(db, DB_ALL_TENANTS, arena, "SELECT id, name, bytes FROM item WHERE id <> ? ORDER BY id",
		       (struct db_value[]){DB_I(1)}, 1, &rows));
	ck_assert_uint_eq(rows->rows, 3);
	ck_assert_uint_eq(rows->columns, 3);
	ck_assert(rows->cells[0].num == INT64_MIN);
	ck_bytes(rows->cells[1].str, name);
	ck_assert_int_eq(rows->cells[2].kind, DB_BLOB);
	ck_bytes(rows->cells[2].str, STR("\xff\0\x01"));
	ck_assert_int_eq(rows->cells[4].kind, DB_TEXT); /* an empty text is no NULL */
	ck_assert_uint_eq(rows->cells[4].str.n, 0);
	ck_assert_int_eq(rows->cells[5].kind, DB_BLOB);
	ck_assert(rows->cells[6].num == INT64_MAX);
	ck_assert_int_eq(rows->cells[7].kind, DB_NULL);
	ck_ok(db_query(db, DB_ALL_TENANTS, arena, "SELECT id FROM item WHERE id = 8", NULL, 0, &rows));
	ck_assert_uint_eq(rows->rows, 0);
}

START_TEST(values_come_back)
{
	struct db_spec s = spec();

	test_with_db(1, &s, values_body);
}
END_TEST

static AWAITS void atomic_body(struct db *db)
{
	struct db_value one[] = {DB_I(1), DB_T(STR("one")), DB_N}, two[] = {DB_I(2), DB_T(STR("one")), DB_N};
	struct db_statement both[] = {insert(one), insert(two)};
	struct db_statement none[] = {insert(one),
				      {.sql = "UPDATE item SET name = 'x' WHERE id = 99", .changes_expected = 1}};

	ck_err(db_write(db, DB_ALL_TENANTS, both, 2), ERR_EXISTS);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM item"), 0);
	ck_err(db_write(db, DB_ALL_TENANTS, none, 2), ERR_NOT_FOUND);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM item"), 0);
	ck_ok(db_write(db, DB_ALL_TENANTS, both, 1));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM item"), 1);
	ck_err(test_write(db, "INSERT INTO nowhere VALUES (1)"), ERR_DB);
	ck_err(test_write(db, "not SQL"), ERR_DB);
	ck_assert_uint_eq(db_stats(db).writes, 1);
	ck_assert_uint_eq(db_stats(db).queued, 0);
}

START_TEST(write_is_all_or_nothing)
{
	struct db_spec s = spec();

	test_with_db(1, &s, atomic_body);
}
END_TEST

#define WRITERS 60

struct writer {
	struct db *db;
	int64_t id;
	enum err want;
};

/* Every third one has a name that exists: it fails alone, within a shared commit. */
AWAITS_ENTRY static void write_main(void *arg)
{
	struct writer *w = arg;
	char name[32];
	int n = snprintf(name, sizeof(name), "name %d", (int)(w->want == OK ? w->id : -1));
	struct db_value params[] = {DB_I(w->id), DB_T(((struct str){name, (size_t)n})), DB_N};
	struct db_statement statement = insert(params);

	ck_err(db_write(w->db, DB_ALL_TENANTS, &statement, 1), w->want);
}

AWAITS static void write_many(struct db *db, int64_t from)
{
	struct writer writers[WRITERS];
	struct group group;

	group_init(&group, loop_self());
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){db, from + i, i % 3 == 2 ? ERR_EXISTS : OK};
		ck_ok(group_spawn(&group, "writer", write_main, &writers[i]));
	}
	ck_ok(group_join(&group));
}

static AWAITS void shared_body(struct db *db)
{
	struct db_value taken[] = {DB_I(0), DB_T(STR("name -1")), DB_N};
	struct db_statement statement = insert(taken);

	ck_ok(db_write(db, DB_ALL_TENANTS, &statement, 1));
	write_many(db, 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM item"), 1 + WRITERS / 3 * 2);
	ck_assert_uint_eq(db_stats(db).writes, 1 + WRITERS / 3 * 2);
	if (test_engine == DB_SQLITE)
		ck_assert_uint_lt(db_stats(db).commits, WRITERS / 2); /* each fiber queues before any commit ends */
}

START_TEST(writes_share_commits)
{
	struct db_spec s = spec();

	test_with_db(1, &s, shared_body);
}
END_TEST

#define LOOPS 3

struct remote {
	struct db *db;
	int64_t from;
};

AWAITS_ENTRY static enum err remote_work(void *arg)
{
	struct remote *remote = arg;

	for (int round = 0; round < 4; round++) {
		write_many(remote->db, remote->from);
		remote->from += WRITERS;
	}
	return OK;
}

struct remote_fiber {
	struct loop *loop;
	struct remote remote;
};

AWAITS_ENTRY static void remote_main(void *arg)
{
	struct remote_fiber *fiber = arg;

	ck_ok(loop_call(fiber->loop, "remote", remote_work, &fiber->remote));
}

static AWAITS void loops_body(struct db *db)
{
	struct db_value taken[] = {DB_I(0), DB_T(STR("name -1")), DB_N};
	struct db_statement statement = insert(taken);
	struct remote_fiber fibers[LOOPS];
	struct group group;

	ck_ok(db_write(db, DB_ALL_TENANTS, &statement, 1));
	group_init(&group, loop_self());
	for (unsigned i = 0; i < LOOPS; i++) {
		fibers[i] = (struct remote_fiber){loop_at(i), {db, 1 + i * 1000}};
		ck_ok(group_spawn(&group, "remote", remote_main, &fibers[i]));
	}
	ck_ok(group_join(&group));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM item"), 1 + LOOPS * 4 * WRITERS / 3 * 2);
}

START_TEST(loops_write_at_once)
{
	struct db_spec s = spec();

	test_with_db(LOOPS, &s, loops_body);
}
END_TEST

#define PROCESS_ROWS 200

static int64_t process_from;

static AWAITS void process_body(struct db *db)
{
	for (int64_t i = 0; i < PROCESS_ROWS; i++) {
		struct db_value params[] = {DB_I(process_from + i), DB_N, DB_N};
		struct db_statement statement = insert(params);

		ck_ok(db_write(db, DB_ALL_TENANTS, &statement, 1));
	}
}

static void process_run(void *arg)
{
	struct db_spec s = spec();

	process_from = *(int *)arg;
	test_with_db(1, &s, process_body);
}

static AWAITS void process_count(struct db *db)
{
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM item"), 3 * PROCESS_ROWS);
}

/* All three also race to create and migrate the file. */
START_TEST(processes_write_at_once)
{
	int froms[] = {1, 10001, 20001};
	struct db_spec s = spec();
	pid_t pids[2];

	for (int i = 0; i < 2; i++)
		pids[i] = test_fork(process_run, &froms[i], -1);
	process_run(&froms[2]);
	for (int i = 0; i < 2; i++)
		test_join(pids[i]);
	test_with_db(1, &s, process_count);
}
END_TEST

AWAITS_ENTRY static void canceled_main(void *arg)
{
	struct db *db = arg;

	ck_err(test_write(db, "INSERT INTO item (id) VALUES (1)"), ERR_CANCELED);
}

static AWAITS void bounds_body(struct db *db)
{
	static const char numbers[] = "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL"
				      " SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n";
	AUTO(arena) *arena = arena_new(64 << 20), *small = arena_new(10000);
	struct db_statement *many = calloc(DB_QUEUE_MAX + 1, sizeof(*many));
	struct db_rows *rows;
	struct group group;

	ck_ok(db_query(db, DB_ALL_TENANTS, arena, numbers, (struct db_value[]){DB_I(DB_ROWS_MAX)}, 1, &rows));
	ck_assert_uint_eq(rows->rows, DB_ROWS_MAX);
	ck_assert_int_eq(rows->cells[DB_ROWS_MAX - 1].num, DB_ROWS_MAX);
	ck_err(db_query(db, DB_ALL_TENANTS, arena, numbers, (struct db_value[]){DB_I(DB_ROWS_MAX + 1)}, 1, &rows),
	       ERR_LIMIT);
	ck_err(db_query(db, DB_ALL_TENANTS, small, numbers, (struct db_value[]){DB_I(1000)}, 1, &rows), ERR_LIMIT);
	ck_ok(db_query(db, DB_ALL_TENANTS, arena, numbers, (struct db_value[]){DB_I(3)}, 1, &rows));
	ck_assert_uint_eq(rows->rows, 3);
	ck_err(db_query(db, DB_ALL_TENANTS, arena, "SELECT nothing FROM nowhere", NULL, 0, &rows), ERR_DB);
	ck_err(db_query(db, DB_ALL_TENANTS, arena, "DELETE FROM item", NULL, 0, &rows), ERR_DB); /* readers only read */
	ck_err(db_write(db, DB_ALL_TENANTS, many, DB_QUEUE_MAX + 1), ERR_BUSY);
	ck_assert_uint_eq(db_stats(db).queued, 0);
	free(many);

	group_init(&group, loop_self());
	ck_ok(group_spawn(&group, "canceled", canceled_main, db));
	group_cancel(&group);
	ck_ok(group_join(&group));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM item"), 0);
}

START_TEST(bounds_hold)
{
	struct db_spec s = spec();

	test_with_db(1, &s, bounds_body);
}
END_TEST

/* SQLite's alone: a server's disk is the server's. */
static AWAITS void full_body(struct db *db)
{
	static const char grow[] = "INSERT INTO item (bytes) VALUES (randomblob(1000000))";
	int64_t before, us;

	ck_ok(test_write(db, "INSERT INTO item (bytes) VALUES (randomblob(1000))"));
	before = test_int(db, "SELECT count(*) FROM item");
	test_disk_limit(500000);
	ck_err(test_write(db, grow), ERR_DB);
	ck_err(test_write(db, grow), ERR_DB);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM item"), before);
	ck_ok(db_ping(db, &us));
	ck_assert_int_ge(us, 0);
	test_disk_limit(RLIM_INFINITY);
	ck_ok(test_write(db, grow));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM item"), before + 1);
}

START_TEST(full_disk_is_survived)
{
	struct db_spec s = spec();

	if (test_engine == DB_POSTGRES)
		return;
	test_with_db(1, &s, full_body);
}
END_TEST

static int ack_fd;

static AWAITS void ack_body(struct db *db)
{
	for (int64_t i = 1;; i++) {
		struct db_value params[] = {DB_I(i), DB_N, DB_N};
		struct db_statement statement = insert(params);

		if (db_write(db, DB_ALL_TENANTS, &statement, 1) != OK || write(ack_fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

static void ack_run(void *arg)
{
	struct db_spec s = spec();

	ack_fd = *(int *)arg;
	test_with_db(1, &s, ack_body);
}

static int64_t acked;

static AWAITS void acked_body(struct db *db)
{
	int64_t count = test_int(db, "SELECT count(*) FROM item");

	ck_assert_int_ge(count, acked);
	ck_assert_int_le(count, acked + 1); /* one may have been committed and not yet told */
	ck_assert_int_eq(test_int(db, "SELECT max(id) FROM item"), count);
}

static void acked_run(void *arg)
{
	struct db_spec s = spec();

	test_with_db(1, &s, acked_body);
}

/* The case's own process starts no thread, so that it may fork again. */
START_TEST(acknowledged_writes_survive_kill)
{
	int pipe_fds[2], status;
	pid_t pid;

	(void)spec();
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(pipe(pipe_fds), 0);
		pid = test_fork(ack_run, &pipe_fds[1], pipe_fds[1]);
		(void)close(pipe_fds[1]);
		for (int i = 0; i < 40 + 17 * round; i++)
			ck_assert_int_eq(read(pipe_fds[0], &acked, sizeof(acked)), sizeof(acked));
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
		while (read(pipe_fds[0], &acked, sizeof(acked)) == sizeof(acked))
			;
		(void)close(pipe_fds[0]);
		test_join(test_fork(acked_run, NULL, -1));
		test_directory_remove();
		ck_assert_int_eq(mkdir(test_directory, 0700), 0);
		if (test_engine == DB_POSTGRES)
			test_postgres_run("gatehouse_owner", test_postgres_name(), "DELETE FROM item");
	}
}
END_TEST

DATABASE_MAIN("db", values_come_back, write_is_all_or_nothing, writes_share_commits, loops_write_at_once,
	      processes_write_at_once, bounds_hold, full_disk_is_survived, acknowledged_writes_survive_kill)
