/* What the files of the SQLite backend share: connections (sqlite_connection.c) and the
 * database object, whose parts belong to the writer (sqlite_writer.c) and to the readers
 * (sqlite_read.c). */
#ifndef GATEHOUSE_DB_SQLITE_PRIVATE_H
#define GATEHOUSE_DB_SQLITE_PRIVATE_H

#include <sqlite3.h>

#include "db/db_private.h"

#define SQL_MAGIC 0x73716c63u
#define SQL_CACHE_MAX 64 /* prepared statements a connection; the store has fewer texts than that */
#define DB_READERS_MAX 4 /* read connections: as many as worker threads that are likely to read at once */
#define DB_BUSY_MS 5000	 /* how long another process may hold the write lock */

/* One SQLite handle, used by one thread at a time. */
struct sql {
	uint32_t magic;
	sqlite3 *handle;
	struct {
		const char *text; /* static: compared by address */
		sqlite3_stmt *stmt;
	} cache[SQL_CACHE_MAX];
	unsigned cached;
	unsigned victim;	   /* the next to make room, once the cache is full */
	struct sql_source *source; /* what `FROM db_rows` reads now; NULL outside of sql_insert */
	int64_t busy_since_ms;	   /* on clock_ms(): since when we wait for a lock */
};

struct sql_source {
	bool (*next)(void *arg, struct db_value *cells);
	void *arg;
	bool done;
	struct db_value cells[DB_SOURCE_COLUMNS_MAX];
};

enum sql_mode { SQL_READ, SQL_WRITE };

/* Open an existing file with the house's settings.
 *   problem    may be NULL
 *   Errors     ERR_DB, ERR_DB_CORRUPT, ERR_BUSY */
NODISCARD enum err sql_open(const char *path, enum sql_mode mode, struct buf *problem, struct sql **ret_sql);
void sql_close(struct sql *sql);

/* SQLite's own words about the last failure, for problems shown to the operator. */
const char *sql_problem(const struct sql *sql);

/* Statements without parameters, separated by `;`. */
NODISCARD enum err sql_exec(struct sql *sql, const char *text);

/* One prepared statement; rows it returns are ignored.
 *   ret_changes  may be NULL */
NODISCARD enum err sql_run(struct sql *sql, const char *text, const struct db_value *params, size_t count,
			   int64_t *ret_changes);
NODISCARD enum err sql_query(struct sql *sql, struct arena *arena, const char *text, const struct db_value *params,
			     size_t count, struct db_rows **ret_rows);

/* The first column of the first row of a statement without parameters. */
NODISCARD enum err sql_int(struct sql *sql, const char *text, int64_t *ret_value);

/* Make `db_rows` known to the connection; run a statement that reads from it. sqlite_source.c */
NODISCARD enum err sql_source_register(struct sql *sql);
NODISCARD enum err sql_insert(struct sql *sql, const char *text, struct sql_source *source);

/* Bring the file up to date. sqlite_migrate.c
 *   Errors     ERR_CONFIG (a newer or foreign file), ERR_DB, ... */
NODISCARD enum err sql_migrate(struct sql *sql, const struct db_spec *spec, struct buf *problem);

struct sqlite_tx {
	struct db_tx base;
	struct sql *sql;
};

struct sqlite {
	struct db base;
	char *path;
	struct sql *writer; /* the writer thread's */

	/* the readers', under the lock */
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct sql *idle[DB_READERS_MAX];
	unsigned idle_count, open_count;
};

static inline struct sqlite *sqlite_of(struct db *base)
{
	return CONTAINER_OF(base, struct sqlite, base);
}

/* sqlite_writer.c's part of the backend. */
enum err sqlite_write(struct db *base, struct str scope, const struct db_statement *statements, size_t count) AWAITS;
enum err sqlite_scrub(struct db *base) AWAITS;
enum err sqlite_tx_run(struct db_tx *base, const char *sql, const struct db_value *params, size_t count);
enum err sqlite_tx_query(struct db_tx *base, struct arena *arena, const char *sql, const struct db_value *params,
			 size_t count, struct db_rows **ret_rows);
enum err sqlite_tx_insert(struct db_tx *base, const struct db_load *load,
			  bool (*next)(void *arg, struct db_value *cells), void *arg);

/* On the writer thread; see struct db_backend. */
NODISCARD enum err sqlite_transact(struct db *base, struct db_pending *writes, bool with_feed, enum db_fate *ret_fate);
void sqlite_writer_end(struct db *base);

/* sqlite_read.c's. */
enum err sqlite_query(struct db *base, const struct db_question *question, struct db_rows **ret_rows) AWAITS;
enum err sqlite_ping(struct db *base, int64_t *ret_us) AWAITS;

/* Close the idle read connections; nobody may be reading any more. */
void readers_close(struct sqlite *db);

#endif
