/* What the files of the PostgreSQL backend share above postgres_words.h: connections and their pools,
 * which live on loops; connections of threads that block; the database object. */
#ifndef GATEHOUSE_DB_POSTGRES_PRIVATE_H
#define GATEHOUSE_DB_POSTGRES_PRIVATE_H

#include "db/postgres_words.h"

#define PG_POOL_WAITERS_MAX 1024 /* fibers of a loop that wait for a connection */
#define PG_CONNECT_MS 3000	 /* to get a connection, names and TLS included */
#define PG_GRACE_MS 2000	 /* a server that does not stop a statement in time is gone */
#define PG_BACKOFF_MS_MIN 50	 /* between attempts to connect, doubling, with jitter */
#define PG_BACKOFF_MS_MAX 1000	 /* recovery is to be seen in less than 5 s */
#define PG_ATTEMPTS_MAX 3	 /* of a statement that may be repeated */
#define PG_REPLICA_AGAIN_MS 1000 /* a replica that is behind is asked again so much later */
#define PG_REPLICA_MS 10000	 /* a replica that does not answer in this time: the primary */

/* --- postgres_connection.c: one connection on a loop --- */

struct pg_pool;

enum pg_state { PG_CONNECTING, PG_IDLE, PG_BUSY, PG_DRAINING };

struct pg_step {
	struct pg_prepared *prepares; /* it prepares this one */
	struct pg_text *text;	      /* what is run or prepared */
	struct pg_reader *reader;     /* rows are wanted */
	int64_t changes_expected;
	bool begun, sync;
};

struct pg_conn {
	uint32_t magic;
	struct list link, pool_link; /* among the pool's idle ones, among all of them */
	struct pg_pool *pool;
	PGconn *pq;
	struct fd_watch *watch;
	enum pg_state state;
	enum err broken; /* why it is of no more use */
	struct wait *waiter;
	struct timer timer; /* the end of patience with what is under way */

	/* the commands under way, in order */
	struct pg_step *steps;
	size_t step_at, step_count, steps_capacity;
	enum err err; /* of the first that failed */
	enum pg_remedy remedy;

	struct pg_cache cache;
};

/* Connect, in pipeline mode.
 *   Errors     ERR_DB (said in the log), ERR_CANCELED, ERR_TIMEOUT (the fiber's) */
NODISCARD enum err pg_conn_new(struct pg_pool *pool, struct pg_conn **ret_conn) AWAITS;
void pg_conn_free(struct pg_conn *conn);

/* Commands: begin, add, sync, finish. Nothing fails before pg_finish.
 *   timeout_ms  until the connection is given up */
void pg_begin(struct pg_conn *conn, int64_t timeout_ms);
void pg_add(struct pg_conn *conn, const struct db_statement *statement, struct pg_reader *reader);
void pg_sync(struct pg_conn *conn);

/* Wait until everything was answered. Canceled, or out of time: the answers still to come go nowhere.
 *   Errors     of the first command that failed; ERR_CLOSED, ERR_TIMEOUT (conn->broken), ERR_CANCELED */
NODISCARD enum err pg_finish(struct pg_conn *conn) AWAITS;

/* --- postgres_pool.c: the connections of one loop --- */

struct pg_pool {
	uint32_t magic;
	const struct pg_address *address;
	bool unprepared, replica;
	struct gate gate;
	struct list idle, all;
	int64_t retry_at_ms, backoff_ms; /* 0: the server is there, for all we know */
	bool probing;			 /* somebody finds out whether it is back */
	int64_t behind_until_ms;	 /* a replica that was too far behind is not asked before */
	atomic_uint open, busy, waiting;
	struct pg_texts texts;
};

/* At most so many connections; none yet. Freed on its loop once nobody waits or has one.
 *   address    must outlive it */
struct pg_pool *pg_pool_new(const struct pg_address *address, unsigned connections, bool unprepared);
void pg_pool_free(struct pg_pool *pool);

/* A connection for one transaction.
 *   Errors     ERR_BUSY (the server is known to be away, or too many wait), ERR_DB, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err pg_pool_take(struct pg_pool *pool, struct pg_conn **ret_conn) AWAITS;
void pg_pool_give(struct pg_conn *conn);

/* The connection is idle again, or done for: after pg_pool_give, or when what it drained is through. */
void pg_pool_back(struct pg_conn *conn);

/* --- postgres_link.c: a connection of a thread that may block, for the writer and for the owner's commands --- */

struct pg_link {
	PGconn *pq;
	int64_t timeout_ms; /* for each command */
	bool unprepared;
	enum pg_remedy remedy; /* of the last command that failed */
	struct pg_cache cache;
	struct pg_texts texts;
	struct buf copy_piece;			  /* rows of a COPY that were not handed over yet */
	struct buf arrays[DB_SOURCE_COLUMNS_MAX]; /* of a load, by column */
	int64_t copy_until_ms;			  /* the whole COPY's end of patience */
};

/* Connect.
 *   problem    (may be NULL) libpq's words
 *   Errors     ERR_DB
 *   Runs on    a thread that may block, as all of these */
NODISCARD enum err pg_link_open(const struct pg_address *address, bool unprepared, struct buf *problem,
				struct pg_link **ret_link);
void pg_link_close(struct pg_link *link);

/* Statements without parameters, separated by `;`; the words of what went wrong. */
NODISCARD enum err pg_link_exec(struct pg_link *link, const char *text);
const char *pg_link_problem(const struct pg_link *link);

/* One statement; rows and changes may be NULL. */
NODISCARD enum err pg_link_run(struct pg_link *link, const struct db_statement *statement, struct pg_reader *reader);

/* A statement whose text is made for the occasion: nothing of it is kept. */
NODISCARD enum err pg_link_ask(struct pg_link *link, const struct db_statement *statement, struct pg_reader *reader);

/* A static text with values made elsewhere. */
NODISCARD enum err pg_link_send(struct pg_link *link, const char *sql, const struct pg_values *values);

/* COPY ... FROM STDIN (FORMAT binary): begin, row by row, end. */
NODISCARD enum err pg_link_copy_begin(struct pg_link *link, const char *sql);
NODISCARD enum err pg_link_copy_row(struct pg_link *link, const struct db_value *cells, size_t count);
NODISCARD enum err pg_link_copy_end(struct pg_link *link);

/* postgres_load.c: all rows that `next` has, in as few statements as their bytes allow. */
NODISCARD enum err pg_link_load(struct pg_link *link, const struct db_load *load,
				bool (*next)(void *arg, struct db_value *cells), void *arg);

/* --- the database --- */

struct postgres {
	struct db base;
	struct pg_address *address, *replica;
	unsigned connections;
	int64_t timeout_ms, replica_lag_ms;
	bool unprepared;
	struct pg_link *link;				  /* the writer thread's; NULL: connect first */
	_Atomic(struct pg_pool *) *pools, *replica_pools; /* by loop_index; each made by its loop */
};

static inline struct postgres *postgres_of(struct db *base)
{
	return CONTAINER_OF(base, struct postgres, base);
}

/* postgres_query.c */
enum err postgres_query(struct db *base, const struct db_question *question, struct db_rows **ret_rows) AWAITS;
enum err postgres_write(struct db *base, struct str scope, const struct db_statement *statements, size_t count) AWAITS;
enum err postgres_ping(struct db *base, int64_t *ret_us) AWAITS;

/* postgres_writer.c */
enum err postgres_transact(struct db *base, struct db_pending *writes, bool with_feed, enum db_fate *ret_fate);
void postgres_writer_end(struct db *base);
enum err postgres_tx_run(struct db_tx *base, const char *sql, const struct db_value *params, size_t count);
enum err postgres_tx_query(struct db_tx *base, struct arena *arena, const char *sql, const struct db_value *params,
			   size_t count, struct db_rows **ret_rows);
enum err postgres_tx_insert(struct db_tx *base, const struct db_load *load,
			    bool (*next)(void *arg, struct db_value *cells), void *arg);

#endif
