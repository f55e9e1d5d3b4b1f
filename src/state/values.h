/* Values with a life, of this process alone: bounded in bytes, the oldest go first. Leases are short values with one
 * more rule. Never waits. Private to state. */
#ifndef GATEHOUSE_STATE_VALUES_H
#define GATEHOUSE_STATE_VALUES_H

#include "state/state.h"

struct values;

/*   Runs on    any thread, as all here */
struct values *values_new(size_t bytes_max);
void values_free(struct values *values); /* NULL is fine */

/*   Errors     ERR_LIMIT: it does not fit even into an empty one */
NODISCARD enum err values_put(struct values *values, struct str key, struct str value, int64_t life_ms);

/*   ret_value  in `arena`; p NULL: none
 *   Errors     ERR_LIMIT: it does not fit into the arena */
NODISCARD enum err values_get(struct values *values, struct arena *arena, struct str key, struct str *ret_value);
/* The same, and it is gone: of several who ask, one gets it. */
NODISCARD enum err values_claim(struct values *values, struct arena *arena, struct str key, struct str *ret_value);
void values_drop(struct values *values, struct str key);

/* Whether `holder` has it now; end it if `holder` has it. */
bool values_lease(struct values *values, struct str key, uint64_t holder, int64_t life_ms);
void values_lease_end(struct values *values, struct str key, uint64_t holder);

#endif
