/* Tenants as rows. Names are DNS labels and never change hands: ids are what other rows refer to,
 * names are what people type. A tenant is disabled, not deleted: its audit rows stay. */
#include "store/tenant.h"

#include "base/clock.h"
#include "base/random.h"
#include "store/cells.h"

#define TENANT_NAME_BYTES_MAX 63 /* a DNS label, so that it can become part of a host name */
#define TENANT_COLUMNS "id, name, created_ms, disabled"

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
	};
}

AWAITS enum err tenant_create(struct db *db, struct arena *arena, struct str name, struct tenant *ret_tenant)
{
	char id[ID_LEN + 1];
	struct tenant tenant = {.created_ms = clock_wall_ms()};

	if (!name_is_valid(name))
		return ERR_RPC_PARAMS;
	random_id(id);
	tenant.id = arena_str(arena, (struct str){id, ID_LEN});
	tenant.name = arena_str(arena, name);
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO tenant (id, name, created_ms) VALUES (?, ?, ?)", 1, DB_T(tenant.id),
			  DB_T(tenant.name), DB_I(tenant.created_ms)),
		GENERATION_BUMP,
	};

	TRY(db_write(db, statements, ARRAY_LEN(statements)));
	*ret_tenant = tenant;
	return OK;
}

AWAITS enum err tenant_find(struct db *db, struct arena *arena, struct str name, struct tenant *ret_tenant)
{
	struct db_rows *rows;

	TRY(db_query(db, arena, "SELECT " TENANT_COLUMNS " FROM tenant WHERE name = ?", CELLS(DB_T(name)), 1, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_tenant = from_row(rows->cells);
	return OK;
}

AWAITS enum err tenant_list(struct db *db, struct arena *arena, struct tenant **ret_tenants, size_t *ret_count)
{
	struct db_rows *rows;
	struct tenant *tenants;

	TRY(db_query(db, arena, "SELECT " TENANT_COLUMNS " FROM tenant ORDER BY name", NULL, 0, &rows));
	tenants = arena_try_alloc(arena, rows->rows * sizeof(*tenants));
	if (tenants == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		tenants[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_tenants = tenants;
	*ret_count = rows->rows;
	return OK;
}
