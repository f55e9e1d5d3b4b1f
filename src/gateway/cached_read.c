/* A read is answered from the cache, or goes into it, when nothing but its URI decides the result: no
 * answers of an input_required round, and no instance that is one session's own.
 *
 * Who finds nothing joins the others that want the same. One leads: it looks what other replicas have, or waits for the
 * one that fetches, or fetches itself. Whether a result is anybody's is known only when it is there: where it can be,
 * all want one and the same result first, and when that turns out to be its principal's, everybody else wants their
 * own.
 *
 *     find ──▶ join ──▶ lead ──▶ in the fleet? ──▶ ask the upstream ──▶ end
 *                │ ▲                  │                                  │
 *                ▼ └── own result ◀───┤                                  │
 *              wait ◀─────────────────┴──── kept, private, not kept, left
 *
 * A server's word "public" is taken only where all callers share its instance and credential;
 * else a result is for the principal who asked. Everything is audited as if it had been asked for. */
#include "gateway/cached_read.h"

#include "base/clock.h"
#include "base/limits.h"
#include "gateway/result_cache.h"

#define JOINS_MAX 4 /* of leaders that left, or of others' results: then one asks alone */

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

static bool can_be_anybodys(const struct relay *relay)
{
	return upstream_isolation(relay->item->upstream) == ISOLATION_SHARED;
}

static bool take(struct request *req, const struct relay *relay, struct upstream_call *call)
{
	struct result_key key = key_of(req, relay);
	struct str text;

	if (!result_cache_get(req->gateway->results, &key, clock_ms(), req->arena, &text) ||
	    mcp_message_read(req->arena, text, &call->answer) != OK)
		return false;
	call->revision = relay->item->offer->revision;
	return true;
}

bool cached_read_find(struct cached_read *read, struct request *req, const struct relay *relay,
		      struct upstream_call *call)
{
	read->leads = false;
	/* What is served within the process is each tenant's own, and as near as what is kept. */
	read->may_keep = is_plain_read(req, relay) && mcp_is_modern(relay->item->offer->revision) &&
			 upstream_kind(relay->item->upstream) != UPSTREAM_LOCAL;
	if (!read->may_keep)
		return false;
	read->mark = result_cache_mark(req->gateway->results);
	return take(req, relay, call);
}

/* ---- waiting for others ---------------------------------------------------------- */

enum next { NEXT_FOUND, NEXT_FETCH, NEXT_AGAIN };

/* The caller's own result, after it became known that there is none for everybody. */
static enum next want_own(struct cached_read *read, struct request *req)
{
	if (read->key.principal.p != NULL)
		return NEXT_FETCH;
	read->key.principal = str_of(req->caller.principal);
	return NEXT_AGAIN;
}

static void end_fetch(struct cached_read *read, struct request *req, enum fetch_end end)
{
	read->leads = false;
	fetches_end(req->gateway->fetches, &read->fetch, end);
}

static struct str tenant_of(const struct result_key *key, const struct request *req, const struct relay *relay)
{
	return key->principal.p == NULL ? upstream_owner(relay->item->upstream) : str_of(req->caller.tenant_id);
}

/* What the other replicas have. */
AWAITS static enum err look_in_fleet(struct cached_read *read, struct request *req, const struct relay *relay,
				     struct upstream_call *call, enum next *ret_next)
{
	struct result_kept kept;
	enum fleet_found found;
	AUTO_BUF text = {0};
	enum err err;

	read->claim.results = req->gateway->fleet_results;
	read->claim.key = &read->key;
	read->claim.tenant = tenant_of(&read->key, req, relay);
	err = fleet_claim(&read->claim, &text, &kept, &found);
	if (err != OK) {
		end_fetch(read, req, FETCH_LEFT);
		return err;
	}
	*ret_next = NEXT_FETCH;
	if (found == FLEET_RESULT) {
		result_cache_put(req->gateway->results, &read->key, &kept, clock_ms(), read->mark);
		if (take(req, relay, call)) {
			end_fetch(read, req, FETCH_KEPT);
			*ret_next = NEXT_FOUND;
		}
	} else if (found == FLEET_PRIVATE && read->key.principal.p == NULL) {
		end_fetch(read, req, FETCH_PRIVATE);
		*ret_next = want_own(read, req);
	}
	return OK;
}

/* What a leader of this process says. */
static enum next heed(struct cached_read *read, struct request *req, const struct relay *relay,
		      struct upstream_call *call, enum fetch_end end)
{
	switch (end) {
	case FETCH_KEPT: /* when it has changed since, one asks again, not all */
		return take(req, relay, call) ? NEXT_FOUND : NEXT_AGAIN;
	case FETCH_PRIVATE:
		return take(req, relay, call) ? NEXT_FOUND : want_own(read, req);
	case FETCH_NOT_KEPT:
		return NEXT_FETCH;
	case FETCH_LEFT:
		break;
	}
	return NEXT_AGAIN;
}

AWAITS static enum err join(struct cached_read *read, struct request *req, const struct relay *relay,
			    struct upstream_call *call, enum next *ret_next)
{
	bool own = read->key.principal.p != NULL;
	enum fetch_end end;
	enum err err;

	read->fetch.key = arena_fmt(req->arena, "%.*s %d%.*s %.*s", STR_ARG(read->key.upstream), own,
				    STR_ARG(read->key.principal), STR_ARG(read->key.uri));
	err = fetches_join(req->gateway->fetches, &read->fetch, FLEET_RESULT_WAIT_MS, &read->leads, &end);
	if (err == ERR_BUSY) {
		*ret_next = NEXT_FETCH;
		return OK;
	}
	TRY(err);
	if (!read->leads) {
		*ret_next = heed(read, req, relay, call, end);
	} else if (take(req, relay, call)) { /* whoever led before has just ended */
		end_fetch(read, req, FETCH_KEPT);
		*ret_next = NEXT_FOUND;
	} else if (req->gateway->fleet_results != NULL) {
		return look_in_fleet(read, req, relay, call, ret_next);
	} else {
		*ret_next = NEXT_FETCH;
	}
	return OK;
}

AWAITS enum err cached_read_join(struct cached_read *read, struct request *req, const struct relay *relay,
				 struct upstream_call *call, bool *ret_found)
{
	enum next next = NEXT_AGAIN;

	*ret_found = false;
	if (!read->may_keep)
		return OK;
	read->claim.holder = 0;
	read->key = key_of(req, relay);
	if (can_be_anybodys(relay))
		read->key.principal = STR_NONE;
	for (int joins = 0; next == NEXT_AGAIN && joins < JOINS_MAX; joins++)
		TRY(join(read, req, relay, call, &next));
	*ret_found = next == NEXT_FOUND;
	return OK;
}

/* ---- keeping --------------------------------------------------------------------- */

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

/*   ret_public  it is anybody's */
static bool may_be_kept(const struct cached_read *read, const struct relay *relay, const struct upstream_call *call,
			struct result_kept *ret_kept, bool *ret_public)
{
	if (call->outgoing.input_responses.p != NULL || call->outgoing.request_state.p != NULL ||
	    !mcp_is_modern(call->revision) || !read_hints(&call->answer, ret_kept, ret_public))
		return false;
	*ret_public = *ret_public && can_be_anybodys(relay);
	return ret_kept->ttl_ms > 0 && ret_kept->text.n + relay->name.n <= RESULT_CACHE_ENTRY_BYTES_MAX;
}

AWAITS void cached_read_end(struct cached_read *read, struct request *req, const struct relay *relay,
			    const struct upstream_call *call, enum err err)
{
	struct fleet_fetched fetched = {.told = err != ERR_CANCELED && err != ERR_TIMEOUT};
	struct result_key key;
	struct result_kept kept;
	bool is_public;

	if (!read->may_keep)
		return;
	key = key_of(req, relay);
	if (err == OK && may_be_kept(read, relay, call, &kept, &is_public)) {
		if (is_public)
			key.principal = STR_NONE;
		else if (read->key.principal.p == NULL)
			fetched.own = &key;
		fetched.own_tenant = str_of(req->caller.tenant_id);
		fetched.kept = &kept;
		result_cache_put(req->gateway->results, &key, &kept, clock_ms(), read->mark);
	}
	if (!read->leads)
		return;
	end_fetch(read, req,
		  !fetched.told		 ? FETCH_LEFT
		  : fetched.kept == NULL ? FETCH_NOT_KEPT
		  : fetched.own != NULL	 ? FETCH_PRIVATE
					 : FETCH_KEPT);
	fleet_claim_end(&read->claim, &fetched);
}
