/* API keys as rows. Every change but last_used bumps the generation that caches compare, in the
 * same write. Keys are never deleted: the audit trail names them by id. What a key may do, and
 * whether it is still good, is for identity to judge. */
#include "store/api_key.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/cells.h"

#define KEY_COLUMNS                                                                                                    \
	"k.id, k.tenant_id, t.name, k.name, k.hint, k.role, k.mac, k.created_ms, k.expires_ms, k.revoked_ms,"          \
	" k.last_used_ms, t.disabled"
#define KEY_TABLES " FROM api_key k JOIN tenant t ON t.id = k.tenant_id"

/* Touches in one write: below DB_QUEUE_MAX, and few enough not to hold the writer up. */
#define TOUCHES_PER_WRITE 256

static struct str mac_str(const uint8_t mac[32])
{
	return (struct str){(const char *)mac, 32};
}

static struct api_key from_row(const struct db_value *cell)
{
	struct api_key key = {
		.id = cell_str(&cell[0]),
		.tenant_id = cell_str(&cell[1]),
		.tenant_name = cell_str(&cell[2]),
		.name = cell_str(&cell[3]),
		.hint = cell_str(&cell[4]),
		.role = cell_str(&cell[5]),
		.created_ms = cell_int(&cell[7]),
		.expires_ms = cell_int(&cell[8]),
		.revoked_ms = cell_int(&cell[9]),
		.last_used_ms = cell_int(&cell[10]),
		.tenant_disabled = cell_int(&cell[11]) != 0,
	};

	cell_bytes(&cell[6], key.mac, sizeof(key.mac));
	return key;
}

AWAITS enum err api_key_insert(struct db *db, const struct api_key *key)
{
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO api_key (id, tenant_id, name, hint, role, mac, created_ms, expires_ms)"
			  " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			  1, DB_T(key->id), DB_T(key->tenant_id), DB_T(key->name), DB_T(key->hint), DB_T(key->role),
			  DB_B(mac_str(key->mac)), DB_I(key->created_ms), DB_I(key->expires_ms)),
		GENERATION_BUMP,
	};

	return db_write(db, statements, ARRAY_LEN(statements));
}

AWAITS static enum err find_one(struct db *db, struct arena *arena, const char *sql, struct db_value value,
				struct api_key *ret_key)
{
	struct db_rows *rows;

	TRY(db_query(db, arena, sql, &value, 1, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_key = from_row(rows->cells);
	return OK;
}

AWAITS enum err api_key_find(struct db *db, struct arena *arena, const uint8_t mac[32], struct api_key *ret_key)
{
	return find_one(db, arena, "SELECT " KEY_COLUMNS KEY_TABLES " WHERE k.mac = ?", DB_B(mac_str(mac)), ret_key);
}

AWAITS enum err api_key_get(struct db *db, struct arena *arena, struct str id, struct api_key *ret_key)
{
	return find_one(db, arena, "SELECT " KEY_COLUMNS KEY_TABLES " WHERE k.id = ?", DB_T(id), ret_key);
}

AWAITS enum err api_key_list(struct db *db, struct arena *arena, struct str tenant_id, struct api_key **ret_keys,
			     size_t *ret_count)
{
	struct db_rows *rows;
	struct api_key *keys;

	TRY(db_query(db, arena, "SELECT " KEY_COLUMNS KEY_TABLES " WHERE k.tenant_id = ? ORDER BY k.id",
		     CELLS(DB_T(tenant_id)), 1, &rows));
	keys = arena_try_alloc(arena, rows->rows * sizeof(*keys));
	if (keys == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		keys[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_keys = keys;
	*ret_count = rows->rows;
	return OK;
}

/* The full id behind an id or the beginning of one. */
AWAITS static enum err resolve(struct db *db, struct arena *arena, struct str id, struct str *ret_id)
{
	struct db_rows *rows;

	if (id.n == 0)
		return ERR_NOT_FOUND;
	TRY(db_query(db, arena, "SELECT id FROM api_key WHERE substr(id, 1, ?) = ? LIMIT 2",
		     CELLS(DB_I((int64_t)id.n), DB_T(id)), 2, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	if (rows->rows > 1)
		return ERR_EXISTS;
	*ret_id = cell_str(rows->cells);
	return OK;
}

AWAITS enum err api_key_revoke(struct db *db, struct str id, int64_t now_ms)
{
	AUTO(arena) *arena = arena_new(4096);
	struct str full;

	TRY(resolve(db, arena, id, &full));
	const struct db_statement statements[] = {
		/* The first revocation's time stays. */
		STATEMENT("UPDATE api_key SET revoked_ms = iif(revoked_ms = 0, ?, revoked_ms) WHERE id = ?", 1,
			  DB_I(now_ms), DB_T(full)),
		GENERATION_BUMP,
	};

	return db_write(db, statements, ARRAY_LEN(statements));
}

AWAITS static enum err touch_some(struct db *db, const struct api_key_use *uses, size_t count)
{
	struct db_statement *statements = calloc(count, sizeof(*statements));
	struct db_value *params = calloc(count * 3, sizeof(*params));
	enum err err;

	CHECK(statements != NULL && params != NULL);
	for (size_t i = 0; i < count; i++) {
		params[3 * i] = params[3 * i + 2] = DB_I(uses[i].used_ms);
		params[3 * i + 1] = DB_T(str_of(uses[i].id));
		statements[i] = (struct db_statement){
			.sql = "UPDATE api_key SET last_used_ms = ? WHERE id = ? AND last_used_ms < ?",
			.params = &params[3 * i],
			.count = 3,
			.changes_expected = -1,
		};
	}
	err = db_write(db, statements, count);
	free(statements);
	free(params);
	return err;
}

AWAITS enum err api_key_touch(struct db *db, const struct api_key_use *uses, size_t count)
{
	for (size_t at = 0; at < count; at += TOUCHES_PER_WRITE) {
		size_t left = count - at;

		TRY(touch_some(db, uses + at, left < TOUCHES_PER_WRITE ? left : TOUCHES_PER_WRITE));
	}
	return OK;
}
