/* Rates, counters and marks of this process alone; what they mean stands in state.h. Never waits.
 * Private to state. */
#ifndef GATEHOUSE_STATE_MEMORY_H
#define GATEHOUSE_STATE_MEMORY_H

#include "state/state.h"

struct memory;

/*   Runs on    any thread, as all here */
struct memory *memory_new(size_t entries_max);
void memory_free(struct memory *memory); /* NULL is fine */

/* As the doors of the same name. */
void memory_take(struct memory *memory, struct str key, const struct rate *rate, struct rate_verdict *ret_verdict);
void memory_count(struct memory *memory, struct str key, int64_t window_ms, uint32_t *ret_count);
void memory_mark(struct memory *memory, struct str key, int64_t life_ms);
void memory_marked(struct memory *memory, struct str key, int64_t *ret_left_ms);
void memory_clear(struct memory *memory, struct str key);

/* Only `entries` and `evicted`. */
struct state_stats memory_stats(struct memory *memory);

#endif
