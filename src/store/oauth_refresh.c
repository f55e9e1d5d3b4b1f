/* Refresh tokens as rows. Used ones stay until they would have expired: without them their second use could not be
 * told from a guess.
 *
 * Scope: A token is looked for by its MAC, before its grant is known; sweeping is a job. */
#include "store/oauth_refresh.h"

#include "store/cells.h"

static struct str mac_str(const uint8_t mac[32])
{
	return (struct str){(const char *)mac, 32};
}

#define REFRESH_INSERT(token)                                                                                          \
	STATEMENT("INSERT INTO oauth_refresh (mac, grant_id, scope, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?)",   \
		  1, DB_B(mac_str((token)->mac)), DB_T((token)->grant_id), DB_T((token)->scope),                       \
		  DB_I((token)->created_ms), DB_I((token)->expires_ms))

AWAITS enum err oauth_refresh_insert(struct db *db, struct str scope, const struct oauth_refresh *token)
{
	const struct db_statement statement = REFRESH_INSERT(token);

	return db_write(db, scope, &statement, 1);
}

AWAITS enum err oauth_refresh_get(struct db *db, struct arena *arena, const uint8_t mac[32],
				  struct oauth_refresh *ret_token)
{
	const struct db_value *cell;
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena,
		     "SELECT grant_id, scope, created_ms, expires_ms, used_ms, successor FROM oauth_refresh"
		     " WHERE mac = ?",
		     CELLS(DB_B(mac_str(mac))), 1, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	cell = rows->cells;
	*ret_token = (struct oauth_refresh){
		.grant_id = cell_str(&cell[0]),
		.scope = cell_str(&cell[1]),
		.created_ms = cell_int(&cell[2]),
		.expires_ms = cell_int(&cell[3]),
		.used_ms = cell_int(&cell[4]),
		.successor = cell_str(&cell[5]),
	};
	memcpy(ret_token->mac, mac, sizeof(ret_token->mac));
	return OK;
}

AWAITS enum err oauth_refresh_rotate(struct db *db, const uint8_t mac[32], struct str sealed,
				     const struct oauth_refresh *next)
{
	const struct db_statement statements[] = {
		STATEMENT("UPDATE oauth_refresh SET used_ms = ?, successor = ? WHERE mac = ? AND used_ms = 0", 1,
			  DB_I(next->created_ms), DB_B(sealed), DB_B(mac_str(mac))),
		STATEMENT("UPDATE oauth_grant SET last_used_ms = ? WHERE id = ? AND revoked_ms = 0", 1,
			  DB_I(next->created_ms), DB_T(next->grant_id)),
		REFRESH_INSERT(next),
	};

	return db_write(db, DB_ALL_TENANTS, statements, ARRAY_LEN(statements));
}

AWAITS enum err oauth_refresh_sweep(struct db *db, int64_t before_ms, size_t limit)
{
	const struct db_statement statement =
		STATEMENT("DELETE FROM oauth_refresh WHERE mac IN (SELECT mac FROM oauth_refresh WHERE expires_ms < ?"
			  " ORDER BY expires_ms LIMIT ?)",
			  -1, DB_I(before_ms), DB_I((int64_t)limit));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}
