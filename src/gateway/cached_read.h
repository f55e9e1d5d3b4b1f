/* resources/read and the result cache: what may be answered from it, and what may go in. */
#ifndef GATEHOUSE_GATEWAY_CACHED_READ_H
#define GATEHOUSE_GATEWAY_CACHED_READ_H

#include "gateway/fetches.h"
#include "gateway/fleet_results.h"
#include "gateway/relay.h"

/* One read; lies on the stack of its request. */
struct cached_read {
	bool may_keep;
	uint64_t mark;
	bool leads;		   /* others in this process may wait for it: cached_read_end tells them */
	struct shared_fetch fetch; /* while it leads, as the next two */
	struct result_key key;	   /* of what it fetches */
	struct fleet_claim claim;
};

/* Before the upstream is asked.
 *   returns    true: call->answer and call->revision are set, nobody need be asked */
bool cached_read_find(struct cached_read *read, struct request *req, const struct relay *relay,
		      struct upstream_call *call);

/* When nothing was found: wait for whoever fetches the same, here or on another replica. Most calls do not wait.
 *   ret_found  true: as cached_read_find; false: ask the upstream, then say cached_read_end
 *   Errors     ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err cached_read_join(struct cached_read *read, struct request *req, const struct relay *relay,
				    struct upstream_call *call, bool *ret_found) AWAITS;

/* After the upstream has answered, or not (`err`): keep that, if it may be, and tell all who wait. */
void cached_read_end(struct cached_read *read, struct request *req, const struct relay *relay,
		     const struct upstream_call *call, enum err err) AWAITS;

#endif
