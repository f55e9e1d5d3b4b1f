/* What was called this month, counted for the process and written to usage_month every METERS_WRITE_MS and when the
 * gateway stops. A crash loses at most what came since the last write. Processes that share a state keep quotas
 * together (doc/decisions/0014-fleet.md). */
#ifndef GATEHOUSE_GATEWAY_METERS_H
#define GATEHOUSE_GATEWAY_METERS_H

#include "db/db.h"
#include "state/state.h"

#define METERS_WRITE_MS 2000
#define METERS_MAX 262144 /* count, about 200 bytes each: callers of a month that are connected or not yet written */

struct meters;
struct meter;

/*   db         borrowed until meters_stop
 *   state      the same; NULL: there are no other processes
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err meters_start(struct db *db, struct state *state, struct meters **ret_meters) AWAITS;

/* Write what is left and put back what was drawn. Nobody counts any more; meters that are still referred to stay until
 * the last one is gone. */
void meters_stop(struct meters *meters) AWAITS; /* NULL is fine */

/* Write what has come since the last time, and put back what is drawn and not needed.
 *   Errors     those of usage_add; what was not written is next time
 *   Runs on    a fiber of loop 0, one at a time */
NODISCARD enum err meters_write(struct meters *meters) AWAITS;

/* The meter of a caller (principal empty: of the whole tenant) and a month, with what the store has.
 *   ret_meter  one reference
 *   Errors     ERR_DB, ERR_BUSY (METERS_MAX)
 *   Runs on    a fiber, any loop */
NODISCARD enum err meters_get(struct meters *meters, struct str tenant_id, struct str principal, int month,
			      struct meter **ret_meter) AWAITS;

/* NULL is fine. Runs on    any thread */
void meter_unref(struct meter *meter);

/* Count one call, unless `max` (0: none) have been, in all processes together. One atomic operation or two; a round
 * trip where the state is shared and what was drawn is used up. Errors     ERR_QUOTA; ERR_DB ...: how much is left
 * cannot be told Runs on    a fiber, any loop */
NODISCARD enum err meters_take(struct meters *meters, struct meter *meter, int64_t max) AWAITS;

/* The same as far as it needs nobody else's word. False: the quota is used up, or what was drawn of it.
 *   Runs on    any thread */
bool meter_take(struct meter *meter, int64_t max);

/* Take one back that another meter refused; one of them failed.
 *   Runs on    any thread */
void meter_give_back(struct meter *meter, int64_t max);
void meter_failed(struct meter *meter);

#endif
