/* A server within the process. It speaks the newest revision, so that nothing is kept for a client between calls; what
 * it offers is made when the keeper asks, and never changes while it runs: a reload that changes it makes another
 * upstream.
 *
 * The result of a call is read like one that came over a wire, so that whoever relays answers knows no difference. */
#include "upstream/local_private.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "upstream/lists.h"

#define OFFER_SCRATCH_BYTES (64 * 1024 * 1024) /* definitions, before they are copied into the offer */
#define ENVELOPE_BYTES 64		       /* of JSON-RPC around a result */

static void take_items(struct upstream *upstream, enum offer_kind kind, const struct offer_item *from, size_t count,
		       struct offer *offer)
{
	struct offer_item *items;

	if (count > UPSTREAM_ITEMS_MAX) {
		log_warn("upstream.items_left_out", LOG_STR("upstream", upstream->spec.name),
			 LOG_INT("items", (int64_t)count), LOG_INT("most", UPSTREAM_ITEMS_MAX));
		count = UPSTREAM_ITEMS_MAX;
	}
	items = arena_zalloc(offer->arena, (count + 1) * sizeof(*items));
	for (size_t i = 0; i < count; i++)
		items[i] = (struct offer_item){arena_str(offer->arena, from[i].name),
					       arena_str(offer->arena, from[i].json)};
	offer->list[kind].items = items;
	offer->list[kind].count = count;
}

struct offer *local_offer_make(struct upstream *upstream)
{
	const struct upstream_locals *locals = &upstream->events.locals;
	AUTO(arena) *arena = arena_new(OFFER_SCRATCH_BYTES);
	struct hello hello = {.revision = MCP_MODERN_LATEST,
			      .capabilities = STR("{\"tools\":{\"listChanged\":true}}"),
			      .tools = true};
	struct local_offer from = {0};
	struct offer *offer;

	locals->offer(&upstream->spec, arena, &from);
	hello.server_info = from.server_info;
	hello.instructions = from.instructions;
	hello.resources = hello.subscribe = from.resource_count > 0;
	if (hello.resources)
		hello.capabilities = STR("{\"tools\":{\"listChanged\":true},\"resources\":{\"subscribe\":true}}");
	offer = offer_new(&hello);
	take_items(upstream, OFFER_TOOLS, from.tools, from.tool_count, offer);
	take_items(upstream, OFFER_RESOURCES, from.resources, from.resource_count, offer);
	atomic_store(&upstream->revision, hello.revision);
	return offer;
}

/* ---- calls ------------------------------------------------------------------------ */

static struct local_request request_of(const struct upstream_call *call)
{
	const struct mcp_outgoing *outgoing = &call->outgoing;
	struct local_request request = {.tool = outgoing->name, .arguments = outgoing->arguments};
	const struct json_member *arguments;

	if (outgoing->from == NULL || outgoing->from->params == NULL)
		return request;
	if (request.tool.p == NULL)
		request.tool = mcp_param(call->arena, outgoing->from, STR("name"));
	if (request.arguments.p == NULL) {
		arguments = json_member(&outgoing->from->index, outgoing->from->params, STR("arguments"));
		request.arguments = arguments == NULL ? STR_NONE : arguments->value;
	}
	return request;
}

static enum err read_text(struct upstream_call *call, struct str text)
{
	struct str copy = arena_try_str(call->arena, text);

	if (copy.p == NULL)
		return ERR_UPSTREAM_TOO_LARGE;
	call->revision = MCP_MODERN_LATEST;
	return mcp_message_read(call->arena, copy, &call->answer) == OK ? OK : ERR_LIMIT;
}

static enum err read_answer(struct upstream_call *call, struct str result)
{
	AUTO_BUF text = {0};

	buf_reserve(&text, result.n + ENVELOPE_BYTES);
	mcp_compose_result(STR("0"), result, &text);
	return read_text(call, buf_str(&text));
}

AWAITS static enum err read_resource(struct upstream *upstream, struct upstream_call *call)
{
	const struct upstream_locals *locals = &upstream->events.locals;
	struct str uri = call->outgoing.name, result;
	AUTO_BUF text = {0};
	enum err err;

	if (uri.p == NULL && call->outgoing.from != NULL)
		uri = mcp_param(call->arena, call->outgoing.from, STR("uri"));
	err = locals->read == NULL ? ERR_NOT_FOUND : locals->read(locals->arg, &upstream->spec, call, uri, &result);
	if (err == OK)
		return read_answer(call, result);
	if (err != ERR_NOT_FOUND)
		return err;
	mcp_compose_error(STR("0"), ERR_MCP_NO_RESOURCE, STR_NONE, STR_NONE, &text);
	return read_text(call, buf_str(&text));
}

enum err local_watch(const struct upstream *upstream, struct str uri)
{
	const struct offer *offer = upstream->offer;

	for (size_t i = 0; offer != NULL && i < offer->list[OFFER_RESOURCES].count; i++)
		if (str_eq(offer->list[OFFER_RESOURCES].items[i].name, uri))
			return OK;
	return ERR_RPC_PARAMS;
}

AWAITS enum err local_call(struct upstream *upstream, struct upstream_call *call, bool *ret_sick)
{
	const struct upstream_locals *locals = &upstream->events.locals;
	struct local_request request = request_of(call);
	struct local_answer answer = {0};
	enum err err;

	switch (mcp_method_of(call->outgoing.method)) {
	case MCP_M_TOOLS_CALL:
		break;
	case MCP_M_RESOURCES_READ:
		return read_resource(upstream, call);
	default:
		return ERR_RPC_METHOD;
	}
	if (request.tool.n == 0)
		return ERR_MCP_UNKNOWN_TOOL;
	if (request.arguments.p == NULL)
		request.arguments = STR("{}");
	err = locals->call(locals->arg, &upstream->spec, call, &request, &answer);
	call->bytes_out = answer.bytes_out;
	call->bytes_in = answer.bytes_in;
	*ret_sick = answer.sick;
	TRY(err);
	return read_answer(call, answer.result);
}

AWAITS enum err upstream_local_progress(const struct upstream_call *call, uint64_t done, uint64_t total,
					struct str text)
{
	AUTO(arena) *arena = NULL;
	struct mcp_message message;
	AUTO_BUF params = {0}, json = {0};

	if (call->on_notification == NULL || !call->outgoing.wants_progress)
		return OK;
	buf_put_fmt(&params, "{\"progressToken\":0,\"progress\":%llu", (unsigned long long)done);
	if (total > 0)
		buf_put_fmt(&params, ",\"total\":%llu", (unsigned long long)total);
	if (text.n > 0) {
		buf_put(&params, STR(",\"message\":"));
		buf_put_json(&params, text);
	}
	buf_put_byte(&params, '}');
	mcp_compose_notification(STR("notifications/progress"), buf_str(&params), &json);
	arena = arena_new(json.n * 24 + 64 * 1024);
	CHECK(mcp_message_read(arena, buf_str(&json), &message) == OK);
	return call->on_notification(call->arg, &message);
}
