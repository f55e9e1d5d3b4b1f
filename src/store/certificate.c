/* Certificates as rows. Binding and unbinding bump the generation that caches compare, in the same write. What a
 * certificate may do is its account's: identity judges that from what is read with it. */
#include "store/certificate.h"

#include "store/cells.h"

#define COLUMNS                                                                                                        \
	"c.fingerprint, lower(hex(c.fingerprint)), c.tenant_id, t.name, c.user_id, c.name, c.created_ms, a.role,"      \
	" a.disabled, t.disabled"
#define TABLES                                                                                                         \
	" FROM certificate c JOIN tenant t ON t.id = c.tenant_id"                                                      \
	" JOIN account a ON a.id = c.user_id AND a.tenant_id = c.tenant_id"

static struct str bytes_of(const uint8_t fingerprint[32])
{
	return (struct str){(const char *)fingerprint, CERTIFICATE_FINGERPRINT_BYTES};
}

static struct certificate from_row(const struct db_value *cell)
{
	struct certificate certificate = {
		.hex = cell_str(&cell[1]),
		.tenant_id = cell_str(&cell[2]),
		.tenant_name = cell_str(&cell[3]),
		.user_id = cell_str(&cell[4]),
		.name = cell_str(&cell[5]),
		.created_ms = cell_int(&cell[6]),
		.user_role = cell_str(&cell[7]),
		.user_disabled = cell_int(&cell[8]) != 0,
		.tenant_disabled = cell_int(&cell[9]) != 0,
	};

	cell_bytes(&cell[0], certificate.fingerprint, sizeof(certificate.fingerprint));
	return certificate;
}

AWAITS enum err certificate_insert(struct db *db, const struct certificate *certificate)
{
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO certificate (fingerprint, tenant_id, user_id, name, created_ms)"
			  " SELECT ?, tenant_id, id, ?, ? FROM account"
			  " WHERE id = ? AND tenant_id = ? AND kind = 'service'",
			  1, DB_B(bytes_of(certificate->fingerprint)), cell_text(certificate->name),
			  DB_I(certificate->created_ms), cell_text(certificate->user_id),
			  cell_text(certificate->tenant_id)),
		GENERATION_BUMP,
	};

	return db_write(db, certificate->tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS static enum err find_one(struct db *db, struct str scope, struct arena *arena, const char *sql,
				const struct db_value *params, size_t count, struct certificate *ret_certificate)
{
	struct db_rows *rows;

	TRY(db_query(db, scope, arena, sql, params, count, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_certificate = from_row(rows->cells);
	return OK;
}

AWAITS enum err certificate_find(struct db *db, struct str scope, struct arena *arena, const uint8_t fingerprint[32],
				 struct certificate *ret_certificate)
{
	return find_one(db, scope, arena, "SELECT " COLUMNS TABLES " WHERE c.fingerprint = ?",
			CELLS(DB_B(bytes_of(fingerprint))), 1, ret_certificate);
}

AWAITS enum err certificate_find_hint(struct db *db, struct str scope, struct arena *arena, struct str user_id,
				      struct str hint, struct certificate *ret_certificate)
{
	return find_one(db, scope, arena,
			"SELECT " COLUMNS TABLES
			" WHERE c.user_id = ? AND substr(lower(hex(c.fingerprint)), 1, CAST(? AS INTEGER)) = ?",
			CELLS(DB_T(user_id), DB_I((int64_t)hint.n), DB_T(hint)), 3, ret_certificate);
}

AWAITS enum err certificate_page(struct db *db, struct arena *arena, struct str tenant_id, struct str after,
				 size_t limit, struct certificate **ret_certificates, size_t *ret_count)
{
	struct certificate *certificates;
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena,
		     "SELECT " COLUMNS TABLES " WHERE c.tenant_id = ? AND lower(hex(c.fingerprint)) > ?"
		     " ORDER BY c.fingerprint LIMIT ?",
		     CELLS(DB_T(tenant_id), DB_T(after), DB_I((int64_t)limit)), 3, &rows));
	certificates = arena_try_alloc(arena, rows->rows * sizeof(*certificates));
	if (certificates == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		certificates[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_certificates = certificates;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err certificate_delete(struct db *db, struct str scope, const uint8_t fingerprint[32])
{
	const struct db_statement statements[] = {
		STATEMENT("DELETE FROM certificate WHERE fingerprint = ?", 1, DB_B(bytes_of(fingerprint))),
		GENERATION_BUMP,
	};

	return db_write(db, scope, statements, ARRAY_LEN(statements));
}
