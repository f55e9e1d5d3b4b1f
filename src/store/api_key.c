/* API keys as rows. Every change but last_used bumps the generation that caches compare, in the
 * same write. Keys are never deleted: the audit trail names them by id. What a key may do, and
 * whether it is still good, is for identity to judge.
 *
 * Scope: A key is looked for by its MAC before anybody knows whose it is, and uses are noted for many tenants at once:
 * these two act for all. */
#include "store/api_key.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/cells.h"

#define KEY_COLUMNS                                                                                                    \
	"k.id, k.tenant_id, t.name, k.name, k.hint, k.role, k.mac, k.created_ms, k.expires_ms, k.revoked_ms,"          \
	" k.last_used_ms, t.disabled, k.user_id, k.description, k.toolsets, k.scopes, k.successor, k.changed_ms,"      \
	" coalesce(a.role, ''), CASE WHEN k.user_id = '' THEN 0 ELSE coalesce(a.disabled, 1) END"
#define KEY_TABLES                                                                                                     \
	" FROM api_key k JOIN tenant t ON t.id = k.tenant_id"                                                          \
	" LEFT JOIN account a ON a.id = k.user_id AND a.tenant_id = k.tenant_id"

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
		.user_id = cell_str(&cell[12]),
		.description = cell_str(&cell[13]),
		.toolsets = cell_str(&cell[14]),
		.scopes = cell_str(&cell[15]),
		.successor = cell_str(&cell[16]),
		.changed_ms = cell_int(&cell[17]),
		.user_role = cell_str(&cell[18]),
		.user_disabled = cell_int(&cell[19]) != 0,
	};

	cell_bytes(&cell[6], key.mac, sizeof(key.mac));
	return key;
}

#define INSERT_KEY(key)                                                                                                \
	STATEMENT("INSERT INTO api_key (id, tenant_id, name, hint, role, mac, created_ms, expires_ms, user_id,"        \
		  " description, toolsets, scopes, changed_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",        \
		  1, cell_text((key)->id), cell_text((key)->tenant_id), cell_text((key)->name),                        \
		  cell_text((key)->hint), cell_text((key)->role), DB_B(mac_str((key)->mac)), DB_I((key)->created_ms),  \
		  DB_I((key)->expires_ms), cell_text((key)->user_id), cell_text((key)->description),                   \
		  cell_text((key)->toolsets), cell_text((key)->scopes), DB_I((key)->created_ms))

AWAITS enum err api_key_insert(struct db *db, const struct api_key *key)
{
	const struct db_statement statements[] = {INSERT_KEY(key), GENERATION_BUMP};

	return db_write(db, key->tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS static enum err find_one(struct db *db, struct str scope, struct arena *arena, const char *sql,
				struct db_value value, struct api_key *ret_key)
{
	struct db_rows *rows;

	TRY(db_query(db, scope, arena, sql, &value, 1, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_key = from_row(rows->cells);
	return OK;
}

AWAITS enum err api_key_find(struct db *db, struct arena *arena, const uint8_t mac[32], struct api_key *ret_key)
{
	return find_one(db, DB_ALL_TENANTS, arena, "SELECT " KEY_COLUMNS KEY_TABLES " WHERE k.mac = ?",
			DB_B(mac_str(mac)), ret_key);
}

AWAITS enum err api_key_get(struct db *db, struct str scope, struct arena *arena, struct str id,
			    struct api_key *ret_key)
{
	return find_one(db, scope, arena, "SELECT " KEY_COLUMNS KEY_TABLES " WHERE k.id = ?", DB_T(id), ret_key);
}

AWAITS static enum err find_all(struct db *db, struct str tenant_id, struct arena *arena, const char *sql,
				const struct db_value *params, size_t count, struct api_key **ret_keys,
				size_t *ret_count)
{
	struct db_rows *rows;
	struct api_key *keys;

	TRY(db_query(db, tenant_id, arena, sql, params, count, &rows));
	keys = arena_try_alloc(arena, rows->rows * sizeof(*keys));
	if (keys == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		keys[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_keys = keys;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err api_key_list(struct db *db, struct arena *arena, struct str tenant_id, struct api_key **ret_keys,
			     size_t *ret_count)
{
	return find_all(db, tenant_id, arena, "SELECT " KEY_COLUMNS KEY_TABLES " WHERE k.tenant_id = ? ORDER BY k.id",
			CELLS(DB_T(tenant_id)), 1, ret_keys, ret_count);
}

AWAITS enum err api_key_page(struct db *db, struct arena *arena, struct str tenant_id, struct str after, size_t limit,
			     struct api_key **ret_keys, size_t *ret_count)
{
	return find_all(db, tenant_id, arena,
			"SELECT " KEY_COLUMNS KEY_TABLES " WHERE k.tenant_id = ? AND k.id > ? ORDER BY k.id LIMIT ?",
			CELLS(DB_T(tenant_id), DB_T(after), DB_I((int64_t)limit)), 3, ret_keys, ret_count);
}

/* Of all tenants: a job announces them. */
AWAITS enum err api_key_expiring(struct db *db, struct arena *arena, int64_t now_ms, int64_t until_ms, size_t limit,
				 struct api_key **ret_keys, size_t *ret_count)
{
	return find_all(db, DB_ALL_TENANTS, arena,
			"SELECT " KEY_COLUMNS KEY_TABLES " WHERE k.expires_ms > ? AND k.expires_ms <= ?"
			" AND k.revoked_ms = 0 AND k.successor = '' AND k.noticed_ms = 0 ORDER BY k.expires_ms LIMIT ?",
			CELLS(DB_I(now_ms), DB_I(until_ms), DB_I((int64_t)limit)), 3, ret_keys, ret_count);
}

AWAITS enum err api_key_noticed(struct db *db, struct str id, int64_t now_ms)
{
	const struct db_statement statement =
		STATEMENT("UPDATE api_key SET noticed_ms = ? WHERE id = ?", 1, DB_I(now_ms), DB_T(id));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}

/* The full id behind an id or the beginning of one. */
AWAITS static enum err resolve(struct db *db, struct str scope, struct arena *arena, struct str id, struct str *ret_id)
{
	struct db_rows *rows;

	if (id.n == 0)
		return ERR_NOT_FOUND;
	TRY(db_query(db, scope, arena, "SELECT id FROM api_key WHERE substr(id, 1, CAST(? AS INTEGER)) = ? LIMIT 2",
		     CELLS(DB_I((int64_t)id.n), DB_T(id)), 2, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	if (rows->rows > 1)
		return ERR_EXISTS;
	*ret_id = cell_str(rows->cells);
	return OK;
}

AWAITS enum err api_key_revoke(struct db *db, struct str scope, struct str id, int64_t now_ms)
{
	AUTO(arena) *arena = arena_new(4096);
	struct str full;

	TRY(resolve(db, scope, arena, id, &full));
	const struct db_statement statements[] = {
		/* The first revocation's time stays. */
		STATEMENT("UPDATE api_key SET revoked_ms = CASE revoked_ms WHEN 0 THEN ? ELSE revoked_ms END WHERE id "
			  "= ?",
			  1, DB_I(now_ms), DB_T(full)),
		GENERATION_BUMP,
	};

	return db_write(db, scope, statements, ARRAY_LEN(statements));
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
	err = db_write(db, DB_ALL_TENANTS, statements, count);
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

AWAITS enum err api_key_update(struct db *db, const struct api_key *key, int64_t changed_before_ms)
{
	const struct db_statement statements[] = {
		STATEMENT("UPDATE api_key SET name = ?, description = ?, toolsets = ?, scopes = ?, role = ?,"
			  " expires_ms = ?, changed_ms = max(?, changed_ms + 1) WHERE id = ? AND changed_ms = ?",
			  1, cell_text(key->name), cell_text(key->description), cell_text(key->toolsets),
			  cell_text(key->scopes), cell_text(key->role), DB_I(key->expires_ms), DB_I(key->changed_ms),
			  cell_text(key->id), DB_I(changed_before_ms)),
		GENERATION_BUMP,
	};

	return db_write(db, key->tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS enum err api_key_rotate(struct db *db, struct str old_id, int64_t old_until_ms, const struct api_key *fresh)
{
	const struct db_statement statements[] = {
		/* A key that ends sooner by itself still does. */
		STATEMENT("UPDATE api_key SET successor = ?, changed_ms = max(?, changed_ms + 1),"
			  " expires_ms = CASE expires_ms WHEN 0 THEN ? ELSE min(expires_ms, ?) END"
			  " WHERE id = ? AND successor = '' AND revoked_ms = 0 AND (expires_ms = 0 OR expires_ms > ?)",
			  1, cell_text(fresh->id), DB_I(fresh->created_ms), DB_I(old_until_ms), DB_I(old_until_ms),
			  cell_text(old_id), DB_I(fresh->created_ms)),
		INSERT_KEY(fresh),
		GENERATION_BUMP,
	};

	return db_write(db, fresh->tenant_id, statements, ARRAY_LEN(statements));
}
