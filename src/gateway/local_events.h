/* What platforms tell a connector's upstream (webhooks), as a resource of that upstream: gatehouse://events/UPSTREAM is
 * another one for each tenant, with the newest events of its own. Whoever subscribes to it hears of new ones, whichever
 * replica they came to.
 *   Source     doc/decisions/0017-connectors.md */
#ifndef GATEHOUSE_GATEWAY_LOCAL_EVENTS_H
#define GATEHOUSE_GATEWAY_LOCAL_EVENTS_H

#include "gateway/request.h"

/* Add the resource to an offer, where the upstream has a secret for webhooks. */
void local_events_offer(const struct upstream_spec *spec, struct arena *arena, struct local_offer *offer);

/* upstream_locals.read.
 *   arg        the gateway */
NODISCARD enum err local_events_read(void *arg, const struct upstream_spec *spec, struct upstream_call *call,
				     struct str uri, struct str *ret_result) AWAITS;

/* Something new is there: tell this process's subscribers, and the other replicas. Those that cannot be reached take it
 * that they missed something when they can be again.
 *   Runs on    a fiber, any loop; waits for the shared state, where there is one */
void local_events_tell(struct gateway *gateway, struct str tenant_id, struct str upstream) AWAITS;

/* Take a hint of another replica, or our own, which says nothing new.
 *   returns    whether it is one of these
 *   Runs on    loop 0 */
bool local_events_hint(struct gateway *gateway, struct str hint);

/* For subscriptions: the caller's tenant, where an upstream's resources are another one for each; else empty. */
static inline struct str local_tenant_of(const struct request *req, const struct upstream *upstream)
{
	return upstream_kind(upstream) == UPSTREAM_LOCAL ? str_of(req->caller.tenant_id) : STR("");
}

#endif
