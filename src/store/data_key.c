/* Data keys as rows. A key is made when a tenant first needs one, by whichever replica comes first: the insert gives
 * way to a row that is there. Making and destroying bump the generation, since opened keys are kept elsewhere; wrapping
 * one anew does not, the key is the same.
 *
 * Scope: Which tenants have keys is asked over all of them, by the rotation. */
#include "store/data_key.h"

#include "store/cells.h"

#define COLUMNS "tenant_id, version, kek, wrapped, created_ms"

static struct data_key from_row(const struct db_value *cell)
{
	return (struct data_key){
		.tenant_id = cell_str(&cell[0]),
		.version = cell_int(&cell[1]),
		.kek = cell_str(&cell[2]),
		.wrapped = cell_str(&cell[3]),
		.created_ms = cell_int(&cell[4]),
	};
}

AWAITS enum err data_key_get(struct db *db, struct arena *arena, struct str tenant_id, int64_t version,
			     struct data_key *ret_key)
{
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena,
		     "SELECT " COLUMNS
		     " FROM data_key WHERE tenant_id = ?1 AND (CAST(?2 AS BIGINT) = 0 OR version = ?2)"
		     " ORDER BY version DESC LIMIT 1",
		     CELLS(DB_T(tenant_id), DB_I(version)), 2, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_key = from_row(rows->cells);
	return OK;
}

AWAITS enum err data_key_list(struct db *db, struct arena *arena, struct str tenant_id, struct data_key **ret_keys,
			      size_t *ret_count)
{
	struct data_key *keys;
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena,
		     "SELECT " COLUMNS " FROM data_key WHERE tenant_id = ? AND length(wrapped) > 0"
		     " ORDER BY version DESC LIMIT ?",
		     CELLS(DB_T(tenant_id), DB_I(DATA_KEY_VERSIONS_MAX)), 2, &rows));
	keys = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*keys));
	if (keys == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		keys[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_keys = keys;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err data_key_tenants(struct db *db, struct arena *arena, struct str after, struct str **ret_ids,
				 size_t *ret_count)
{
	struct db_rows *rows;
	struct str *ids;

	TRY(db_query(db, DB_ALL_TENANTS, arena,
		     "SELECT DISTINCT tenant_id FROM data_key WHERE tenant_id > ? AND length(wrapped) > 0"
		     " ORDER BY tenant_id LIMIT ?",
		     CELLS(cell_text(after), DB_I(DATA_KEY_PAGE_TENANTS)), 2, &rows));
	ids = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*ids));
	if (ids == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		ids[i] = cell_str(&rows->cells[i]);
	*ret_ids = ids;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err data_key_put(struct db *db, const struct data_key *key)
{
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO data_key (" COLUMNS ") SELECT id, ?, ?, ?, ? FROM tenant WHERE id = ?"
			  " ON CONFLICT (tenant_id, version) DO NOTHING",
			  -1, DB_I(key->version), DB_T(key->kek), DB_B(key->wrapped), DB_I(key->created_ms),
			  DB_T(key->tenant_id)),
		GENERATION_BUMP,
	};

	if (key->wrapped.n > DATA_KEY_WRAPPED_BYTES_MAX)
		return ERR_LIMIT;
	return db_write(db, key->tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS enum err data_key_rewrap(struct db *db, const struct data_key *before, struct str kek, struct str wrapped)
{
	const struct db_statement statement = STATEMENT(
		"UPDATE data_key SET kek = ?, wrapped = ? WHERE tenant_id = ? AND version = ? AND wrapped = ?", 1,
		DB_T(kek), DB_B(wrapped), DB_T(before->tenant_id), DB_I(before->version), DB_B(before->wrapped));

	if (wrapped.n > DATA_KEY_WRAPPED_BYTES_MAX)
		return ERR_LIMIT;
	return db_write(db, before->tenant_id, &statement, 1);
}

AWAITS enum err data_key_destroy(struct db *db, struct str tenant_id)
{
	const struct db_statement statements[] = {
		STATEMENT("UPDATE data_key SET kek = '', wrapped = ? WHERE tenant_id = ?", -1, DB_B(STR("")),
			  DB_T(tenant_id)),
		GENERATION_BUMP,
	};

	return db_write(db, tenant_id, statements, ARRAY_LEN(statements));
}
