/* Every table that knows of a person or a tenant, in one place: who adds a table with a user_id, principal or tenant_id
 * adds it here, and test/unit/store/person.c fails until they do. An erasure is one write: either nobody was forgotten,
 * or all of it is. Rows that others need (a tenant's totals, clients that more people use) lose the name only.
 *
 * The keys' rows stay, empty: see person_key.c. Deleted cells are overwritten (secure_delete), and db_scrub then takes
 * what the write-ahead log still has. */
#include "store/person.h"

#include "store/cells.h"

static const struct {
	const char *name, *sql;
} readings[] = {
	{"account", "SELECT json_object('id', id, 'tenant_id', tenant_id, 'kind', kind, 'email', email, 'name', name,"
		    " 'role', role, 'has_password', password <> '', 'has_totp', totp IS NOT NULL, 'issuer', issuer,"
		    " 'subject', subject, 'disabled', disabled, 'created_ms', created_ms, 'changed_ms', changed_ms,"
		    " 'last_login_ms', last_login_ms) FROM account WHERE id = ?"},
	{"api_key", "SELECT json_object('id', id, 'name', name, 'description', description, 'hint', hint, 'role', role,"
		    " 'scopes', scopes, 'toolsets', toolsets, 'created_ms', created_ms, 'expires_ms', expires_ms,"
		    " 'revoked_ms', revoked_ms, 'last_used_ms', last_used_ms) FROM api_key WHERE user_id = ?"},
	{"certificate", "SELECT json_object('fingerprint', lower(hex(fingerprint)), 'name', name, 'created_ms',"
			" created_ms) FROM certificate WHERE user_id = ?"},
	{"oauth_client", "SELECT json_object('id', id, 'kind', kind, 'name', name, 'created_ms', created_ms)"
			 " FROM oauth_client WHERE user_id = ?"},
	{"oauth_grant", "SELECT json_object('id', id, 'client_id', client_id, 'resource', resource, 'scope', scope,"
			" 'created_ms', created_ms, 'expires_ms', expires_ms, 'revoked_ms', revoked_ms, 'last_used_ms',"
			" last_used_ms) FROM oauth_grant WHERE user_id = ?"},
	{"oauth_code", "SELECT json_object('client_id', client_id, 'redirect_uri', redirect_uri, 'scope', scope,"
		       " 'expires_ms', expires_ms) FROM oauth_code WHERE grant_id IN"
		       " (SELECT id FROM oauth_grant WHERE user_id = ?)"},
	{"oauth_refresh", "SELECT json_object('scope', scope, 'created_ms', created_ms, 'expires_ms', expires_ms,"
			  " 'used_ms', used_ms) FROM oauth_refresh WHERE grant_id IN"
			  " (SELECT id FROM oauth_grant WHERE user_id = ?)"},
	{"web_session", "SELECT json_object('created_ms', created_ms, 'seen_ms', seen_ms, 'expires_ms', expires_ms)"
			" FROM web_session WHERE user_id = ?"},
	{"usage_month", "SELECT json_object('month', month, 'calls', calls, 'failures', failures) FROM usage_month"
			" WHERE principal = ?"},
	{"idempotency", "SELECT json_object('created_ms', created_ms, 'status', status) FROM idempotency"
			" WHERE principal = ?"},
	{"person_key", "SELECT json_object('present', length(key) > 0) FROM person_key WHERE subject = ?"},
};

AWAITS enum err person_read(struct db *db, struct arena *arena, struct str user_id, size_t at, const char **ret_name,
			    struct str **ret_rows, size_t *ret_count)
{
	struct db_rows *rows;
	struct str *texts;

	if (at >= ARRAY_LEN(readings))
		return ERR_NOT_FOUND;
	TRY(db_query(db, DB_ALL_TENANTS, arena, readings[at].sql, CELLS(cell_text(user_id)), 1, &rows));
	texts = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*texts));
	if (texts == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		texts[i] = cell_str(&rows->cells[i]);
	*ret_name = readings[at].name;
	*ret_rows = texts;
	*ret_count = rows->rows;
	return OK;
}

#define GRANTS_OF_USER "(SELECT id FROM oauth_grant WHERE user_id = ?)"

AWAITS enum err person_erase(struct db *db, struct str user_id)
{
	const struct db_value user = cell_text(user_id);
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO person_key (subject, tenant_id, key) SELECT id, tenant_id, x'' FROM account"
			  " WHERE id = ? ON CONFLICT (subject) DO UPDATE SET key = x''",
			  1, user),
		STATEMENT("DELETE FROM web_session WHERE user_id = ?", -1, user),
		STATEMENT("DELETE FROM oauth_code WHERE grant_id IN " GRANTS_OF_USER, -1, user),
		STATEMENT("DELETE FROM oauth_refresh WHERE grant_id IN " GRANTS_OF_USER, -1, user),
		STATEMENT("DELETE FROM oauth_grant WHERE user_id = ?", -1, user),
		STATEMENT("DELETE FROM certificate WHERE user_id = ?", -1, user),
		STATEMENT("UPDATE oauth_client SET user_id = '', disabled = 1 WHERE user_id = ?", -1, user),
		STATEMENT("DELETE FROM api_key WHERE user_id = ?", -1, user),
		STATEMENT("DELETE FROM usage_month WHERE principal = ?", -1, user),
		STATEMENT("DELETE FROM idempotency WHERE principal = ?", -1, user),
		STATEMENT("DELETE FROM account WHERE id = ?", 1, user),
		GENERATION_BUMP,
	};

	return db_write(db, DB_ALL_TENANTS, statements, ARRAY_LEN(statements));
}

#define GRANTS_OF_TENANT "(SELECT id FROM oauth_grant WHERE tenant_id = ?)"

AWAITS enum err person_erase_tenant(struct db *db, struct str tenant_id)
{
	const struct db_value tenant = cell_text(tenant_id);
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO person_key (subject, tenant_id, key) SELECT id, id, x'' FROM tenant"
			  " WHERE id = ? ON CONFLICT (subject) DO NOTHING",
			  -1, tenant),
		STATEMENT("UPDATE person_key SET key = x'' WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM web_session WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM oauth_code WHERE grant_id IN " GRANTS_OF_TENANT, -1, tenant),
		STATEMENT("DELETE FROM oauth_refresh WHERE grant_id IN " GRANTS_OF_TENANT, -1, tenant),
		STATEMENT("DELETE FROM oauth_grant WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM oauth_client WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM certificate WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM idempotency WHERE principal IN (SELECT id FROM account WHERE tenant_id = ?1"
			  " UNION ALL SELECT id FROM api_key WHERE tenant_id = ?1)",
			  -1, tenant),
		STATEMENT("DELETE FROM api_key WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM role WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM policy_rule WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM usage_month WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM tool_pin WHERE upstream IN (SELECT name FROM upstream WHERE tenant_id = ?)", -1,
			  tenant),
		STATEMENT("DELETE FROM upstream WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM toolset WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM account WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM tenant WHERE id = ?", 1, tenant),
		GENERATION_BUMP,
	};

	return db_write(db, DB_ALL_TENANTS, statements, ARRAY_LEN(statements));
}
