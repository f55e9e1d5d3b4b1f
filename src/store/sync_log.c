/* Runs of background work as rows. An index over open runs (ended_ms = 0) lets one of a tenant and platform be under
 * way; who finds it taken does nothing. Changes name the open row, so a run that was given up by another writes
 * nothing more. */
#include "store/sync_log.h"

#include "store/cells.h"

#define COLUMNS                                                                                                        \
	"id, tenant_id, platform, place, driver, started_ms, ended_ms, held_ms, again_ms, outcome, steps_done,"        \
	" steps_total, reports, rows, bytes, error"
#define OPEN_ROW " WHERE tenant_id = ? AND id = ? AND ended_ms = 0"

static struct sync_log from_row(const struct db_value *cell)
{
	return (struct sync_log){
		.id = cell_str(&cell[0]),
		.tenant_id = cell_str(&cell[1]),
		.platform = cell_str(&cell[2]),
		.place = cell_str(&cell[3]),
		.driver = cell_str(&cell[4]),
		.started_ms = cell_int(&cell[5]),
		.ended_ms = cell_int(&cell[6]),
		.held_ms = cell_int(&cell[7]),
		.again_ms = cell_int(&cell[8]),
		.outcome = cell_str(&cell[9]),
		.steps_done = cell_int(&cell[10]),
		.steps_total = cell_int(&cell[11]),
		.reports = cell_int(&cell[12]),
		.rows = cell_int(&cell[13]),
		.bytes = cell_int(&cell[14]),
		.error = cell_str(&cell[15]),
	};
}

/* At most `bytes_max` bytes, and no half of a character. */
static struct db_value cut(struct str text, size_t bytes_max)
{
	size_t n = text.n < bytes_max ? text.n : bytes_max;

	while (n > 0 && n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return cell_text((struct str){text.p, n});
}

AWAITS enum err sync_log_open(struct db *db, struct arena *arena, const struct sync_log *run, struct sync_log *ret_run)
{
	const struct db_statement statements[] = {
		STATEMENT("UPDATE sync_log SET ended_ms = ?, outcome = 'abandoned' WHERE tenant_id = ? AND platform = ?"
			  " AND ended_ms = 0 AND id <> ? AND held_ms < ?",
			  -1, DB_I(run->started_ms), DB_T(run->tenant_id), DB_T(run->platform), DB_T(run->id),
			  DB_I(run->started_ms)),
		STATEMENT("INSERT INTO sync_log (id, tenant_id, platform, driver, started_ms, held_ms, outcome,"
			  " steps_total) VALUES (?, ?, ?, ?, ?, ?, 'running', ?) ON CONFLICT DO NOTHING",
			  -1, DB_T(run->id), DB_T(run->tenant_id), DB_T(run->platform), DB_T(run->driver),
			  DB_I(run->started_ms), DB_I(run->held_ms), DB_I(run->steps_total)),
		STATEMENT("UPDATE sync_log SET held_ms = ?, again_ms = 0, outcome = 'running'" OPEN_ROW, -1,
			  DB_I(run->held_ms), DB_T(run->tenant_id), DB_T(run->id)),
	};
	enum err err;

	TRY(db_write(db, scope_of(run->tenant_id), statements, ARRAY_LEN(statements)));
	err = sync_log_get(db, arena, run->tenant_id, run->id, ret_run);
	return err == ERR_NOT_FOUND ? ERR_BUSY : err;
}

AWAITS enum err sync_log_note(struct db *db, const struct sync_log *run)
{
	const struct db_value place = cut(run->place, SYNC_PLACE_BYTES_MAX);
	const struct db_value error = cut(run->error, SYNC_ERROR_BYTES_MAX);
	const struct db_statement statement = STATEMENT(
		"UPDATE sync_log SET held_ms = ?, steps_done = CASE WHEN steps_done < ? THEN ? ELSE steps_done END,"
		" reports = reports + ?, rows = rows + ?, bytes = bytes + ?,"
		" place = CASE WHEN ? = '' THEN place ELSE ? END, error = CASE WHEN error = '' THEN ? ELSE error "
		"END" OPEN_ROW,
		1, DB_I(run->held_ms), DB_I(run->steps_done), DB_I(run->steps_done), DB_I(run->reports),
		DB_I(run->rows), DB_I(run->bytes), place, place, error, DB_T(run->tenant_id), DB_T(run->id));

	return db_write(db, scope_of(run->tenant_id), &statement, 1);
}

AWAITS enum err sync_log_put_off(struct db *db, const struct sync_log *run)
{
	const struct db_statement statement =
		STATEMENT("UPDATE sync_log SET outcome = 'waiting', again_ms = ?, held_ms = ?" OPEN_ROW, 1,
			  DB_I(run->again_ms), DB_I(run->held_ms), DB_T(run->tenant_id), DB_T(run->id));

	return db_write(db, scope_of(run->tenant_id), &statement, 1);
}

AWAITS enum err sync_log_close(struct db *db, const struct sync_log *run)
{
	const struct db_statement statement =
		STATEMENT("UPDATE sync_log SET outcome = ?, ended_ms = ?, again_ms = 0,"
			  " steps_done = CASE WHEN steps_done < ? THEN ? ELSE steps_done END,"
			  " error = CASE WHEN error = '' THEN ? ELSE error END" OPEN_ROW,
			  1, DB_T(run->outcome), DB_I(run->ended_ms), DB_I(run->steps_done), DB_I(run->steps_done),
			  cut(run->error, SYNC_ERROR_BYTES_MAX), DB_T(run->tenant_id), DB_T(run->id));

	return db_write(db, scope_of(run->tenant_id), &statement, 1);
}

AWAITS enum err sync_log_get(struct db *db, struct arena *arena, struct str tenant_id, struct str id,
			     struct sync_log *ret_run)
{
	struct db_rows *rows;

	TRY(db_query(db, scope_of(tenant_id), arena,
		     "SELECT " COLUMNS " FROM sync_log WHERE id = ? AND (? = '' OR tenant_id = ?)",
		     CELLS(DB_T(id), cell_text(tenant_id), cell_text(tenant_id)), 3, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_run = from_row(rows->cells);
	return OK;
}

/* Two texts, so that each is walked along its own index. */
#define LIST(of)                                                                                                       \
	"SELECT " COLUMNS " FROM sync_log WHERE " of " AND (? = '' OR platform = ?) AND (? = '' OR outcome = ?)"       \
	" AND (started_ms, id) < (?, ?) ORDER BY started_ms DESC, id DESC LIMIT ?"

AWAITS enum err sync_log_list(struct db *db, struct arena *arena, const struct sync_log_query *query,
			      struct sync_log **ret_runs, size_t *ret_count)
{
	bool all = query->tenant_id.n == 0;
	struct sync_log *runs;
	struct db_rows *rows;

	TRY(db_query_stale(db, scope_of(query->tenant_id), arena, all ? LIST("? = ''") : LIST("tenant_id = ?"),
			   CELLS(cell_text(query->tenant_id), cell_text(query->platform), cell_text(query->platform),
				 cell_text(query->outcome), cell_text(query->outcome),
				 DB_I(query->before_ms == 0 ? INT64_MAX : query->before_ms),
				 cell_text(query->before_id), DB_I((int64_t)query->limit)),
			   8, &rows));
	runs = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*runs));
	if (runs == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		runs[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_runs = runs;
	*ret_count = rows->rows;
	return OK;
}
