/* Idempotency keys as rows: the primary key decides which of two requests came first. A row is taken over when its
 * request must have died with its process. Each key taken removes the expired ones, by an index: the table holds a
 * day's, and no job has to come. */
#include "store/idempotency.h"

#include "base/check.h"
#include "store/cells.h"

static struct db_value bytes(const uint8_t digest[32])
{
	return DB_B(((struct str){(const char *)digest, 32}));
}

AWAITS static enum err find(struct db *db, struct arena *arena, struct str tenant_id, struct str principal,
			    struct str key, struct idempotency *ret_kept)
{
	struct db_rows *rows;

	TRY(db_query(db, scope_of(tenant_id), arena,
		     "SELECT digest, status, answer FROM idempotency WHERE principal = ? AND key = ?",
		     CELLS(DB_T(principal), DB_T(key)), 2, &rows));
	if (rows->rows == 0)
		return ERR_BUSY; /* it was given back just now */
	*ret_kept = (struct idempotency){.status = (int)cell_int(&rows->cells[1]), .answer = cell_str(&rows->cells[2])};
	cell_bytes(&rows->cells[0], ret_kept->digest, sizeof(ret_kept->digest));
	return ERR_EXISTS;
}

AWAITS enum err idempotency_begin(struct db *db, struct arena *arena, struct str tenant_id, struct str principal,
				  struct str key, const uint8_t digest[32], int64_t now_ms,
				  struct idempotency *ret_kept)
{
	const struct db_statement statements[] = {
		STATEMENT("DELETE FROM idempotency WHERE created_ms < ?", -1, DB_I(now_ms - IDEMPOTENCY_LIFE_MS)),
		STATEMENT("DELETE FROM idempotency WHERE principal = ? AND key = ? AND status = 0 AND created_ms < ?",
			  -1, DB_T(principal), DB_T(key), DB_I(now_ms - IDEMPOTENCY_WORK_MS)),
		STATEMENT("INSERT INTO idempotency (tenant_id, principal, key, digest, status, created_ms)"
			  " VALUES (?, ?, ?, ?, 0, ?)",
			  1, cell_text(tenant_id), DB_T(principal), DB_T(key), bytes(digest), DB_I(now_ms)),
	};
	enum err err = db_write(db, scope_of(tenant_id), statements, ARRAY_LEN(statements));

	return err == ERR_EXISTS ? find(db, arena, tenant_id, principal, key, ret_kept) : err;
}

AWAITS enum err idempotency_finish(struct db *db, struct str tenant_id, struct str principal, struct str key,
				   int status, struct str answer)
{
	const struct db_statement statement =
		STATEMENT("UPDATE idempotency SET status = ?, answer = ? WHERE principal = ? AND key = ?", 1,
			  DB_I(status), DB_B(answer), DB_T(principal), DB_T(key));

	return db_write(db, scope_of(tenant_id), &statement, 1);
}

AWAITS enum err idempotency_forget(struct db *db, struct str tenant_id, struct str principal, struct str key)
{
	const struct db_statement statement =
		STATEMENT("DELETE FROM idempotency WHERE principal = ? AND key = ?", -1, DB_T(principal), DB_T(key));

	return db_write(db, scope_of(tenant_id), &statement, 1);
}
