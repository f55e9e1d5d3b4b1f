/* Which method does what: one table, and the methods that the gateway answers by itself. A
 * method of the other era does not exist, and a permission is asked for before anything runs. What
 * begins, ends or follows up something is control work; the rest may be put off (shed.h). */
#include "base/log.h"
#include "gateway/assembly.h"
#include "gateway/admission.h"
#include "gateway/capabilities.h"
#include "gateway/client_ask.h"
#include "gateway/lists.h"
#include "gateway/shed.h"
#include "gateway/skills.h"
#include "gateway/tasks.h"

#define LEGACY 1
#define MODERN 2
#define BOTH (LEGACY | MODERN)

AWAITS static enum err method_ping(struct request *req)
{
	return answer_result(req, STR("{}"));
}

AWAITS static enum err method_set_level(struct request *req)
{
	TRY(log_level_set(req, mcp_param(req->arena, &req->message, STR("level"))));
	return answer_result(req, STR("{}"));
}

AWAITS static enum err method_discover(struct request *req)
{
	AUTO_BUF result = {0};

	buf_put(&result, STR("{\"resultType\":\"complete\",\"supportedVersions\":[\""));
	buf_put(&result, mcp_revision_text(MCP_MODERN_LATEST));
	buf_put(&result, STR("\"],\"capabilities\":"));
	capabilities_write(req, &result);
	buf_put_byte(&result, ',');
	if (req->view->instructions.n > 0) {
		buf_put(&result, STR("\"instructions\":"));
		buf_put_json(&result, req->view->instructions);
		buf_put_byte(&result, ',');
	}
	buf_put_fmt(&result, "\"ttlMs\":%d,\"cacheScope\":\"private\",\"_meta\":{", LIST_TTL_MS);
	buf_put(&result, STR("\"io.modelcontextprotocol/serverInfo\":"));
	buf_put(&result, mcp_self);
	buf_put(&result, STR("}}"));
	return answer_result(req, buf_str(&result));
}

AWAITS static enum err method_cancelled(struct request *req)
{
	const struct json_member *id =
		req->message.params == NULL ? NULL
					    : json_member(&req->message.index, req->message.params, STR("requestId"));

	if (id != NULL && req->has_session)
		in_flight_cancel(req, id->value);
	return answer_accepted(req);
}

static const struct method_row {
	enum err (*run)(struct request *req); /* AWAITS */
	enum permission permission;
	uint8_t eras;
	uint8_t work; /* enum work */
} method_table[MCP_METHODS] = {
	[MCP_M_INITIALIZE] = {request_initialize, PERMISSION_CATALOG_LIST, LEGACY, WORK_CONTROL},
	[MCP_M_PING] = {method_ping, PERMISSION_CATALOG_LIST, LEGACY, WORK_CONTROL},
	[MCP_M_LOGGING_SET_LEVEL] = {method_set_level, PERMISSION_CATALOG_LIST, LEGACY, WORK_CONTROL},
	[MCP_M_SERVER_DISCOVER] = {method_discover, PERMISSION_CATALOG_LIST, MODERN, WORK_CONTROL},
	[MCP_M_TOOLS_LIST] = {list_tools, PERMISSION_CATALOG_LIST, BOTH, WORK_LIST},
	[MCP_M_PROMPTS_LIST] = {list_prompts, PERMISSION_CATALOG_LIST, BOTH, WORK_LIST},
	[MCP_M_RESOURCES_LIST] = {list_resources, PERMISSION_CATALOG_LIST, BOTH, WORK_LIST},
	[MCP_M_RESOURCES_TEMPLATES_LIST] = {list_templates, PERMISSION_CATALOG_LIST, BOTH, WORK_LIST},
	[MCP_M_RESOURCES_SUBSCRIBE] = {resource_subscribe, PERMISSION_RESOURCES_READ, LEGACY, WORK_LIST},
	[MCP_M_RESOURCES_UNSUBSCRIBE] = {resource_unsubscribe, PERMISSION_RESOURCES_READ, LEGACY, WORK_CONTROL},
	[MCP_M_TOOLS_CALL] = {relay_tool, PERMISSION_TOOLS_CALL, BOTH, WORK_CALL},
	[MCP_M_PROMPTS_GET] = {relay_prompt, PERMISSION_PROMPTS_GET, BOTH, WORK_CALL},
	[MCP_M_RESOURCES_READ] = {relay_resource, PERMISSION_RESOURCES_READ, BOTH, WORK_CALL},
	[MCP_M_COMPLETION_COMPLETE] = {relay_completion, PERMISSION_PROMPTS_GET, BOTH, WORK_CALL},
	[MCP_M_TASKS_GET] = {relay_task, PERMISSION_TOOLS_CALL, BOTH, WORK_CONTROL},
	[MCP_M_TASKS_UPDATE] = {relay_task, PERMISSION_TOOLS_CALL, MODERN, WORK_CONTROL},
	[MCP_M_TASKS_CANCEL] = {relay_task, PERMISSION_TOOLS_CALL, BOTH, WORK_CONTROL},
	[MCP_M_TASKS_RESULT] = {relay_task, PERMISSION_TOOLS_CALL, LEGACY, WORK_CONTROL},
	[MCP_M_SKILLS_LIST] = {relay_skills, PERMISSION_CATALOG_LIST, BOTH, WORK_LIST},
	[MCP_M_SKILLS_GET] = {relay_skill, PERMISSION_RESOURCES_READ, BOTH, WORK_CALL},
	[MCP_M_DIRECTORY_READ] = {relay_skill, PERMISSION_RESOURCES_READ, BOTH, WORK_CALL},
	[MCP_M_SUBSCRIPTIONS_LISTEN] = {stream_open_listen, PERMISSION_CATALOG_LIST, MODERN, WORK_LIST},
};

/* Notifications are taken; most need nothing done. */
AWAITS static enum err take_notification(struct request *req)
{
	if (req->method == MCP_M_N_CANCELLED && !req->modern)
		return method_cancelled(req);
	if (req->method == MCP_M_N_ROOTS_CHANGED && req->has_session)
		assembly_roots_changed(req->gateway->assembly, str_of(req->session.number));
	return answer_accepted(req);
}

AWAITS enum err request_run_method(struct request *req)
{
	const struct method_row *row = &method_table[req->method];

	if (req->message.kind == MCP_RESPONSE)
		return req->has_session ? client_take_answer(req) : ERR_RPC_INVALID;
	if (req->message.kind == MCP_NOTIFICATION)
		return take_notification(req);
	if (row->run == NULL || (row->eras & (req->modern ? MODERN : LEGACY)) == 0)
		return ERR_RPC_METHOD;
	TRY(shed_admit(req, row->work));
	TRY(request_permit(req, row->permission));
	return row->run(req);
}
