/* A read is answered from the cache, or goes into it, when nothing but its URI decides the result: no
 * answers of an input_required round, and no instance that is one session's own.
 *
 * A server's word "public" is taken only where all callers share its instance and credential;
 * else a result is for the principal who asked. Everything is audited as if it had been asked for. */
#include "gateway/cached_read.h"

#include "base/clock.h"
#include "gateway/result_cache.h"

static bool has_param(const struct request *req, struct str key)
{
	return json_member(&req->message.index, req->message.params, key) != NULL;
}

static bool is_plain_read(const struct request *req, const struct relay *relay)
{
	return req->method == MCP_M_RESOURCES_READ && relay->name.p != NULL &&
	       upstream_isolation(relay->item->upstream) != ISOLATION_SESSION &&
	       !has_param(req, STR("inputResponses")) && !has_param(req, STR("requestState"));
}

static struct result_key key_of(const struct request *req, const struct relay *relay)
{
	return (struct result_key){
		.upstream = upstream_name(relay->item->upstream),
		.uri = relay->name,
		.principal = str_of(req->caller.principal),
	};
}

bool cached_read_find(struct cached_read *read, struct request *req, const struct relay *relay,
		      struct upstream_call *call)
{
	struct result_cache *cache = req->gateway->results;
	struct result_key key;
	struct str text;

	read->may_keep = is_plain_read(req, relay) && mcp_is_modern(relay->item->offer->revision);
	if (!read->may_keep)
		return false;
	key = key_of(req, relay);
	read->mark = result_cache_mark(cache);
	if (!result_cache_get(cache, &key, clock_ms(), req->arena, &text) ||
	    mcp_message_read(req->arena, text, &call->answer) != OK)
		return false;
	call->revision = relay->item->offer->revision;
	return true;
}

/* Whether it is a complete result that says how long it may be kept. */
static bool read_hints(const struct mcp_message *answer, struct result_kept *ret_kept, bool *ret_public)
{
	const struct json_member *type = answer->result_type, *ttl, *scope;
	uint64_t ttl_ms;

	if (answer->result == NULL || answer->result->kind != JSON_OBJECT)
		return false;
	ttl = json_member(&answer->index, answer->result, STR("ttlMs"));
	scope = json_member(&answer->index, answer->result, STR("cacheScope"));
	if ((type != NULL && !str_eq(type->value, STR("\"complete\""))) || ttl == NULL ||
	    str_to_u64(ttl->value, &ttl_ms) != OK || ttl_ms > INT64_MAX)
		return false;
	*ret_public = scope != NULL && str_eq(scope->value, STR("\"public\""));
	*ret_kept = (struct result_kept){
		.text = answer->index.text,
		.ttl_at = (size_t)(ttl->value.p - answer->index.text.p),
		.ttl_bytes = ttl->value.n,
		.ttl_ms = (int64_t)ttl_ms,
	};
	return true;
}

void cached_read_keep(const struct cached_read *read, struct request *req, const struct relay *relay,
		      const struct upstream_call *call)
{
	struct result_key key;
	struct result_kept kept;
	bool is_public;

	if (!read->may_keep || call->outgoing.input_responses.p != NULL || call->outgoing.request_state.p != NULL ||
	    !mcp_is_modern(call->revision) || !read_hints(&call->answer, &kept, &is_public))
		return;
	key = key_of(req, relay);
	if (is_public && upstream_isolation(relay->item->upstream) == ISOLATION_SHARED)
		key.principal = STR_NONE;
	result_cache_put(req->gateway->results, &key, &kept, clock_ms(), read->mark);
}
