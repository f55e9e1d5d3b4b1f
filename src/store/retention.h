/* Rows that are kept for a time only, and when each kind was last looked at. */
#ifndef GATEHOUSE_STORE_RETENTION_H
#define GATEHOUSE_STORE_RETENTION_H

#include "store/store.h"

enum retention_kind {
	RETENTION_SESSIONS,
	RETENTION_IDEMPOTENCY,
	RETENTION_USAGE,
	RETENTION_BLOCKS,
	RETENTION_TOOL_RUNS,
	RETENTION_EVENTS,
	RETENTION_METRICS,
	RETENTION_SYNC_LOG,
	RETENTION_KINDS
};

/* Remove at most `limit` rows of a kind that ended before `before_ms`, and note that it was done at `now_ms`.
 *   Errors     ERR_DB ... */
NODISCARD enum err retention_sweep(struct db *db, enum retention_kind kind, int64_t before_ms, size_t limit,
				   int64_t now_ms) AWAITS;

/* How many rows of a kind are past `before_ms`, and when it was last swept (0 never). */
struct retention_state {
	int64_t rows, past, swept_ms;
};
NODISCARD enum err retention_state_read(struct db *db, enum retention_kind kind, int64_t before_ms,
					struct retention_state *ret_state) AWAITS;

/* "sessions" ...; static. */
const char *retention_kind_name(enum retention_kind kind);

#endif
