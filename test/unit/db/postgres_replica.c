/* Reads that may be a moment old: from a streaming replica while it is near enough, from the primary when it is behind,
 * away or silent. Which of the two answered is asked of the server itself. */
#include "../database.h"

static const char tables[] = "CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT)";
static const char who[] = "SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END";

#define REPLICA_PORT 5433
#define TRIES 3000

static bool installed;
static pid_t replica_pid;
static char replica_data[96], replica_url[256];

static void run_program(const char *name, const char *const *argv)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		test_postgres_become(name, argv);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "%s failed", name);
}

/* A connection to the replica, once it answers. */
static PGconn *replica_connect(void)
{
	const struct timespec step = {.tv_nsec = 10000000};
	PGconn *pq;

	for (int i = 0; i < TRIES; i++) {
		test_postgres_port = REPLICA_PORT;
		pq = test_postgres_connect("postgres", "postgres");
		test_postgres_port = 0;
		if (PQstatus(pq) == CONNECTION_OK)
			return pq;
		PQfinish(pq);
		(void)nanosleep(&step, NULL);
	}
	ck_abort_msg("the replica does not answer");
}

static void replica_run(const char *sql)
{
	PGconn *pq = replica_connect();
	PGresult *result = PQexec(pq, sql);

	ck_assert_msg(PQresultStatus(result) == PGRES_TUPLES_OK, "%s", PQerrorMessage(pq));
	PQclear(result);
	PQfinish(pq);
}

static void replica_launch(void)
{
	const char *const argv[] = {"postgres",
				    "-D",
				    replica_data,
				    "-k",
				    test_postgres_directory,
				    "-p",
				    "5433",
				    "-c",
				    "listen_addresses=",
				    "-c",
				    "max_connections=200",
				    "-c",
				    "shared_buffers=16MB",
				    "-c",
				    "fsync=off",
				    "-c",
				    "max_wal_senders=2",
				    NULL};

	replica_pid = fork();
	if (replica_pid == 0)
		test_postgres_become("postgres", argv);
	PQfinish(replica_connect());
}

static void replica_kill(void)
{
	if (replica_pid > 0) {
		(void)kill(replica_pid, SIGQUIT);
		(void)waitpid(replica_pid, NULL, 0);
	}
	replica_pid = 0;
}

static struct db_spec begin(void)
{
	const char *const backup[] = {"pg_basebackup",
				      "-D",
				      replica_data,
				      "-h",
				      test_postgres_directory,
				      "-U",
				      "postgres",
				      "-X",
				      "fetch",
				      "-R",
				      "--checkpoint=fast",
				      "--no-sync",
				      NULL};
	struct db_spec spec;

	test_engine = DB_POSTGRES;
	test_postgres_launch();
	test_postgres_roles();
	spec = test_spec(NULL, 0, tables, 5);
	(void)snprintf(replica_data, sizeof(replica_data), "%s/replica%d", test_postgres_directory, (int)getpid());
	run_program("pg_basebackup", backup);
	replica_launch();
	(void)snprintf(replica_url, sizeof(replica_url), "%s&port=%d", spec.server.url, REPLICA_PORT);
	spec.server.replica_url = replica_url;
	spec.server.pool = 1;
	return spec;
}

AWAITS static int64_t stale_int(struct db *db, const char *sql)
{
	AUTO(arena) *arena = arena_new(4096);
	struct db_rows *rows;

	ck_ok(db_query_stale(db, DB_ALL_TENANTS, arena, sql, NULL, 0, &rows));
	ck_assert_uint_eq(rows->rows, 1);
	return rows->cells[0].num;
}

/* Until reads that may be stale come from the replica (1) or the primary (0), while the primary is written to. */
AWAITS static void until_answered_by(struct db *db, int64_t wanted)
{
	for (int i = 0; stale_int(db, who) != wanted; i++) {
		ck_assert_int_lt(i, TRIES);
		ck_ok(test_write(db, "INSERT INTO item (id) SELECT 1 + coalesce(max(id), 0) FROM item"));
		ck_ok(fiber_sleep(10));
	}
}

static AWAITS void near_body(struct db *db)
{
	until_answered_by(db, 1);
	ck_assert_int_eq(test_int(db, who), 0); /* what must be fresh never comes from there */

	replica_run("SELECT pg_wal_replay_pause()");
	until_answered_by(db, 0);
	ck_assert_int_eq(stale_int(db, "SELECT max(id) FROM item"), test_int(db, "SELECT max(id) FROM item"));
	replica_run("SELECT pg_wal_replay_resume()");
	until_answered_by(db, 1);
}

static AWAITS void away_body(struct db *db)
{
	until_answered_by(db, 1);
	replica_kill();
	ck_assert_int_eq(stale_int(db, who), 0); /* no call fails for it */
	ck_assert_int_eq(stale_int(db, who), 0);
	replica_launch();
	until_answered_by(db, 1);
}

static int turns;
static bool turning;

AWAITS_ENTRY static void turn(void *arg)
{
	while (turning) {
		turns++;
		if (fiber_sleep(10) != OK)
			return;
	}
}

static AWAITS void silent_body(struct db *db)
{
	int64_t pid;

	until_answered_by(db, 1);
	pid = stale_int(db, "SELECT pg_backend_pid()");
	ck_assert_int_eq(kill((pid_t)pid, SIGSTOP), 0);
	turning = true;
	ck_ok(fiber_spawn(loop_self(), "turns", turn, NULL, 0, NULL));
	ck_assert_int_eq(stale_int(db, who), 0);
	ck_assert_int_gt(turns, 10); /* the loop went on meanwhile */
	turning = false;
	ck_assert_int_eq(kill((pid_t)pid, SIGCONT), 0);
	until_answered_by(db, 1);
	ck_ok(fiber_sleep(20)); /* the fiber that turns ends */
}

static void run(int64_t lag_ms, int64_t timeout_ms, void (*body)(struct db *db))
{
	struct db_spec spec;

	if (!installed)
		return;
	spec = begin();
	spec.server.replica_lag_ms = lag_ms;
	spec.server.timeout_ms = timeout_ms;
	test_with_db(1, &spec, body);
	replica_kill();
	test_postgres_kill(SIGQUIT);
}

START_TEST(replica_is_read_while_near)
{
	run(500, 0, near_body);
}
END_TEST

START_TEST(replica_that_is_away_is_passed_over)
{
	run(0, 0, away_body);
}
END_TEST

START_TEST(silent_replica_is_passed_over)
{
	run(0, 600, silent_body);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("postgres_replica");
	int status;

	installed = test_postgres_init();
	if (!installed)
		fprintf(stderr, "PostgreSQL is not installed: nothing is tested here\n");
	tcase_add_test(tcase, replica_is_read_while_near);
	tcase_add_test(tcase, replica_that_is_away_is_passed_over);
	tcase_add_test(tcase, silent_replica_is_passed_over);
	status = unit_run("postgres_replica", tcase);
	test_postgres_end();
	return status;
}
