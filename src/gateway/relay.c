/* Calls that an upstream answers: which item of the caller's view is meant, and is what can be
 * checked here in order? The call itself is relay_call.c's. */
#include "base/limits.h"
#include "base/log.h"
#include "gateway/assembly.h"
#include "gateway/param_headers.h"
#include "gateway/relay.h"
#include "gateway/search_mode.h"
#include "gateway/tasks.h"
#include "gateway/visible.h"

/* Where a key was put by mistake, it must not last. */
struct str relay_told(struct request *req, struct str text)
{
	AUTO_BUF out = {0};

	log_redact(&out, text);
	return arena_str(req->arena, buf_str(&out));
}

static void aim(struct request *req, const struct catalog_item *item)
{
	req->target = item->name;
	req->upstream = upstream_name(item->upstream);
}

AWAITS static enum err check_arguments(struct request *req, const struct relay *relay)
{
	const struct catalog_item *tool = relay->item;
	struct str problem;
	enum err err;

	if (!relay->wrapped) /* who calls through call_tool does not know which headers the tool wants */
		TRY(param_headers_check(req, tool, relay->arguments));
	err = catalog_check_arguments(tool, relay->arguments, req->arena, &problem);
	if (err == ERR_MCP_ARGUMENTS)
		req->problem = arena_fmt(req->arena, "Invalid arguments for tool %.*s: %.*s", STR_ARG(tool->name),
					 STR_ARG(problem));
	return err;
}

AWAITS enum err relay_tool(struct request *req)
{
	struct str name = mcp_param(req->arena, &req->message, STR("name"));
	struct relay relay = {.event = STR("mcp.tool_called")};
	const struct json_member *arguments;
	bool answered;
	enum err err;

	if (name.p == NULL) {
		req->problem = STR("params.name must be a string");
		return ERR_RPC_PARAMS;
	}
	arguments = json_member(&req->message.index, req->message.params, STR("arguments"));
	relay.arguments = arguments == NULL ? STR_NONE : arguments->value;
	if (req->view->search != NULL) {
		TRY(search_mode_resolve(req, &name, &relay, &answered));
		if (answered)
			return OK;
	}
	relay.item = catalog_find(req->view, OFFER_TOOLS, name);
	if (relay.item == NULL)
		relay.item = catalog_find_original(req->view, name);
	if (relay.item == NULL) {
		relay.event = visible_event(req, OFFER_TOOLS, name, relay.event);
		req->target = relay_told(req, name);
		if (catalog_holds(req->view, name))
			return relay_refuse(req, relay.event, ERR_MCP_TOOL_HELD);
		if (!assembly_settled(req->gateway->assembly)) {
			req->problem = STR("not every server has said yet what it offers; try again in a moment");
			return relay_refuse(req, relay.event, ERR_BUSY);
		}
		if (req->view->search != NULL)
			return search_mode_unknown(req, relay.event, name);
		if (name.n <= NAME_TOLD_BYTES_MAX)
			req->problem = arena_fmt(req->arena, "Unknown tool: %.*s", STR_ARG(name));
		return relay_refuse(req, relay.event, ERR_MCP_UNKNOWN_TOOL);
	}
	aim(req, relay.item);
	TRY(visible_permit(req, OFFER_TOOLS, relay.item, relay.arguments));
	err = check_arguments(req, &relay);
	if (err != OK)
		return relay_refuse(req, relay.event, err);
	relay.name = relay.mcp_name = relay.item->original;
	relay.idempotent = relay.item->idempotent;
	relay.turn = tasks_created;
	return relay_call(req, &relay);
}

static struct str prompt_arguments(const struct request *req)
{
	const struct json_member *arguments = json_member(&req->message.index, req->message.params, STR("arguments"));

	return arguments == NULL ? STR_NONE : arguments->value;
}

/* Unknown prompts have no row; those that are hidden do. */
AWAITS static enum err refuse_prompt(struct request *req, struct str name)
{
	struct str event = visible_event(req, OFFER_PROMPTS, name, STR_NONE);

	req->target = relay_told(req, name);
	return event.p == NULL ? ERR_MCP_UNKNOWN_PROMPT : relay_refuse(req, event, ERR_MCP_UNKNOWN_PROMPT);
}

AWAITS enum err relay_prompt(struct request *req)
{
	struct str name = mcp_param(req->arena, &req->message, STR("name"));
	struct relay relay = {.event = STR("mcp.prompt_read"), .idempotent = true};

	if (name.p == NULL) {
		req->problem = STR("params.name must be a string");
		return ERR_RPC_PARAMS;
	}
	relay.item = catalog_find(req->view, OFFER_PROMPTS, name);
	if (relay.item == NULL) {
		if (name.n <= NAME_TOLD_BYTES_MAX)
			req->problem = arena_fmt(req->arena, "Unknown prompt: %.*s", STR_ARG(name));
		return refuse_prompt(req, name);
	}
	aim(req, relay.item);
	TRY(visible_permit(req, OFFER_PROMPTS, relay.item, prompt_arguments(req)));
	relay.name = relay.mcp_name = relay.item->original;
	return relay_call(req, &relay);
}

static enum err refuse_resource(struct request *req, struct str uri)
{
	AUTO_BUF data = {0};

	buf_put(&data, STR("{\"uri\":"));
	buf_put_json(&data, uri);
	buf_put_byte(&data, '}');
	req->problem_data = arena_str(req->arena, buf_str(&data));
	return req->modern ? ERR_MCP_UNKNOWN_RESOURCE : ERR_MCP_NO_RESOURCE;
}

AWAITS enum err relay_find_resource(struct request *req, struct str uri, const struct catalog_item **ret_item,
				    struct str *ret_uri)
{
	if (uri.p == NULL) {
		req->problem = STR("params.uri must be a string");
		return ERR_RPC_PARAMS;
	}
	TRY(visible_route(req, uri, ret_item, ret_uri));
	return *ret_item != NULL ? OK : refuse_resource(req, uri);
}

AWAITS enum err relay_resource(struct request *req)
{
	struct str uri = mcp_param(req->arena, &req->message, STR("uri"));
	struct relay relay = {.event = STR("mcp.resource_read"), .idempotent = true};

	TRY(relay_find_resource(req, uri, &relay.item, &relay.name));
	aim(req, relay.item);
	req->target = relay_told(req, uri);
	relay.mcp_name = relay.name;
	relay.turn = str_eq(relay.name, uri) ? NULL : relay_contents;
	return relay_call(req, &relay);
}

/* What a completion's ref points at: a prompt, or a resource template. */
static const struct catalog_item *completion_item(struct request *req)
{
	const struct json_index *index = &req->message.index;
	const struct json_member *ref =
		req->message.params == NULL ? NULL : json_member(index, req->message.params, STR("ref"));
	const struct json_member *type = ref == NULL ? NULL : json_member(index, ref, STR("type"));
	const struct catalog_item *item;
	struct str kind = json_member_str(req->arena, type), name;

	if (str_eq(kind, STR("ref/prompt"))) {
		name = json_member_str(req->arena, json_member(index, ref, STR("name")));
		return name.p == NULL ? NULL : catalog_find(req->view, OFFER_PROMPTS, name);
	}
	if (!str_eq(kind, STR("ref/resource")))
		return NULL;
	name = json_member_str(req->arena, json_member(index, ref, STR("uri")));
	if (name.p == NULL)
		return NULL;
	item = catalog_find(req->view, OFFER_TEMPLATES, name);
	return item != NULL ? item : catalog_find(req->view, OFFER_RESOURCES, name);
}

AWAITS enum err relay_completion(struct request *req)
{
	struct relay relay = {.event = STR("completion"), .idempotent = true};

	if (!req->view->completions)
		return ERR_RPC_METHOD; /* it was not declared either */
	relay.item = completion_item(req);
	if (relay.item == NULL) {
		req->problem = STR("params.ref names no prompt or resource template that you can see");
		return ERR_RPC_PARAMS;
	}
	aim(req, relay.item);
	relay.ref_name = relay.item->original;
	return relay_call(req, &relay);
}
