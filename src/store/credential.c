/* Credentials as rows. The id is made before the row: what is sealed is bound to it, so a credential that takes
 * another's place is an update of that row, never a row written over it. */
#include "store/credential.h"

#include "store/cells.h"
#include "store/sealed_use.h"

#define COLUMNS "id, tenant_id, upstream, user_id, kind, hint, sealed, state, expires_ms, created_ms, changed_ms"
#define COLUMNS_LEASE ", lease_ms, lease_by, failures"
#define COLUMNS_SHOWN                                                                                                  \
	"id, tenant_id, upstream, user_id, kind, hint, '', state, expires_ms, created_ms, changed_ms" COLUMNS_LEASE

static struct credential_row from_row(const struct db_value *cell)
{
	return (struct credential_row){
		.id = cell_str(&cell[0]),
		.tenant_id = cell_str(&cell[1]),
		.upstream = cell_str(&cell[2]),
		.user_id = cell_str(&cell[3]),
		.kind = cell_str(&cell[4]),
		.hint = cell_str(&cell[5]),
		.sealed = cell_str(&cell[6]),
		.state = cell_str(&cell[7]),
		.expires_ms = cell_int(&cell[8]),
		.created_ms = cell_int(&cell[9]),
		.changed_ms = cell_int(&cell[10]),
		.lease_ms = cell_int(&cell[11]),
		.lease_by = cell_str(&cell[12]),
		.failures = cell_int(&cell[13]),
	};
}

AWAITS static enum err count_of(struct db *db, struct str tenant_id, int64_t *ret_count)
{
	AUTO(arena) *arena = arena_new(16 * 1024);
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena, "SELECT count(*) FROM credential WHERE tenant_id = ?",
		     CELLS(DB_T(tenant_id)), 1, &rows));
	*ret_count = cell_int(rows->cells);
	return OK;
}

AWAITS enum err credential_insert(struct db *db, const struct credential_row *c)
{
	const struct db_statement statements[] = {
		SEALED_USE(c->tenant_id, c->sealed),
		STATEMENT("INSERT INTO credential (" COLUMNS ") SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
			  " WHERE (SELECT count(*) FROM credential WHERE tenant_id = ?) < ?",
			  1, DB_T(c->id), DB_T(c->tenant_id), DB_T(c->upstream), cell_text(c->user_id), DB_T(c->kind),
			  cell_text(c->hint), DB_B(c->sealed), DB_T(c->state), DB_I(c->expires_ms), DB_I(c->created_ms),
			  DB_I(c->created_ms), DB_T(c->tenant_id), DB_I(CREDENTIALS_PER_TENANT_MAX)),
		GENERATION_BUMP,
	};
	int64_t count = 0;
	enum err err;

	if (c->sealed.n > CREDENTIAL_SEALED_BYTES_MAX)
		return ERR_LIMIT;
	err = db_write(db, c->tenant_id, statements, ARRAY_LEN(statements));
	if (err != ERR_NOT_FOUND)
		return err;
	TRY(count_of(db, c->tenant_id, &count));
	return count >= CREDENTIALS_PER_TENANT_MAX ? ERR_LIMIT : ERR_NOT_FOUND;
}

AWAITS static enum err find_one(struct db *db, struct str scope, struct arena *arena, const char *sql,
				const struct db_value *params, size_t count, struct credential_row *ret_credential)
{
	struct db_rows *rows;

	TRY(db_query(db, scope, arena, sql, params, count, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_credential = from_row(rows->cells);
	return OK;
}

AWAITS enum err credential_get(struct db *db, struct arena *arena, struct str tenant_id, struct str id,
			       struct credential_row *ret_credential)
{
	return find_one(db, tenant_id, arena,
			"SELECT " COLUMNS COLUMNS_LEASE " FROM credential WHERE tenant_id = ? AND id = ?",
			CELLS(DB_T(tenant_id), DB_T(id)), 2, ret_credential);
}

AWAITS enum err credential_find(struct db *db, struct arena *arena, struct str tenant_id, struct str upstream,
				struct str user_id, struct credential_row *ret_credential)
{
	return find_one(db, tenant_id, arena,
			"SELECT " COLUMNS COLUMNS_LEASE
			" FROM credential WHERE tenant_id = ? AND upstream = ? AND user_id = ?",
			CELLS(DB_T(tenant_id), DB_T(upstream), cell_text(user_id)), 3, ret_credential);
}

static struct db_value text_or_all(struct str text)
{
	return text.p == NULL ? DB_N : DB_T(text);
}

#define OLDEST(whose)                                                                                                  \
	"SELECT " COLUMNS_SHOWN " FROM credential WHERE upstream = ?1 AND state = 'active' AND user_id " whose         \
	" AND (CAST(?2 AS TEXT) IS NULL OR tenant_id = ?2) ORDER BY created_ms, id LIMIT 1"

AWAITS enum err credential_oldest(struct db *db, struct arena *arena, struct str tenant_id, struct str upstream,
				  bool of_user, struct credential_row *ret_credential)
{
	return find_one(db, tenant_id.p == NULL ? DB_ALL_TENANTS : tenant_id, arena,
			of_user ? OLDEST("<> ''") : OLDEST("= ''"), CELLS(DB_T(upstream), text_or_all(tenant_id)), 2,
			ret_credential);
}

AWAITS enum err credential_list(struct db *db, struct arena *arena, struct str tenant_id, struct str upstream,
				struct str user_id, struct str after, size_t limit,
				struct credential_row **ret_credentials, size_t *ret_count)
{
	struct credential_row *found;
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena,
		     "SELECT " COLUMNS_SHOWN " FROM credential WHERE tenant_id = ?1 AND id > ?2"
		     " AND (CAST(?3 AS TEXT) IS NULL OR upstream = ?3)"
		     " AND (CAST(?4 AS TEXT) IS NULL OR user_id = ?4) ORDER BY id LIMIT ?5",
		     CELLS(DB_T(tenant_id), cell_text(after), text_or_all(upstream), text_or_all(user_id),
			   DB_I((int64_t)limit)),
		     5, &rows));
	found = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*found));
	if (found == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		found[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_credentials = found;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err credential_tenants(struct db *db, struct arena *arena, struct str places, struct str after,
				   size_t limit, struct str **ret_tenants, size_t *ret_count)
{
	struct db_rows *rows;
	struct str *tenants;

	/* A name that is in the list is missing from it when it is replaced: LIKE would take _ for any character. */
	TRY(db_query(db, DB_ALL_TENANTS, arena,
		     "SELECT DISTINCT c.tenant_id FROM credential c JOIN tenant t ON t.id = c.tenant_id"
		     " WHERE c.tenant_id > ?1 AND c.user_id = '' AND c.state <> 'reauth_required' AND t.disabled = 0"
		     " AND replace(CAST(?2 AS TEXT), ',' || c.upstream || ',', '') <> CAST(?2 AS TEXT)"
		     " ORDER BY c.tenant_id LIMIT ?3",
		     CELLS(cell_text(after), DB_T(places), DB_I((int64_t)limit)), 3, &rows));
	tenants = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*tenants));
	if (tenants == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		tenants[i] = cell_str(&rows->cells[i]);
	*ret_tenants = tenants;
	*ret_count = rows->rows;
	return OK;
}

/* Two changes within one ms must not look the same to a third writer. What stands there anew has no lease: who had one
 * for the old value finds it gone. */
AWAITS static enum err replace(struct db *db, const struct credential_row *c, int64_t changed_before_ms, bool tell)
{
	const struct db_statement statements[] = {
		SEALED_USE(c->tenant_id, c->sealed),
		STATEMENT("UPDATE credential SET kind = ?, hint = ?, sealed = ?, state = ?, expires_ms = ?,"
			  " changed_ms = max(?, changed_ms + 1), lease_ms = 0, lease_by = '', failures = ?"
			  " WHERE tenant_id = ? AND id = ? AND changed_ms = ?",
			  1, DB_T(c->kind), cell_text(c->hint), DB_B(c->sealed), DB_T(c->state), DB_I(c->expires_ms),
			  DB_I(c->changed_ms), DB_I(c->failures), DB_T(c->tenant_id), DB_T(c->id),
			  DB_I(changed_before_ms)),
		GENERATION_BUMP,
	};

	if (c->sealed.n > CREDENTIAL_SEALED_BYTES_MAX)
		return ERR_LIMIT;
	return db_write(db, c->tenant_id, statements, tell ? ARRAY_LEN(statements) : ARRAY_LEN(statements) - 1);
}

AWAITS enum err credential_update(struct db *db, const struct credential_row *c, int64_t changed_before_ms)
{
	return replace(db, c, changed_before_ms, true);
}

AWAITS enum err credential_renew(struct db *db, const struct credential_row *c, int64_t changed_before_ms)
{
	return replace(db, c, changed_before_ms, false);
}

AWAITS enum err credential_lease(struct db *db, const struct credential_row *c, struct str by, int64_t now_ms,
				 int64_t until_ms)
{
	const struct db_statement statement = STATEMENT(
		"UPDATE credential SET lease_ms = ?, lease_by = ?"
		" WHERE tenant_id = ? AND id = ? AND changed_ms = ? AND lease_ms <= ?",
		1, DB_I(until_ms), DB_T(by), DB_T(c->tenant_id), DB_T(c->id), DB_I(c->changed_ms), DB_I(now_ms));

	return db_write(db, c->tenant_id, &statement, 1);
}

AWAITS enum err credential_unlease(struct db *db, const struct credential_row *c, struct str by, int64_t until_ms,
				   struct str state)
{
	const struct db_statement statement =
		STATEMENT("UPDATE credential SET lease_ms = ?, lease_by = '', failures = failures + 1, state = ?"
			  " WHERE tenant_id = ? AND id = ? AND lease_by = ?",
			  -1, DB_I(until_ms), DB_T(state), DB_T(c->tenant_id), DB_T(c->id), DB_T(by));

	return db_write(db, c->tenant_id, &statement, 1);
}

AWAITS enum err credential_give_up(struct db *db, const struct credential_row *c)
{
	const struct db_statement statements[] = {
		STATEMENT("UPDATE credential SET state = 'reauth_required', lease_ms = 0, lease_by = ''"
			  " WHERE tenant_id = ? AND id = ? AND changed_ms = ? AND state <> 'reauth_required'",
			  1, DB_T(c->tenant_id), DB_T(c->id), DB_I(c->changed_ms)),
		GENERATION_BUMP,
	};

	return db_write(db, c->tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS enum err credential_note(struct db *db, struct str tenant_id, struct str id, int64_t changed_ms,
				struct str state)
{
	const struct db_statement statement =
		STATEMENT("UPDATE credential SET state = ? WHERE tenant_id = ? AND id = ? AND changed_ms = ?", -1,
			  DB_T(state), DB_T(tenant_id), DB_T(id), DB_I(changed_ms));

	return db_write(db, tenant_id, &statement, 1);
}

AWAITS enum err credential_delete(struct db *db, struct str tenant_id, struct str id)
{
	const struct db_statement statements[] = {
		STATEMENT("DELETE FROM credential WHERE tenant_id = ? AND id = ?", 1, DB_T(tenant_id), DB_T(id)),
		GENERATION_BUMP,
	};

	return db_write(db, tenant_id, statements, ARRAY_LEN(statements));
}
