/* Places among the calls in flight, and who gets the next one: tenants in turn, by their weights, however many calls
 * each of them has waiting. Belongs to one loop; an upstream has one for each lane, or one at home (see upstream.md).
 */
#ifndef GATEHOUSE_UPSTREAM_FAIR_H
#define GATEHOUSE_UPSTREAM_FAIR_H

#include <stdatomic.h>

#include "base/map.h"
#include "rt/loop.h"

#define FAIR_WEIGHT_MAX 1000 /* places in one turn: a heavier tenant would keep the others waiting */

struct fair_bounds {
	size_t places;
	size_t queue_max; /* calls that wait, all tenants together */
	size_t line_max;  /* of one tenant; 0: as many as the queue takes */
	int64_t wait_ms;  /* the longest wait; 0: the caller's deadline alone */
};

/* What the lines have seen. Written by the loop, read by anybody. */
struct fair_counts {
	atomic_uint queued;	   /* calls that wait now */
	atomic_uint lines;	   /* tenants that have calls waiting, or had a moment ago */
	atomic_ullong waits;	   /* calls that had to wait and got a place */
	atomic_ullong wait_ms_sum; /* of those */
	atomic_ullong refused;	   /* calls that got none */
};

struct fair {
	struct fair_bounds bounds;
	size_t free, queued;
	struct list fresh, turns; /* lines: new ones first, then those that had a turn */
	struct map lines;	  /* by tenant */
	struct fair_counts counts;
};

/* Who asks. `tenant` is borrowed while the call waits; weight 0 counts as 1. */
struct fair_caller {
	struct str tenant;
	unsigned weight;
};

/* All places free. Nothing may wait when it ends.
 *   Runs on    any thread; the rest on the loop of the first who waits, and always that one */
void fair_init(struct fair *fair, const struct fair_bounds *bounds);
void fair_end(struct fair *fair);

/* A place: at once while one is free, else in the tenant's line. When the queue is full, a tenant with a shorter line
 * takes the room of the last in the longest.
 *   Errors     ERR_QUEUE_TENANT: the tenant's line is full, or was the longest of a full queue; ERR_QUEUE_FULL;
 *              ERR_QUEUE_TIMEOUT: none came free within wait_ms; ERR_CANCELED, ERR_TIMEOUT
 *   Limits     fair_bounds */
NODISCARD enum err fair_enter(struct fair *fair, const struct fair_caller *caller) AWAITS;

/* Give the place back: who is next has it at once, so that no newcomer comes in between. Callbacks may do it too. */
void fair_leave(struct fair *fair);

#endif
