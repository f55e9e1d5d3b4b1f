/* The gateway's own questions to an instance: handshake, lists, listening. Home loop only. */
#ifndef GATEHOUSE_UPSTREAM_PEER_H
#define GATEHOUSE_UPSTREAM_PEER_H

#include "upstream/instance.h"

struct question {
	struct mcp_outgoing outgoing;
	struct str text;	    /* a whole message instead of `outgoing`; p NULL none */
	enum mcp_revision revision; /* to ask in */
	const struct facts *facts;  /* whose head to use (HTTP) */
	int64_t timeout_ms;
	bool endless; /* as channel_ask */
};

/* Ask, and wait for the answer. `ask` gets the outcome, also on error; ask->arena must be set,
 * ask->id too when `text` is given (0: a notification).
 *   Errors     ERR_UPSTREAM_*, ERR_REFUSED_ADDRESS, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err peer_ask(struct instance *instance, const struct question *question, struct ask *ask) AWAITS;

/* An id for a request of ours, unique within the upstream. */
uint64_t peer_next_id(struct instance *instance);

/* The error member of an answer as a short text for people, in the ask's arena; empty if none. */
struct str peer_error_text(const struct ask *ask);

#endif
