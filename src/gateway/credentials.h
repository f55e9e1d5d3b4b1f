/* Who sent the request: the credential it carries, tried in one order. */
#ifndef GATEHOUSE_GATEWAY_CREDENTIALS_H
#define GATEHOUSE_GATEWAY_CREDENTIALS_H

#include "gateway/request.h"

/* Fill in req->caller. Failures are audited and counted.
 *   Errors     ERR_UNAUTHENTICATED: it carries none; ERR_CREDENTIALS: it carries two; ERR_KEY_INVALID, ERR_TOKEN_*,
 *              ERR_ISSUER_DOWN, ERR_DB ... */
NODISCARD enum err credentials_check(struct request *req) AWAITS;

#endif
