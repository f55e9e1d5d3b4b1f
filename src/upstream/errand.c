/* Messages nobody waits for: a cancel, the answer to a server's ping, the end of a session.
 * Each is a fiber of its own with a short deadline, since the fiber that has the reason to
 * send it is on its way out or busy reading. */
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "upstream/ask.h"
#include "upstream/credential.h"

#define ERRAND_MS 3000
#define ERRAND_ANSWER_BYTES_MAX (16 * 1024)

struct errand {
	struct upstream *upstream;
	struct lane *lane;
	struct str method; /* static */
	bool owned;	   /* `head` has no credential yet: it is this tenant's, this principal's ... */
	struct buf tenant, principal;
	struct buf head, body, path; /* head and path may hold a credential; path empty: the upstream's */
};

static void wipe(struct buf *buf)
{
	if (buf->n > 0)
		crypto_wipe(buf->p, buf->n);
	buf_free(buf);
}

static void errand_free(struct errand *errand)
{
	buf_free(&errand->tenant);
	buf_free(&errand->principal);
	wipe(&errand->path);
	wipe(&errand->head);
	buf_free(&errand->body);
	free(errand);
}

/* The credential of the instance's owner, for what is said in nobody's call. */
AWAITS static enum err add_credential(struct errand *errand)
{
	struct carried carried = {0};
	struct str path;

	if (!errand->owned)
		return OK;
	TRY(carried_take(errand->upstream, buf_str(&errand->tenant), buf_str(&errand->principal), &carried));
	path = carried_put(errand->upstream, &carried, &errand->head);
	buf_put(&errand->path, path);
	carried.head = NULL; /* errand_free wipes it */
	carried_done(&carried);
	return OK;
}

AWAITS static enum err send_it(struct errand *errand, struct arena *arena, struct http_answer **ret_answer)
{
	struct upstream *upstream = errand->upstream;
	const struct piece body = {.str = buf_str(&errand->body)};
	struct http_call call = {
		.method = errand->method,
		.body = &body,
		.body_count = body.str.n > 0 ? 1 : 0,
		.timeout_ms = ERRAND_MS,
	};

	TRY(add_credential(errand));
	call.path = errand->path.n > 0 ? buf_str(&errand->path) : upstream->url.path;
	call.headers = buf_str(&errand->head);
	if (lane_pool(upstream, errand->lane) == NULL)
		return ERR_UPSTREAM_DOWN;
	return http_call(errand->lane->pool, arena, &call, ret_answer);
}

AWAITS static void errand_main(void *arg)
{
	AUTO(arena) *arena = arena_new(2 * ERRAND_ANSWER_BYTES_MAX + 64 * 1024);
	struct errand *errand = arg;
	struct upstream *upstream = errand->upstream;
	struct http_answer *answer = NULL;
	struct str text;
	enum err err = send_it(errand, arena, &answer);

	if (err == OK)
		err = http_answer_body(answer, ERRAND_ANSWER_BYTES_MAX, &text);
	http_answer_end(answer);
	if (err != OK)
		log_debug("upstream.errand_lost", LOG_STR("upstream", upstream->spec.name), LOG_ERR(err));
	errand_free(errand);
	upstream_helper_end(upstream);
}

static struct errand *errand_new(struct upstream *upstream, struct lane *lane, struct str method, struct str head)
{
	struct errand *errand = calloc(1, sizeof(*errand));

	CHECK(errand != NULL);
	errand->upstream = upstream;
	errand->lane = lane;
	errand->method = method;
	buf_put(&errand->head, head);
	return errand;
}

static void errand_send(struct errand *errand)
{
	if (upstream_helper(errand->upstream, "upstream errand", errand_main, errand, ERRAND_MS, NULL) != OK)
		errand_free(errand);
}

void put_cancelled(uint64_t id, enum mcp_revision revision, struct buf *out)
{
	AUTO_BUF params = {0};

	buf_put(&params, STR("{\"requestId\":"));
	buf_put_u64(&params, id);
	buf_put(&params, STR(",\"reason\":\"the client does not wait any more\""));
	if (mcp_is_modern(revision)) { /* without the claim it would be a message of the other era */
		buf_put(&params, STR(",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\""));
		buf_put(&params, mcp_revision_text(revision));
		buf_put(&params, STR("\",\"io.modelcontextprotocol/clientCapabilities\":{}}"));
	}
	buf_put_byte(&params, '}');
	mcp_compose_notification(STR("notifications/cancelled"), buf_str(&params), out);
}

void put_server_reply(const struct mcp_message *request, struct buf *out)
{
	if (str_eq(request->method, STR("ping")))
		mcp_compose_result(request->id, STR("{}"), out);
	else
		mcp_compose_error(request->id, ERR_RPC_METHOD, STR_NONE, STR_NONE, out);
}

void errand_cancelled(struct upstream *upstream, struct lane *lane, struct str head, struct str path, uint64_t id)
{
	struct errand *errand = errand_new(upstream, lane, STR("POST"), head);

	buf_put(&errand->path, path);

	put_cancelled(id, MCP_LEGACY_LATEST, &errand->body); /* a modern server sees its stream close */
	errand_send(errand);
}

void errand_reply(struct upstream *upstream, struct lane *lane, struct str head, const struct mcp_message *request)
{
	struct errand *errand = errand_new(upstream, lane, STR("POST"), head);

	put_server_reply(request, &errand->body);
	errand_send(errand);
}

void errand_message(struct upstream *upstream, struct lane *lane, struct str head, struct str message)
{
	struct errand *errand = errand_new(upstream, lane, STR("POST"), head);

	buf_put(&errand->body, message);
	errand_send(errand);
}

/* To an instance, in its owner's name. */
static struct errand *errand_owned(const struct instance *instance, struct str method)
{
	struct upstream *upstream = instance->upstream;
	struct errand *errand = errand_new(upstream, lane_here(upstream), method, instance->facts->head);

	errand->owned = true;
	buf_put(&errand->tenant, instance->owner.tenant);
	buf_put(&errand->principal, instance->owner.principal);
	return errand;
}

void errand_tell(const struct instance *instance, struct str message)
{
	struct errand *errand = errand_owned(instance, STR("POST"));

	buf_put(&errand->body, message);
	errand_send(errand);
}

void errand_answer(const struct instance *instance, const struct mcp_message *request)
{
	struct errand *errand = errand_owned(instance, STR("POST"));

	put_server_reply(request, &errand->body);
	errand_send(errand);
}

void errand_delete(const struct instance *instance)
{
	errand_send(errand_owned(instance, STR("DELETE")));
}
