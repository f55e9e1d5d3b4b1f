/* The two kinds of tasks: the extension io.modelcontextprotocol/tasks of the modern era, and the tasks of
 * 2025-11-25. They differ in who decides, in how results are fetched and in shape, so neither is
 * turned into the other: across the eras a tool is called without a task.
 *
 *   kind       client asks by            created is       id in
 *   extension  its capabilities          resultType task  result.taskId
 *   core       params.task of the call   result.task      result.task.taskId, related-task in _meta
 *
 * An id is sealed once, when the task is made; afterwards the client's own text is put back
 * wherever the server names the task, so that it always sees the id it knows. */
#include "gateway/tasks.h"

#include "base/limits.h"
#include "mcp/extension.h"
#include "mcp/task_id.h"

#define RELATED_TASK STR("io.modelcontextprotocol/related-task")

static bool has_core_tasks(const struct request *req)
{
	return !req->modern && req->revision == MCP_2025_11_25;
}

static bool has_declared(struct request *req)
{
	return mcp_extensions_read(req->arena, req->verdict.capabilities->value) & MCP_EXT_TASKS;
}

static bool is_augmented(const struct request *req)
{
	return req->message.params != NULL &&
	       json_member(&req->message.index, req->message.params, STR("task")) != NULL;
}

bool tasks_drop_param(const struct request *req, const struct catalog_item *item)
{
	return !has_core_tasks(req) || !(item->offer->extensions & MCP_EXT_CORE_TASKS) ||
	       mcp_is_modern(item->offer->revision);
}

/* Put `token` where the answer names its task. */
static enum err replace_ids(struct request *req, struct str token, const struct json_member *id,
			    const struct json_member *related, struct mcp_message *answer)
{
	struct json_splice splice = {.text = answer->index.text};
	const struct json_member *first = id, *second = related;
	AUTO_BUF quoted = {0}, object = {0}, text = {0};

	buf_put_json(&quoted, token);
	buf_put_fmt(&object, "{\"taskId\":%.*s}", STR_ARG(buf_str(&quoted)));
	if (first == NULL || (second != NULL && second < first)) {
		first = related;
		second = id;
	}
	if (first != NULL)
		json_splice_value(&splice, first, buf_str(first == id ? &quoted : &object));
	if (second != NULL)
		json_splice_value(&splice, second, buf_str(second == id ? &quoted : &object));
	json_splice_write(&splice, &text);
	return relay_reread(req, buf_str(&text), answer);
}

/* A new task: its id is sealed for this principal. */
static enum err rekey_created(struct request *req, const struct relay *relay, enum mcp_task_kind kind,
			      const struct json_member *id, struct mcp_message *answer)
{
	struct mcp_task task = {
		.kind = kind,
		.upstream = upstream_name(relay->item->upstream),
		.id = json_member_str(req->arena, id),
		.node = req->gateway->node,
	};
	AUTO_BUF token = {0};

	TRY(mcp_task_seal(req->gateway->session_key, &task, str_of(req->caller.principal), &token));
	return replace_ids(req, buf_str(&token), id, NULL, answer);
}

static enum err rekey_extension(struct request *req, const struct relay *relay, struct mcp_message *answer)
{
	if (answer->result_type == NULL || !str_eq(answer->result_type->value, STR("\"task\"")))
		return OK;
	if (!has_declared(req)) {
		req->problem = STR("the upstream server made a task of a call whose client takes none");
		return ERR_UPSTREAM_GARBAGE;
	}
	return rekey_created(req, relay, MCP_TASK_EXTENSION, json_member(&answer->index, answer->result, STR("taskId")),
			     answer);
}

static enum err rekey_core(struct request *req, const struct relay *relay, struct mcp_message *answer)
{
	const struct json_member *task;

	if (!is_augmented(req) || tasks_drop_param(req, relay->item))
		return OK;
	task = json_member(&answer->index, answer->result, STR("task"));
	if (task == NULL || task->kind != JSON_OBJECT)
		return OK; /* the server answered at once */
	return rekey_created(req, relay, MCP_TASK_CORE, json_member(&answer->index, task, STR("taskId")), answer);
}

/* An answer about a task that the client named. */
static enum err rekey_known(struct request *req, const struct relay *relay, struct mcp_message *answer)
{
	const struct json_member *id, *meta, *related;

	if (answer->result == NULL || answer->result->kind != JSON_OBJECT)
		return OK;
	id = json_member(&answer->index, answer->result, STR("taskId"));
	meta = json_member(&answer->index, answer->result, STR("_meta"));
	related = meta == NULL || meta->kind != JSON_OBJECT ? NULL : json_member(&answer->index, meta, RELATED_TASK);
	return id == NULL && related == NULL ? OK : replace_ids(req, relay->task_token, id, related, answer);
}

enum err tasks_created(struct request *req, const struct relay *relay, struct mcp_message *answer)
{
	if (answer->result == NULL || answer->result->kind != JSON_OBJECT)
		return OK;
	return req->modern ? rekey_extension(req, relay, answer) : rekey_core(req, relay, answer);
}

static struct str event_of(enum mcp_method method)
{
	switch (method) {
	case MCP_M_TASKS_UPDATE:
		return STR("mcp.task_updated");
	case MCP_M_TASKS_CANCEL:
		return STR("mcp.task_canceled");
	case MCP_M_TASKS_RESULT:
		return STR("mcp.task_result_read");
	default:
		return STR("mcp.task_read");
	}
}

enum err tasks_permit(struct request *req)
{
	unsigned wanted = req->modern ? MCP_EXT_TASKS : MCP_EXT_CORE_TASKS;

	if (!(req->view->extensions & wanted) || (!req->modern && !has_core_tasks(req)))
		return ERR_RPC_METHOD;
	if (!req->modern || has_declared(req))
		return OK;
	req->problem_data = mcp_extension_required(MCP_EXT_NUMBER_TASKS);
	return ERR_MCP_CAPABILITY;
}

const struct catalog_item *tasks_find(struct request *req, struct str token, struct str *ret_id)
{
	enum mcp_task_kind kind = req->modern ? MCP_TASK_EXTENSION : MCP_TASK_CORE;
	struct mcp_task task;

	if (mcp_task_open(req->gateway->session_key, token, str_of(req->caller.principal), kind, req->arena, &task) !=
	    OK)
		return NULL;
	*ret_id = task.id;
	return catalog_door(req->view, task.upstream);
}

uint64_t tasks_node(struct request *req, struct str token)
{
	enum mcp_task_kind kind = req->modern ? MCP_TASK_EXTENSION : MCP_TASK_CORE;
	struct mcp_task task;

	return token.p == NULL || mcp_task_open(req->gateway->session_key, token, str_of(req->caller.principal), kind,
						req->arena, &task) != OK
		       ? 0
		       : task.node;
}

AWAITS enum err relay_task(struct request *req)
{
	struct str token = mcp_param(req->arena, &req->message, STR("taskId"));
	struct relay relay = {.event = event_of(req->method), .idempotent = req->method != MCP_M_TASKS_UPDATE};

	TRY(tasks_permit(req));
	if (token.p == NULL) {
		req->problem = STR("params.taskId must be a string");
		return ERR_RPC_PARAMS;
	}
	relay.item = tasks_find(req, token, &relay.task_id);
	if (relay.item == NULL)
		return relay_refuse(req, relay.event, ERR_MCP_UNKNOWN_TASK);
	req->target = req->upstream = relay.item->name;
	relay.mcp_name = relay.task_id;
	relay.task_token = token;
	relay.turn = rekey_known;
	return relay_call(req, &relay);
}
