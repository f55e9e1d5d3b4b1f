/* Which era is a request of, and is it well-formed in it? The first question of all: it is
 * answered before any session is looked for, since a wrong answer silently downgrades
 * modern clients.
 *   Source     sections "Which era is it?" and "Standard headers" of doc/rooms/mcp.md */
#ifndef GATEHOUSE_MCP_ERA_H
#define GATEHOUSE_MCP_ERA_H

#include "mcp/message.h"
#include "mcp/revision.h"

/* What the transport says beside the body; p NULL where a header is absent. */
struct mcp_headers {
	struct str version, method, name; /* MCP-Protocol-Version, Mcp-Method, Mcp-Name */
	bool repeated;			  /* one of them came more than once */
};

struct mcp_verdict {
	bool modern;
	enum mcp_revision revision;			      /* modern only; a legacy one is the session's */
	const struct json_member *capabilities, *client_info; /* modern only; client_info may be NULL */
	struct str log_level;				      /* modern only; p NULL none */
	/* When an error is returned: */
	struct str problem; /* text for the answer; p NULL: the table's */
	struct str data;    /* JSON for error.data; p NULL none */
};

/* Classify and validate a POSTed message.
 *   ret_verdict  borrows the message and `arena`; `modern` is set also on error
 *   Errors       ERR_MCP_HEADER, ERR_MCP_META, ERR_MCP_VERSION, ERR_RPC_PARAMS, ERR_RPC_METHOD
 *   Runs on      any thread */
NODISCARD enum err mcp_classify(struct arena *arena, const struct mcp_message *message,
				const struct mcp_headers *headers, struct mcp_verdict *ret_verdict);

#endif
