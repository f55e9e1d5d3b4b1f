/* Requests that a legacy server makes of a client, from this room's side: those of one call, and the
 * way of their answers back. */
#ifndef GATEHOUSE_UPSTREAM_SERVER_REQUEST_H
#define GATEHOUSE_UPSTREAM_SERVER_REQUEST_H

#include "upstream/ask.h"

#define SERVER_REQUESTS_MAX 64 /* open at once in one call; more are refused */

/* The requests of one call that may still be open. Its fiber's own. */
struct server_requests {
	struct server_request *request[SERVER_REQUESTS_MAX]; /* one reference each */
	unsigned count;
	uint64_t last_serial;
};

/* A server asks something in the middle of a call: hand it to the call's client, or refuse it.
 *   lane       HTTP: the answer is POSTed with ask->head; NULL: it goes through the channel of the
 *              instance that serves ask->id
 *   Runs on    the call's fiber */
void ask_request(struct upstream *upstream, struct lane *lane, struct ask *ask, const struct mcp_message *message)
	AWAITS;

/* It takes one back (notifications/cancelled). */
void ask_request_gone(struct ask *ask, const struct mcp_message *message) AWAITS;

/* How long to wait for a sign of life: longer while the client is asked something. */
int64_t ask_timeout_ms(const struct ask *ask);

/* The call has ended: what is still open is refused. */
void ask_requests_end(struct ask *ask);

#endif
