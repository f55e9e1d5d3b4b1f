/* Tables whose rows end, as a table: what each is called, which rows of it have ended before a time, and how they are
 * found by their key in batches. What is kept how long is for the retention room. Nothing here is cached elsewhere but
 * blocks, whose readers look at their end themselves: no write bumps the generation.
 *
 * Scope: A job: it clears away over all tenants. */
#include "store/retention.h"

#include "store/cells.h"
#include "store/usage.h"

#define STATE_ARENA_BYTES 4096

#define KIND(name, table, past)                                                                                        \
	{                                                                                                              \
		name, "DELETE FROM " table " WHERE " past,                                                             \
			"INSERT INTO retention_run (name, at_ms, rows) SELECT '" name "', ?3, count(*) FROM " table    \
			" WHERE " past " ON CONFLICT (name) DO UPDATE"                                                 \
			" SET at_ms = excluded.at_ms, rows = retention_run.rows + excluded.rows",                      \
			"SELECT (SELECT count(*) FROM " table "), (SELECT count(*) FROM " table " WHERE " past "),"    \
			" coalesce((SELECT at_ms FROM retention_run WHERE name = '" name "'), 0)"                      \
	}
#define BATCH(table, key, past) "(" key ") IN (SELECT " key " FROM " table " WHERE " past " LIMIT ?2)"

static const struct {
	const char *name, *sweep, *note, *state;
} kinds[] = {
	[RETENTION_SESSIONS] = KIND("sessions", "web_session", BATCH("web_session", "mac", "expires_ms <= ?1")),
	[RETENTION_IDEMPOTENCY] =
		KIND("idempotency", "idempotency", BATCH("idempotency", "principal, key", "created_ms < ?1")),
	[RETENTION_USAGE] =
		KIND("usage", "usage_month", BATCH("usage_month", "tenant_id, month, principal", "month < ?1")),
	[RETENTION_BLOCKS] = KIND("blocks", "blocked", BATCH("blocked", "prefix", "until_ms > 0 AND until_ms <= ?1")),
	[RETENTION_TOOL_RUNS] = KIND("tool_runs", "tool_run", BATCH("tool_run", "id", "created_ms < ?1")),
	[RETENTION_EVENTS] = KIND("events", "event", BATCH("event", "id", "at_ms < ?1")),
	/* A row that was never filled goes as well, but not from under somebody who is about to. */
	[RETENTION_METRICS] = KIND("metrics", "metric",
				   BATCH("metric", "id",
					 "fetched_ms < ?1 AND (fetched_ms > 0 OR (used_ms < ?1 AND failed_ms < ?1 AND"
					 " lease_until_ms < ?1))")),
	[RETENTION_SYNC_LOG] = KIND("sync_log", "sync_log", BATCH("sync_log", "id", "started_ms < ?1")),
};

const char *retention_kind_name(enum retention_kind kind)
{
	return kinds[kind].name;
}

/* What a kind's rows are compared with: months are numbers of their own. */
static int64_t end_of(enum retention_kind kind, int64_t before_ms)
{
	return kind == RETENTION_USAGE ? usage_month_of(before_ms) : before_ms;
}

AWAITS enum err retention_sweep(struct db *db, enum retention_kind kind, int64_t before_ms, size_t limit,
				int64_t now_ms)
{
	const struct db_statement statements[] = {
		STATEMENT(kinds[kind].note, 1, DB_I(end_of(kind, before_ms)), DB_I((int64_t)limit), DB_I(now_ms)),
		STATEMENT(kinds[kind].sweep, -1, DB_I(end_of(kind, before_ms)), DB_I((int64_t)limit)),
	};

	return db_write(db, DB_ALL_TENANTS, statements, ARRAY_LEN(statements));
}

AWAITS enum err retention_state_read(struct db *db, enum retention_kind kind, int64_t before_ms,
				     struct retention_state *ret_state)
{
	AUTO(arena) *arena = arena_new(STATE_ARENA_BYTES);
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, kinds[kind].state,
		     CELLS(DB_I(end_of(kind, before_ms)), DB_I(INT32_MAX)), 2, &rows));
	if (rows->rows != 1)
		return ERR_DB_CORRUPT;
	*ret_state = (struct retention_state){cell_int(&rows->cells[0]), cell_int(&rows->cells[1]),
					      cell_int(&rows->cells[2])};
	return OK;
}
