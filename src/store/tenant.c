/* Tenants as rows. Names are DNS labels and never change hands: ids are what other rows refer to,
 * names are what people type. A tenant is disabled, not deleted: its audit rows stay.
 *
 * Scope: By name, and in lists, they are looked for by the operator or before any is known. */
#include "store/tenant.h"

#include "base/clock.h"
#include "base/random.h"
#include "store/cells.h"

#define TENANT_NAME_BYTES_MAX 63 /* a DNS label, so that it can become part of a host name */
#define TENANT_COLUMNS "id, name, created_ms, disabled, title, plan, limits, networks, changed_ms"

static bool name_is_valid(struct str name)
{
	if (name.n == 0 || name.n > TENANT_NAME_BYTES_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return true;
}

static struct tenant from_row(const struct db_value *cell)
{
	return (struct tenant){
		.id = cell_str(&cell[0]),
		.name = cell_str(&cell[1]),
		.created_ms = cell_int(&cell[2]),
		.disabled = cell_int(&cell[3]) != 0,
		.title = cell_str(&cell[4]),
		.plan = cell_str(&cell[5]),
		.limits = cell_str(&cell[6]),
		.networks = cell_str(&cell[7]),
		.changed_ms = cell_int(&cell[8]),
	};
}

AWAITS enum err tenant_create(struct db *db, struct arena *arena, struct str name, struct tenant *ret_tenant)
{
	char id[ID_LEN + 1];
	struct tenant tenant = {.title = STR(""), .plan = STR(""), .limits = STR("{}"), .networks = STR("[]")};

	if (!name_is_valid(name))
		return ERR_RPC_PARAMS;
	tenant.created_ms = tenant.changed_ms = clock_wall_ms();
	random_id(id);
	tenant.id = arena_str(arena, (struct str){id, ID_LEN});
	tenant.name = arena_str(arena, name);
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO tenant (id, name, created_ms, changed_ms) VALUES (?, ?, ?, ?)", 1,
			  DB_T(tenant.id), DB_T(tenant.name), DB_I(tenant.created_ms), DB_I(tenant.changed_ms)),
		GENERATION_BUMP,
	};

	TRY(db_write(db, tenant.id, statements, ARRAY_LEN(statements)));
	*ret_tenant = tenant;
	return OK;
}

AWAITS static enum err find_one(struct db *db, struct str scope, struct arena *arena, const char *sql, struct str value,
				struct tenant *ret_tenant)
{
	struct db_rows *rows;

	TRY(db_query(db, scope, arena, sql, CELLS(DB_T(value)), 1, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_tenant = from_row(rows->cells);
	return OK;
}

AWAITS enum err tenant_find(struct db *db, struct arena *arena, struct str name, struct tenant *ret_tenant)
{
	return find_one(db, DB_ALL_TENANTS, arena, "SELECT " TENANT_COLUMNS " FROM tenant WHERE name = ?", name,
			ret_tenant);
}

AWAITS enum err tenant_get(struct db *db, struct arena *arena, struct str id, struct tenant *ret_tenant)
{
	return find_one(db, id, arena, "SELECT " TENANT_COLUMNS " FROM tenant WHERE id = ?", id, ret_tenant);
}

AWAITS static enum err find_all(struct db *db, struct arena *arena, const char *sql, const struct db_value *params,
				size_t count, struct tenant **ret_tenants, size_t *ret_count)
{
	struct db_rows *rows;
	struct tenant *tenants;

	TRY(db_query(db, DB_ALL_TENANTS, arena, sql, params, count, &rows));
	tenants = arena_try_alloc(arena, rows->rows * sizeof(*tenants));
	if (tenants == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		tenants[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_tenants = tenants;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err tenant_list(struct db *db, struct arena *arena, struct tenant **ret_tenants, size_t *ret_count)
{
	return find_all(db, arena, "SELECT " TENANT_COLUMNS " FROM tenant ORDER BY name", NULL, 0, ret_tenants,
			ret_count);
}

AWAITS enum err tenant_page(struct db *db, struct arena *arena, struct str after, size_t limit,
			    struct tenant **ret_tenants, size_t *ret_count)
{
	return find_all(db, arena, "SELECT " TENANT_COLUMNS " FROM tenant WHERE id > ? ORDER BY id LIMIT ?",
			CELLS(DB_T(after), DB_I((int64_t)limit)), 2, ret_tenants, ret_count);
}

AWAITS enum err tenant_update(struct db *db, const struct tenant *tenant, int64_t changed_before_ms)
{
	const struct db_statement statements[] = {
		/* Two changes within one ms must not look the same to a third writer. */
		STATEMENT("UPDATE tenant SET title = ?, plan = ?, limits = ?, networks = ?, disabled = ?,"
			  " changed_ms = max(?, changed_ms + 1) WHERE id = ? AND changed_ms = ?",
			  1, DB_T(tenant->title), DB_T(tenant->plan), DB_T(tenant->limits), DB_T(tenant->networks),
			  DB_I(tenant->disabled), DB_I(tenant->changed_ms), DB_T(tenant->id), DB_I(changed_before_ms)),
		GENERATION_BUMP,
	};

	return db_write(db, tenant->id, statements, ARRAY_LEN(statements));
}
