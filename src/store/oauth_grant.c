/* Grants as rows. Ending one bumps the generation in the same write, so that access tokens that are remembered
 * anywhere are asked about again; making one does not, since nobody can know its tokens yet.
 *
 * Scope: Making one notes its use in the client, which may be nobody's; sweeping is a job: both act for all. */
#include "store/oauth_grant.h"

#include "store/cells.h"

#define GRANT_COLUMNS                                                                                                  \
	"g.id, g.tenant_id, g.user_id, g.client_id, g.resource, g.scope, g.created_ms, g.expires_ms, g.revoked_ms,"    \
	" g.last_used_ms, t.name, c.name, c.kind, a.kind, a.name, a.role, t.disabled, a.disabled, c.disabled"
#define GRANT_TABLES                                                                                                   \
	" FROM oauth_grant g JOIN tenant t ON t.id = g.tenant_id JOIN account a ON a.id = g.user_id"                   \
	" JOIN oauth_client c ON c.id = g.client_id"
#define GRANT_LIVE " AND g.revoked_ms = 0 AND (g.expires_ms = 0 OR g.expires_ms > ?)"

static struct oauth_grant from_row(const struct db_value *cell)
{
	return (struct oauth_grant){
		.id = cell_str(&cell[0]),
		.tenant_id = cell_str(&cell[1]),
		.user_id = cell_str(&cell[2]),
		.client_id = cell_str(&cell[3]),
		.resource = cell_str(&cell[4]),
		.scope = cell_str(&cell[5]),
		.created_ms = cell_int(&cell[6]),
		.expires_ms = cell_int(&cell[7]),
		.revoked_ms = cell_int(&cell[8]),
		.last_used_ms = cell_int(&cell[9]),
		.tenant_name = cell_str(&cell[10]),
		.client_name = cell_str(&cell[11]),
		.client_kind = cell_str(&cell[12]),
		.user_kind = cell_str(&cell[13]),
		.user_name = cell_str(&cell[14]),
		.user_role = cell_str(&cell[15]),
		.tenant_disabled = cell_int(&cell[16]) != 0,
		.user_disabled = cell_int(&cell[17]) != 0,
		.client_disabled = cell_int(&cell[18]) != 0,
	};
}

AWAITS enum err oauth_grant_insert(struct db *db, const struct oauth_grant *grant)
{
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO oauth_grant (id, tenant_id, user_id, client_id, resource, scope, created_ms,"
			  " expires_ms) SELECT ?, ?, a.id, c.id, ?, ?, ?, ? FROM account a, oauth_client c"
			  " WHERE a.id = ? AND a.tenant_id = ? AND c.id = ?",
			  1, DB_T(grant->id), DB_T(grant->tenant_id), DB_T(grant->resource), DB_T(grant->scope),
			  DB_I(grant->created_ms), DB_I(grant->expires_ms), DB_T(grant->user_id),
			  DB_T(grant->tenant_id), DB_T(grant->client_id)),
		STATEMENT("UPDATE oauth_grant SET revoked_ms = ? WHERE revoked_ms = 0 AND id IN (SELECT id FROM"
			  " oauth_grant WHERE user_id = ? AND client_id = ? AND revoked_ms = 0"
			  " ORDER BY id DESC LIMIT " ALL_ROWS " OFFSET ?)",
			  -1, DB_I(grant->created_ms), DB_T(grant->user_id), DB_T(grant->client_id),
			  DB_I(OAUTH_GRANTS_MAX)),
		STATEMENT("UPDATE oauth_client SET last_used_ms = ?, expires_ms = CASE kind WHEN 'registered' THEN 0"
			  " ELSE expires_ms END WHERE id = ?",
			  1, DB_I(grant->created_ms), DB_T(grant->client_id)),
	};

	return db_write(db, DB_ALL_TENANTS, statements, ARRAY_LEN(statements));
}

AWAITS static enum err find_one(struct db *db, struct str scope, struct arena *arena, const char *sql,
				const struct db_value *params, size_t count, struct oauth_grant *ret_grant)
{
	struct db_rows *rows;

	TRY(db_query(db, scope, arena, sql, params, count, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_grant = from_row(rows->cells);
	return OK;
}

AWAITS enum err oauth_grant_get(struct db *db, struct str scope, struct arena *arena, struct str id,
				struct oauth_grant *ret_grant)
{
	return find_one(db, scope, arena, "SELECT " GRANT_COLUMNS GRANT_TABLES " WHERE g.id = ?", CELLS(DB_T(id)), 1,
			ret_grant);
}

AWAITS enum err oauth_grant_find(struct db *db, struct str scope, struct arena *arena, struct str user_id,
				 struct str client_id, struct str resource, int64_t now_ms,
				 struct oauth_grant *ret_grant)
{
	return find_one(db, scope, arena,
			"SELECT " GRANT_COLUMNS GRANT_TABLES
			" WHERE g.user_id = ? AND g.client_id = ? AND g.resource = ?" GRANT_LIVE
			" ORDER BY g.id DESC LIMIT 1",
			CELLS(DB_T(user_id), DB_T(client_id), DB_T(resource), DB_I(now_ms)), 4, ret_grant);
}

AWAITS enum err oauth_grant_list(struct db *db, struct arena *arena, struct str tenant_id, struct str user_id,
				 struct str after, size_t limit, struct oauth_grant **ret_grants, size_t *ret_count)
{
	struct db_rows *rows;
	struct oauth_grant *grants;

	TRY(db_query(db, tenant_id, arena,
		     "SELECT " GRANT_COLUMNS GRANT_TABLES
		     " WHERE g.tenant_id = ? AND (? = '' OR g.user_id = ?) AND g.id > ? ORDER BY g.id LIMIT ?",
		     CELLS(DB_T(tenant_id), DB_T(user_id), DB_T(user_id), DB_T(after), DB_I((int64_t)limit)), 5,
		     &rows));
	grants = arena_try_alloc(arena, rows->rows * sizeof(*grants) + 1);
	if (grants == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		grants[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_grants = grants;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err oauth_grant_revoke(struct db *db, struct str scope, struct str id, int64_t now_ms)
{
	const struct db_statement statements[] = {
		/* The first revocation's time stays. */
		STATEMENT("UPDATE oauth_grant SET revoked_ms = ? WHERE id = ? AND revoked_ms = 0", -1, DB_I(now_ms),
			  DB_T(id)),
		STATEMENT("DELETE FROM oauth_refresh WHERE grant_id = ?", -1, DB_T(id)),
		STATEMENT("DELETE FROM oauth_code WHERE grant_id = ? AND used_ms = 0", -1, DB_T(id)),
		GENERATION_BUMP,
	};

	return db_write(db, scope, statements, ARRAY_LEN(statements));
}

#define GRANTS_ENDED                                                                                                   \
	"(SELECT id FROM oauth_grant WHERE (revoked_ms > 0 AND revoked_ms < ?) OR (expires_ms > 0 AND expires_ms < ?)" \
	" ORDER BY id LIMIT ?)"

AWAITS enum err oauth_grant_sweep(struct db *db, int64_t before_ms, size_t limit, size_t *ret_removed)
{
	AUTO(arena) *arena = arena_new(65536);
	struct db_rows *rows;
	const struct db_statement statements[] = {
		STATEMENT("DELETE FROM oauth_code WHERE grant_id IN " GRANTS_ENDED, -1, DB_I(before_ms),
			  DB_I(before_ms), DB_I((int64_t)limit)),
		STATEMENT("DELETE FROM oauth_refresh WHERE grant_id IN " GRANTS_ENDED, -1, DB_I(before_ms),
			  DB_I(before_ms), DB_I((int64_t)limit)),
		STATEMENT("DELETE FROM oauth_grant WHERE id IN " GRANTS_ENDED, -1, DB_I(before_ms), DB_I(before_ms),
			  DB_I((int64_t)limit)),
	};

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT count(*) FROM " GRANTS_ENDED " ended",
		     CELLS(DB_I(before_ms), DB_I(before_ms), DB_I((int64_t)limit)), 3, &rows));
	*ret_removed = (size_t)cell_int(rows->cells);
	if (*ret_removed == 0)
		return OK;
	return db_write(db, DB_ALL_TENANTS, statements, ARRAY_LEN(statements));
}
