/* Handing out and forgetting. What tables there are is the store's knowledge (store/person.c); here they become one
 * document, and a forgetting is followed until nothing of it is left in the database's files. */
#include "audit/seals.h"
#include "retention/retention.h"
#include "store/audit_search.h"
#include "store/person.h"
#include "store/user.h"

#define TABLE_ARENA_BYTES (64 * 1024 * 1024)
#define AUDIT_PAGE_ROWS 1000
#define SCRUB_TRIES 50
#define SCRUB_PAUSE_MS 100

AWAITS static enum err put_table(struct db *db, struct str tenant_id, struct str user_id, size_t at, struct buf *out)
{
	AUTO(arena) *arena = arena_new(TABLE_ARENA_BYTES);
	const char *name;
	struct str *rows;
	size_t count;

	TRY(person_read(db, tenant_id, arena, user_id, at, &name, &rows, &count));
	buf_put_fmt(out, "%s\"%s\":[", at == 0 ? "" : ",\n", name);
	for (size_t i = 0; i < count; i++) {
		buf_put(out, i == 0 ? STR("\n") : STR(",\n"));
		buf_put(out, rows[i]);
	}
	buf_put_byte(out, ']');
	return OK;
}

static void put_member(struct buf *out, const char *name, struct str value)
{
	buf_put_fmt(out, ",\"%s\":", name);
	buf_put_json(out, value);
}

static void put_row(const struct audit_row *row, struct buf *out)
{
	buf_put_fmt(out, "{\"seq\":%lld,\"at_ms\":%lld", (long long)row->seq, (long long)row->at_ms);
	put_member(out, "event", row->event);
	put_member(out, "ip", row->ip);
	put_member(out, "request_id", row->request_id);
	put_member(out, "target", row->target);
	put_member(out, "upstream", row->upstream);
	put_member(out, "outcome", row->outcome);
	buf_put_byte(out, '}');
}

/* Of all tenants: what they tried before it was known who they are names none. */
AWAITS static enum err put_trail(struct db *db, const struct secret *key, struct str user_id, struct buf *out)
{
	struct audit_search search = {.tenant_id = STR_NONE, .principal = user_id};
	size_t shown = 0;
	int64_t resume = 0;

	buf_put(out, STR("},\n\"audit\":["));
	do {
		AUTO(arena) *arena = arena_new(TABLE_ARENA_BYTES);
		struct audit_row *rows;
		size_t count;

		search.after_seq = resume;
		TRY(audit_row_search(db, arena, &search, AUDIT_PAGE_ROWS, &rows, &count, &resume));
		TRY(seals_open_rows(db, key, arena, rows, count));
		for (size_t i = 0; i < count; i++) {
			buf_put(out, shown++ == 0 ? STR("\n") : STR(",\n"));
			put_row(&rows[i], out);
		}
	} while (resume != 0 && shown < EXPORT_AUDIT_ROWS_MAX);
	buf_put_fmt(out, "],\n\"audit_complete\":%s}\n", resume == 0 ? "true" : "false");
	return OK;
}

AWAITS enum err retention_export_user(struct db *db, const struct secret *key, struct str tenant_id, struct str user_id,
				      struct buf *out)
{
	AUTO(arena) *arena = arena_new(TABLE_ARENA_BYTES);
	struct user user;
	size_t at = 0;
	enum err err;

	TRY(user_get(db, tenant_id, arena, user_id, &user));
	buf_put(out, STR("{\"tables\":{"));
	while ((err = put_table(db, tenant_id, user_id, at, out)) == OK)
		at++;
	if (err != ERR_NOT_FOUND)
		return err;
	return put_trail(db, key, user_id, out);
}

/* Readers of this or another process may hold the log's end for a moment. */
AWAITS static enum err scrub(struct db *db)
{
	enum err err = ERR_BUSY;

	for (unsigned i = 0; i < SCRUB_TRIES && err == ERR_BUSY; i++) {
		err = db_scrub(db);
		if (err == ERR_BUSY)
			TRY(fiber_sleep(SCRUB_PAUSE_MS));
	}
	return err;
}

AWAITS enum err retention_erase_user(struct db *db, struct str tenant_id, struct str user_id)
{
	TRY(person_erase(db, tenant_id, user_id));
	return scrub(db);
}

AWAITS enum err retention_erase_tenant(struct db *db, struct str tenant_id)
{
	TRY(person_erase_tenant(db, tenant_id));
	return scrub(db);
}
