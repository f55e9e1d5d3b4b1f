/* Months. The role that serves may neither make tables nor delete from the trail: functions of the owner do both, and
 * do nothing else (postgres_0002.c). SQLite has a trigger in their place: what the anchor does not cover is not
 * deleted.
 *
 * Scope: jobs, for all tenants. */
#include "store/partition.h"

#include "store/audit_search.h"
#include "store/cells.h"

#define ANSWER_ARENA_BYTES 4096
#define ANCHOR "(SELECT coalesce(max(seq), 0) FROM audit_anchor)"
#define CUT " FROM audit WHERE seq <= " ANCHOR

/* A function is called in a write: what reads may change nothing. Its answer stays there, so it is asked for before. */
AWAITS static enum err call(struct db *db, const char *sql, const struct db_value *params, size_t count)
{
	const struct db_statement statement = {.sql = sql, .params = params, .count = count, .changes_expected = -1};

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}

AWAITS enum err partition_prepare(struct db *db, int64_t now_ms)
{
	if (db_engine(db) == DB_SQLITE)
		return OK;
	return call(db, "SELECT partitions_make(?, ?)", CELLS(DB_I(now_ms), DB_I(PARTITION_MONTHS_AHEAD)), 2);
}

AWAITS static enum err count_archived(struct db *db, int64_t *ret_count)
{
	AUTO(arena) *arena = arena_new(ANSWER_ARENA_BYTES);
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT count(*)" CUT, NULL, 0, &rows));
	*ret_count = rows->rows == 1 ? cell_int(rows->cells) : 0;
	return OK;
}

AWAITS enum err partition_cut(struct db *db, size_t rows_max, int64_t *ret_gone)
{
	const struct db_value limit = DB_I((int64_t)rows_max);
	int64_t before, after;

	TRY(count_archived(db, &before));
	if (db_engine(db) == DB_SQLITE) {
		TRY(call(db, "DELETE FROM audit WHERE seq IN (SELECT seq" CUT " ORDER BY seq LIMIT ?)", &limit, 1));
		TRY(call(db, "DELETE FROM audit_block WHERE block < " ANCHOR " / ?", CELLS(DB_I(AUDIT_BLOCK_ROWS)), 1));
	} else {
		TRY(call(db, "SELECT audit_cut(?)", &limit, 1));
	}
	TRY(count_archived(db, &after));
	*ret_gone = before - after;
	return OK;
}
