/* The address where platforms tell what has happened: /webhooks/{platform}/{upstream}[/{tenant}]. */
#ifndef GATEHOUSE_GATEWAY_WEBHOOKS_H
#define GATEHOUSE_GATEWAY_WEBHOOKS_H

#include "gateway/request.h"

/* Judge, keep, answer.
 *   Errors     ERR_HTTP_ROUTE: nobody listens there, or no secret is set; ERR_BLOCKED, ERR_RATE_LIMITED; ERR_DB ...: it
 *              was not kept, the platform has to come again */
NODISCARD enum err webhooks_serve(struct request *req) AWAITS;

#endif
