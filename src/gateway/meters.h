/* What was called this month, counted for the process and written to usage_month every METERS_WRITE_MS and when the
 * gateway stops. A crash loses at most what came since the last write. */
#ifndef GATEHOUSE_GATEWAY_METERS_H
#define GATEHOUSE_GATEWAY_METERS_H

#include "db/db.h"

#define METERS_WRITE_MS 2000
#define METERS_MAX 262144 /* count, about 200 bytes each: callers of a month that are connected or not yet written */

struct meters;
struct meter;

/*   db         borrowed until meters_stop
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err meters_start(struct db *db, struct meters **ret_meters) AWAITS;

/* Write what is left. Nobody counts any more; meters that are still referred to stay until the last one is gone. */
void meters_stop(struct meters *meters) AWAITS; /* NULL is fine */

/* Write what has come since the last time.
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

/* Count one call, unless `max` (0: none) have been; take one back that another meter refused; one of them failed. One
 * atomic operation each.
 *   Runs on    any thread */
bool meter_take(struct meter *meter, int64_t max);
void meter_give_back(struct meter *meter);
void meter_failed(struct meter *meter);

#endif
