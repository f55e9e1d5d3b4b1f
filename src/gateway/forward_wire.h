/* Between forward.c, which decides, and forward_wire.c, which writes and reads. */
#ifndef GATEHOUSE_GATEWAY_FORWARD_WIRE_H
#define GATEHOUSE_GATEWAY_FORWARD_WIRE_H

#include "gateway/request.h"
#include "http/client.h"

/* Append the headers of the request as node `to` gets it, the statement among them. The caller wipes them: the
 * credential is in them. */
void forward_put_headers(struct request *req, uint64_t to, struct buf *out);

/* Append path and query. */
void forward_put_target(const struct http_exchange *exchange, struct buf *out);

/* Answer the request with what comes.
 *   ret_broken  the home broke off; else an error is between this replica and its client
 *   Errors      ERR_CLOSED, ERR_CANCELED, ERR_TIMEOUT, ERR_UPSTREAM_* */
NODISCARD enum err forward_relay(struct request *req, struct http_answer *answer, bool *ret_broken) AWAITS;

#endif
