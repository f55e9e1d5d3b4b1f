/* Roles as rows. Each change bumps the generation in the same write: who has the role may do something else from
 * its next request on. Users and keys name their role and hold no reference to it: a name that leads nowhere is a
 * role that may do nothing. */
#include "store/role.h"

#include "store/cells.h"

#define ROLE_COLUMNS "tenant_id, name, description, permissions, created_ms, changed_ms"

static struct role_row from_row(const struct db_value *cell)
{
	return (struct role_row){
		.tenant_id = cell_str(&cell[0]),
		.name = cell_str(&cell[1]),
		.description = cell_str(&cell[2]),
		.permissions = cell_str(&cell[3]),
		.created_ms = cell_int(&cell[4]),
		.changed_ms = cell_int(&cell[5]),
	};
}

AWAITS static enum err count_roles(struct db *db, struct str tenant_id, int64_t *ret_count)
{
	AUTO(arena) *arena = arena_new(16 * 1024);
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena, "SELECT count(*) FROM role WHERE tenant_id = ?", CELLS(DB_T(tenant_id)), 1,
		     &rows));
	*ret_count = cell_int(rows->cells);
	return OK;
}

AWAITS enum err role_insert(struct db *db, const struct role_row *role)
{
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO role (" ROLE_COLUMNS ") SELECT ?, ?, ?, ?, ?, ?"
			  " WHERE (SELECT count(*) FROM role WHERE tenant_id = ?) < ?"
			  " AND EXISTS (SELECT 1 FROM tenant WHERE id = ?)",
			  1, DB_T(role->tenant_id), DB_T(role->name), cell_text(role->description),
			  DB_T(role->permissions), DB_I(role->created_ms), DB_I(role->created_ms),
			  DB_T(role->tenant_id), DB_I(ROLES_PER_TENANT_MAX), DB_T(role->tenant_id)),
		GENERATION_BUMP,
	};
	enum err err = db_write(db, role->tenant_id, statements, ARRAY_LEN(statements));
	int64_t count = 0;

	if (err != ERR_NOT_FOUND)
		return err;
	TRY(count_roles(db, role->tenant_id, &count));
	return count >= ROLES_PER_TENANT_MAX ? ERR_LIMIT : ERR_NOT_FOUND;
}

AWAITS enum err role_get(struct db *db, struct arena *arena, struct str tenant_id, struct str name,
			 struct role_row *ret_role)
{
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena, "SELECT " ROLE_COLUMNS " FROM role WHERE tenant_id = ? AND name = ?",
		     CELLS(DB_T(tenant_id), DB_T(name)), 2, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_role = from_row(rows->cells);
	return OK;
}

AWAITS enum err role_list(struct db *db, struct arena *arena, struct str tenant_id, struct str after, size_t limit,
			  struct role_row **ret_roles, size_t *ret_count)
{
	struct role_row *roles;
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena,
		     "SELECT " ROLE_COLUMNS " FROM role WHERE tenant_id = ? AND name > ? ORDER BY name LIMIT ?",
		     CELLS(DB_T(tenant_id), cell_text(after), DB_I((int64_t)limit)), 3, &rows));
	roles = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*roles));
	if (roles == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		roles[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_roles = roles;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err role_update(struct db *db, const struct role_row *role, int64_t changed_before_ms)
{
	const struct db_statement statements[] = {
		/* Two changes within one ms must not look the same to a third writer. */
		STATEMENT("UPDATE role SET description = ?, permissions = ?, changed_ms = max(?, changed_ms + 1)"
			  " WHERE tenant_id = ? AND name = ? AND changed_ms = ?",
			  1, cell_text(role->description), DB_T(role->permissions), DB_I(role->changed_ms),
			  DB_T(role->tenant_id), DB_T(role->name), DB_I(changed_before_ms)),
		GENERATION_BUMP,
	};

	return db_write(db, role->tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS enum err role_delete(struct db *db, struct str tenant_id, struct str name)
{
	const struct db_statement statements[] = {
		STATEMENT("DELETE FROM role WHERE tenant_id = ? AND name = ?", 1, DB_T(tenant_id), DB_T(name)),
		GENERATION_BUMP,
	};

	return db_write(db, tenant_id, statements, ARRAY_LEN(statements));
}
