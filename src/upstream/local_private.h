/* What call.c and keeper.c need of servers within the process. Private to the room. */
#ifndef GATEHOUSE_UPSTREAM_LOCAL_PRIVATE_H
#define GATEHOUSE_UPSTREAM_LOCAL_PRIVATE_H

#include "upstream/upstream_private.h"

/* Its offer, made anew; one reference.
 *   Runs on    the keeper */
struct offer *local_offer_make(struct upstream *upstream);

/* As upstream_call, with a place.
 *   ret_sick   see struct local_answer */
NODISCARD enum err local_call(struct upstream *upstream, struct upstream_call *call, bool *ret_sick) AWAITS;

#endif
