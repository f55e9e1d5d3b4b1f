/* Messages nobody waits for: a cancel, the answer to a server's ping, the end of a session.
 * Each is a fiber of its own with a short deadline, since the fiber that has the reason to
 * send it is on its way out or busy reading. */
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "upstream/credential.h"

#define ERRAND_MS 3000
#define ERRAND_ANSWER_BYTES_MAX (16 * 1024)

struct errand {
	struct upstream *upstream;
	struct lane *lane;
	struct str method;	      /* static */
	struct buf tenant, principal; /* in whose name */
	struct buf head, body;	      /* a credential is put in only to be sent */
};

static void errand_free(struct errand *errand)
{
	buf_free(&errand->tenant);
	buf_free(&errand->principal);
	buf_free(&errand->head);
	buf_free(&errand->body);
	free(errand);
}

AWAITS static enum err send_it(struct errand *errand, struct arena *arena, struct http_answer **ret_answer)
{
	const struct behalf behalf = {buf_str(&errand->tenant), buf_str(&errand->principal)};
	struct http_call call = {.method = errand->method, .timeout_ms = ERRAND_MS};

	if (lane_pool(errand->upstream, errand->lane) == NULL)
		return ERR_UPSTREAM_DOWN;
	return carried_call(errand->upstream, errand->lane->pool, arena, &behalf, &errand->head, buf_str(&errand->body),
			    &call, ret_answer);
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

static struct errand *errand_new(struct upstream *upstream, struct lane *lane, struct str method, struct str head,
				 const struct behalf *behalf)
{
	struct errand *errand = calloc(1, sizeof(*errand));

	CHECK(errand != NULL);
	errand->upstream = upstream;
	errand->lane = lane;
	errand->method = method;
	buf_put(&errand->tenant, behalf->tenant_id);
	buf_put(&errand->principal, behalf->principal);
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

void errand_cancelled(struct upstream *upstream, struct lane *lane, const struct ask *ask)
{
	struct errand *errand = errand_new(upstream, lane, STR("POST"), ask_bare_head(ask), &ask->behalf);

	put_cancelled(ask->id, MCP_LEGACY_LATEST, &errand->body); /* a modern server sees its stream close */
	errand_send(errand);
}

void errand_reply(struct upstream *upstream, struct lane *lane, const struct ask *ask,
		  const struct mcp_message *request)
{
	struct errand *errand = errand_new(upstream, lane, STR("POST"), ask_bare_head(ask), &ask->behalf);

	put_server_reply(request, &errand->body);
	errand_send(errand);
}

void errand_message(struct upstream *upstream, struct lane *lane, struct str head, const struct behalf *behalf,
		    struct str message)
{
	struct errand *errand = errand_new(upstream, lane, STR("POST"), head, behalf);

	buf_put(&errand->body, message);
	errand_send(errand);
}

/* To an instance, in its owner's name. */
static struct errand *errand_owned(const struct instance *instance, struct str method)
{
	struct upstream *upstream = instance->upstream;
	const struct behalf owner = {instance->owner.tenant, instance->owner.principal};

	return errand_new(upstream, lane_here(upstream), method, instance->facts->head, &owner);
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
