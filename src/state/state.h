/* Short-lived state that all loops (and later all replicas) share: rates, counters, marks.
 * The memory backend is a sharded table; Valkey takes the same face, hence AWAITS. Nothing
 * here must survive a restart. Bounded: when a shard is full its oldest entries go first. */
#ifndef GATEHOUSE_STATE_STATE_H
#define GATEHOUSE_STATE_STATE_H

#include "rt/loop.h"

struct state;

/* The memory backend, for this process alone. Takes pages as entries come (24 bytes each, twice
 * the slots asked for).
 *   Runs on    any thread */
struct state *state_memory_new(size_t entries_max);

/* NULL is fine; nobody may be using it. */
void state_free(struct state *state);

struct rate {
	uint32_t limit; /* per window; 0: unlimited */
	int64_t window_ms;
};
struct rate_verdict {
	bool allowed;
	uint32_t limit, remaining;
	int64_t reset_ms; /* until the full limit is free again */
	int64_t retry_ms; /* until one more is allowed; 0 when allowed */
};

/* Take one from the rate of `key` (GCRA: `limit` at once, then evenly).
 *   Errors     none with the memory backend; ERR_BUSY when the shared one is down */
NODISCARD enum err state_take(struct state *state, struct str key, const struct rate *rate,
			      struct rate_verdict *ret_verdict) AWAITS;

/* Add one to a counter that forgets after `window_ms` since its first count. */
NODISCARD enum err state_count(struct state *state, struct str key, int64_t window_ms, uint32_t *ret_count) AWAITS;

/* A mark with a life: set it (again: a new life), ask for it (ms left, 0 none). */
NODISCARD enum err state_mark(struct state *state, struct str key, int64_t life_ms) AWAITS;
NODISCARD enum err state_marked(struct state *state, struct str key, int64_t *ret_left_ms) AWAITS;

/* Forget the mark and the counter of a key; its rate stays. Rates, counters and marks under
 * one key don't meet. */
NODISCARD enum err state_clear(struct state *state, struct str key) AWAITS;

struct state_stats {
	uint64_t entries; /* kept, some of them expired and not yet swept */
	uint64_t evicted; /* pushed out before their time */
};

/* Counters over all shards; takes each shard's lock for a moment.
 *   Runs on    any thread */
struct state_stats state_stats(struct state *state);

#endif
