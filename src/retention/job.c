/* Forgetting what is past its period: rows of sessions, answers to repeated requests, numbers of old months, blocks
 * that have ended. Which rows those are is the store's knowledge; how long they are kept, the configuration's. One
 * batch at a time, and a pause between two: calls and their audit rows go first. Rows of the authorization server are
 * cleared by itself (oauth/sweep.c), rows of the trail are moved into files (audit/archive.c). */
#include "base/clock.h"
#include "audit/archive.h"
#include "retention/retention.h"
#include "store/event.h"
#include "store/retention.h"
#include "store/tool_run.h"

#define PAUSE_MS 20

/* By enum retention_kind. */
static int64_t period_of(const struct retention_periods *periods, enum retention_kind kind)
{
	const int64_t all_ms[RETENTION_KINDS] = {
		[RETENTION_SESSIONS] = periods->sessions_ms, [RETENTION_IDEMPOTENCY] = periods->idempotency_ms,
		[RETENTION_USAGE] = periods->usage_ms,	     [RETENTION_BLOCKS] = periods->blocks_ms,
		[RETENTION_TOOL_RUNS] = TOOL_RUN_LIFE_MS, /* as long as the results that callers are promised */
		[RETENTION_EVENTS] = EVENT_LIFE_MS,	     [RETENTION_METRICS] = periods->metrics_ms,
		[RETENTION_SYNC_LOG] = periods->sync_log_ms,
	};

	return all_ms[kind];
}
_Static_assert(RETENTION_LINES == RETENTION_KINDS, "a line for each kind");

AWAITS enum err retention_show(struct db *db, const struct retention_periods *periods,
			       struct retention_line ret_lines[RETENTION_LINES])
{
	int64_t now_ms = clock_wall_ms();

	for (enum retention_kind kind = 0; kind < RETENTION_KINDS; kind++) {
		int64_t period_ms = period_of(periods, kind);
		struct retention_state state;

		TRY(retention_state_read(db, kind, now_ms - period_ms, &state));
		ret_lines[kind] = (struct retention_line){retention_kind_name(kind), period_ms, state.rows, state.past,
							  state.swept_ms};
	}
	return OK;
}

AWAITS static enum err enforce_one(struct db *db, enum retention_kind kind, int64_t period_ms)
{
	int64_t now_ms = clock_wall_ms(), before_ms = now_ms - period_ms;
	struct retention_state state;

	for (unsigned batch = 0; batch < RETENTION_BATCHES_MAX; batch++) {
		TRY(retention_sweep(db, kind, before_ms, RETENTION_BATCH_ROWS, now_ms));
		TRY(retention_state_read(db, kind, before_ms, &state));
		if (state.past == 0)
			break;
		TRY(fiber_sleep(PAUSE_MS));
	}
	return OK;
}

AWAITS enum err retention_enforce(struct db *db, const struct retention_periods *periods)
{
	for (enum retention_kind kind = 0; kind < RETENTION_KINDS; kind++)
		TRY(enforce_one(db, kind, period_of(periods, kind)));
	return OK;
}

/* Who reads an older state at this moment keeps the log from being cleared; the next checkpoint does it. */
AWAITS enum err retention_purge(struct db *db, const struct retention_periods *periods, enum retention_kind kind)
{
	enum err err;

	TRY(enforce_one(db, kind, period_of(periods, kind)));
	err = db_scrub(db);
	return err == ERR_BUSY ? OK : err;
}

AWAITS enum err retention_archive(struct db *db, struct audit *audit, const struct retention_periods *periods,
				  int64_t slack_ms, size_t *ret_files, struct buf *problem)
{
	struct archive archive = {.db = db,
				  .key = audit_key(audit),
				  .directory = periods->archive,
				  .before_ms = clock_wall_ms() - periods->audit_ms,
				  .slack_ms = slack_ms};
	int64_t rows = ARCHIVE_ROWS;
	size_t files = 0;

	while (periods->audit_ms > 0 && rows >= ARCHIVE_ROWS && files < RETENTION_FILES_MAX) {
		char name[ARCHIVE_NAME_BYTES];
		struct audit_record record = {.event = STR("audit.archived"), .outcome = STR("ok")};

		TRY(archive_next(&archive, name, &rows, problem));
		if (rows == 0)
			break;
		record.target = str_of(name);
		TRY(audit_append(audit, &record));
		files++;
		TRY(fiber_sleep(PAUSE_MS));
	}
	*ret_files = files;
	return OK;
}
