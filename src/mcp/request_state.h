/* The requestState of a call that is parked here while its modern client collects answers for a legacy
 * server. It only says where the call is; sealed and bound to who called what with which
 * arguments, so that anything else is as good as a guess.
 *   Source     MCP 2026-07-28 basic/patterns/mrtr#request-state */
#ifndef GATEHOUSE_MCP_REQUEST_STATE_H
#define GATEHOUSE_MCP_REQUEST_STATE_H

#include "base/crypto.h"
#include "mcp/message.h"

struct mcp_request_state {
	uint64_t node;	 /* the process */
	uint64_t serial; /* the call, on its loop */
	uint32_t loop;
	uint32_t round;	    /* of the call: an earlier round's state is no good */
	int64_t expires_ms; /* wall time */
};

/* What a state is good for. */
struct mcp_state_bond {
	struct str tenant_id, principal;
	enum mcp_method method;
	struct str upstream, name; /* the server, and its own name or URI of the item */
	struct str arguments;	   /* JSON as the client wrote it; p NULL none */
};

#define MCP_BOND_BYTES 32

/* The bond as a digest.
 *   Runs on    any thread */
void mcp_state_bind(const struct mcp_state_bond *bond, uint8_t ret_digest[MCP_BOND_BYTES]);

/* Append the state as text, [0-9a-zA-Z_.-]; state->node is not 0. */
void mcp_state_seal(const struct secret *key, const struct mcp_request_state *state,
		    const uint8_t digest[MCP_BOND_BYTES], struct buf *out);

/* The node that a text names in clear, so that it can be taken there before anybody knows what it is
 * bound to; 0: the text is none of ours. It is only a claim until mcp_state_open. */
uint64_t mcp_state_node(struct str text);

/* Read it back.
 *   Errors     ERR_MCP_STATE: not ours, altered, of another principal or call, or expired: all the
 *              same to the client */
NODISCARD enum err mcp_state_open(const struct secret *key, struct str text, const uint8_t digest[MCP_BOND_BYTES],
				  int64_t now_ms, struct mcp_request_state *ret_state);

#endif
