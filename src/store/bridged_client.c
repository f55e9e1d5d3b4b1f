/* Bridged clients as rows. Nothing of them is cached, so no write here tells caches; each change names the state or the
 * moment that it was decided by, so that of two that decide at the same time one finds nothing to change.
 *
 * Scope: A registration access token says whose client it is only when its row is found, and the jobs look after all of
 * a bridge's clients. */
#include "store/bridged_client.h"

#include "store/cells.h"
#include "store/sealed_use.h"

#define COLUMNS                                                                                                        \
	"id, tenant_id, bridge, state, object_id, client_id, metadata, token_mac, sealed, key_id, secret_expires_ms,"  \
	" old_key_id, old_until_ms, created_ms, changed_ms"

static struct bridged_client from_row(const struct db_value *cell)
{
	struct bridged_client client = {
		.id = cell_str(&cell[0]),
		.tenant_id = cell_str(&cell[1]),
		.bridge = cell_str(&cell[2]),
		.state = cell_str(&cell[3]),
		.object_id = cell_str(&cell[4]),
		.client_id = cell_str(&cell[5]),
		.metadata = cell_str(&cell[6]),
		.sealed = cell_str(&cell[8]),
		.key_id = cell_str(&cell[9]),
		.secret_expires_ms = cell_int(&cell[10]),
		.old_key_id = cell_str(&cell[11]),
		.old_until_ms = cell_int(&cell[12]),
		.created_ms = cell_int(&cell[13]),
		.changed_ms = cell_int(&cell[14]),
	};

	cell_bytes(&cell[7], client.token_mac, sizeof(client.token_mac));
	return client;
}

static struct db_value mac_cell(const struct bridged_client *client)
{
	return DB_B(((struct str){(const char *)client->token_mac, sizeof(client->token_mac)}));
}

AWAITS static enum err count_of(struct db *db, struct str tenant_id, struct str bridge, int64_t *ret_count)
{
	AUTO(arena) *arena = arena_new(16 * 1024);
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena, "SELECT count(*) FROM bridged_client WHERE tenant_id = ? AND bridge = ?",
		     CELLS(DB_T(tenant_id), DB_T(bridge)), 2, &rows));
	*ret_count = cell_int(rows->cells);
	return OK;
}

AWAITS enum err bridged_client_insert(struct db *db, const struct bridged_client *c, unsigned quota)
{
	const struct db_statement statement =
		STATEMENT("INSERT INTO bridged_client (id, tenant_id, bridge, state, metadata, token_mac, created_ms,"
			  " changed_ms) SELECT ?, ?, ?, 'making', ?, ?, ?, ?"
			  " WHERE (SELECT count(*) FROM bridged_client WHERE tenant_id = ? AND bridge = ?) < ?",
			  1, DB_T(c->id), DB_T(c->tenant_id), DB_T(c->bridge), DB_T(c->metadata), mac_cell(c),
			  DB_I(c->created_ms), DB_I(c->created_ms), DB_T(c->tenant_id), DB_T(c->bridge), DB_I(quota));
	int64_t count = 0;
	enum err err;

	if (c->metadata.n > BRIDGED_METADATA_BYTES_MAX)
		return ERR_LIMIT;
	err = db_write(db, c->tenant_id, &statement, 1);
	if (err != ERR_NOT_FOUND)
		return err;
	TRY(count_of(db, c->tenant_id, c->bridge, &count));
	return count >= quota ? ERR_LIMIT : ERR_NOT_FOUND;
}

/* A write of a row, with the count of its key's uses in front where it keeps something sealed. */
AWAITS static enum err write_sealed(struct db *db, const struct bridged_client *c, struct db_statement statement)
{
	const struct db_statement statements[] = {SEALED_USE(c->tenant_id, c->sealed), statement};

	if (c->sealed.n == 0)
		return db_write(db, c->tenant_id, &statement, 1);
	return db_write(db, c->tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS enum err bridged_client_activate(struct db *db, const struct bridged_client *c)
{
	return write_sealed(db, c,
			    STATEMENT("UPDATE bridged_client SET state = 'active', object_id = ?, client_id = ?,"
				      " sealed = ?, key_id = ?, secret_expires_ms = ?, changed_ms = changed_ms + 1"
				      " WHERE tenant_id = ? AND id = ? AND state = 'making'",
				      1, DB_T(c->object_id), DB_T(c->client_id), DB_B(c->sealed), cell_text(c->key_id),
				      DB_I(c->secret_expires_ms), DB_T(c->tenant_id), DB_T(c->id)));
}

AWAITS enum err bridged_client_find(struct db *db, struct arena *arena, struct str id,
				    struct bridged_client *ret_client)
{
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT " COLUMNS " FROM bridged_client WHERE id = ?", CELLS(DB_T(id)),
		     1, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_client = from_row(rows->cells);
	return OK;
}

#define PICK(condition)                                                                                                \
	"SELECT " COLUMNS " FROM bridged_client WHERE bridge = ?1 AND id > ?2 AND CAST(?3 AS BIGINT) >= 0" condition   \
	" ORDER BY id LIMIT ?4"

AWAITS enum err bridged_client_pick(struct db *db, struct arena *arena, struct str bridge, enum bridged_pick pick,
				    int64_t at_ms, struct str after, size_t limit, struct bridged_client **ret_clients,
				    size_t *ret_count)
{
	static const char *const picks[] = {
		[BRIDGED_ALL] = PICK(""),
		[BRIDGED_EXPIRING] = PICK(" AND state = 'active' AND key_id <> '' AND secret_expires_ms <= ?3"),
		[BRIDGED_SUPERSEDED] = PICK(" AND state = 'active' AND old_until_ms > 0 AND old_until_ms <= ?3"),
	};
	struct bridged_client *found;
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, picks[pick],
		     CELLS(DB_T(bridge), cell_text(after), DB_I(at_ms), DB_I((int64_t)limit)), 4, &rows));
	found = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*found));
	if (found == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		found[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_clients = found;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err bridged_client_describe(struct db *db, const struct bridged_client *c, int64_t changed_before_ms)
{
	const struct db_statement statement = STATEMENT(
		"UPDATE bridged_client SET metadata = ?, changed_ms = max(?, changed_ms + 1)"
		" WHERE tenant_id = ? AND id = ? AND state = 'active' AND changed_ms = ?",
		1, DB_T(c->metadata), DB_I(c->changed_ms), DB_T(c->tenant_id), DB_T(c->id), DB_I(changed_before_ms));

	if (c->metadata.n > BRIDGED_METADATA_BYTES_MAX)
		return ERR_LIMIT;
	return db_write(db, c->tenant_id, &statement, 1);
}

AWAITS enum err bridged_client_rekey(struct db *db, const struct bridged_client *c, int64_t changed_before_ms)
{
	return write_sealed(db, c,
			    STATEMENT("UPDATE bridged_client SET sealed = ?, key_id = ?, secret_expires_ms = ?,"
				      " old_key_id = ?, old_until_ms = ?, changed_ms = max(?, changed_ms + 1)"
				      " WHERE tenant_id = ? AND id = ? AND state = 'active' AND changed_ms = ?",
				      1, DB_B(c->sealed), cell_text(c->key_id), DB_I(c->secret_expires_ms),
				      cell_text(c->old_key_id), DB_I(c->old_until_ms), DB_I(c->changed_ms),
				      DB_T(c->tenant_id), DB_T(c->id), DB_I(changed_before_ms)));
}

AWAITS enum err bridged_client_retire(struct db *db, struct str tenant_id, struct str id, int64_t now_ms)
{
	const struct db_statement statement = STATEMENT(
		"UPDATE bridged_client SET state = 'removing', sealed = ?, changed_ms = max(?, changed_ms + 1)"
		" WHERE tenant_id = ? AND id = ?",
		1, DB_B(STR("")), DB_I(now_ms), DB_T(tenant_id), DB_T(id));

	return db_write(db, tenant_id, &statement, 1);
}

AWAITS enum err bridged_client_delete(struct db *db, struct str tenant_id, struct str id)
{
	const struct db_statement statement =
		STATEMENT("DELETE FROM bridged_client WHERE tenant_id = ? AND id = ?", 1, DB_T(tenant_id), DB_T(id));

	return db_write(db, tenant_id, &statement, 1);
}
