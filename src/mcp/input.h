/* What servers ask of clients while a call runs: sampling, elicitation, roots. In the sessions era
 * these are requests on the call's stream, in the modern one entries of an `input_required`
 * result; this file knows both shapes, and what a client must have declared to be asked.
 *   Source     MCP 2025-11-25 client features; 2026-07-28 basic/patterns/mrtr */
#ifndef GATEHOUSE_MCP_INPUT_H
#define GATEHOUSE_MCP_INPUT_H

#include "mcp/message.h"
#include "mcp/revision.h"
#include "mcp/session.h"

#define MCP_INPUTS_MAX 32 /* questions in one round: far more than a person would answer */

/* What a client with these capabilities can be asked in its revision: elicitation came with
 * 2025-06-18, and before 2025-11-25 sampling with context needed no word of its own. */
uint16_t mcp_capabilities_in(uint16_t capabilities, enum mcp_revision revision);

/* The one kind of question and what its params ask for.
 *   params     a JSON object, p NULL absent
 *   ret_needs  the capabilities that the client must have declared
 *   Errors     ERR_RPC_METHOD: nothing that a client can be asked; ERR_RPC_PARAMS; ERR_LIMIT (arena) */
NODISCARD enum err mcp_input_needs(struct arena *arena, enum mcp_method method, struct str params, uint16_t *ret_needs);

/* Whether `answer`, JSON, is what such a question may be answered with: a light check, so that a client's
 * slip is asked about again instead of ending the call.
 *   Runs on    any thread */
bool mcp_input_fits(struct arena *arena, enum mcp_method method, struct str answer);

/* One question of a round. */
struct mcp_input {
	struct str key; /* between the quotes, still escaped */
	enum mcp_method method;
	struct str params; /* JSON object, p NULL absent */
	uint16_t needs;
};

/* An `input_required` result: what is asked, and the state that goes back with the answers. */
struct mcp_round {
	struct mcp_input *input; /* in the arena */
	size_t count;
	struct str state; /* JSON string, p NULL none */
	uint16_t needs;	  /* of all of them */
};

/* Whether a call of this method may be answered with `input_required`. */
bool mcp_has_rounds(enum mcp_method method);

/* Whether a response is an `input_required` result. */
bool mcp_is_input_required(const struct mcp_message *answer);

/* Read such a result; slices of its text.
 *   Errors     ERR_UPSTREAM_GARBAGE: neither questions nor state, or no question; ERR_LIMIT */
NODISCARD enum err mcp_round_read(struct arena *arena, const struct mcp_message *answer, struct mcp_round *ret_round);

/* Append a whole `input_required` response made from a URLElicitationRequired error (-32042), without a
 * requestState.
 *   Errors     ERR_UPSTREAM_GARBAGE: it names no URL; ERR_LIMIT (MCP_INPUTS_MAX)
 *   Source     MCP 2025-11-25 client/elicitation#url-elicitation-required-error */
NODISCARD enum err mcp_url_round(struct arena *arena, const struct mcp_message *answer, struct buf *out);

/* The params of a modern question for a client of the sessions era: a URL elicitation has an
 * elicitationId there, which is made here. In the arena. */
struct str mcp_input_for_session(struct arena *arena, const struct mcp_input *input);

/* Append a whole question: {"jsonrpc":"2.0","id":"ID","method":...,"params":...}. */
void mcp_compose_question(struct str id, enum mcp_method method, struct str params, struct buf *out);

/* Append {"method":...,"params":...}, the value of an inputRequests member, for a question of a legacy
 * server. `arena` is for scratch. */
void mcp_compose_input(struct arena *arena, enum mcp_method method, struct str params, struct buf *out);

#endif
