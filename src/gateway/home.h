/* Which replica a request is about, as far as it says so itself. */
#ifndef GATEHOUSE_GATEWAY_HOME_H
#define GATEHOUSE_GATEWAY_HOME_H

#include "gateway/fleet.h"
#include "gateway/request.h"

/* Read it from the session and from what the request names: an event, a question, a task, a parked call. Numbers of
 * nodes in clear are only claims; whoever is asked because of one looks for itself.
 *   ret_wish   strings in the request
 *   returns    false: any replica can answer it */
bool home_wish(struct request *req, struct fleet_wish *ret_wish);

#endif
