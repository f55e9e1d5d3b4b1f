/* Work that is put off: how its sender hears of it, and the trail. */
#ifndef GATEHOUSE_GATEWAY_SHED_H
#define GATEHOUSE_GATEWAY_SHED_H

#include "gateway/request.h"

/* A call found no place in the queue for its server (ERR_QUEUE_*): Retry-After, the count, a row a minute for its
 * tenant. */
void shed_queued(struct request *req, enum err why) AWAITS;

#endif
