/* The job that forgets what is past its period: rows of sessions, answers to repeated requests, numbers of old months,
 * blocks that have ended. Which rows those are is the store's knowledge; how long they are kept is said here. One
 * batch at a time, and a pause between two: calls and their audit rows go first. Rows of the authorization server are
 * cleared by itself (oauth/sweep.c), the audit trail keeps all it has. */
#include "base/clock.h"
#include "retention/retention.h"
#include "store/retention.h"

#define PAUSE_MS 20
#define DAY_MS 86400000LL

static const int64_t periods_ms[RETENTION_KINDS] = {
	[RETENTION_SESSIONS] = 0,
	[RETENTION_IDEMPOTENCY] = DAY_MS,
	[RETENTION_USAGE] = 730 * DAY_MS,
	[RETENTION_BLOCKS] = 0,
};
_Static_assert(RETENTION_LINES == RETENTION_KINDS, "a line for each kind");

AWAITS enum err retention_show(struct db *db, struct retention_line ret_lines[RETENTION_LINES])
{
	int64_t now_ms = clock_wall_ms();

	for (enum retention_kind kind = 0; kind < RETENTION_KINDS; kind++) {
		struct retention_state state;

		TRY(retention_state_read(db, kind, now_ms - periods_ms[kind], &state));
		ret_lines[kind] = (struct retention_line){retention_kind_name(kind), periods_ms[kind], state.rows,
							  state.past, state.swept_ms};
	}
	return OK;
}

AWAITS static enum err enforce_one(struct db *db, enum retention_kind kind)
{
	int64_t now_ms = clock_wall_ms(), before_ms = now_ms - periods_ms[kind];
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

AWAITS enum err retention_enforce(struct db *db)
{
	for (enum retention_kind kind = 0; kind < RETENTION_KINDS; kind++)
		TRY(enforce_one(db, kind));
	return OK;
}
