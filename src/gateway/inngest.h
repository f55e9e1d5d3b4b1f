/* /api/inngest: room inngest, with background work over ad reports as its functions. */
#ifndef GATEHOUSE_GATEWAY_INNGEST_H
#define GATEHOUSE_GATEWAY_INNGEST_H

#include "gateway/request.h"

/* Whether Inngest keeps the times of background work: then the gateway's own jobs do not. */
bool inngest_is_configured(const struct config *config);

/* Judge, do, answer.
 *   Errors     ERR_HTTP_ROUTE: it is not configured; ERR_BLOCKED, ERR_RATE_LIMITED, ERR_HTTP_METHOD; ERR_CONFIG: nobody
 *              knows where this gateway is; ERR_DB ... */
NODISCARD enum err inngest_serve_request(struct request *req) AWAITS;

#endif
