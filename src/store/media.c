/* Uploaded files as rows. They are looked for when somebody uploads, or a tool wants a file: nobody keeps them in
 * memory, and no cache hears of a change. A row is there before its file and goes before it, so that a file without a
 * row is nobody's. */
#include "store/media.h"

#include "store/cells.h"
#include "store/sealed_use.h"

#define COLUMNS "id, tenant_id, principal, place, name, mime, sha256, size, received, sealed, created_ms, expires_ms"
#define USED "coalesce(CAST(sum(size) AS bigint), 0)"

static struct media_row row_of(const struct db_value *cell)
{
	return (struct media_row){
		.id = cell_str(&cell[0]),
		.tenant_id = cell_str(&cell[1]),
		.principal = cell_str(&cell[2]),
		.place = cell_str(&cell[3]),
		.name = cell_str(&cell[4]),
		.mime = cell_str(&cell[5]),
		.sha256 = cell_str(&cell[6]),
		.size = cell_int(&cell[7]),
		.received = cell_int(&cell[8]),
		.sealed = cell_str(&cell[9]),
		.created_ms = cell_int(&cell[10]),
		.expires_ms = cell_int(&cell[11]),
	};
}

AWAITS enum err media_row_used(struct db *db, struct str tenant_id, int64_t *ret_bytes)
{
	AUTO(arena) *arena = arena_new(16 * 1024);
	struct db_rows *rows;

	TRY(db_query(db, scope_of(tenant_id), arena, "SELECT " USED " FROM media WHERE tenant_id = ?",
		     CELLS(cell_text(tenant_id)), 1, &rows));
	*ret_bytes = cell_int(rows->cells);
	return OK;
}

AWAITS static enum err is_full(struct db *db, const struct media_row *row, int64_t quota_bytes)
{
	AUTO(arena) *arena = arena_new(16 * 1024);
	struct db_rows *rows;

	TRY(db_query(db, scope_of(row->tenant_id), arena, "SELECT count(*), " USED " FROM media WHERE tenant_id = ?",
		     CELLS(cell_text(row->tenant_id)), 1, &rows));
	return cell_int(&rows->cells[0]) >= MEDIA_PER_TENANT_MAX || cell_int(&rows->cells[1]) > quota_bytes - row->size
		       ? ERR_LIMIT
		       : ERR_NOT_FOUND;
}

AWAITS enum err media_row_insert(struct db *db, const struct media_row *row, int64_t quota_bytes)
{
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO media (" COLUMNS ") SELECT ?, ?, ?, ?, ?, ?, '', ?, 0, ?, ?, ?"
			  " WHERE (SELECT count(*) FROM media WHERE tenant_id = ?) < ?"
			  " AND (SELECT " USED " FROM media WHERE tenant_id = ?) <= ?",
			  1, DB_T(row->id), cell_text(row->tenant_id), DB_T(row->principal), cell_text(row->place),
			  DB_T(row->name), DB_T(row->mime), DB_I(row->size), DB_B(row->sealed), DB_I(row->created_ms),
			  DB_I(row->expires_ms), cell_text(row->tenant_id), DB_I(MEDIA_PER_TENANT_MAX),
			  cell_text(row->tenant_id), DB_I(quota_bytes - row->size)),
		SEALED_USE(row->tenant_id, row->sealed),
	};
	/* Nobody's keys are not the vault's. */
	size_t count = ARRAY_LEN(statements) - (row->tenant_id.n == 0);
	enum err err;

	if (row->sealed.n > MEDIA_SEALED_BYTES_MAX || row->size > quota_bytes)
		return ERR_LIMIT;
	err = db_write(db, scope_of(row->tenant_id), statements, count);
	return err == ERR_NOT_FOUND ? is_full(db, row, quota_bytes) : err;
}

static enum err take_one(const struct db_rows *rows, struct media_row *ret_row)
{
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_row = row_of(rows->cells);
	return OK;
}

AWAITS enum err media_row_get(struct db *db, struct arena *arena, struct str tenant_id, struct str id, int64_t now_ms,
			      struct media_row *ret_row)
{
	struct db_rows *rows;

	TRY(db_query(db, scope_of(tenant_id), arena,
		     "SELECT " COLUMNS " FROM media WHERE id = ? AND expires_ms > ? AND tenant_id = ?",
		     CELLS(DB_T(id), DB_I(now_ms), cell_text(tenant_id)), 3, &rows));
	return take_one(rows, ret_row);
}

/* Scope: an address is good for whoever has it, and names no tenant. */
AWAITS enum err media_row_find(struct db *db, struct arena *arena, struct str id, int64_t now_ms,
			       struct media_row *ret_row)
{
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT " COLUMNS " FROM media WHERE id = ? AND expires_ms > ?",
		     CELLS(DB_T(id), DB_I(now_ms)), 2, &rows));
	return take_one(rows, ret_row);
}

AWAITS enum err media_row_advance(struct db *db, struct str tenant_id, struct str id, int64_t from, int64_t to)
{
	const struct db_statement statement =
		STATEMENT("UPDATE media SET received = ? WHERE id = ? AND tenant_id = ? AND received = ?", 1, DB_I(to),
			  DB_T(id), cell_text(tenant_id), DB_I(from));

	return db_write(db, scope_of(tenant_id), &statement, 1);
}

AWAITS enum err media_row_finish(struct db *db, struct str tenant_id, struct str id, struct str mime, struct str sha256)
{
	const struct db_statement statement =
		STATEMENT("UPDATE media SET mime = ?, sha256 = ? WHERE id = ? AND tenant_id = ? AND received = size", 1,
			  DB_T(mime), DB_T(sha256), DB_T(id), cell_text(tenant_id));

	return db_write(db, scope_of(tenant_id), &statement, 1);
}

AWAITS enum err media_row_list(struct db *db, struct arena *arena, struct str tenant_id, struct str principal,
			       int64_t now_ms, size_t limit, struct media_row **ret_rows, size_t *ret_count)
{
	struct media_row *found;
	struct db_rows *rows;

	TRY(db_query(db, scope_of(tenant_id), arena,
		     "SELECT " COLUMNS " FROM media WHERE tenant_id = ? AND principal = ? AND expires_ms > ?"
		     " ORDER BY id DESC LIMIT ?",
		     CELLS(cell_text(tenant_id), DB_T(principal), DB_I(now_ms), DB_I((int64_t)limit)), 4, &rows));
	found = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*found));
	if (found == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++) {
		found[i] = row_of(&rows->cells[i * rows->columns]);
		found[i].sealed = STR_NONE;
	}
	*ret_rows = found;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err media_row_delete(struct db *db, struct str tenant_id, struct str id)
{
	const struct db_statement statement =
		STATEMENT("DELETE FROM media WHERE id = ? AND tenant_id = ?", 1, DB_T(id), cell_text(tenant_id));

	return db_write(db, scope_of(tenant_id), &statement, 1);
}

/* Scope: a job, over all tenants. */
AWAITS enum err media_row_sweep(struct db *db, int64_t now_ms, size_t *ret_count)
{
	AUTO(arena) *arena = arena_new(16 * 1024);
	const struct db_statement statement =
		STATEMENT("DELETE FROM media WHERE id IN (SELECT id FROM media WHERE expires_ms <= ? LIMIT ?)", -1,
			  DB_I(now_ms), DB_I(MEDIA_SWEEP_ROWS));
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT count(*) FROM media WHERE expires_ms <= ?", CELLS(DB_I(now_ms)),
		     1, &rows));
	*ret_count = (size_t)cell_int(rows->cells);
	if (*ret_count > MEDIA_SWEEP_ROWS)
		*ret_count = MEDIA_SWEEP_ROWS;
	return *ret_count == 0 ? OK : db_write(db, DB_ALL_TENANTS, &statement, 1);
}

/* Scope: as media_row_sweep. */
AWAITS enum err media_row_exists(struct db *db, struct str id, bool *ret_there)
{
	AUTO(arena) *arena = arena_new(16 * 1024);
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT 1 FROM media WHERE id = ?", CELLS(DB_T(id)), 1, &rows));
	*ret_there = rows->rows > 0;
	return OK;
}
