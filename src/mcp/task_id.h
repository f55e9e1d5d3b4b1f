/* Task ids as clients see them: the server's own id and whose it is, sealed. Nothing is stored, so an id
 * works on every loop and replica and after a restart, and only for the principal who got it. */
#ifndef GATEHOUSE_MCP_TASK_ID_H
#define GATEHOUSE_MCP_TASK_ID_H

#include "base/arena.h"
#include "base/crypto.h"

#define MCP_TASK_ID_BYTES_MAX 512 /* of a server's own id; UUIDs have 36 */
#define MCP_TASK_UPSTREAM_BYTES_MAX 255
#define MCP_TASK_TOKEN_BYTES_MAX 1100 /* what the longest id becomes, in base64url */

/* Extension tasks and those of 2025-11-25 do not mix. */
enum mcp_task_kind { MCP_TASK_EXTENSION = 1, MCP_TASK_CORE = 2 };

struct mcp_task {
	enum mcp_task_kind kind;
	struct str upstream; /* its name */
	struct str id;	     /* as that server knows it */
	uint64_t node;	     /* the process whose connection to the server, or child, made it; 0 none */
};

/* Append the sealed id: [A-Za-z0-9_-], another text each time.
 *   principal  who may use it
 *   Errors     ERR_UPSTREAM_GARBAGE: an empty id, or one that is too long */
NODISCARD enum err mcp_task_seal(const struct secret *key, const struct mcp_task *task, struct str principal,
				 struct buf *out);

/* Read one back.
 *   ret_task   strings in `arena`
 *   Errors     ERR_MCP_UNKNOWN_TASK: not ours, altered, of another principal, another kind: all the same
 *   Runs on    any thread */
NODISCARD enum err mcp_task_open(const struct secret *key, struct str token, struct str principal,
				 enum mcp_task_kind kind, struct arena *arena, struct mcp_task *ret_task);

#endif
