/* Tasks: calls that outlive their answer. Clients know a task by a sealed id (mcp/task_id.h), which
 * says where it runs; servers know their own. */
#ifndef GATEHOUSE_GATEWAY_TASKS_H
#define GATEHOUSE_GATEWAY_TASKS_H

#include "gateway/relay.h"

/* tasks/get, tasks/update, tasks/cancel, tasks/result.
 *   Errors     ERR_RPC_METHOD: no server in view has tasks of this era; ERR_MCP_CAPABILITY: the client
 *              declared none; ERR_MCP_UNKNOWN_TASK: not this principal's, or not in view; those of
 *              relay_call */
NODISCARD enum err relay_task(struct request *req) AWAITS;

/* Whether this client may use tasks here.
 *   Errors     ERR_RPC_METHOD: no server in view has tasks of its era; ERR_MCP_CAPABILITY, with
 *              req->problem_data: it declared none */
NODISCARD enum err tasks_permit(struct request *req);

/* The door to the server of a task that this client knows as `token`.
 *   ret_id     the server's own id
 *   returns    NULL: not this principal's, not in view, made up: all the same */
const struct catalog_item *tasks_find(struct request *req, struct str token, struct str *ret_id);

/* Whether params.task of a tools/call is left out: tasks of 2025-11-25 are made only between a client and
 * a server of that revision. */
bool tasks_drop_param(const struct request *req, const struct catalog_item *item);

/* A tool's answer: when it is a task, its id becomes one that the client may know (see struct relay's turn).
 * Most answers are none and stay as they are.
 *   Errors     ERR_UPSTREAM_GARBAGE: a task for a client that declared none; ERR_UPSTREAM_TOO_LARGE */
NODISCARD enum err tasks_created(struct request *req, const struct relay *relay, struct mcp_message *answer);

/* The node that made the task of this id; 0: none, or no task of this caller. */
uint64_t tasks_node(struct request *req, struct str token);

#endif
