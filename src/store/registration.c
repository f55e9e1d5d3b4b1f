/* Registrations as rows. One is looked for when somebody signs in, never on a call's way, so nobody keeps it in memory
 * and no cache hears of a change. */
#include "store/registration.h"

#include "store/cells.h"
#include "store/sealed_use.h"

#define COLUMNS "id, tenant_id, upstream, issuer, client_id, sealed, expires_ms, created_ms, changed_ms"

AWAITS enum err registration_find(struct db *db, struct arena *arena, struct str tenant_id, struct str upstream,
				  struct registration_row *ret_registration)
{
	const struct db_value *cell;
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena, "SELECT " COLUMNS " FROM registration WHERE tenant_id = ? AND upstream = ?",
		     CELLS(DB_T(tenant_id), DB_T(upstream)), 2, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	cell = rows->cells;
	*ret_registration = (struct registration_row){
		.id = cell_str(&cell[0]),
		.tenant_id = cell_str(&cell[1]),
		.upstream = cell_str(&cell[2]),
		.issuer = cell_str(&cell[3]),
		.client_id = cell_str(&cell[4]),
		.sealed = cell_str(&cell[5]),
		.expires_ms = cell_int(&cell[6]),
		.created_ms = cell_int(&cell[7]),
		.changed_ms = cell_int(&cell[8]),
	};
	return OK;
}

AWAITS static enum err is_full(struct db *db, struct str tenant_id)
{
	AUTO(arena) *arena = arena_new(16 * 1024);
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena, "SELECT count(*) FROM registration WHERE tenant_id = ?",
		     CELLS(DB_T(tenant_id)), 1, &rows));
	return cell_int(rows->cells) >= REGISTRATIONS_PER_TENANT_MAX ? ERR_LIMIT : ERR_NOT_FOUND;
}

AWAITS enum err registration_insert(struct db *db, const struct registration_row *r)
{
	const struct db_statement statements[] = {
		SEALED_USE(r->tenant_id, r->sealed),
		STATEMENT("INSERT INTO registration (" COLUMNS ") SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?"
			  " WHERE (SELECT count(*) FROM registration WHERE tenant_id = ?) < ?",
			  1, DB_T(r->id), DB_T(r->tenant_id), DB_T(r->upstream), DB_T(r->issuer), DB_T(r->client_id),
			  DB_B(r->sealed), DB_I(r->expires_ms), DB_I(r->created_ms), DB_I(r->created_ms),
			  DB_T(r->tenant_id), DB_I(REGISTRATIONS_PER_TENANT_MAX)),
	};
	enum err err;

	if (r->sealed.n > REGISTRATION_SEALED_BYTES_MAX)
		return ERR_LIMIT;
	err = db_write(db, r->tenant_id, statements, ARRAY_LEN(statements));
	return err == ERR_NOT_FOUND ? is_full(db, r->tenant_id) : err;
}

AWAITS enum err registration_update(struct db *db, const struct registration_row *r, int64_t changed_before_ms)
{
	const struct db_statement statements[] = {
		SEALED_USE(r->tenant_id, r->sealed),
		STATEMENT("UPDATE registration SET issuer = ?, client_id = ?, sealed = ?, expires_ms = ?,"
			  " changed_ms = max(?, changed_ms + 1) WHERE tenant_id = ? AND id = ? AND changed_ms = ?",
			  1, DB_T(r->issuer), DB_T(r->client_id), DB_B(r->sealed), DB_I(r->expires_ms),
			  DB_I(r->changed_ms), DB_T(r->tenant_id), DB_T(r->id), DB_I(changed_before_ms)),
	};

	if (r->sealed.n > REGISTRATION_SEALED_BYTES_MAX)
		return ERR_LIMIT;
	return db_write(db, r->tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS enum err registration_delete(struct db *db, struct str tenant_id, struct str upstream, struct str client_id)
{
	const struct db_statement statement =
		STATEMENT("DELETE FROM registration WHERE tenant_id = ? AND upstream = ? AND client_id = ?", -1,
			  DB_T(tenant_id), DB_T(upstream), DB_T(client_id));

	return db_write(db, tenant_id, &statement, 1);
}
