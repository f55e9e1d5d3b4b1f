/* Requests that another replica must answer: handed on whole, answered as the answer comes. See forward.c. */
#ifndef GATEHOUSE_GATEWAY_FORWARD_H
#define GATEHOUSE_GATEWAY_FORWARD_H

#include "gateway/request.h"
#include "http/client.h"

#define FORWARD_CONNECTIONS_MAX                                                                                        \
	HTTP_POOL_CONNECTIONS_MAX    /* per loop and node: a stream holds one as long as it is open */
#define FORWARD_CONNECT_MS 1000	     /* within a fleet; who takes longer is taken for gone */
#define FORWARD_IDLE_MS 30000	     /* of a connection; below limits.idle_timeout's default, so that ours goes first */
#define FORWARD_SILENCE_KEEPALIVES 3 /* of an event stream; then its home is taken for dead */

/* Have the request served where it belongs: its session's home, or the replica that has the stream, question, parked
 * call or task that it names. Called when the caller is known, and the session if it has one.
 *   returns    OK: that is here; go on
 *   Errors     ERR_ELSEWHERE: another replica has answered it, and its row is written there; ERR_REPLICA_LOST: it broke
 *              off, with a row here; ERR_CANCELED, ERR_TIMEOUT, ERR_CLOSED, ERR_BUSY */
NODISCARD enum err forward_home(struct request *req) AWAITS;

/* Have it served by the replica at an address: its `fleet.address`.
 *   Errors     ERR_MEDIA_AWAY: it is not there; else as forward_home */
NODISCARD enum err forward_to_place(struct request *req, struct str place) AWAITS;

/* First of all: when another replica has handed the request on, be it its client's: address, Host, certificate. A
 * header that says so and is not true is refused, with a row.
 *   Errors     ERR_FORWARDED; ERR_MISDIRECTED: it was meant for an earlier process at this address */
NODISCARD enum err forward_accept(struct request *req) AWAITS;

/* The process stops: end the streams without an end that others serve, between two events. */
void forward_drain(struct gateway *gateway) AWAITS;

/* Close the connections of this loop to nodes that here->nodes does not have; to all.
 *   Runs on    its loop, fiber or callback */
void forward_forget(struct gateway_loop *here);
enum err forward_forget_all(void *gateway);

#endif
