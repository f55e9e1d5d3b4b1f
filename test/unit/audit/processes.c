/* Several processes that write one trail at the same time, each with a gateway's writer: on SQLite they share a file,
 * on PostgreSQL they take turns at the head's row. No row is lost, none is there twice, and the chain is one. */
#include "trail.h"

#include <pthread.h>
#include <sys/mman.h>

#define PROCESSES 3
#define ROUNDS 20
#define ROUND_ROWS 50
#define TURN_ROWS 3

static pthread_barrier_t *together; /* all of them, after each round */

/* With a writer that starts and stops, or one that stays. */
static AWAITS void coming_body(struct db *db)
{
	for (int64_t n = 0; n < ROUNDS; n++)
		trail_write(db, n * ROUND_ROWS, ROUND_ROWS);
}

static AWAITS void staying_body(struct db *db)
{
	struct audit *audit = trail_start(db, AUDIT_STRICT);

	for (int64_t n = 0; n < ROUNDS; n++) {
		trail_append(audit, n * TURN_ROWS, TURN_ROWS); /* a commit each */
		pthread_barrier_wait(together);
	}
	audit_stop(audit);
}

static AWAITS void coming_count(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct db_rows *rows;

	ck_assert_int_eq(trail_rows(db), PROCESSES * ROUNDS * ROUND_ROWS);
	ck_ok(db_query(db, DB_ALL_TENANTS, arena,
		       "SELECT bytes_out, count(*) FROM audit GROUP BY bytes_out HAVING count(*) <> ?",
		       &DB_I(PROCESSES), 1, &rows));
	ck_assert_uint_eq(rows->rows, 0); /* each process' rows are there once */
}

static AWAITS void staying_count(struct db *db)
{
	ck_assert_int_eq(trail_rows(db), PROCESSES * ROUNDS * TURN_ROWS);
	/* Each goes on where the others have left the chain: no row of a round stands before one of an earlier round.
	 */
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit a JOIN audit b ON b.seq > a.seq"
				      " WHERE b.bytes_out / 3 < a.bytes_out / 3"),
			 0);
}

static void run(void *body)
{
	test_with_store(1, body);
}

static void make_together(void)
{
	pthread_barrierattr_t shared;

	together = mmap(NULL, sizeof(*together), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(together, MAP_FAILED);
	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	ck_assert_int_eq(pthread_barrier_init(together, &shared, PROCESSES), 0);
}

static void run_all(void (*body)(struct db *db), void (*count)(struct db *db))
{
	pid_t pids[PROCESSES - 1];

	(void)test_store_spec(); /* the tables, before anybody forks */
	make_together();
	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		pids[i] = test_fork(run, body, -1);
	run(body);
	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		test_join(pids[i]);
	run(count);
}

START_TEST(processes_share_one_chain)
{
	run_all(coming_body, coming_count);
}
END_TEST

START_TEST(writers_that_stay_take_turns)
{
	run_all(staying_body, staying_count);
}
END_TEST

DATABASE_MAIN("processes", processes_share_one_chain, writers_that_stay_take_turns)
