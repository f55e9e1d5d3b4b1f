/* The writer thread, the same for both backends: it sleeps until there is something to commit, then
 * lets the backend run one transaction. With SQLite fibers push their writes onto a stack without
 * a lock and one transaction takes all of them; the feed keeps its rows in its own rings.
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
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "db/db_private.h"

#define WRITER_STACK_BYTES (512 * 1024) /* SQLite needs some 10 KB, sanitizers many times that */
#define FEED_BACKOFF_MS_MIN 20		/* after a failed commit, doubling */
#define FEED_BACKOFF_MS_MAX 1000

enum bell { BELL_AWAKE, BELL_TICKING, BELL_IDLE, BELL_URGENT };

/* --- producers --- */

static void futex_wake(atomic_uint *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void ring_urgent(struct db *db)
{
	unsigned was = atomic_exchange(&db->bell, BELL_URGENT);

	if (was == BELL_TICKING || was == BELL_IDLE)
		futex_wake(&db->bell);
}

void db_feed_ring(struct db *db, bool now)
{
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

void db_feed_set(struct db *db, const struct db_feed *feed)
{
	CHECK_OBJ(db, DB_MAGIC);
	CHECK(!atomic_load(&db->feed_set));
	db->feed = *feed;
	atomic_store(&db->feed_set, true);
}

void writer_push(struct db *db, struct db_pending *pending)
{
	pending->next = atomic_load_explicit(&db->queue, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&db->queue, &pending->next, pending))
		;
	ring_urgent(db);
}

void writer_done(struct task *task)
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
AWAITS enum err writer_await(struct db_pending *pending)
{
	if (wait_for(&pending->wait, keep_waiting, NULL) != OK)
		CHECK(pending->wait.done);
	return pending->result;
}

/* An empty write is a barrier: the pass that completes it is the last that may have seen the
 * feed, and by then has told it how that went. */
AWAITS void db_feed_clear(struct db *db)
{
	struct db_pending barrier = {.loop = loop_self(), .task = {.run = writer_done}};

	atomic_store(&db->feed_set, false);
	writer_push(db, &barrier);
	if (writer_await(&barrier) != OK)
		return; /* nothing was to be written: a busy file is no obstacle */
}

/* --- the thread --- */

/* The queued writes, oldest first. */
static struct db_pending *take_queue(struct db *db)
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

/* After this the fiber may run and `pending` be gone. */
static void complete(struct db *db, struct db_pending *pending)
{
	atomic_fetch_sub(&db->queued, pending->count);
	if (pending->result == OK)
		atomic_fetch_add_explicit(&db->writes, 1, memory_order_relaxed);
	loop_post(pending->loop, &pending->task);
}

void writer_committed(struct db *db, int64_t start_ns)
{
	uint64_t took_us = (uint64_t)(clock_ns() - start_ns) / 1000;

	atomic_fetch_add_explicit(&db->commits, 1, memory_order_relaxed);
	if (took_us > atomic_load_explicit(&db->commit_us_max, memory_order_relaxed))
		atomic_store_explicit(&db->commit_us_max, took_us, memory_order_relaxed);
}

static void feed_failed(struct db *db, enum err why)
{
	int64_t backoff_ms = db->feed_backoff_ms * 2;

	if (backoff_ms < FEED_BACKOFF_MS_MIN)
		backoff_ms = FEED_BACKOFF_MS_MIN;
	db->feed_backoff_ms = backoff_ms > FEED_BACKOFF_MS_MAX ? FEED_BACKOFF_MS_MAX : backoff_ms;
	db->feed_retry_at_ms = clock_ms() + db->feed_backoff_ms;
	if (!db->unsettled)
		db->feed.failed(db->feed.arg, why);
}

/* Write and commit, then tell everybody. A feed that fails takes the transaction with it; the
 * writes then get one of their own. */
static void commit(struct db *db, struct db_pending *writes, bool with_feed)
{
	enum db_fate fate;
	enum err err = db->backend->transact(db, writes, with_feed, &fate);

	db->unsettled = fate == DB_FATE_UNKNOWN;
	if (with_feed && err != OK)
		feed_failed(db, err);
	if (with_feed && err == OK) {
		db->feed_backoff_ms = 0;
		db->feed_retry_at_ms = 0;
		db->feed.committed(db->feed.arg);
	}
	if (fate == DB_FATE_FEED_FAILED && writes != NULL)
		err = db->backend->transact(db, writes, false, &fate);
	while (writes != NULL) {
		struct db_pending *next = writes->next;

		if (err != OK)
			writes->result = err;
		complete(db, writes);
		writes = next;
	}
}

static bool feed_pending(struct db *db)
{
	return atomic_load(&db->feed_set) && (db->unsettled || db->feed.pending(db->feed.arg));
}

/* Commit what there is; false when there was nothing. */
static bool pass(struct db *db)
{
	bool stopping = atomic_load(&db->close_request) != NULL;
	bool with_feed = feed_pending(db) && (stopping || clock_ms() >= db->feed_retry_at_ms);
	struct db_pending *writes = take_queue(db);

	if (writes == NULL && !with_feed)
		return false;
	commit(db, writes, with_feed);
	return true;
}

static void futex_sleep(struct db *db, enum bell bell, int64_t ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)syscall(SYS_futex, &db->bell, FUTEX_WAIT_PRIVATE, bell, ms < 0 ? NULL : &time, NULL, 0);
}

/* Sleep until somebody rings. Returns true when a row came and a nap is in order. */
static bool sleep_idle(struct db *db)
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
static void nap(struct db *db, int64_t until_ms)
{
	unsigned awake = BELL_AWAKE;
	int64_t left_ms;

	if (!atomic_compare_exchange_strong(&db->bell, &awake, BELL_TICKING))
		return;
	while ((left_ms = until_ms - clock_ms()) > 0 && atomic_load(&db->bell) == BELL_TICKING)
		futex_sleep(db, BELL_TICKING, left_ms);
}

static int64_t next_tick_ms(const struct db *db, int64_t from_ms)
{
	int64_t at_ms = from_ms + db->commit_ms;

	return db->feed_retry_at_ms > at_ms ? db->feed_retry_at_ms : at_ms;
}

static void *writer_main(void *arg)
{
	struct db *db = arg;
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
	/* What was pending has been tried once more after the request: whoever still waits is told. */
	db->backend->writer_end(db);
	loop_post(request->loop, &request->task);
	return NULL;
}

enum err writer_start(struct db *db)
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

AWAITS void writer_stop(struct db *db)
{
	struct db_pending request = {.loop = loop_self(), .task = {.run = writer_done}};

	atomic_store(&db->close_request, &request);
	ring_urgent(db);
	CHECK(writer_await(&request) == OK);
	CHECK(pthread_join(db->thread, NULL) == 0);
}
