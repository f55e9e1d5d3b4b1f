/* A call on its way to an upstream, as relay.c (which item is meant?) hands it to relay_call.c
 * (ask its upstream, audit, answer). */
#ifndef GATEHOUSE_GATEWAY_RELAY_H
#define GATEHOUSE_GATEWAY_RELAY_H

#include "gateway/request.h"

#define NAME_TOLD_BYTES_MAX 256 /* a name of the client's that is repeated in its error */

/* What differs between the relayed methods. */
struct relay {
	const struct catalog_item *item;
	struct str event;		/* of the audit row */
	struct str name;		/* replaces params.name or .uri; p NULL: unchanged */
	struct str ref_name;		/* replaces params.ref's name; p NULL: unchanged */
	struct str mcp_name;		/* for the Mcp-Name header; p NULL none */
	struct str arguments;		/* a tool's, as JSON; p NULL none */
	bool wrapped;			/* by call_tool: `arguments` are not the message's own */
	struct str cursor;		/* with own_cursor: in place of params.cursor; p NULL none */
	struct str task_id, task_token; /* a task as its server and its client know it; p NULL none */
	bool own_cursor;
	bool idempotent;
	/* Turns the answer round for this client; NULL: it passes as it came. */
	enum err (*turn)(struct request *req, const struct relay *relay, struct mcp_message *answer);
};

/* A name or URI as the client wrote it, fit for the audit trail. */
struct str relay_told(struct request *req, struct str text);

/* contents.c: a turn for resources that the client knows under another URI than their server.
 *   Errors     ERR_JSON_*, ERR_LIMIT, those of relay_reread */
NODISCARD enum err relay_contents(struct request *req, const struct relay *relay, struct mcp_message *answer);

/* Read a changed answer anew, copied into the request's arena.
 *   Errors     ERR_UPSTREAM_TOO_LARGE, ERR_UPSTREAM_GARBAGE */
NODISCARD enum err relay_reread(struct request *req, struct str text, struct mcp_message *answer);

/* Make the call: ask the item's upstream, write the audit row, answer.
 *   Errors     those of upstream_call, when nothing was answered yet; the row is written */
NODISCARD enum err relay_call(struct request *req, const struct relay *relay) AWAITS;

/* relay.c: the item whose upstream has a resource.
 *   ret_uri    the URI as the upstream knows it
 *   Errors     ERR_RPC_PARAMS (uri p NULL), ERR_MCP_UNKNOWN_RESOURCE, ERR_MCP_NO_RESOURCE, with what to say; those of
 *              visible_route */
NODISCARD enum err relay_find_resource(struct request *req, struct str uri, const struct catalog_item **ret_item,
				       struct str *ret_uri) AWAITS;

/* A call that is refused (or, with OK, answered) here is a call all the same: it has its row. Returns
 * `err`, or why there is no row. */
NODISCARD enum err relay_refuse(struct request *req, struct str event, enum err err) AWAITS;

/* questions.c: a legacy server asks (upstream_call.on_request and on_request_gone for a legacy client);
 * `arg` is the request. */
void question_relay(void *arg, struct server_request *request) AWAITS;
void question_gone(void *arg, struct server_request *request) AWAITS;

/* rounds.c: upstream_call for a legacy client: rounds that the server wants are made here.
 *   Errors     those of upstream_call; ERR_MCP_INPUT with req->problem: the client cannot answer, or
 *              would not */
NODISCARD enum err rounds_call(struct request *req, struct upstream *upstream, struct upstream_call *call) AWAITS;

/* rounds.c: a legacy server's demand that somebody opens a URL (-32042, an error there) becomes a round
 * for a modern client; the retry simply makes the call again.
 *   Errors     ERR_MCP_CAPABILITY: it did not declare URL elicitation; ERR_MCP_INPUT: it was asked, and
 *              would not; ERR_LIMIT */
NODISCARD enum err rounds_from_urls(struct request *req, struct upstream_call *call);

/* rounds.c: whether a modern client may be asked what this answer asks.
 *   Errors     ERR_MCP_CAPABILITY with req->problem_data, ERR_UPSTREAM_GARBAGE, ERR_LIMIT */
NODISCARD enum err rounds_check(struct request *req, const struct mcp_message *answer);

/* rounds.c: whether the server refused for want of a capability of the client's.
 *   Errors     ERR_MCP_CAPABILITY (modern client), ERR_MCP_INPUT (legacy), with req->problem */
NODISCARD enum err rounds_refused(struct request *req, const struct mcp_message *answer);

#endif
