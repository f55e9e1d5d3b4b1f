/* A request that a legacy server makes of a client.
 *
 *   OPEN --> SETTLED   by server_request_answer, server_request_refuse, the server's own
 *                      notifications/cancelled, or the last unref (a refusal)
 *
 * Whoever settles it first wins, on whatever loop. The answer goes out as an errand from that loop
 * (HTTP), or over the home loop to the very instance that asked (channel); nobody waits for it, since a
 * server that is gone needs none. Then the call's loop is told, whose clock goes on.
 *
 * The list of its call holds no reference: a request that all others have dropped is refused, whether
 * or not its call still runs. Since that list is the call's loop's alone, what was in it is freed there. */
#include "upstream/server_request.h"

#include <stdlib.h>

#include "base/check.h"
#include "upstream/channel.h"

#define INDEX_BYTES_PER_BYTE 24 /* of the scan's table, at its worst */
#define ARENA_BYTES_MIN (64 * 1024)

static atomic_ullong serials = 1;

static struct server_request *request_new(struct upstream *upstream, struct arena *arena,
					  const struct mcp_message *message)
{
	struct server_request *request = calloc(1, sizeof(*request));

	CHECK(request != NULL);
	request->magic = SERVER_REQUEST_MAGIC;
	atomic_init(&request->refs, 1);
	request->method = mcp_method_of(message->method);
	request->serial = atomic_fetch_add_explicit(&serials, 1, memory_order_relaxed);
	request->arena = arena;
	request->message = *message;
	request->upstream = upstream_ref(upstream);
	list_init(&request->link);
	return request;
}

struct server_request *server_request_from_channel(struct instance *instance, struct arena *arena,
						   const struct mcp_message *message)
{
	struct server_request *request = request_new(instance->upstream, arena, message);

	request->key = arena_str(arena, instance->key);
	request->facts_serial = instance->facts != NULL ? instance->facts->serial : ASKABLE_NO_STREAM;
	return request;
}

struct server_request *server_request_from_stream(struct upstream *upstream, struct str head,
						  const struct behalf *behalf, const struct mcp_message *message)
{
	struct str text = message->index.text;
	struct arena *arena = arena_new(text.n * INDEX_BYTES_PER_BYTE + head.n + ARENA_BYTES_MIN);
	struct server_request *request;
	struct mcp_message copy;

	if (mcp_message_read(arena, arena_str(arena, text), &copy) != OK) {
		arena_free(arena);
		return NULL;
	}
	request = request_new(upstream, arena, &copy);
	request->head = arena_str(arena, head);
	request->behalf.tenant_id = arena_str(arena, behalf->tenant_id);
	request->behalf.principal = arena_str(arena, behalf->principal);
	return request;
}

enum mcp_method server_request_method(const struct server_request *request)
{
	CHECK_OBJ(request, SERVER_REQUEST_MAGIC);
	return request->method;
}

struct str server_request_params(const struct server_request *request)
{
	CHECK_OBJ(request, SERVER_REQUEST_MAGIC);
	return request->message.params == NULL ? STR_NONE : request->message.params->value;
}

uint64_t server_request_serial(const struct server_request *request)
{
	CHECK_OBJ(request, SERVER_REQUEST_MAGIC);
	return request->serial;
}

/* ---- the way back ---------------------------------------------------------------- */

struct reply {
	struct task task;
	struct upstream *upstream; /* one reference */
	uint64_t facts_serial;
	struct buf key, text;
};

/* To the instance that asked; when that is over, so is its request. */
static void reply_here(struct task *task)
{
	struct reply *reply = CONTAINER_OF(task, struct reply, task);
	struct instance *instance = map_get(&reply->upstream->instances, buf_str(&reply->key));

	if (instance != NULL && instance->channel != NULL && instance->facts != NULL &&
	    instance->facts->serial == reply->facts_serial)
		channel_send(instance->channel, buf_str(&reply->text));
	upstream_unref(reply->upstream);
	buf_free(&reply->key);
	buf_free(&reply->text);
	free(reply);
}

static void send_reply(struct server_request *request, struct str member, struct str value)
{
	struct upstream *upstream = request->upstream;
	AUTO_BUF text = {0};
	struct reply *reply;

	buf_put(&text, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_put(&text, request->message.id);
	buf_put(&text, member);
	buf_put(&text, value);
	buf_put_byte(&text, '}');
	if (request->head.p != NULL) {
		errand_message(upstream, lane_here(upstream), request->head, &request->behalf, buf_str(&text));
		return;
	}
	reply = calloc(1, sizeof(*reply));
	CHECK(reply != NULL);
	reply->task.run = reply_here;
	reply->upstream = upstream_ref(upstream);
	reply->facts_serial = request->facts_serial;
	buf_put(&reply->key, request->key);
	reply->text = text;
	text = (struct buf){0};
	loop_post(upstream->home, &reply->task);
}

/* ---- settling, and the end ------------------------------------------------------- */

/* Out of its call's list; the clock of a call whose client has answered all goes on from here. */
static void request_detach(struct server_request *request)
{
	struct askable *askable = request->askable;

	if (askable == NULL)
		return;
	list_remove(&request->link);
	request->askable = NULL;
	askable->open--;
	askable->settled_ms = loop_now(askable->lane->loop);
}

static void on_settled(struct task *task)
{
	struct server_request *request = CONTAINER_OF(task, struct server_request, task);

	request_detach(request);
	server_request_unref(request);
}

bool server_request_claim(struct server_request *request)
{
	CHECK_OBJ(request, SERVER_REQUEST_MAGIC);
	if (atomic_exchange(&request->settled, true))
		return false;
	if (request->loop != NULL) {
		(void)server_request_ref(request);
		request->task.run = on_settled;
		loop_post(request->loop, &request->task);
	}
	return true;
}

void server_request_answer(struct server_request *request, struct str result)
{
	if (server_request_claim(request))
		send_reply(request, STR(",\"result\":"), result);
}

void server_request_refuse(struct server_request *request, struct str error)
{
	if (server_request_claim(request))
		send_reply(request, STR(",\"error\":"), error);
}

void server_request_drop(struct server_request *request, int code, const char *message)
{
	AUTO_BUF error = {0};

	buf_put_fmt(&error, "{\"code\":%d,\"message\":\"%s\"}", code, message);
	server_request_refuse(request, buf_str(&error));
	server_request_unref(request);
}

static void request_free(struct server_request *request)
{
	upstream_unref(request->upstream);
	arena_free(request->arena);
	request->magic = 0;
	free(request);
}

static void on_dropped(struct task *task)
{
	struct server_request *request = CONTAINER_OF(task, struct server_request, task);

	request_detach(request);
	request_free(request);
}

struct server_request *server_request_ref(struct server_request *request)
{
	CHECK_OBJ(request, SERVER_REQUEST_MAGIC);
	atomic_fetch_add_explicit(&request->refs, 1, memory_order_relaxed);
	return request;
}

struct server_request *server_request_hold(struct server_request *request)
{
	unsigned refs = atomic_load(&request->refs);

	CHECK_OBJ(request, SERVER_REQUEST_MAGIC);
	while (refs > 0)
		if (atomic_compare_exchange_weak(&request->refs, &refs, refs + 1))
			return request;
	return NULL;
}

void server_request_unref(struct server_request *request)
{
	CHECK_OBJ(request, SERVER_REQUEST_MAGIC);
	if (atomic_fetch_sub_explicit(&request->refs, 1, memory_order_acq_rel) != 1)
		return;
	/* Nobody else can claim it now, and there is no reference to post with. */
	if (!atomic_exchange(&request->settled, true))
		send_reply(request, STR(",\"error\":"),
			   STR("{\"code\":-32603,\"message\":\"the client did not answer\"}"));
	if (request->loop == NULL || request->loop == loop_self()) {
		request_detach(request);
		request_free(request);
		return;
	}
	request->task.run = on_dropped;
	loop_post(request->loop, &request->task);
}
