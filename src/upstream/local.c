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

static void take_tools(struct upstream *upstream, const struct local_offer *from, struct offer *offer)
{
	struct offer_item *items = arena_zalloc(offer->arena, (from->tool_count + 1) * sizeof(*items));
	size_t count = from->tool_count;

	if (count > UPSTREAM_ITEMS_MAX) {
		log_warn("upstream.items_left_out", LOG_STR("upstream", upstream->spec.name),
			 LOG_INT("tools", (int64_t)count), LOG_INT("most", UPSTREAM_ITEMS_MAX));
		count = UPSTREAM_ITEMS_MAX;
	}
	for (size_t i = 0; i < count; i++)
		items[i] = (struct offer_item){arena_str(offer->arena, from->tools[i].name),
					       arena_str(offer->arena, from->tools[i].json)};
	offer->list[OFFER_TOOLS].items = items;
	offer->list[OFFER_TOOLS].count = count;
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

	locals->offer(upstream->spec.local, arena, &from);
	hello.server_info = from.server_info;
	hello.instructions = from.instructions;
	offer = offer_new(&hello);
	take_tools(upstream, &from, offer);
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

static enum err read_answer(struct upstream_call *call, struct str result)
{
	AUTO_BUF text = {0};
	struct str copy;

	buf_reserve(&text, result.n + ENVELOPE_BYTES);
	mcp_compose_result(STR("0"), result, &text);
	copy = arena_try_str(call->arena, buf_str(&text));
	if (copy.p == NULL)
		return ERR_UPSTREAM_TOO_LARGE;
	return mcp_message_read(call->arena, copy, &call->answer) == OK ? OK : ERR_LIMIT;
}

AWAITS enum err local_call(struct upstream *upstream, struct upstream_call *call, bool *ret_sick)
{
	const struct upstream_locals *locals = &upstream->events.locals;
	struct local_request request = request_of(call);
	struct local_answer answer = {0};
	enum err err;

	if (mcp_method_of(call->outgoing.method) != MCP_M_TOOLS_CALL)
		return ERR_RPC_METHOD;
	if (request.tool.n == 0)
		return ERR_MCP_UNKNOWN_TOOL;
	if (request.arguments.p == NULL)
		request.arguments = STR("{}");
	err = locals->call(locals->arg, &upstream->spec, call, &request, &answer);
	call->bytes_out = answer.bytes_out;
	call->bytes_in = answer.bytes_in;
	*ret_sick = answer.sick;
	TRY(err);
	call->revision = MCP_MODERN_LATEST;
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
