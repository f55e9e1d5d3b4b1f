/* The writer thread: the only one that changes the database. Fibers push writes onto a stack
 * without a lock, the feed keeps its rows in its own rings; one transaction takes both, and one
 * fdatasync makes all of them durable.
 *
 * How it sleeps is what a producer pays. The bell says whether ringing needs a system call:
 *
 *     AWAKE ----nothing to do----> IDLE       deep sleep; any ring wakes it
 *     AWAKE --rows may follow----> TICKING    until the next tick; only urgent rings wake it
 *     IDLE  --a row came---------> AWAKE      naps one tick, so that more rows can gather
 *     any   --a write, strict----> URGENT     commits at once; whoever comes meanwhile shares the next
 *
 * A ring that finds AWAKE or TICKING is a fence and a load. Going IDLE publishes IDLE first and
 * looks at the feed after, while producers publish the row first and look at the bell after:
 * one of them sees the other. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "db/sqlite_private.h"

#define WRITER_STACK_BYTES (512 * 1024) /* SQLite needs some 10 KB, sanitizers many times that */
#define FEED_BACKOFF_MS_MIN 20		/* after a failed commit, doubling */
#define FEED_BACKOFF_MS_MAX 1000

enum bell { BELL_AWAKE, BELL_TICKING, BELL_IDLE, BELL_URGENT };

/* --- producers --- */

static void futex_wake(atomic_uint *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void ring_urgent(struct sqlite *db)
{
	unsigned was = atomic_exchange(&db->bell, BELL_URGENT);

	if (was == BELL_TICKING || was == BELL_IDLE)
		futex_wake(&db->bell);
}

void sqlite_feed_ring(struct db *base, bool now)
{
	struct sqlite *db = sqlite_of(base);
	unsigned bell;

	atomic_thread_fence(memory_order_seq_cst); /* the caller's row before our look at the bell */
	bell = atomic_load_explicit(&db->bell, memory_order_relaxed);
	if (likely(bell == BELL_URGENT || (!now && bell != BELL_IDLE)))
		return;
	if (now)
		ring_urgent(db);
	else if (atomic_compare_exchange_strong(&db->bell, &bell, BELL_AWAKE))
		futex_wake(&db->bell);
}

void sqlite_feed_set(struct db *base, const struct db_feed *feed)
{
	struct sqlite *db = sqlite_of(base);

	CHECK(!atomic_load(&db->feed_set));
	db->feed = *feed;
	atomic_store(&db->feed_set, true);
}

static void push(struct sqlite *db, struct db_pending *pending)
{
	pending->next = atomic_load_explicit(&db->queue, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&db->queue, &pending->next, pending))
		;
	ring_urgent(db);
}

static void on_written(struct task *task)
{
	struct db_pending *pending = CONTAINER_OF(task, struct db_pending, task);

	wait_done(&pending->wait, pending->result);
}

/* The writer holds pointers into the fiber's stack until it is done: nothing to abandon. */
static bool keep_waiting(void *arg)
{
	return false;
}

/* Until the writer is done, however long: what counts is its result, not that the fiber was
 * canceled meanwhile. */
AWAITS static enum err await_writer(struct db_pending *pending)
{
	if (wait_for(&pending->wait, keep_waiting, NULL) != OK)
		CHECK(pending->wait.done);
	return pending->result;
}

AWAITS enum err sqlite_write(struct db *base, struct str scope, const struct db_statement *statements, size_t count)
{
	struct sqlite *db = sqlite_of(base);
	struct db_pending pending = {
		.statements = statements,
		.count = count,
		.loop = loop_self(),
		.task = {.run = on_written},
	};

	TRY(fiber_status());
	if (atomic_fetch_add(&db->queued, count) + count > DB_QUEUE_MAX) {
		atomic_fetch_sub(&db->queued, count);
		return ERR_BUSY;
	}
	push(db, &pending);
	return await_writer(&pending);
}

/* An empty write is a barrier: the pass that completes it is the last that may have seen the
 * feed, and by then has told it how that went. */
AWAITS void sqlite_feed_clear(struct db *base)
{
	struct sqlite *db = sqlite_of(base);
	struct db_pending barrier = {.loop = loop_self(), .task = {.run = on_written}};

	atomic_store(&db->feed_set, false);
	push(db, &barrier);
	if (await_writer(&barrier) != OK)
		return; /* nothing was to be written: a busy file is no obstacle */
}

AWAITS enum err sqlite_scrub(struct db *base)
{
	struct sqlite *db = sqlite_of(base);
	struct db_pending pending = {.loop = loop_self(), .task = {.run = on_written}, .scrub = true};

	TRY(fiber_status());
	push(db, &pending);
	return await_writer(&pending);
}

/* --- one transaction --- */

static struct sql *sql_of(struct db_tx *base)
{
	return CONTAINER_OF(base, struct sqlite_tx, base)->sql;
}

enum err sqlite_tx_run(struct db_tx *base, const char *sql, const struct db_value *params, size_t count)
{
	return sql_run(sql_of(base), sql, params, count, NULL);
}

enum err sqlite_tx_query(struct db_tx *base, struct arena *arena, const char *sql, const struct db_value *params,
			 size_t count, struct db_rows **ret_rows)
{
	return sql_query(sql_of(base), arena, sql, params, count, ret_rows);
}

enum err sqlite_tx_insert(struct db_tx *base, const struct db_load *load,
			  bool (*next)(void *arg, struct db_value *cells), void *arg)
{
	struct sql_source source = {.next = next, .arg = arg};

	return sql_insert(sql_of(base), load->sqlite, &source);
}

/* The queued writes, oldest first. */
static struct db_pending *take_queue(struct sqlite *db)
{
	struct db_pending *newest = atomic_exchange(&db->queue, NULL), *oldest = NULL;

	while (newest != NULL) {
		struct db_pending *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

static enum err run_statements(struct sql *sql, const struct db_pending *pending)
{
	for (size_t i = 0; i < pending->count; i++) {
		const struct db_statement *statement = &pending->statements[i];
		int64_t changes;

		TRY(sql_run(sql, statement->sql, statement->params, statement->count, &changes));
		if (statement->changes_expected >= 0 && changes != statement->changes_expected)
			return ERR_NOT_FOUND;
	}
	return OK;
}

/* One write in its savepoint. Its own failure stays its own; an error here means that the
 * whole transaction is lost (SQLite rolls back by itself when the disk is full, for one). */
static enum err run_write(struct sql *sql, struct db_pending *pending)
{
	TRY(sql_exec(sql, "SAVEPOINT write"));
	pending->result = run_statements(sql, pending);
	if (sqlite3_get_autocommit(sql->handle) != 0)
		return pending->result == OK ? ERR_DB : pending->result;
	if (pending->result != OK)
		TRY(sql_exec(sql, "ROLLBACK TO write"));
	return sql_exec(sql, "RELEASE write");
}

static enum err fill(struct sqlite *db, struct db_pending *writes, bool with_feed, bool *ret_feed_failed)
{
	struct sqlite_tx tx = {.base.backend = &sqlite_backend, .sql = db->writer};
	enum err err = OK;

	for (struct db_pending *at = writes; at != NULL; at = at->next)
		TRY(run_write(db->writer, at));
	if (with_feed)
		err = db->feed.drain(db->feed.arg, &tx.base);
	*ret_feed_failed = err != OK;
	return err;
}

static enum err transaction(struct sqlite *db, struct db_pending *writes, bool with_feed, bool *ret_feed_failed)
{
	int64_t start_ns;
	enum err err;

	*ret_feed_failed = false;
	TRY(sql_run(db->writer, "BEGIN IMMEDIATE", NULL, 0, NULL));
	start_ns = clock_ns();
	err = fill(db, writes, with_feed, ret_feed_failed);
	if (err == OK)
		err = sql_run(db->writer, "COMMIT", NULL, 0, NULL);
	if (err != OK) {
		if (sqlite3_get_autocommit(db->writer->handle) == 0)
			(void)sqlite3_exec(db->writer->handle, "ROLLBACK", NULL, NULL, NULL);
		return err;
	}
	atomic_fetch_add_explicit(&db->commits, 1, memory_order_relaxed);
	start_ns = (clock_ns() - start_ns) / 1000;
	if ((uint64_t)start_ns > atomic_load_explicit(&db->commit_us_max, memory_order_relaxed))
		atomic_store_explicit(&db->commit_us_max, (uint64_t)start_ns, memory_order_relaxed);
	return OK;
}

/* --- the thread --- */

/* After this the fiber may run and `pending` be gone. */
static void complete(struct sqlite *db, struct db_pending *pending)
{
	atomic_fetch_sub(&db->queued, pending->count);
	if (pending->result == OK)
		atomic_fetch_add_explicit(&db->writes, 1, memory_order_relaxed);
	loop_post(pending->loop, &pending->task);
}

static void feed_failed(struct sqlite *db, enum err why)
{
	int64_t backoff_ms = db->feed_backoff_ms * 2;

	if (backoff_ms < FEED_BACKOFF_MS_MIN)
		backoff_ms = FEED_BACKOFF_MS_MIN;
	db->feed_backoff_ms = backoff_ms > FEED_BACKOFF_MS_MAX ? FEED_BACKOFF_MS_MAX : backoff_ms;
	db->feed_retry_at_ms = clock_ms() + db->feed_backoff_ms;
	db->feed.failed(db->feed.arg, why);
}

/* Only TRUNCATE empties the log; a plain checkpoint leaves its old frames to be overwritten some time. */
static enum err truncate_log(struct sqlite *db)
{
	int code = sqlite3_wal_checkpoint_v2(db->writer->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	return code == SQLITE_OK ? OK : code == SQLITE_BUSY || code == SQLITE_LOCKED ? ERR_BUSY : ERR_DB;
}

/* Write and commit, then tell everybody. A feed that fails takes the transaction with it; the
 * writes then get one of their own. */
static void commit(struct sqlite *db, struct db_pending *writes, bool with_feed)
{
	bool feed_fault;
	enum err err = transaction(db, writes, with_feed, &feed_fault);

	if (with_feed && err != OK)
		feed_failed(db, err);
	if (with_feed && err == OK) {
		db->feed_backoff_ms = 0;
		db->feed_retry_at_ms = 0;
		db->feed.committed(db->feed.arg);
	}
	if (feed_fault && writes != NULL)
		err = transaction(db, writes, false, &feed_fault);
	while (writes != NULL) {
		struct db_pending *next = writes->next;

		if (err != OK)
			writes->result = err;
		else if (writes->scrub)
			writes->result = truncate_log(db);
		complete(db, writes);
		writes = next;
	}
}

static bool feed_pending(struct sqlite *db)
{
	return atomic_load(&db->feed_set) && db->feed.pending(db->feed.arg);
}

/* Commit what there is; false when there was nothing. */
static bool pass(struct sqlite *db)
{
	bool stopping = atomic_load(&db->close_request) != NULL;
	bool with_feed = feed_pending(db) && (stopping || clock_ms() >= db->feed_retry_at_ms);
	struct db_pending *writes = take_queue(db);

	if (writes == NULL && !with_feed)
		return false;
	commit(db, writes, with_feed);
	return true;
}

static void futex_sleep(struct sqlite *db, enum bell bell, int64_t ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)syscall(SYS_futex, &db->bell, FUTEX_WAIT_PRIVATE, bell, ms < 0 ? NULL : &time, NULL, 0);
}

/* Sleep until somebody rings. Returns true when a row came and a nap is in order. */
static bool sleep_idle(struct sqlite *db)
{
	unsigned awake = BELL_AWAKE;

	if (!atomic_compare_exchange_strong(&db->bell, &awake, BELL_IDLE))
		return false;
	if (feed_pending(db)) {
		unsigned idle = BELL_IDLE;

		return atomic_compare_exchange_strong(&db->bell, &idle, BELL_AWAKE);
	}
	while (atomic_load(&db->bell) == BELL_IDLE)
		futex_sleep(db, BELL_IDLE, -1);
	return atomic_load(&db->bell) == BELL_AWAKE;
}

/* Sleep until `until_ms`, woken only by something urgent. */
static void nap(struct sqlite *db, int64_t until_ms)
{
	unsigned awake = BELL_AWAKE;
	int64_t left_ms;

	if (!atomic_compare_exchange_strong(&db->bell, &awake, BELL_TICKING))
		return;
	while ((left_ms = until_ms - clock_ms()) > 0 && atomic_load(&db->bell) == BELL_TICKING)
		futex_sleep(db, BELL_TICKING, left_ms);
}

static int64_t next_tick_ms(const struct sqlite *db, int64_t from_ms)
{
	int64_t at_ms = from_ms + db->commit_ms;

	return db->feed_retry_at_ms > at_ms ? db->feed_retry_at_ms : at_ms;
}

/* What is pending has been tried once more after the request: whoever still waits is told. */
static void writer_end(struct sqlite *db, struct db_pending *request)
{
	/* TRUNCATE leaves one file to copy; failing only leaves a WAL to be read at the next start. */
	(void)sqlite3_wal_checkpoint_v2(db->writer->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sql_close(db->writer);
	db->writer = NULL;
	loop_post(request->loop, &request->task);
}

static void *writer_main(void *arg)
{
	struct sqlite *db = arg;
	struct db_pending *request;

	for (;;) {
		int64_t start_ms = clock_ms();
		bool worked;

		atomic_store(&db->bell, BELL_AWAKE);
		request = atomic_load(&db->close_request);
		worked = pass(db);
		if (request != NULL && (!feed_pending(db) || db->feed_backoff_ms != 0))
			break;
		if (worked || feed_pending(db) || sleep_idle(db))
			nap(db, next_tick_ms(db, worked ? start_ms : clock_ms()));
	}
	writer_end(db, request);
	return NULL;
}

enum err writer_start(struct sqlite *db)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int code;

	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, WRITER_STACK_BYTES) == 0);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to loop 0 */
	code = pthread_create(&db->thread, &attr, writer_main, db);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	if (code != 0)
		return ERR_SYSTEM;
	(void)pthread_setname_np(db->thread, "db-writer");
	return OK;
}

AWAITS void writer_stop(struct sqlite *db)
{
	struct db_pending request = {.loop = loop_self(), .task = {.run = on_written}};

	atomic_store(&db->close_request, &request);
	ring_urgent(db);
	CHECK(await_writer(&request) == OK);
	CHECK(pthread_join(db->thread, NULL) == 0);
}
