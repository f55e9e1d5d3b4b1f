/* Sessions in the browser as rows. They come and go with every sign-in, so they bump no generation: nothing caches
 * them. Expired rows leave in small batches with the new ones, which keeps the table no larger than what is alive
 * without a job of its own.
 *
 * Scope: A cookie is looked for by its MAC, before anybody knows whose it is. */
#include "store/web_session.h"

#include "store/cells.h"

static struct str mac_str(const uint8_t mac[WEB_SESSION_MAC_BYTES])
{
	return (struct str){(const char *)mac, WEB_SESSION_MAC_BYTES};
}

AWAITS enum err web_session_insert(struct db *db, const struct web_session *session)
{
	const struct db_statement statements[] = {
		STATEMENT("DELETE FROM web_session WHERE mac IN"
			  " (SELECT mac FROM web_session WHERE expires_ms <= ? LIMIT ?)",
			  -1, DB_I(session->created_ms), DB_I(WEB_SESSION_SWEEP_ROWS)),
		STATEMENT("INSERT INTO web_session (mac, tenant_id, user_id, created_ms, seen_ms, expires_ms)"
			  " VALUES (?, ?, ?, ?, ?, ?)",
			  1, DB_B(mac_str(session->mac)), DB_T(session->tenant_id), DB_T(session->user_id),
			  DB_I(session->created_ms), DB_I(session->seen_ms), DB_I(session->expires_ms)),
		STATEMENT("DELETE FROM web_session WHERE mac IN (SELECT mac FROM web_session WHERE user_id = ?"
			  " ORDER BY created_ms DESC, seen_ms DESC LIMIT " ALL_ROWS " OFFSET ?)",
			  -1, DB_T(session->user_id), DB_I(WEB_SESSIONS_PER_USER_MAX)),
	};

	return db_write(db, session->tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS enum err web_session_find(struct db *db, struct arena *arena, const uint8_t mac[WEB_SESSION_MAC_BYTES],
				 int64_t now_ms, struct web_session *ret_session)
{
	struct db_rows *rows;
	const struct db_value *cell;

	TRY(db_query(db, DB_ALL_TENANTS, arena,
		     "SELECT tenant_id, user_id, created_ms, seen_ms, expires_ms FROM web_session"
		     " WHERE mac = ? AND expires_ms > ?",
		     CELLS(DB_B(mac_str(mac)), DB_I(now_ms)), 2, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	cell = rows->cells;
	*ret_session = (struct web_session){
		.tenant_id = cell_str(&cell[0]),
		.user_id = cell_str(&cell[1]),
		.created_ms = cell_int(&cell[2]),
		.seen_ms = cell_int(&cell[3]),
		.expires_ms = cell_int(&cell[4]),
	};
	memcpy(ret_session->mac, mac, WEB_SESSION_MAC_BYTES);
	return OK;
}

AWAITS enum err web_session_touch(struct db *db, const struct web_session *session)
{
	const struct db_statement statement = STATEMENT(
		"UPDATE web_session SET seen_ms = ?, expires_ms = ? WHERE mac = ? AND seen_ms < ?", -1,
		DB_I(session->seen_ms), DB_I(session->expires_ms), DB_B(mac_str(session->mac)), DB_I(session->seen_ms));

	return db_write(db, session->tenant_id, &statement, 1);
}

AWAITS enum err web_session_remove(struct db *db, const uint8_t mac[WEB_SESSION_MAC_BYTES])
{
	const struct db_statement statement =
		STATEMENT("DELETE FROM web_session WHERE mac = ?", -1, DB_B(mac_str(mac)));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}
