/* Calls that an upstream answers: find the item, check what can be checked here, ask its
 * upstream, write the audit row, answer. Notifications of the call pass through on the way.
 *
 * The row is queued before the answer leaves; when the audit trail takes no rows, the caller
 * gets an error instead of an unaudited success. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "gateway/metrics.h"
#include "gateway/request.h"

#define NAME_TOLD_BYTES_MAX 256 /* a name of the client's that is repeated in its error */

/* What differs between the relayed methods. */
struct relay {
	const struct catalog_item *item;
	struct str event;    /* of the audit row */
	struct str name;     /* replaces params.name or .uri; p NULL: unchanged */
	struct str ref_name; /* replaces params.ref's name; p NULL: unchanged */
	struct str mcp_name; /* for the Mcp-Name header; p NULL none */
	bool idempotent;
};

/* A notification of the running call: progress gets the client's token back, log messages pass
 * where the client asked for them, anything else is not the call's. */
AWAITS static enum err relay_notification(void *arg, const struct mcp_message *message)
{
	struct request *req = arg;
	enum mcp_method method = mcp_method_of(message->method);
	const struct json_member *token = NULL;
	AUTO_BUF text = {0};
	enum err err;

	if (!req->accepts_sse)
		return OK;
	if (req->message.meta != NULL)
		token = json_member(&req->message.index, req->message.meta, STR("progressToken"));
	if (method == MCP_M_N_PROGRESS && token == NULL)
		return OK;
	if (method == MCP_M_N_MESSAGE && !log_level_admits(req, mcp_param(req->arena, message, STR("level"))))
		return OK;
	if (method != MCP_M_N_PROGRESS && method != MCP_M_N_MESSAGE)
		return OK;
	mcp_compose_relayed(message, token == NULL ? STR_NONE : token->value, &text);
	err = answer_event(req, buf_str(&text));
	/* A session's client may go and leave its call running: only notifications/cancelled ends it. */
	return err == ERR_CLOSED && !req->modern ? OK : err;
}

/* A modern server logs only for requests that name a level; a session's was named once. */
AWAITS static struct str level_to_name(struct request *req, const struct relay *relay)
{
	if (req->modern)
		return req->verdict.log_level;
	if (!relay->item->offer->logging || !mcp_is_modern(relay->item->offer->revision))
		return STR_NONE;
	return log_level_of(req);
}

static struct str client_capabilities(struct request *req)
{
	AUTO_BUF text = {0};

	if (req->modern)
		return req->verdict.capabilities->value;
	if (req->session.capabilities == 0)
		return STR_NONE;
	mcp_capabilities_write(req->session.capabilities, &text);
	return arena_str(req->arena, buf_str(&text));
}

AWAITS static void prepare_call(struct request *req, const struct relay *relay, struct upstream_call *ret_call)
{
	const struct http_fields *fields = &req->exchange->fields;
	bool wants_progress = req->message.meta != NULL && req->accepts_sse &&
			      json_member(&req->message.index, req->message.meta, STR("progressToken")) != NULL;

	*ret_call = (struct upstream_call){
		.arena = req->arena,
		.outgoing =
			{
				.method = req->message.method,
				.from = &req->message,
				.name = relay->name,
				.ref_name = relay->ref_name,
				.wants_progress = wants_progress,
				.capabilities = client_capabilities(req),
				.client_info =
					req->verdict.client_info == NULL ? STR_NONE : req->verdict.client_info->value,
				.log_level = level_to_name(req, relay),
				.traceparent = http_field_get(fields, HTTP_TRACEPARENT),
				.tracestate = http_field_get(fields, HTTP_TRACESTATE),
			},
		.mcp_name = relay->mcp_name,
		.idempotent = relay->idempotent,
		.tenant_id = str_of(req->caller.tenant_id),
		.principal = str_of(req->caller.principal),
		.session = req->has_session ? str_of(req->session.number) : STR_NONE,
		.request_id = req->id,
		.on_notification = relay_notification,
		.arg = req,
	};
}

/* "ok", "tool_error", "rpc_error" or why the call failed. */
static struct str outcome_of(const struct upstream_call *call, enum err err)
{
	const struct json_member *is_error;

	if (err != OK)
		return str_of(err_name(err));
	if (call->answer.error != NULL)
		return STR("rpc_error");
	is_error = json_member(&call->answer.index, call->answer.result, STR("isError"));
	return is_error != NULL && is_error->kind == JSON_TRUE ? STR("tool_error") : STR("ok");
}

/* The row of a call, whatever became of it. */
AWAITS static enum err audit_call(struct request *req, struct str event, int64_t begun_ns, size_t answer_bytes)
{
	const struct audit_record record = {
		.event = event,
		.tenant_id = str_of(req->caller.tenant_id),
		.principal = str_of(req->caller.principal),
		.ip = req->ip_text,
		.request_id = req->id,
		.target = req->target,
		.upstream = req->upstream,
		.outcome = req->outcome,
		.duration_us = (clock_ns() - begun_ns) / 1000,
		.bytes_in = (int64_t)req->exchange->body.n,
		.bytes_out = (int64_t)(req->bytes_out + answer_bytes),
	};

	return audit_append(req->gateway->audit, &record);
}

/* Why a call failed, in words for the model: which server, and what to do. */
static void explain_failure(struct request *req, enum err err)
{
	if (req->problem.p == NULL && err != ERR_CANCELED)
		req->problem = arena_fmt(req->arena, "%.*s: %s (request %.*s)", STR_ARG(req->upstream), err_text(err),
					 STR_ARG(req->id));
}

AWAITS static enum err ask_upstream(struct request *req, const struct relay *relay, struct upstream_call *call)
{
	struct in_flight slot;
	int64_t begun_ns = clock_ns();
	enum err err;

	in_flight_begin(req, &slot);
	err = upstream_call(relay->item->upstream, call);
	in_flight_end(&slot);
	metrics_call(req->here, relay->item->metric, clock_ns() - begun_ns, err == OK && call->answer.error == NULL);
	/* The cap on its children is not a limit that the request itself broke. */
	return err == ERR_LIMIT ? ERR_UPSTREAM_BUSY : err;
}

AWAITS static enum err relay_call(struct request *req, const struct relay *relay)
{
	struct upstream_call call;
	struct mcp_pieces pieces = {0};
	struct piece piece[MCP_PIECES_MAX];
	AUTO_BUF scratch = {0};
	int64_t begun_ns = clock_ns();
	size_t bytes = 0;
	enum err err, audited;

	prepare_call(req, relay, &call);
	err = ask_upstream(req, relay, &call);
	if (err == OK)
		err = mcp_compose_answer(&call.answer, req->message.id, req->method, req->revision, &scratch, &pieces);
	for (size_t i = 0; i < pieces.count; i++) {
		piece[i] = (struct piece){.str = pieces.piece[i]};
		bytes += pieces.piece[i].n;
	}
	req->outcome = outcome_of(&call, err);
	audited = audit_call(req, relay->event, begun_ns, bytes);
	TRY(audited); /* nothing is answered without its row, not even a failure */
	if (err != OK) {
		explain_failure(req, err);
		return err;
	}
	return answer_pieces(req, piece, pieces.count);
}

/* A call refused here is a call all the same: it has its row. */
AWAITS static enum err refuse_call(struct request *req, struct str event, enum err err)
{
	req->outcome = str_of(err_name(err));
	TRY(audit_call(req, event, req->started_ns, 0));
	return err;
}

/* A name or uri as the client wrote it, for the audit trail: where a key was put by mistake, it must
 * not last. */
static struct str told_target(struct request *req, struct str text)
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

AWAITS static enum err check_arguments(struct request *req, const struct catalog_item *tool)
{
	const struct json_member *arguments = json_member(&req->message.index, req->message.params, STR("arguments"));
	struct str problem;
	enum err err =
		catalog_check_arguments(tool, arguments == NULL ? STR_NONE : arguments->value, req->arena, &problem);

	if (err == ERR_MCP_ARGUMENTS)
		req->problem = arena_fmt(req->arena, "Invalid arguments for tool %.*s: %.*s", STR_ARG(tool->name),
					 STR_ARG(problem));
	return err;
}

AWAITS enum err relay_tool(struct request *req)
{
	struct str name = mcp_param(req->arena, &req->message, STR("name"));
	struct relay relay = {.event = STR("tool.call")};
	enum err err;

	if (name.p == NULL) {
		req->problem = STR("params.name must be a string");
		return ERR_RPC_PARAMS;
	}
	relay.item = catalog_find(req->view, OFFER_TOOLS, name);
	if (relay.item == NULL) {
		req->target = told_target(req, name);
		if (name.n <= NAME_TOLD_BYTES_MAX)
			req->problem = arena_fmt(req->arena, "Unknown tool: %.*s", STR_ARG(name));
		return refuse_call(req, relay.event, ERR_MCP_UNKNOWN_TOOL);
	}
	aim(req, relay.item);
	err = check_arguments(req, relay.item);
	if (err != OK)
		return refuse_call(req, relay.event, err);
	relay.name = relay.mcp_name = relay.item->original;
	relay.idempotent = relay.item->idempotent;
	return relay_call(req, &relay);
}

AWAITS enum err relay_prompt(struct request *req)
{
	struct str name = mcp_param(req->arena, &req->message, STR("name"));
	struct relay relay = {.event = STR("prompt.get"), .idempotent = true};

	if (name.p == NULL) {
		req->problem = STR("params.name must be a string");
		return ERR_RPC_PARAMS;
	}
	relay.item = catalog_find(req->view, OFFER_PROMPTS, name);
	if (relay.item == NULL) {
		if (name.n <= NAME_TOLD_BYTES_MAX)
			req->problem = arena_fmt(req->arena, "Unknown prompt: %.*s", STR_ARG(name));
		return ERR_MCP_UNKNOWN_PROMPT;
	}
	aim(req, relay.item);
	relay.name = relay.mcp_name = relay.item->original;
	return relay_call(req, &relay);
}

AWAITS static enum err refuse_resource(struct request *req, struct str uri)
{
	AUTO_BUF data = {0};

	buf_put(&data, STR("{\"uri\":"));
	buf_put_json(&data, uri);
	buf_put_byte(&data, '}');
	req->problem_data = arena_str(req->arena, buf_str(&data));
	return req->modern ? ERR_MCP_UNKNOWN_RESOURCE : ERR_MCP_NO_RESOURCE;
}

AWAITS enum err relay_resource(struct request *req)
{
	struct str uri = mcp_param(req->arena, &req->message, STR("uri"));
	struct relay relay = {.event = STR("resource.read"), .idempotent = true};

	if (uri.p == NULL) {
		req->problem = STR("params.uri must be a string");
		return ERR_RPC_PARAMS;
	}
	relay.item = catalog_route(req->view, uri, &relay.name);
	if (relay.item == NULL)
		return refuse_resource(req, uri);
	aim(req, relay.item);
	req->target = told_target(req, uri);
	relay.mcp_name = relay.name;
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

	relay.item = completion_item(req);
	if (relay.item == NULL) {
		req->problem = STR("params.ref names no prompt or resource template that you can see");
		return ERR_RPC_PARAMS;
	}
	aim(req, relay.item);
	relay.ref_name = relay.item->original;
	return relay_call(req, &relay);
}
