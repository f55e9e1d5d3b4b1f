/* Sealed values by the key they are under.
 *
 * A value must never be kept under a key that is being removed. So each write of one counts on the key's row
 * (SEALED_USE), and who removes a key takes hold of that row first and looks for values in a second statement: on
 * PostgreSQL one waits for the other, and a statement sees what was committed before it began. */
#include "store/sealed.h"

#include "store/cells.h"
#include "store/data_key.h"
#include "store/sealed_use.h"

static const struct {
	const char *name, *stale, *swap;
} kinds[] = {
	[SEALED_CREDENTIAL] = {"credential",
			       "SELECT id, sealed FROM credential WHERE tenant_id = ? AND substr(sealed, 1, 5) <> ?"
			       " AND id > ? ORDER BY id LIMIT ?",
			       "UPDATE credential SET sealed = ? WHERE tenant_id = ? AND id = ? AND sealed = ?"},
	[SEALED_REGISTRATION] = {"registration",
				 "SELECT id, sealed FROM registration WHERE tenant_id = ? AND substr(sealed, 1, 5) <> ?"
				 " AND id > ? ORDER BY id LIMIT ?",
				 "UPDATE registration SET sealed = ? WHERE tenant_id = ? AND id = ? AND sealed = ?"},
	[SEALED_BRIDGED_CLIENT] =
		{"bridged_client",
		 "SELECT id, sealed FROM bridged_client WHERE tenant_id = ? AND substr(sealed, 1, 5) <> ?"
		 " AND id > ? AND length(sealed) > 0 ORDER BY id LIMIT ?",
		 "UPDATE bridged_client SET sealed = ? WHERE tenant_id = ? AND id = ? AND sealed = ?"},
	[SEALED_TOOL_RUN] = {"tool_run",
			     "SELECT id, sealed FROM tool_run WHERE tenant_id = ? AND substr(sealed, 1, 5) <> ?"
			     " AND id > ? AND length(sealed) > 0 ORDER BY id LIMIT ?",
			     "UPDATE tool_run SET sealed = ? WHERE tenant_id = ? AND id = ? AND sealed = ?"},
	[SEALED_MEDIA] = {"media",
			  "SELECT id, sealed FROM media WHERE tenant_id = ? AND substr(sealed, 1, 5) <> ?"
			  " AND id > ? ORDER BY id LIMIT ?",
			  "UPDATE media SET sealed = ? WHERE tenant_id = ? AND id = ? AND sealed = ?"},
};

/* Each kind's table is named here: whoever adds one adds it. */
#define NO_VALUE_LEFT                                                                                                  \
	"NOT EXISTS (SELECT 1 FROM credential WHERE tenant_id = data_key.tenant_id AND substr(sealed, 1, 5) = ?)"      \
	" AND NOT EXISTS"                                                                                              \
	" (SELECT 1 FROM registration WHERE tenant_id = data_key.tenant_id AND substr(sealed, 1, 5) = ?)"              \
	" AND NOT EXISTS (SELECT 1 FROM bridged_client WHERE tenant_id = data_key.tenant_id"                           \
	" AND substr(sealed, 1, 5) = ?)"                                                                               \
	" AND NOT EXISTS (SELECT 1 FROM tool_run WHERE tenant_id = data_key.tenant_id AND substr(sealed, 1, 5) = ?)"   \
	" AND NOT EXISTS (SELECT 1 FROM media WHERE tenant_id = data_key.tenant_id AND substr(sealed, 1, 5) = ?)"

struct str sealed_kind_name(enum sealed_kind kind)
{
	return str_of(kinds[kind].name);
}

void sealed_prefix(int64_t version, char out[SEALED_PREFIX_BYTES])
{
	out[0] = SEALED_FORMAT;
	for (int i = 0; i < 4; i++)
		out[1 + i] = (char)(version >> (24 - 8 * i));
}

int64_t sealed_version(struct str sealed)
{
	int64_t version = 0;

	if (sealed.n < SEALED_PREFIX_BYTES || sealed.p[0] != SEALED_FORMAT)
		return 0;
	for (int i = 0; i < 4; i++)
		version = version << 8 | (uint8_t)sealed.p[1 + i];
	return version;
}

AWAITS enum err sealed_stale(struct db *db, struct arena *arena, enum sealed_kind kind, struct str tenant_id,
			     int64_t version, struct str after, struct sealed_row **ret_rows, size_t *ret_count)
{
	char prefix[SEALED_PREFIX_BYTES];
	struct sealed_row *found;
	struct db_rows *rows;

	sealed_prefix(version, prefix);
	TRY(db_query(db, tenant_id, arena, kinds[kind].stale,
		     CELLS(DB_T(tenant_id), DB_B(((struct str){prefix, sizeof(prefix)})), cell_text(after),
			   DB_I(SEALED_PAGE_ROWS)),
		     4, &rows));
	found = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*found));
	if (found == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++) {
		const struct db_value *cell = &rows->cells[i * rows->columns];

		found[i] = (struct sealed_row){cell_str(&cell[0]), cell_str(&cell[1])};
	}
	*ret_rows = found;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err sealed_swap(struct db *db, enum sealed_kind kind, struct str tenant_id, const struct sealed_row *row,
			    struct str anew)
{
	const struct db_statement statements[] = {
		SEALED_USE(tenant_id, anew),
		STATEMENT(kinds[kind].swap, 1, DB_B(anew), DB_T(tenant_id), DB_T(row->id), DB_B(row->sealed)),
	};

	return db_write(db, tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS static enum err retire_one(struct db *db, struct str tenant_id, int64_t version)
{
	char prefix[SEALED_PREFIX_BYTES];
	const struct db_value begins = DB_B(((struct str){prefix, sizeof(prefix)}));
	const struct db_statement statements[] = {
		STATEMENT("UPDATE data_key SET seals = seals WHERE tenant_id = ? AND version = ?", -1, DB_T(tenant_id),
			  DB_I(version)),
		STATEMENT("DELETE FROM data_key WHERE tenant_id = ? AND version = ? AND " NO_VALUE_LEFT, -1,
			  DB_T(tenant_id), DB_I(version), begins, begins, begins, begins, begins),
		GENERATION_BUMP,
	};

	sealed_prefix(version, prefix);
	return db_write(db, tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS enum err sealed_retire(struct db *db, struct str tenant_id, int64_t version)
{
	AUTO(arena) *arena = arena_new(DATA_KEY_ARENA_BYTES);
	struct data_key *keys;
	size_t count;

	TRY(data_key_list(db, arena, tenant_id, &keys, &count));
	for (size_t i = 0; i < count; i++)
		if (keys[i].version < version)
			TRY(retire_one(db, tenant_id, keys[i].version));
	return OK;
}
