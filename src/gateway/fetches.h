/* Who in this process is fetching which result: the first to want one leads and asks its server, the others wait for
 * what becomes of it. */
#ifndef GATEHOUSE_GATEWAY_FETCHES_H
#define GATEHOUSE_GATEWAY_FETCHES_H

#include "rt/loop.h"

struct fetches;

/* An empty table of this process, and its end: nobody leads any more (NULL is fine).
 *   Runs on    any thread */
struct fetches *fetches_new(void);
void fetches_free(struct fetches *fetches);

/* What became of a fetch. */
enum fetch_end {
	FETCH_KEPT,	/* the result is kept where all who wait can find it */
	FETCH_PRIVATE,	/* it is its principal's alone: others fetch their own */
	FETCH_NOT_KEPT, /* there is nothing to share */
	FETCH_LEFT,	/* the leader went away before it knew */
};

/* A leader's; where it lies is the leader's business. */
struct shared_fetch {
	struct str key;
	struct list waiters;
};

/* Lead, or wait for who leads.
 *   fetch      its key set; in use until fetches_end when this caller leads, else untouched
 *   wait_ms    for how long at most
 *   ret_end    what became of it; set when it does not lead
 *   Errors     ERR_BUSY: nobody has ended it within wait_ms; ERR_CANCELED, ERR_TIMEOUT
 *   Runs on    a fiber, any loop */
NODISCARD enum err fetches_join(struct fetches *fetches, struct shared_fetch *fetch, int64_t wait_ms, bool *ret_leads,
				enum fetch_end *ret_end) AWAITS;

/* The leader's word to all who wait. Who comes from now on leads anew.
 *   Runs on    any thread */
void fetches_end(struct fetches *fetches, struct shared_fetch *fetch, enum fetch_end end);

#endif
