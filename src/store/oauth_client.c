/* OAuth clients as rows. What a client may do is for the authorization server to judge; here is only that strangers
 * who register cannot fill the table, and that removing a client removes what it was given.
 *
 * Scope: Clients are looked for before anybody knows whose people will use them, and many are nobody's. */
#include "store/oauth_client.h"

#include "store/cells.h"

#define CLIENT_COLUMNS                                                                                                 \
	"c.id, c.tenant_id, c.user_id, c.kind, c.name, c.redirect_uris, c.grant_types, c.auth_method, c.jwks,"         \
	" c.jwks_uri, c.scope, c.secret_mac, c.disabled, c.created_ms, c.changed_ms, c.expires_ms, c.last_used_ms"

void oauth_client_secret_mac(const struct secret *key, struct str raw, uint8_t out[32])
{
	const struct str pieces[] = {STR("client secret"), raw};

	crypto_mac(key, pieces, ARRAY_LEN(pieces), out);
}

static struct db_value secret_value(const struct oauth_client *client)
{
	return client->has_secret ? DB_B(((struct str){(const char *)client->secret_mac, 32})) : DB_N;
}

static struct oauth_client from_row(const struct db_value *cell)
{
	struct oauth_client client = {
		.id = cell_str(&cell[0]),
		.tenant_id = cell_str(&cell[1]),
		.user_id = cell_str(&cell[2]),
		.kind = cell_str(&cell[3]),
		.name = cell_str(&cell[4]),
		.redirect_uris = cell_str(&cell[5]),
		.grant_types = cell_str(&cell[6]),
		.auth_method = cell_str(&cell[7]),
		.jwks = cell_str(&cell[8]),
		.jwks_uri = cell_str(&cell[9]),
		.scope = cell_str(&cell[10]),
		.has_secret = cell[11].kind == DB_BLOB && cell[11].str.n == 32,
		.disabled = cell_int(&cell[12]) != 0,
		.created_ms = cell_int(&cell[13]),
		.changed_ms = cell_int(&cell[14]),
		.expires_ms = cell_int(&cell[15]),
		.last_used_ms = cell_int(&cell[16]),
	};

	cell_bytes(&cell[11], client.secret_mac, sizeof(client.secret_mac));
	return client;
}

#define CLIENT_INSERT                                                                                                  \
	"INSERT INTO oauth_client (id, tenant_id, user_id, kind, name, redirect_uris, grant_types, auth_method,"       \
	" secret_mac, jwks, jwks_uri, scope, disabled, created_ms, changed_ms, expires_ms)"                            \
	" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define CLIENT_VALUES(c)                                                                                               \
	DB_T((c)->id), DB_T((c)->tenant_id), DB_T((c)->user_id), DB_T((c)->kind), DB_T((c)->name),                     \
		DB_T((c)->redirect_uris), DB_T((c)->grant_types), DB_T((c)->auth_method), secret_value(c),             \
		DB_T((c)->jwks), DB_T((c)->jwks_uri), DB_T((c)->scope), DB_I((c)->disabled), DB_I((c)->created_ms),    \
		DB_I((c)->created_ms), DB_I((c)->expires_ms)

AWAITS enum err oauth_client_insert(struct db *db, const struct oauth_client *client)
{
	const struct db_statement statements[] = {
		STATEMENT(CLIENT_INSERT, 1, CLIENT_VALUES(client)),
		/* One that was used does not expire any more: see oauth_grant_insert. */
		STATEMENT("DELETE FROM oauth_client WHERE id IN (SELECT id FROM oauth_client WHERE expires_ms > 0"
			  " AND kind = 'registered' ORDER BY expires_ms DESC LIMIT " ALL_ROWS " OFFSET ?)",
			  -1, DB_I(OAUTH_CLIENTS_UNUSED_MAX)),
	};

	return db_write(db, scope_of(client->tenant_id), statements, ARRAY_LEN(statements));
}

AWAITS enum err oauth_client_put_document(struct db *db, const struct oauth_client *client)
{
	const struct db_statement statement = STATEMENT(
		CLIENT_INSERT
		" ON CONFLICT (id) DO UPDATE SET name = excluded.name, redirect_uris = excluded.redirect_uris,"
		" grant_types = excluded.grant_types, auth_method = excluded.auth_method,"
		" jwks = excluded.jwks, jwks_uri = excluded.jwks_uri, scope = excluded.scope,"
		" changed_ms = excluded.changed_ms, expires_ms = excluded.expires_ms"
		" WHERE oauth_client.kind = 'document'",
		1, CLIENT_VALUES(client));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}

AWAITS enum err oauth_client_get(struct db *db, struct arena *arena, struct str id, struct oauth_client *ret_client)
{
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT " CLIENT_COLUMNS " FROM oauth_client c WHERE c.id = ?",
		     CELLS(DB_T(id)), 1, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_client = from_row(rows->cells);
	return OK;
}

AWAITS enum err oauth_client_list(struct db *db, struct arena *arena, struct str tenant_id, struct str after,
				  size_t limit, struct oauth_client **ret_clients, size_t *ret_count)
{
	struct oauth_client *clients;
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena,
		     "SELECT " CLIENT_COLUMNS " FROM oauth_client c WHERE c.id > ? AND (c.tenant_id = ? OR EXISTS"
		     " (SELECT 1 FROM oauth_grant g WHERE g.client_id = c.id AND g.tenant_id = ?))"
		     " ORDER BY c.id LIMIT ?",
		     CELLS(DB_T(after), DB_T(tenant_id), DB_T(tenant_id), DB_I((int64_t)limit)), 4, &rows));
	clients = arena_try_alloc(arena, rows->rows * sizeof(*clients) + 1);
	if (clients == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		clients[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_clients = clients;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err oauth_client_update(struct db *db, struct str scope, const struct oauth_client *client,
				    int64_t changed_before_ms)
{
	const struct db_statement statements[] = {
		STATEMENT("UPDATE oauth_client SET name = ?, redirect_uris = ?, grant_types = ?, auth_method = ?,"
			  " jwks = ?, jwks_uri = ?, scope = ?, user_id = ?, disabled = ?,"
			  " secret_mac = coalesce(?, secret_mac), changed_ms = ? WHERE id = ? AND changed_ms = ?",
			  1, DB_T(client->name), DB_T(client->redirect_uris), DB_T(client->grant_types),
			  DB_T(client->auth_method), DB_T(client->jwks), DB_T(client->jwks_uri), DB_T(client->scope),
			  DB_T(client->user_id), DB_I(client->disabled), secret_value(client), DB_I(client->changed_ms),
			  DB_T(client->id), DB_I(changed_before_ms)),
		GENERATION_BUMP,
	};

	return db_write(db, scope, statements, ARRAY_LEN(statements));
}

AWAITS enum err oauth_client_delete(struct db *db, struct str scope, struct str id)
{
	const struct db_statement statements[] = {
		STATEMENT("DELETE FROM oauth_code WHERE grant_id IN (SELECT id FROM oauth_grant WHERE client_id = ?)",
			  -1, DB_T(id)),
		STATEMENT(
			"DELETE FROM oauth_refresh WHERE grant_id IN (SELECT id FROM oauth_grant WHERE client_id = ?)",
			-1, DB_T(id)),
		STATEMENT("DELETE FROM oauth_grant WHERE client_id = ?", -1, DB_T(id)),
		STATEMENT("DELETE FROM oauth_client WHERE id = ?", 1, DB_T(id)),
		GENERATION_BUMP,
	};

	return db_write(db, scope, statements, ARRAY_LEN(statements));
}

#define CLIENTS_EXPIRED                                                                                                \
	"(SELECT c.id FROM oauth_client c WHERE c.expires_ms > 0 AND c.expires_ms < ? AND NOT EXISTS"                  \
	" (SELECT 1 FROM oauth_grant g WHERE g.client_id = c.id) ORDER BY c.expires_ms LIMIT ?)"

AWAITS enum err oauth_client_sweep(struct db *db, int64_t now_ms, size_t limit, size_t *ret_removed)
{
	AUTO(arena) *arena = arena_new(65536);
	const struct db_statement statement = STATEMENT("DELETE FROM oauth_client WHERE id IN " CLIENTS_EXPIRED, -1,
							DB_I(now_ms), DB_I((int64_t)limit));
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT count(*) FROM " CLIENTS_EXPIRED " expired",
		     CELLS(DB_I(now_ms), DB_I((int64_t)limit)), 2, &rows));
	*ret_removed = (size_t)cell_int(rows->cells);
	return *ret_removed == 0 ? OK : db_write(db, DB_ALL_TENANTS, &statement, 1);
}
