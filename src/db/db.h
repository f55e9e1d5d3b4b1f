/* The database behind one face: reads from fibers, atomic writes, a feed of rows that a writer
 * thread commits in groups. Two backends: SQLite (WAL, synchronous=FULL) by default, and
 * PostgreSQL. Only the store room (and audit's feed) brings SQL, in words that both engines have.
 *
 * A write that returned OK is durable. Statements wait in a bounded queue (DB_QUEUE_MAX). */
#ifndef GATEHOUSE_DB_DB_H
#define GATEHOUSE_DB_DB_H

#include "base/arena.h"
#include "rt/loop.h"

struct db;
struct db_tx; /* the writer's open transaction, seen only by feeds and migrations */

enum db_engine { DB_SQLITE, DB_POSTGRES };

enum db_kind { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };
struct db_value {
	enum db_kind kind;
	int64_t num;
	struct str str;
};
#define DB_I(v) ((struct db_value){.kind = DB_INT, .num = (v)})
#define DB_T(s) ((struct db_value){.kind = DB_TEXT, .str = (s)})
#define DB_B(s) ((struct db_value){.kind = DB_BLOB, .str = (s)})
#define DB_N ((struct db_value){.kind = DB_NULL})

/* Whose rows a statement is about: a tenant's id, or DB_ALL_TENANTS where no tenant is known yet, for the
 * operator and for jobs. PostgreSQL shows it no other rows; SQLite takes no notice. */
#define DB_ALL_TENANTS STR("*")

struct db_statement {
	const char *sql; /* static text: statements are prepared once and kept; `?` parameters */
	const struct db_value *params;
	size_t count;
	int64_t changes_expected; /* -1 any; else another number rolls the whole write back (ERR_NOT_FOUND) */
};

struct db_rows {
	size_t rows, columns;
	struct db_value *cells; /* row by row */
};

/* Forward-only migrations, embedded; number 1 first, applied in one transaction each. */
struct db_migration {
	int number;
	const char *name;
	const char *sql; /* statements separated by ; */
};

/* How PostgreSQL is reached. Strings live as long as the database. */
struct db_server {
	const char *url;  /* postgresql://USER@HOST:PORT/NAME, postgresql:///NAME?host=/DIRECTORY; NULL: SQLite */
	const char *user; /* who connects instead of the URL's; NULL: the URL's */
	const char *replica_url;   /* for db_query_stale; NULL: none */
	const char *password_file; /* not open to others; NULL: no password */
	const char *ca_file;	   /* whom certificates must be from; NULL: as libpq does it */
	unsigned pool;		   /* connections a loop; 0: DB_CONNECTIONS_MAX */
	int64_t timeout_ms;	   /* for a statement; 0: DB_STATEMENT_MS */
	int64_t replica_lag_ms;	   /* what the replica may be behind; 0: DB_REPLICA_LAG_MS */
	bool unprepared;	   /* for poolers that cannot follow prepared statements */
};

struct db_spec {
	const char *directory;		       /* SQLite: gatehouse.db lies in it; made with 0700 if missing */
	const struct db_migration *migrations; /* in the engine's words */
	size_t migration_count;
	int64_t commit_ms; /* feeds are committed at most this much later */
	struct db_server server;
};

/* Open, start the writer thread. SQLite migrates its file; PostgreSQL's tables must be there
 * (`gatehouse migrate`; how far they are stands in gatehouse.schema_version).
 *   problem    (may be NULL) a sentence: what is wrong and what to do
 *   Errors     ERR_DB, ERR_DB_CORRUPT, ERR_CONFIG (the schema is of another version; a URL that cannot be right)
 *   Runs on    a fiber (files are opened on a worker thread) */
NODISCARD enum err db_open(const struct db_spec *spec, struct buf *problem, struct db **ret_db) AWAITS;

/* Which backend it is, where words differ after all. */
enum db_engine db_engine(const struct db *db);

/* Commit what is pending, checkpoint, close. */
void db_close(struct db *db) AWAITS;

/* Read from the latest committed state.
 *   scope      whose rows: see DB_ALL_TENANTS
 *   ret_rows   in `arena`
 *   Errors     ERR_DB, ERR_LIMIT (more than DB_ROWS_MAX), ERR_BUSY, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err db_query(struct db *db, struct str scope, struct arena *arena, const char *sql,
			    const struct db_value *params, size_t count, struct db_rows **ret_rows) AWAITS;

/* The same for searches and reports, which may come from a read replica a moment (replica_lag_ms) behind; from the
 * primary when the replica is away, silent or farther behind. */
NODISCARD enum err db_query_stale(struct db *db, struct str scope, struct arena *arena, const char *sql,
				  const struct db_value *params, size_t count, struct db_rows **ret_rows) AWAITS;

/* Run the statements atomically and wait for the commit. With SQLite several callers' writes
 * share one commit; one that fails is rolled back alone.
 *   Errors     ERR_EXISTS (unique constraint), ERR_NOT_FOUND (changes_expected), ERR_DB, ERR_BUSY,
 *              ERR_CANCELED only before the write was queued */
NODISCARD enum err db_write(struct db *db, struct str scope, const struct db_statement *statements, size_t count)
	AWAITS;

/* Take what was deleted out of the files: overwritten pages reach the database file, and the write-ahead log, which
 * still has the old ones, becomes empty. PostgreSQL's vacuum does that by itself: nothing to do.
 *   Errors     ERR_BUSY (somebody still reads an older state; try again), ERR_DB */
NODISCARD enum err db_scrub(struct db *db) AWAITS;

/* A feed: rows from elsewhere that ride on the writer's commits. The writer calls `drain`
 * inside a transaction whenever commit_ms passed since the feed was rung, then `committed`
 * (or `failed`: the rows were rolled back and drain will see them again, later and later).
 *   pending    whether drain would find rows; asked outside of transactions, before sleeping
 *   settle     PostgreSQL only: the connection broke while it committed. Look, in a transaction of a new one,
 *              whether the rows of the last drain are there; `committed` or `failed` follows. Lock what drain
 *              locks first: the old transaction may not have ended.
 *   All of them run on the writer thread and must not block. */
struct db_feed {
	bool (*pending)(void *arg);
	enum err (*drain)(void *arg, struct db_tx *tx);
	void (*committed)(void *arg);
	void (*failed)(void *arg, enum err why);
	enum err (*settle)(void *arg, struct db_tx *tx, bool *ret_there);
	void *arg;
};
void db_feed_set(struct db *db, const struct db_feed *feed); /* before the first ring; one feed for now */

/* Take the feed away again: when this returns, none of its functions runs or will run. Rows it
 * still has are its owner's business. */
void db_feed_clear(struct db *db) AWAITS;

/* Tell the writer that the feed has rows. Costs a fence and one atomic load when the writer is
 * awake; publish the rows before.
 *   now        true: commit at once (strict durability)
 *   Runs on    any thread */
void db_feed_ring(struct db *db, bool now);

/* Run one prepared statement in the writer's transaction; read the first row of a query.
 *   Runs on    the writer thread, inside drain */
NODISCARD enum err db_tx_run(struct db_tx *tx, const char *sql, const struct db_value *params, size_t count);

/* A table that takes many rows at once, in each engine's fastest words; static. Cells are c0, c1, ... in SQLite;
 * PostgreSQL has an array of each column for a `?`. */
struct db_load {
	const char *sqlite;   /* INSERT INTO ... SELECT c0, c1, ... FROM db_rows */
	const char *postgres; /* INSERT INTO ... SELECT * FROM unnest(?, ?, ...) */
	const char *kinds; /* a letter for each column: i BIGINT, t TEXT, b BYTEA; what is not NULL is of that kind */
	size_t columns;	   /* DB_SOURCE_COLUMNS_MAX at most */
};

/* Insert many rows with one statement, which pulls them itself: a good third cheaper than a
 * statement a row.
 *   next       fills load->columns cells, whose bytes stay until the next call; false: no more
 *              rows. Must not use `tx`.
 *   Runs on    the writer thread, inside drain */
#define DB_SOURCE_COLUMNS_MAX 16
NODISCARD enum err db_tx_insert(struct db_tx *tx, const struct db_load *load,
				bool (*next)(void *arg, struct db_value *cells), void *arg);

/* As db_query, inside the transaction. */
NODISCARD enum err db_tx_query(struct db_tx *tx, struct arena *arena, const char *sql, const struct db_value *params,
			       size_t count, struct db_rows **ret_rows);

/* Which backend the transaction is of. */
enum db_engine db_tx_engine(const struct db_tx *tx);

struct db_stats {
	uint64_t writes, commits, queued, commit_us_max;
	int64_t ping_us;				 /* -1: the last one failed */
	uint64_t connections, connections_busy, waiting; /* the pools' of all loops; 0 with SQLite */
};

/* Counters since db_open.
 *   Runs on    any thread */
struct db_stats db_stats(struct db *db);

/* A trivial read, timed: for /health/ready. */
NODISCARD enum err db_ping(struct db *db, int64_t *ret_us) AWAITS;

#endif
