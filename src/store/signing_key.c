/* Signing keys as rows. Several processes and loops may find at the same moment that a new key is due: the insert is
 * conditional, so that one of them makes it and the others read it.
 *
 * Scope: They are the installation's. */
#include "store/signing_key.h"

#include "store/cells.h"

AWAITS enum err signing_key_list(struct db *db, struct arena *arena, int64_t now_ms, struct signing_key **ret_keys,
				 size_t *ret_count)
{
	struct signing_key *keys;
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena,
		     "SELECT kid, private, public, created_ms, active_ms FROM signing_key"
		     " WHERE retired_ms = 0 OR retired_ms > ? ORDER BY active_ms, kid LIMIT 32",
		     CELLS(DB_I(now_ms)), 1, &rows));
	keys = arena_alloc(arena, rows->rows * sizeof(*keys) + 1);
	for (size_t i = 0; i < rows->rows; i++) {
		const struct db_value *cell = &rows->cells[i * rows->columns];

		keys[i] = (struct signing_key){
			.kid = cell_str(&cell[0]),
			.private_sealed = cell_str(&cell[1]),
			.public_jwk = cell_str(&cell[2]),
			.created_ms = cell_int(&cell[3]),
			.active_ms = cell_int(&cell[4]),
		};
	}
	*ret_keys = keys;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err signing_key_insert(struct db *db, const struct signing_key *key, int64_t retired_ms, int64_t after_ms)
{
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO signing_key (kid, private, public, created_ms, active_ms) SELECT ?, ?, ?, ?, ?"
			  " WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE active_ms > ?)",
			  1, DB_T(key->kid), DB_B(key->private_sealed), DB_T(key->public_jwk), DB_I(key->created_ms),
			  DB_I(key->active_ms), DB_I(after_ms)),
		STATEMENT("UPDATE signing_key SET retired_ms = ? WHERE kid <> ? AND retired_ms = 0", -1,
			  DB_I(retired_ms), DB_T(key->kid)),
		STATEMENT("DELETE FROM signing_key WHERE retired_ms > 0 AND retired_ms < ?", -1, DB_I(key->created_ms)),
	};

	return db_write(db, DB_ALL_TENANTS, statements, ARRAY_LEN(statements));
}
