/* Authorization codes as rows. Using one is a conditional update, so that of two requests with the same code one finds
 * it used; what follows from that is for the authorization server.
 *
 * Scope: A code is looked for by its MAC, before its grant is known; sweeping is a job. */
#include "store/oauth_code.h"

#include "store/cells.h"

static struct str mac_str(const uint8_t mac[32])
{
	return (struct str){(const char *)mac, 32};
}

AWAITS enum err oauth_code_insert(struct db *db, struct str scope, const struct oauth_code *code)
{
	const struct db_statement statement = STATEMENT(
		"INSERT INTO oauth_code (mac, grant_id, client_id, redirect_uri, challenge, scope, resource,"
		" expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		1, DB_B(mac_str(code->mac)), DB_T(code->grant_id), DB_T(code->client_id), DB_T(code->redirect_uri),
		DB_T(code->challenge), DB_T(code->scope), DB_T(code->resource), DB_I(code->expires_ms));

	return db_write(db, scope, &statement, 1);
}

AWAITS enum err oauth_code_get(struct db *db, struct arena *arena, const uint8_t mac[32], struct oauth_code *ret_code)
{
	const struct db_value *cell;
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena,
		     "SELECT grant_id, client_id, redirect_uri, challenge, scope, resource, expires_ms, used_ms"
		     " FROM oauth_code WHERE mac = ?",
		     CELLS(DB_B(mac_str(mac))), 1, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	cell = rows->cells;
	*ret_code = (struct oauth_code){
		.grant_id = cell_str(&cell[0]),
		.client_id = cell_str(&cell[1]),
		.redirect_uri = cell_str(&cell[2]),
		.challenge = cell_str(&cell[3]),
		.scope = cell_str(&cell[4]),
		.resource = cell_str(&cell[5]),
		.expires_ms = cell_int(&cell[6]),
		.used_ms = cell_int(&cell[7]),
	};
	memcpy(ret_code->mac, mac, sizeof(ret_code->mac));
	return OK;
}

AWAITS enum err oauth_code_use(struct db *db, const uint8_t mac[32], int64_t now_ms)
{
	const struct db_statement statement = STATEMENT(
		"UPDATE oauth_code SET used_ms = ? WHERE mac = ? AND used_ms = 0", 1, DB_I(now_ms), DB_B(mac_str(mac)));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}

AWAITS enum err oauth_code_sweep(struct db *db, int64_t before_ms, size_t limit)
{
	const struct db_statement statement =
		STATEMENT("DELETE FROM oauth_code WHERE mac IN (SELECT mac FROM oauth_code WHERE expires_ms < ?"
			  " ORDER BY expires_ms LIMIT ?)",
			  -1, DB_I(before_ms), DB_I((int64_t)limit));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}
