/* Calls of tools as rows: a unique index over keys decides which of two calls came first. Each row that is written
 * removes what has expired, by an index; retention sweeps tenants that make no more calls. */
#include "store/tool_run.h"

#include "base/check.h"
#include "store/cells.h"
#include "store/sealed_use.h"

#define COLUMNS "id, upstream, tool, key, digest, state, until_ms, sealed, created_ms"
enum { COLUMN_COUNT = 9 };

static const char *const states[] = {
	[TOOL_RUN_WORKING] = "working",
	[TOOL_RUN_SENDING] = "sending",
	[TOOL_RUN_DONE] = "done",
};

/* What cannot be read was sent, for all we know. */
static enum tool_run_state state_of(struct str name)
{
	for (enum tool_run_state state = TOOL_RUN_WORKING; state <= TOOL_RUN_DONE; state++)
		if (str_eq(name, str_of(states[state])))
			return state;
	return TOOL_RUN_SENDING;
}

static struct db_value bytes(const uint8_t digest[TOOL_RUN_DIGEST_BYTES])
{
	return DB_B(((struct str){(const char *)digest, TOOL_RUN_DIGEST_BYTES}));
}

AWAITS enum err tool_run_begin(struct db *db, const struct tool_run *run, int64_t now_ms)
{
	const struct db_statement statements[] = {
		STATEMENT("DELETE FROM tool_run WHERE tenant_id = ? AND created_ms < ?", -1, DB_T(run->tenant_id),
			  DB_I(now_ms - TOOL_RUN_LIFE_MS)),
		STATEMENT("DELETE FROM tool_run WHERE tenant_id = ? AND principal = ? AND key = ? AND key <> ''"
			  " AND state = 'working' AND until_ms < ?",
			  -1, DB_T(run->tenant_id), DB_T(run->principal), cell_text(run->key), DB_I(now_ms)),
		STATEMENT(
			"INSERT INTO tool_run (id, tenant_id, principal, upstream, tool, key, digest, state, until_ms,"
			" created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			1, DB_T(run->id), DB_T(run->tenant_id), DB_T(run->principal), DB_T(run->upstream),
			DB_T(run->tool), cell_text(run->key), bytes(run->digest), DB_T(str_of(states[run->state])),
			DB_I(run->until_ms), DB_I(run->created_ms)),
	};

	return db_write(db, scope_of(run->tenant_id), statements, ARRAY_LEN(statements));
}

static enum err read_row(const struct db_rows *rows, struct str tenant_id, struct str principal,
			 struct tool_run *ret_run)
{
	const struct db_value *cell = rows->cells;

	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	CHECK(rows->columns == COLUMN_COUNT);
	*ret_run = (struct tool_run){
		.id = cell_str(&cell[0]),
		.tenant_id = tenant_id,
		.principal = principal,
		.upstream = cell_str(&cell[1]),
		.tool = cell_str(&cell[2]),
		.key = cell_str(&cell[3]),
		.state = state_of(cell_str(&cell[5])),
		.until_ms = cell_int(&cell[6]),
		.sealed = cell_str(&cell[7]),
		.created_ms = cell_int(&cell[8]),
	};
	cell_bytes(&cell[4], ret_run->digest, sizeof(ret_run->digest));
	return OK;
}

AWAITS enum err tool_run_of_key(struct db *db, struct arena *arena, struct str tenant_id, struct str principal,
				struct str key, struct tool_run *ret_run)
{
	struct db_rows *rows;

	TRY(db_query(db, scope_of(tenant_id), arena,
		     "SELECT " COLUMNS " FROM tool_run WHERE tenant_id = ? AND principal = ? AND key = ? AND key <> ''",
		     CELLS(DB_T(tenant_id), DB_T(principal), DB_T(key)), 3, &rows));
	return read_row(rows, tenant_id, principal, ret_run);
}

AWAITS enum err tool_run_alike(struct db *db, struct arena *arena, struct str tenant_id, struct str principal,
			       const uint8_t digest[TOOL_RUN_DIGEST_BYTES], int64_t now_ms, struct tool_run *ret_run)
{
	struct db_rows *rows;

	TRY(db_query(
		db, scope_of(tenant_id), arena,
		"SELECT " COLUMNS " FROM tool_run WHERE tenant_id = ? AND principal = ? AND digest = ? AND key = ''"
		" AND created_ms >= ? ORDER BY created_ms LIMIT 1",
		CELLS(DB_T(tenant_id), DB_T(principal), bytes(digest), DB_I(now_ms - TOOL_RUN_LIFE_MS)), 4, &rows));
	return read_row(rows, tenant_id, principal, ret_run);
}

AWAITS enum err tool_run_sending(struct db *db, struct str tenant_id, struct str id, int64_t until_ms)
{
	const struct db_statement statement = STATEMENT(
		"UPDATE tool_run SET state = 'sending', until_ms = ? WHERE id = ?", 1, DB_I(until_ms), DB_T(id));

	return db_write(db, scope_of(tenant_id), &statement, 1);
}

AWAITS enum err tool_run_finish(struct db *db, struct str tenant_id, struct str id, struct str sealed)
{
	const struct db_statement statements[] = {
		STATEMENT("UPDATE tool_run SET state = 'done', sealed = ? WHERE id = ?", 1,
			  DB_B(sealed.n == 0 ? STR("") : sealed), DB_T(id)),
		SEALED_USE(tenant_id, sealed),
	};

	return db_write(db, scope_of(tenant_id), statements, sealed.n == 0 ? 1 : ARRAY_LEN(statements));
}

AWAITS enum err tool_run_forget(struct db *db, struct str tenant_id, struct str id)
{
	const struct db_statement statement = STATEMENT("DELETE FROM tool_run WHERE id = ?", -1, DB_T(id));

	return db_write(db, scope_of(tenant_id), &statement, 1);
}
