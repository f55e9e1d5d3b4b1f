/* What the gateway declares to a client: only what works in its view. */
#ifndef GATEHOUSE_GATEWAY_CAPABILITIES_H
#define GATEHOUSE_GATEWAY_CAPABILITIES_H

#include "gateway/request.h"

/* Append the capabilities object for the answer to server/discover or initialize. */
void capabilities_write(const struct request *req, struct buf *out);

#endif
