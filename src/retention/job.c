/* The job that forgets what is past its period: rows of sessions, answers to repeated requests, numbers of old months,
 * blocks that have ended. Which rows those are is the store's knowledge; how long they are kept is said here. One
 * fiber, one batch at a time, and a pause between two: calls and their audit rows go first. Rows of the authorization
 * server are cleared by itself (oauth/sweep.c), the audit trail keeps all it has. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "retention/retention.h"
#include "store/retention.h"

#define RETENTION_MAGIC 0x52455445u /* "RETE" */
#define FIRST_MS 60000		    /* after the start, when everything else has settled */
#define PAUSE_MS 20
#define DAY_MS 86400000LL

static const int64_t periods_ms[RETENTION_KINDS] = {
	[RETENTION_SESSIONS] = 0,
	[RETENTION_IDEMPOTENCY] = DAY_MS,
	[RETENTION_USAGE] = 730 * DAY_MS,
	[RETENTION_BLOCKS] = 0,
};
_Static_assert(RETENTION_LINES == RETENTION_KINDS, "a line for each kind");

struct retention {
	uint32_t magic;
	struct db *db;
	struct group runner; /* loop 0's */
};

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

static AWAITS void runner_main(void *arg)
{
	struct retention *retention = arg;
	int64_t wait_ms = FIRST_MS;

	while (fiber_sleep(wait_ms) == OK) {
		enum err err = retention_enforce(retention->db);

		if (err != OK && err != ERR_CANCELED)
			log_warn("retention.failed", LOG_ERR(err));
		wait_ms = RETENTION_EVERY_MS;
	}
}

AWAITS enum err retention_start(struct db *db, struct retention **ret_retention)
{
	struct retention *retention = calloc(1, sizeof(*retention));
	enum err err;

	CHECK(retention != NULL);
	retention->magic = RETENTION_MAGIC;
	retention->db = db;
	group_init(&retention->runner, loop_self());
	err = group_spawn(&retention->runner, "retention", runner_main, retention);
	if (err != OK) {
		free(retention);
		return err;
	}
	*ret_retention = retention;
	return OK;
}

AWAITS void retention_stop(struct retention *retention)
{
	if (retention == NULL)
		return;
	CHECK_OBJ(retention, RETENTION_MAGIC);
	group_cancel(&retention->runner);
	if (group_join(&retention->runner) != OK)
		log_warn("retention.slow_stop", LOG_BOOL("joined", false));
	retention->magic = 0;
	free(retention);
}
