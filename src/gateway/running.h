/* The requests that each loop is serving now, so that an upstream which the configuration does not have any
 * more ends after the last one that knew it, and not while a request is on its way to it. */
#ifndef GATEHOUSE_GATEWAY_RUNNING_H
#define GATEHOUSE_GATEWAY_RUNNING_H

#include "gateway/request.h"

/* From the moment it has its catalog, until it calls no upstream any more; the end may be said twice.
 *   Runs on    the request's loop */
void running_begin(struct request *req);
void running_end(struct request *req);

/* How many of them know an earlier catalog than their loop has now, and
 *   bound      have chosen an upstream of one of `names`
 *   undecided  have not chosen yet: they are being admitted, as a rule
 *   Errors     ERR_BUSY: a loop could not be asked
 *   Runs on    a fiber */
struct running {
	unsigned bound, undecided;
};
NODISCARD enum err running_count(struct gateway *gateway, const struct str *names, size_t name_count,
				 struct running *ret_running) AWAITS;

#endif
