/* Persons' keys as rows. A row is made when its key is first needed, and only for somebody who exists: a row that comes
 * late must not bring an erased person's key back. An erasure leaves the row with an empty key for the same reason.
 * Nobody caches rows by the generation, so no write bumps it; who keeps an opened key keeps it for a minute.
 *
 * Scope: The trail seals what all tenants do: its keys are asked for over all of them. */
#include "store/person_key.h"

#include "store/cells.h"

AWAITS enum err person_key_get(struct db *db, struct arena *arena, struct str subject, struct str *ret_sealed)
{
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT key FROM person_key WHERE subject = ?",
		     CELLS(cell_text(subject)), 1, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_sealed = cell_str(&rows->cells[0]);
	return OK;
}

AWAITS enum err person_key_put(struct db *db, struct str subject, struct str sealed)
{
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO person_key (subject, tenant_id, key) SELECT id, tenant_id, ? FROM account"
			  " WHERE id = ? ON CONFLICT (subject) DO NOTHING",
			  -1, DB_B(sealed), cell_text(subject)),
		STATEMENT("INSERT INTO person_key (subject, tenant_id, key) SELECT id, id, ? FROM tenant WHERE id = ?"
			  " ON CONFLICT (subject) DO NOTHING",
			  -1, DB_B(sealed), cell_text(subject)),
	};

	return db_write(db, DB_ALL_TENANTS, statements, ARRAY_LEN(statements));
}
