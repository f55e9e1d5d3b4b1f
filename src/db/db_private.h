/* What a backend is: the functions behind db.h, and the beginning that both kinds of database
 * object and of transaction share. Each function is the one of its name in db.h. */
#ifndef GATEHOUSE_DB_DB_PRIVATE_H
#define GATEHOUSE_DB_DB_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "db/db.h"

#define DB_MAGIC 0x64625f31u

struct db_question {
	struct str scope;
	struct arena *arena;
	const char *sql;
	const struct db_value *params;
	size_t count;
	bool stale; /* a replica may answer */
};

/* A write on its way to the writer thread: lies on the stack of the fiber that waits for it. */
struct db_pending {
	struct db_pending *next;
	const struct db_statement *statements;
	size_t count;
	struct loop *loop;
	bool scrub; /* db_scrub's */
	enum err result;
	struct wait wait;
	struct task task;
};

/* What is known of a transaction besides its error: that the feed made it fail, that nobody knows whether it was
 * committed. */
enum db_fate { DB_FATE_KNOWN, DB_FATE_FEED_FAILED, DB_FATE_UNKNOWN };

struct db_backend {
	enum db_engine engine;
	enum err (*open)(const struct db_spec *spec, struct buf *problem, struct db **ret_db);		 /* AWAITS */
	void (*close)(struct db *db);									 /* AWAITS */
	enum err (*query)(struct db *db, const struct db_question *question, struct db_rows **ret_rows); /* AWAITS */
	enum err (*write)(struct db *db, struct str scope, const struct db_statement *statements,
			  size_t count);		  /* AWAITS */
	enum err (*scrub)(struct db *db);		  /* AWAITS */
	enum err (*ping)(struct db *db, int64_t *ret_us); /* AWAITS */
	enum err (*tx_run)(struct db_tx *tx, const char *sql, const struct db_value *params, size_t count);
	enum err (*tx_insert)(struct db_tx *tx, const struct db_load *load,
			      bool (*next)(void *arg, struct db_value *cells), void *arg);
	enum err (*tx_query)(struct db_tx *tx, struct arena *arena, const char *sql, const struct db_value *params,
			     size_t count, struct db_rows **ret_rows);
	void (*stats)(struct db *db, struct db_stats *stats); /* fill in what the backend knows alone; may be NULL */

	/* on the writer thread: run the writes and, with_feed, what the feed has, in one transaction; the end */
	enum err (*transact)(struct db *db, struct db_pending *writes, bool with_feed, enum db_fate *ret_fate);
	void (*writer_end)(struct db *db);
};

extern const struct db_backend sqlite_backend;	 /* sqlite_open.c */
extern const struct db_backend postgres_backend; /* postgres_open.c */

/* The first member of a backend's database object. */
struct db {
	uint32_t magic;
	const struct db_backend *backend;
	int64_t commit_ms;

	/* the writer thread's */
	pthread_t thread;
	struct db_feed feed;	  /* written once, before feed_set */
	int64_t feed_retry_at_ms; /* after a failure: not before, on clock_ms() */
	int64_t feed_backoff_ms;  /* 0 after a success */
	bool unsettled;		  /* nobody knows whether the feed's last rows were committed */

	/* shared with it */
	atomic_bool feed_set;
	atomic_uint bell;		    /* enum bell */
	_Atomic(struct db_pending *) queue; /* newest first */
	_Atomic(struct db_pending *) close_request;
	atomic_size_t queued; /* statements in the queue or being written */
	atomic_uint_fast64_t writes, commits, commit_us_max;
	atomic_int_fast64_t ping_us;
};

/* The first member of a backend's transaction. */
struct db_tx {
	const struct db_backend *backend;
};

/* --- writer.c --- */

/* Start the thread; its end is writer_stop's business. */
NODISCARD enum err writer_start(struct db *db);

/* Ask the thread to write what is pending and end; wait for that. */
void writer_stop(struct db *db) AWAITS;

/* Queue a write, whose task's `run` is writer_done, and wait for it, however long it takes. */
void writer_push(struct db *db, struct db_pending *pending);
void writer_done(struct task *task);
enum err writer_await(struct db_pending *pending) AWAITS;

/* Count a commit that began at start_ns. */
void writer_committed(struct db *db, int64_t start_ns);

#endif
