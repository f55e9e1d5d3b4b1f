/* Requests that a legacy server makes of a client.
 *
 *   OPEN --> SETTLED   by server_request_answer, server_request_refuse, the server's own
 *                      notifications/cancelled, or the last unref (a refusal)
 *
 * Whoever settles it first wins, on whatever loop; the answer then goes out as an errand (HTTP) or by
 * way of the home loop (channel). Nothing is waited for: a server that is gone needs no answer. */
#include "upstream/server_request.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "upstream/channel.h"

#define SERVER_REQUEST_MAGIC 0x53525145u /* "SRQE" */
#define INDEX_BYTES_PER_BYTE 24		 /* of the scan's table, at its worst */

struct server_request {
	uint32_t magic;
	atomic_uint refs;
	atomic_bool settled;
	struct arena *arena;
	struct mcp_message message;
	enum mcp_method method;
	uint64_t serial;
	struct upstream *upstream; /* one reference */
	struct str head;	   /* HTTP; p NULL: through a channel */
	uint64_t call_id;	   /* of the call that it belongs to */
};

static struct server_request *request_new(struct upstream *upstream, const struct ask *ask, bool http,
					  const struct mcp_message *message)
{
	struct str text = message->index.text;
	struct arena *arena = arena_new(text.n * INDEX_BYTES_PER_BYTE + ask->head.n + 64 * 1024);
	struct server_request *request = calloc(1, sizeof(*request));

	CHECK(request != NULL);
	if (mcp_message_read(arena, arena_str(arena, text), &request->message) != OK) {
		arena_free(arena);
		free(request);
		return NULL;
	}
	request->magic = SERVER_REQUEST_MAGIC;
	atomic_init(&request->refs, 1);
	request->arena = arena;
	request->method = mcp_method_of(request->message.method);
	request->upstream = upstream_ref(upstream);
	request->head = http ? arena_str(arena, ask->head) : STR_NONE;
	request->call_id = ask->id;
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

struct server_request *server_request_ref(struct server_request *request)
{
	CHECK_OBJ(request, SERVER_REQUEST_MAGIC);
	atomic_fetch_add_explicit(&request->refs, 1, memory_order_relaxed);
	return request;
}

void server_request_unref(struct server_request *request)
{
	CHECK_OBJ(request, SERVER_REQUEST_MAGIC);
	if (atomic_fetch_sub_explicit(&request->refs, 1, memory_order_acq_rel) != 1)
		return;
	server_request_refuse(request, STR("{\"code\":-32601,\"message\":\"Method not found\"}"));
	upstream_unref(request->upstream);
	arena_free(request->arena);
	request->magic = 0;
	free(request);
}

/* ---- the way back ---------------------------------------------------------------- */

struct reply {
	struct task task;
	struct upstream *upstream; /* one reference */
	uint64_t call_id;
	struct buf text;
};

/* The instance that serves the call; when that is over, so is the request. */
static void reply_here(struct task *task)
{
	struct reply *reply = CONTAINER_OF(task, struct reply, task);
	struct pending *pending = pending_find(reply->upstream, reply->call_id);

	if (pending != NULL && pending->instance->channel != NULL)
		channel_send(pending->instance->channel, buf_str(&reply->text));
	upstream_unref(reply->upstream);
	buf_free(&reply->text);
	free(reply);
}

static void send_reply(struct server_request *request, struct buf *text)
{
	struct upstream *upstream = request->upstream;
	struct reply *reply;

	if (request->head.p != NULL) {
		errand_message(upstream, lane_here(upstream), request->head, buf_str(text));
		return;
	}
	reply = calloc(1, sizeof(*reply));
	CHECK(reply != NULL);
	reply->task.run = reply_here;
	reply->upstream = upstream_ref(upstream);
	reply->call_id = request->call_id;
	buf_put(&reply->text, buf_str(text));
	loop_post(upstream->home, &reply->task);
}

static void settle(struct server_request *request, struct str key, struct str value)
{
	AUTO_BUF text = {0};

	CHECK_OBJ(request, SERVER_REQUEST_MAGIC);
	if (atomic_exchange(&request->settled, true))
		return;
	buf_put(&text, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_put(&text, request->message.id);
	buf_put(&text, key);
	buf_put(&text, value);
	buf_put_byte(&text, '}');
	send_reply(request, &text);
}

void server_request_answer(struct server_request *request, struct str result)
{
	settle(request, STR(",\"result\":"), result);
}

void server_request_refuse(struct server_request *request, struct str error)
{
	settle(request, STR(",\"error\":"), error);
}

/* ---- the call's side ------------------------------------------------------------- */

/* Forget those that are settled. */
static void requests_sweep(struct server_requests *requests)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < requests->count; i++) {
		if (atomic_load(&requests->request[i]->settled))
			server_request_unref(requests->request[i]);
		else
			requests->request[kept++] = requests->request[i];
	}
	requests->count = kept;
}

AWAITS void ask_request(struct upstream *upstream, struct lane *lane, struct ask *ask,
			const struct mcp_message *message)
{
	struct server_request *request;

	if (mcp_method_of(message->method) == MCP_M_PING && lane != NULL) {
		errand_reply(upstream, lane, ask->head, message);
		return;
	}
	request = request_new(upstream, ask, lane != NULL, message);
	if (request == NULL)
		return; /* it cannot be: it was read once */
	if (ask->requests == NULL)
		ask->requests = ARENA_NEW(ask->arena, struct server_requests);
	requests_sweep(ask->requests);
	if (ask->call == NULL || ask->call->on_request == NULL || ask->requests->count == SERVER_REQUESTS_MAX) {
		server_request_unref(request);
		return;
	}
	request->serial = ++ask->requests->last_serial;
	ask->requests->request[ask->requests->count++] = server_request_ref(request);
	ask->call->on_request(ask->call->arg, request);
}

AWAITS void ask_request_gone(struct ask *ask, const struct mcp_message *message)
{
	const struct json_member *id =
		message->params == NULL ? NULL : json_member(&message->index, message->params, STR("requestId"));

	for (unsigned i = 0; id != NULL && ask->requests != NULL && i < ask->requests->count; i++) {
		struct server_request *request = ask->requests->request[i];

		if (!str_eq(request->message.id, id->value) || atomic_exchange(&request->settled, true))
			continue;
		if (ask->call->on_request_gone != NULL)
			ask->call->on_request_gone(ask->call->arg, request);
		return;
	}
}

int64_t ask_timeout_ms(const struct ask *ask)
{
	for (unsigned i = 0; ask->requests != NULL && i < ask->requests->count; i++)
		if (!atomic_load(&ask->requests->request[i]->settled))
			return UPSTREAM_INPUT_MS;
	return ask->timeout_ms;
}

void ask_requests_end(struct ask *ask)
{
	for (unsigned i = 0; ask->requests != NULL && i < ask->requests->count; i++)
		server_request_unref(ask->requests->request[i]);
	ask->requests = NULL;
}
