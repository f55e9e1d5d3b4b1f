/* Every table that knows of a person or a tenant, in one place: who adds a table with a user_id, principal or tenant_id
 * adds it here, and test/unit/store/person.c fails until they do. An erasure is one write: either nobody was forgotten,
 * or all of it is. Rows that others need (a tenant's totals, clients that more people use) lose the name only.
 *
 * The keys' rows stay, empty: see person_key.c. Deleted cells are overwritten (secure_delete), and db_scrub then takes
 * what the write-ahead log still has. */
#include "store/person.h"

#include "store/cells.h"

/* Of each table the members of one object: name, value, name, value. */
static const struct {
	const char *name, *sql;
} readings[] = {
	{"account", "SELECT 'id', id, 'tenant_id', tenant_id, 'kind', kind, 'email', email, 'name', name,"
		    " 'role', role, 'has_password', CASE password WHEN '' THEN 0 ELSE 1 END,"
		    " 'has_totp', CASE WHEN totp IS NULL THEN 0 ELSE 1 END, 'issuer', issuer,"
		    " 'subject', subject, 'disabled', disabled, 'created_ms', created_ms, 'changed_ms', changed_ms,"
		    " 'last_login_ms', last_login_ms FROM account WHERE id = ?"},
	{"api_key", "SELECT 'id', id, 'name', name, 'description', description, 'hint', hint, 'role', role,"
		    " 'scopes', scopes, 'toolsets', toolsets, 'created_ms', created_ms, 'expires_ms', expires_ms,"
		    " 'revoked_ms', revoked_ms, 'last_used_ms', last_used_ms FROM api_key WHERE user_id = ?"},
	{"certificate", "SELECT 'fingerprint', lower(hex(fingerprint)), 'name', name, 'created_ms',"
			" created_ms FROM certificate WHERE user_id = ?"},
	{"oauth_client", "SELECT 'id', id, 'kind', kind, 'name', name, 'created_ms', created_ms"
			 " FROM oauth_client WHERE user_id = ?"},
	{"oauth_grant", "SELECT 'id', id, 'client_id', client_id, 'resource', resource, 'scope', scope,"
			" 'created_ms', created_ms, 'expires_ms', expires_ms, 'revoked_ms', revoked_ms, 'last_used_ms',"
			" last_used_ms FROM oauth_grant WHERE user_id = ?"},
	{"oauth_code", "SELECT 'client_id', client_id, 'redirect_uri', redirect_uri, 'scope', scope,"
		       " 'expires_ms', expires_ms FROM oauth_code WHERE grant_id IN"
		       " (SELECT id FROM oauth_grant WHERE user_id = ?)"},
	{"oauth_refresh", "SELECT 'scope', scope, 'created_ms', created_ms, 'expires_ms', expires_ms,"
			  " 'used_ms', used_ms FROM oauth_refresh WHERE grant_id IN"
			  " (SELECT id FROM oauth_grant WHERE user_id = ?)"},
	{"web_session", "SELECT 'created_ms', created_ms, 'seen_ms', seen_ms, 'expires_ms', expires_ms"
			" FROM web_session WHERE user_id = ?"},
	{"usage_month", "SELECT 'month', month, 'calls', calls, 'failures', failures FROM usage_month"
			" WHERE principal = ?"},
	{"idempotency", "SELECT 'created_ms', created_ms, 'status', status FROM idempotency"
			" WHERE principal = ?"},
	{"tool_run", "SELECT 'upstream', upstream, 'tool', tool, 'state', state, 'created_ms', created_ms FROM tool_run"
		     " WHERE principal = ?"},
	{"credential", "SELECT 'upstream', upstream, 'kind', kind, 'hint', hint, 'state', state, 'created_ms',"
		       " created_ms, 'changed_ms', changed_ms FROM credential WHERE user_id = ?"},
	{"media", "SELECT 'id', id, 'name', name, 'mime', mime, 'size', size, 'created_ms', created_ms, 'expires_ms',"
		  " expires_ms FROM media WHERE principal = ?"},
	{"person_key", "SELECT 'present', CASE length(key) WHEN 0 THEN 0 ELSE 1 END FROM person_key WHERE subject = ?"},
};

/* A row as a JSON object. */
static struct str object_of(struct arena *arena, const struct db_value *cells, size_t columns)
{
	AUTO_BUF out = {0};

	for (size_t i = 0; i + 1 < columns; i += 2) {
		buf_put(&out, i == 0 ? STR("{") : STR(","));
		buf_put_json(&out, cell_str(&cells[i]));
		buf_put_byte(&out, ':');
		if (cells[i + 1].kind == DB_INT)
			buf_put_fmt(&out, "%lld", (long long)cells[i + 1].num);
		else
			buf_put_json(&out, cell_str(&cells[i + 1]));
	}
	buf_put_byte(&out, '}');
	return arena_str(arena, buf_str(&out));
}

AWAITS enum err person_read(struct db *db, struct str scope, struct arena *arena, struct str user_id, size_t at,
			    const char **ret_name, struct str **ret_rows, size_t *ret_count)
{
	struct db_rows *rows;
	struct str *texts;

	if (at >= ARRAY_LEN(readings))
		return ERR_NOT_FOUND;
	TRY(db_query(db, scope, arena, readings[at].sql, CELLS(cell_text(user_id)), 1, &rows));
	texts = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*texts));
	if (texts == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		texts[i] = object_of(arena, &rows->cells[i * rows->columns], rows->columns);
	*ret_name = readings[at].name;
	*ret_rows = texts;
	*ret_count = rows->rows;
	return OK;
}

#define NO_KEY DB_B(STR(""))
#define GRANTS_OF_USER "(SELECT id FROM oauth_grant WHERE user_id = ?)"

AWAITS enum err person_erase(struct db *db, struct str scope, struct str user_id)
{
	const struct db_value user = cell_text(user_id);
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO person_key (subject, tenant_id, key) SELECT id, tenant_id, ? FROM account"
			  " WHERE id = ? ON CONFLICT (subject) DO UPDATE SET key = excluded.key",
			  1, NO_KEY, user),
		STATEMENT("DELETE FROM web_session WHERE user_id = ?", -1, user),
		STATEMENT("DELETE FROM oauth_code WHERE grant_id IN " GRANTS_OF_USER, -1, user),
		STATEMENT("DELETE FROM oauth_refresh WHERE grant_id IN " GRANTS_OF_USER, -1, user),
		STATEMENT("DELETE FROM oauth_grant WHERE user_id = ?", -1, user),
		STATEMENT("DELETE FROM certificate WHERE user_id = ?", -1, user),
		STATEMENT("UPDATE oauth_client SET user_id = '', disabled = 1 WHERE user_id = ?", -1, user),
		STATEMENT("DELETE FROM api_key WHERE user_id = ?", -1, user),
		STATEMENT("DELETE FROM credential WHERE user_id = ?", -1, user),
		STATEMENT("DELETE FROM usage_month WHERE principal = ?", -1, user),
		STATEMENT("DELETE FROM idempotency WHERE principal = ?", -1, user),
		STATEMENT("DELETE FROM tool_run WHERE principal = ?", -1, user),
		STATEMENT("DELETE FROM media WHERE principal = ?", -1, user),
		STATEMENT("DELETE FROM metric WHERE holder = ?", -1, user),
		STATEMENT("DELETE FROM account WHERE id = ?", 1, user),
		GENERATION_BUMP,
	};

	return db_write(db, scope, statements, ARRAY_LEN(statements));
}

#define GRANTS_OF_TENANT "(SELECT id FROM oauth_grant WHERE tenant_id = ?)"

AWAITS enum err person_erase_tenant(struct db *db, struct str tenant_id)
{
	const struct db_value tenant = cell_text(tenant_id);
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO person_key (subject, tenant_id, key) SELECT id, id, ? FROM tenant"
			  " WHERE id = ? ON CONFLICT (subject) DO NOTHING",
			  -1, NO_KEY, tenant),
		STATEMENT("UPDATE person_key SET key = ? WHERE tenant_id = ?", -1, NO_KEY, tenant),
		STATEMENT("DELETE FROM web_session WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM oauth_code WHERE grant_id IN " GRANTS_OF_TENANT, -1, tenant),
		STATEMENT("DELETE FROM oauth_refresh WHERE grant_id IN " GRANTS_OF_TENANT, -1, tenant),
		STATEMENT("DELETE FROM oauth_grant WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM oauth_client WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM certificate WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM idempotency WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM tool_run WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM event WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM metric WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM sync_log WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM api_key WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM role WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM policy_rule WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM usage_month WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM tool_pin WHERE upstream IN (SELECT name FROM upstream WHERE tenant_id = ?)", -1,
			  tenant),
		STATEMENT("DELETE FROM upstream WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM toolset WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM credential WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM registration WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM bridged_client WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM media WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM data_key WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM account WHERE tenant_id = ?", -1, tenant),
		STATEMENT("DELETE FROM tenant WHERE id = ?", 1, tenant),
		GENERATION_BUMP,
	};

	return db_write(db, tenant_id, statements, ARRAY_LEN(statements));
}
