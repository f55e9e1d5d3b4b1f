/* Calls of modern clients to legacy servers that may ask something in between. The upstream's part runs
 * on a fiber of its own, with its own memory, and the client's request only reads what it puts into a
 * mailbox; so the call can outlive the request that began it.
 *
 *                    questions gathered              retry with its requestState
 *   start --> READ ----------------------> PARKED --------------------------------> READ ...
 *               |                             |
 *               | the answer, or an error     | expired, drained, the answer came and was not fetched
 *               v                             v
 *             over                          over: the server is told, its questions are refused
 *
 * Everything of a parked call belongs to the loop where it began. */
#ifndef GATEHOUSE_GATEWAY_PARKED_H
#define GATEHOUSE_GATEWAY_PARKED_H

#include "gateway/relay.h"
#include "mcp/input.h"
#include "mcp/request_state.h"
#include "upstream/mailbox.h"

#define PARKED_MAX 4096			       /* per loop: each keeps a stack and a connection to its server */
#define PARKED_PER_PRINCIPAL_MAX 32	       /* per loop; nobody answers more forms at once */
#define PARKED_BYTES_MAX (128 * 1024 * 1024)   /* per loop: requests, and answers that wait to be fetched */
#define PARKED_OUTCOME_BYTES_MAX (1024 * 1024) /* of one such answer */
#define PARKED_GATHER_MS 30		       /* questions that come together go out together */

/* upstream_call for a modern client and a legacy server. A round of questions comes back as an
 * `input_required` answer; the request may itself be the retry that answers one.
 *   Errors     those of upstream_call; ERR_MCP_STATE with req->problem: the requestState is no good;
 *              ERR_LIMIT (PARKED_*_MAX), ERR_SHUTDOWN */
NODISCARD enum err parked_call(struct request *req, const struct relay *relay, struct upstream_call *call) AWAITS;

/* End what waits for a client, since the gateway stops: requests that are being read get ERR_SHUTDOWN.
 * The second one ends all and returns when none is left. */
void parked_drain(struct gateway *gateway) AWAITS;
void parked_stop(struct gateway *gateway) AWAITS;

/* ---- between parked.c, which keeps the calls, and parked_call.c, the client's side ---- */

/* Who reads which call. */
struct parked_reader {
	struct gateway *gateway;
	struct mailbox *mailbox;
	uint16_t can;		     /* what its client can be asked */
	struct mcp_request_state at; /* node, serial, loop, round */
};

/* Begin one; `call` and all it points to is copied.
 *   bond        the digest that its requestState is bound to
 *   Errors      ERR_BUSY, ERR_LIMIT
 *   Runs on     the loop that will own it, which sets reader->at */
NODISCARD enum err parked_start(struct request *req, const struct upstream_call *call, struct upstream *upstream,
				const uint8_t bond[MCP_BOND_BYTES], struct parked_reader *reader);

/* Take up a parked call: the reader's mailbox gets what comes next. `responses` (JSON object, p NULL
 * none) answers open questions; what is missing or does not fit is asked again.
 *   Errors     ERR_MCP_STATE: no such call, or not at this round
 *   Runs on    the owner's loop */
NODISCARD enum err parked_take_up(const struct parked_reader *reader, struct str responses);

/* The reader has gone: if it still reads, its call ends.
 *   Runs on    the owner's loop */
void parked_abandon(const struct parked_reader *reader);

#endif
