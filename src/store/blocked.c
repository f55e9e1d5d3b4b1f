/* Blocked addresses as rows. Each write bumps the generation: gateways read the whole list again then. Rows whose
 * time is over do nothing, and go when new ones come or with the retention job.
 *
 * Scope: Addresses are blocked for the whole installation. */
#include "store/blocked.h"

#include "store/cells.h"

#define COLUMNS "prefix, reason, created_ms, until_ms"
#define COUNT_ARENA_BYTES 4096

static struct blocked from_row(const struct db_value *cell)
{
	return (struct blocked){
		.prefix = cell_str(&cell[0]),
		.reason = cell_str(&cell[1]),
		.created_ms = cell_int(&cell[2]),
		.until_ms = cell_int(&cell[3]),
	};
}

/* Whether one more fits: two writers at once may go over by one, which harms nobody. */
AWAITS static enum err room_for(struct db *db, struct str prefix, int64_t now_ms)
{
	AUTO(arena) *arena = arena_new(COUNT_ARENA_BYTES);
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena,
		     "SELECT count(*) FROM blocked WHERE prefix <> ? AND (until_ms = 0 OR until_ms > ?)",
		     CELLS(DB_T(prefix), DB_I(now_ms)), 2, &rows));
	return rows->rows == 1 && cell_int(&rows->cells[0]) < BLOCKED_MAX ? OK : ERR_LIMIT;
}

AWAITS enum err blocked_put(struct db *db, const struct blocked *blocked)
{
	const struct db_statement statements[] = {
		STATEMENT("DELETE FROM blocked WHERE until_ms > 0 AND until_ms <= ?", -1, DB_I(blocked->created_ms)),
		STATEMENT("INSERT INTO blocked (" COLUMNS ") VALUES (?, ?, ?, ?) ON CONFLICT (prefix) DO UPDATE"
			  " SET reason = excluded.reason, until_ms = excluded.until_ms",
			  1, DB_T(blocked->prefix), DB_T(blocked->reason), DB_I(blocked->created_ms),
			  DB_I(blocked->until_ms)),
		GENERATION_BUMP,
	};

	TRY(room_for(db, blocked->prefix, blocked->created_ms));
	return db_write(db, DB_ALL_TENANTS, statements, ARRAY_LEN(statements));
}

AWAITS enum err blocked_get(struct db *db, struct arena *arena, struct str prefix, struct blocked *ret_blocked)
{
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT " COLUMNS " FROM blocked WHERE prefix = ?", CELLS(DB_T(prefix)),
		     1, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_blocked = from_row(rows->cells);
	return OK;
}

AWAITS enum err blocked_list(struct db *db, struct arena *arena, struct str after, size_t limit,
			     struct blocked **ret_blocked, size_t *ret_count)
{
	struct db_rows *rows;
	struct blocked *blocked;

	TRY(db_query(db, DB_ALL_TENANTS, arena,
		     "SELECT " COLUMNS " FROM blocked WHERE prefix > ? ORDER BY prefix LIMIT ?",
		     CELLS(DB_T(after), DB_I((int64_t)limit)), 2, &rows));
	blocked = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*blocked));
	if (blocked == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		blocked[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_blocked = blocked;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err blocked_delete(struct db *db, struct str prefix)
{
	const struct db_statement statements[] = {
		STATEMENT("DELETE FROM blocked WHERE prefix = ?", 1, DB_T(prefix)),
		GENERATION_BUMP,
	};

	return db_write(db, DB_ALL_TENANTS, statements, ARRAY_LEN(statements));
}
