/* Admission's parts that others use: naming a request, permissions, session tokens. */
#ifndef GATEHOUSE_GATEWAY_ADMISSION_H
#define GATEHOUSE_GATEWAY_ADMISSION_H

#include "gateway/request.h"

/* Give the request its id (a valid X-Request-Id, else a new one) and note the peer's address.
 * The id goes out with every answer. */
void request_name(struct request *req);

/* Whether the caller's role allows it; a refusal has its row in the audit trail.
 *   Errors     ERR_FORBIDDEN, ERR_BUSY */
NODISCARD enum err request_permit(struct request *req, enum permission permission) AWAITS;

/* The caller's address as it goes into rows of the trail: sealed with a key of theirs, once for each connection.
 *   returns    in the request's arena or the peer's text; empty when it cannot be sealed now */
struct str request_audit_ip(struct request *req) AWAITS;

/* One request more against the rates of its address and tenant: an element of a batch.
 *   Errors     ERR_RATE_LIMITED */
NODISCARD enum err request_count(struct request *req) AWAITS;

/* Read a session token, through the connection's memo.
 *   Errors     ERR_MCP_SESSION_UNKNOWN */
NODISCARD enum err request_open_token(struct request *req, struct str token);

#endif
