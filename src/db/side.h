/* A side database: an SQLite file of its own for what can be made anew from elsewhere, such as a search index. It has
 * no writer thread and no migrations: a file of another number, or a damaged one, is deleted and begun again.
 *
 * All functions block: they run on worker threads, and one at a time for each struct side. */
#ifndef GATEHOUSE_DB_SIDE_H
#define GATEHOUSE_DB_SIDE_H

#include "db/db.h"

struct side;

/* Open for writing; made with mode 0600 if it is missing.
 *   schema     statements separated by `;`, for a new file
 *   number     of the schema; not 0
 *   Errors     ERR_DB, ERR_BUSY (another process writes) */
NODISCARD enum err side_open(const char *path, const char *schema, int number, struct side **ret_side);

/* A second connection, for reading while the first one writes. */
NODISCARD enum err side_open_reader(const char *path, struct side **ret_side);

/* NULL is fine. */
void side_close(struct side *side);
DEFINE_AUTO(side, side_close);

/* One statement, as db_write and db_query take it: static text, prepared once. "BEGIN IMMEDIATE", "COMMIT" and
 * "ROLLBACK" are statements too.
 *   ret_changes  may be NULL
 *   Errors       ERR_EXISTS, ERR_LIMIT (the arena, DB_ROWS_MAX), ERR_BUSY, ERR_DB, ERR_DB_CORRUPT */
NODISCARD enum err side_run(struct side *side, const char *sql, const struct db_value *params, size_t count,
			    int64_t *ret_changes);
NODISCARD enum err side_query(struct side *side, struct arena *arena, const char *sql, const struct db_value *params,
			      size_t count, struct db_rows **ret_rows);

/* The row that the last INSERT made. */
int64_t side_last_id(const struct side *side);

#endif
