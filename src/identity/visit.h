/* A request to a room that serves pages or JSON of its own (oauth, signin, portal): what the door has found
 * out about it. Lives in the exchange's arena. */
#ifndef GATEHOUSE_IDENTITY_VISIT_H
#define GATEHOUSE_IDENTITY_VISIT_H

#include "http/server.h"
#include "identity/caller.h"
#include "identity/settings.h"
#include "state/state.h"

struct visit {
	struct http_exchange *exchange;
	struct arena *arena;	   /* the exchange's */
	struct str path;	   /* the exchange's */
	struct str ip, request_id; /* for logs and audit */
	struct str origin;	   /* the gateway's own: "https://gatehouse.example"; issuer of its tokens */
	const struct identity_settings *settings; /* of the snapshot the request runs with */
	const struct str *resources;		  /* every MCP endpoint's URL: origin/mcp, origin/mcp/{toolset} */
	size_t resource_count;
	struct rate per_auth; /* attempts of one address at each endpoint that takes a secret */
	struct caller caller; /* portal: who is asking; others: not set */
	struct str problem;   /* says more than the error that is returned; empty: nothing */
};

/* Count the visit under a key; who comes too often is told when to come again, by the answer's Retry-After.
 *   Errors     ERR_RATE_LIMITED, as state_take
 *   Runs on    the exchange's fiber */
NODISCARD enum err visit_take(struct visit *visit, struct state *state, struct str key, const struct rate *rate) AWAITS;

#endif
