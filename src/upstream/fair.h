/* Places among the calls in flight, and who gets the next one: tenants in turn, by their weights, however many calls
 * each of them has waiting. Belongs to one loop; an upstream has one for each lane, or one at home (see upstream.md).
 */
#ifndef GATEHOUSE_UPSTREAM_FAIR_H
#define GATEHOUSE_UPSTREAM_FAIR_H

#include <stdatomic.h>

#include "base/codel.h"
#include "base/map.h"
#include "rt/loop.h"

#define FAIR_WEIGHT_MAX 1000 /* places in one turn: a heavier tenant would keep the others waiting */

/* Whose calls wait when not all can: while the queue stands, those of the lowest rank are refused first. */
enum fair_rank { RANK_LOW, RANK_NORMAL, RANK_HIGH, RANKS };
#define RANK_IN_FLIGHT RANKS /* never refused for its rank: a part of what was begun */

struct fair_bounds {
	struct str name; /* of whose places these are, for the log; outlives them */
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
	atomic_uint level;	   /* ranks below this one are refused a wait ... */
	atomic_llong rest_at_ms;   /* ... until then, if nobody waits */
};

struct fair {
	struct fair_bounds bounds;
	size_t free, queued;
	struct list fresh, turns; /* lines: new ones first, then those that had a turn */
	struct map lines;	  /* by tenant */
	size_t alone;		  /* waiting calls that found none of their tenant's waiting */
	size_t ranked[RANKS];	  /* waiting calls by their rank */
	struct codel codel;	  /* of their waits */
	struct codel_law law;	  /* the latest caller's */
	struct fair_counts counts;
};

/* On what terms a tenant's call waits. */
struct fair_terms {
	unsigned weight;		/* 0 counts as 1 */
	unsigned rank;			/* enum fair_rank, or RANK_IN_FLIGHT */
	int64_t target_ms, interval_ms; /* of the waits: see codel.h; target 0: no rank is refused */
};

/* Who asks. `tenant` is borrowed while the call waits. */
struct fair_caller {
	struct str tenant;
	struct fair_terms terms;
};

/* All places free. Nothing may wait when it ends.
 *   Runs on    any thread; the rest on the loop of the first who waits, and always that one */
void fair_init(struct fair *fair, const struct fair_bounds *bounds);
void fair_end(struct fair *fair);

/* A place: at once while one is free, else in the tenant's line. When the queue is full, a tenant with a shorter line
 * takes the room of the last in the longest. While those who have nobody of their own before them wait too long, the
 * lowest ranks may not wait at all: a tenant's own crowd is no reason for that.
 *   Errors     ERR_SHED: the rank may not wait now; ERR_QUEUE_TENANT: the tenant's line is full, or was the longest of
 * a full queue; ERR_QUEUE_FULL; ERR_QUEUE_TIMEOUT: none came free within wait_ms; ERR_CANCELED, ERR_TIMEOUT Limits
 * fair_bounds */
NODISCARD enum err fair_enter(struct fair *fair, const struct fair_caller *caller) AWAITS;

/* Give the place back: who is next has it at once, so that no newcomer comes in between. Callbacks may do it too. */
void fair_leave(struct fair *fair);

/* The rank from which on calls may wait; 0: all.
 *   Runs on    any thread */
unsigned fair_level(const struct fair *fair);

#endif
