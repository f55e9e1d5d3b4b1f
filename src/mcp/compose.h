/* Composing what goes to an upstream server and turning its results round for a client of
 * the other era. Slices are copied verbatim; only members named here change. */
#ifndef GATEHOUSE_MCP_COMPOSE_H
#define GATEHOUSE_MCP_COMPOSE_H

#include "mcp/message.h"
#include "mcp/revision.h"

/* A request, free of era: the core of what a client (or the gateway itself) wants. */
struct mcp_outgoing {
	struct str method;
	const struct mcp_message *from; /* the client's message, NULL for the gateway's own requests */
	struct str name;		/* replaces params.name or params.uri (plain text); p NULL: unchanged */
	struct str ref_name;		/* replaces params.ref.name or .uri (completion); p NULL: unchanged */
	struct str cursor;		/* of a list; p NULL none */
	bool own_cursor;		/* `cursor` stands for the client's, which is left out */
	struct str arguments;		/* JSON in place of params.arguments; p NULL: unchanged */
	struct str task_id;		/* replaces params.taskId (plain text); p NULL: unchanged */
	struct str input_responses;	/* JSON object: answers of this round; p NULL: the client's, if any */
	struct str request_state;	/* JSON string that goes with them; p NULL: the client's, if any */
	bool no_task;			/* leave params.task out: no task is made across the eras */
	bool no_answers;		/* leave inputResponses and requestState out: a legacy server has no use */
	bool wants_progress;		/* then progressToken becomes the request's id */
	struct str capabilities; /* the client's, a JSON object; p NULL: none, the gateway's own when `from` is NULL */
	struct str client_info;	 /* JSON object; p NULL: the gateway's own */
	struct str log_level;	 /* plain; p NULL none */
	struct str traceparent, tracestate; /* p NULL none */
};

/* Append the whole JSON-RPC request as `revision` wants it.
 *   Runs on    any thread */
void mcp_compose_request(const struct mcp_outgoing *outgoing, enum mcp_revision revision, uint64_t id, struct buf *out);

/* Append a notification with the given params text (p NULL: none). Modern ones get no _meta. */
void mcp_compose_notification(struct str method, struct str params, struct buf *out);

/* Append an error answer. `id` is a lexeme, p NULL gives null. `message` p NULL: the table's
 * text. `error_data` is JSON, p NULL none. */
void mcp_compose_error(struct str id, enum err err, struct str message, struct str error_data, struct buf *out);

/* Append a whole answer around a result text: {"jsonrpc":"2.0","id":ID,"result":RESULT}. */
void mcp_compose_result(struct str id, struct str result, struct buf *out);

/* Append a tools/call result that tells the model what went wrong (isError true). */
void mcp_compose_tool_error(struct str id, bool modern, struct str text, struct buf *out);

/* Who gets an answer. */
struct mcp_recipient {
	struct str id; /* of its request: the lexeme */
	enum mcp_method method;
	enum mcp_revision revision;
	bool wraps_output; /* it was told that structuredContent is {"result":...}: see catalog/output_schema.h */
};

/* An answer in pieces, so that a large result is written from where it was read. */
#define MCP_PIECES_MAX 5
struct mcp_pieces {
	struct str piece[MCP_PIECES_MAX];
	size_t count;
};

/* The upstream's answer as this client may see it: id replaced, era-only members of the result
 * added (resultType, ttlMs, cacheScope, serverInfo) or removed.
 *   answer      a response that mcp_message_read accepted; the pieces borrow its text
 *   scratch     takes what is new; the pieces borrow it too, so it must not change any more
 *   ret_pieces  filled in place
 *   Errors      ERR_UPSTREAM_GARBAGE: a result that is no object, an unknown resultType, input_required where
 *               there are no rounds; ERR_MCP_INPUT: input_required for a client of the sessions era */
NODISCARD enum err mcp_compose_answer(const struct mcp_message *answer, const struct mcp_recipient *client,
				      struct buf *scratch, struct mcp_pieces *ret_pieces);

/* Append a notification from an upstream, its progressToken replaced by the client's lexeme. */
void mcp_compose_relayed(const struct mcp_message *notification, struct str progress_token, struct buf *out);

/* The gateway as serverInfo / clientInfo: {"name":"gatehouse","version":"..."}. */
extern const struct str mcp_self;

/* Mcp-Name and Mcp-Param-* values: plain when possible, else =?base64?...?= .
 *   Source     SEP-2243 */
void mcp_header_encode(struct str value, struct buf *out);
/*   Errors     ERR_MCP_HEADER */
NODISCARD enum err mcp_header_decode(struct arena *arena, struct str header, struct str *ret_value);

#endif
