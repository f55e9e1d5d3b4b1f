/* What call.c and keeper.c need of servers within the process. Private to the room. */
#ifndef GATEHOUSE_UPSTREAM_LOCAL_PRIVATE_H
#define GATEHOUSE_UPSTREAM_LOCAL_PRIVATE_H

#include "upstream/upstream_private.h"

/* Its offer, made anew; one reference.
 *   Runs on    the keeper */
struct offer *local_offer_make(struct upstream *upstream);

/* upstream_watch: whoever serves it tells of changes by itself, so all there is to say is whether there is such a
 * resource.
 *   Errors     ERR_RPC_PARAMS
 *   Runs on    the home loop */
NODISCARD enum err local_watch(const struct upstream *upstream, struct str uri);

/* As upstream_call, with a place.
 *   ret_sick   see struct local_answer */
NODISCARD enum err local_call(struct upstream *upstream, struct upstream_call *call, bool *ret_sick) AWAITS;

#endif
