/* The generic cell rate algorithm: one number per key, no window edges. `limit` at once, then
 * one every window/limit. Pure arithmetic on a clock that the caller brings; private to state. */
#ifndef GATEHOUSE_STATE_GCRA_H
#define GATEHOUSE_STATE_GCRA_H

#include "state/state.h"

/* Take one.
 *   now_ns     any monotonic clock; `rate->limit` must not be 0
 *   tat_ns     the key's theoretical arrival time, 0 for a new key; moved on when allowed
 *   Source     ITU-T I.371 annex A, virtual scheduling */
void gcra_take(int64_t now_ns, const struct rate *rate, int64_t *tat_ns, struct rate_verdict *ret_verdict);

#endif
