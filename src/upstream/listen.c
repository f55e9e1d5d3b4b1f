/* Hearing what changes: the standing GET stream of a legacy server, subscriptions/listen of a
 * modern one. (A legacy child's notifications need no asking.) The fiber lasts as long as the
 * shared instance; a stream that breaks is opened again with backoff, and since nothing is
 * replayed, the lists are then read anew.
 *   Source     MCP 2025-11-25 basic/transports#listening-for-messages, 2026-07-28
 *              basic/patterns/subscriptions */
#include "base/check.h"
#include "base/log.h"
#include "http/sse.h"
#include "upstream/peer.h"

#define RETRY_MS_MIN 1000
#define RETRY_MS_MAX 60000
#define HEAD_MS 15000 /* for the head of the stream's answer */
#define EVENT_BYTES_MAX (1024 * 1024)

/* How a stream ended. */
enum listen_end { LISTEN_AGAIN, LISTEN_NOT_OFFERED, LISTEN_LOST };

AWAITS static enum err take_event(struct upstream *upstream, struct lane *lane, struct str head, struct str text)
{
	AUTO(arena) *arena = arena_new(text.n * 24 + 64 * 1024);
	struct mcp_message message;

	if (text.n == 0 || mcp_message_read(arena, text, &message) != OK)
		return OK; /* a stream that nobody waits for is not worth an error */
	if (message.kind == MCP_REQUEST)
		errand_reply(upstream, lane, head, &message);
	if (message.kind == MCP_NOTIFICATION)
		return ask_notify(upstream, NULL, &message);
	return OK;
}

AWAITS static enum err read_events(struct upstream *upstream, struct lane *lane, struct str head,
				   struct http_answer *answer)
{
	struct sse_reader reader;
	struct sse_event event;
	struct str piece;
	bool complete;
	enum err err;

	sse_reader_init(&reader, EVENT_BYTES_MAX);
	do {
		err = http_answer_read(answer, &piece);
		if (err == OK && piece.n == 0)
			break;
		while (err == OK) {
			err = sse_read(&reader, &piece, &event, &complete);
			if (err != OK || !complete)
				break;
			err = take_event(upstream, lane, head, event.data);
		}
	} while (err == OK);
	sse_reader_free(&reader);
	return err;
}

AWAITS static enum listen_end listen_get(struct instance *instance)
{
	struct upstream *upstream = instance->upstream;
	struct lane *lane = lane_here(upstream);
	AUTO(arena) *arena = arena_new(256 * 1024);
	AUTO_BUF head = {0};
	struct http_call call = {.method = STR("GET"), .path = upstream->url.path, .timeout_ms = HEAD_MS};
	struct http_answer *answer = NULL;
	enum listen_end end = LISTEN_AGAIN;
	struct http_pool *pool = lane_pool(upstream, lane);

	if (pool == NULL)
		return LISTEN_LOST;
	buf_put(&head, instance->facts->head);
	call.headers = buf_str(&head);
	if (http_call(pool, arena, &call, &answer) != OK)
		return LISTEN_AGAIN;
	if (answer->status == 200) {
		http_answer_timeout(answer, 0);
		if (read_events(upstream, lane, call.headers, answer) != OK)
			log_debug("upstream.listen_cut", LOG_STR("upstream", upstream->spec.name));
	} else if (answer->status == 404 && instance->facts != NULL && instance->facts->has_session) {
		end = LISTEN_LOST;
	} else if (answer->status < 500 && answer->status != 409 && answer->status != 429) {
		end = LISTEN_NOT_OFFERED; /* 405 by the book, other refusals in practice */
	}
	http_answer_close(answer); /* a call on its connection would race with the server closing it */
	return end;
}

AWAITS static enum listen_end listen_modern(struct instance *instance)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"subscriptions/listen\",\"params\":{\"notifications\":{"
		"\"toolsListChanged\":true,\"promptsListChanged\":true,\"resourcesListChanged\":true}}}";
	AUTO(arena) *arena = arena_new(UPSTREAM_EVENT_BYTES_SMALL * 64);
	struct mcp_message message;
	struct question question = {
		.outgoing = {.method = STR("subscriptions/listen"), .from = &message},
		.revision = instance->hello.revision,
		.facts = instance->facts,
		.endless = true,
	};
	struct ask ask = {.arena = arena};

	CHECK(mcp_message_read(arena, STR(text), &message) == OK);
	if (peer_ask(instance, &question, &ask) != OK)
		return ask.status >= 400 && ask.status < 500 ? LISTEN_NOT_OFFERED : LISTEN_AGAIN;
	return ask.answer.error != NULL ? LISTEN_NOT_OFFERED : LISTEN_AGAIN;
}

/* One stream, from the instance as it is now. */
AWAITS static enum listen_end listen_once(struct upstream *upstream)
{
	struct instance *instance = map_get(&upstream->instances, STR(""));
	enum listen_end end = LISTEN_NOT_OFFERED;

	if (instance == NULL || instance->state != INSTANCE_READY || atomic_load(&instance->facts->stale))
		return LISTEN_LOST;
	instance->pins++;
	if (mcp_is_modern(instance->hello.revision)) {
		if (instance->hello.list_changed)
			end = listen_modern(instance);
	} else if (upstream->spec.kind == UPSTREAM_HTTP) {
		end = listen_get(instance);
	}
	if (end == LISTEN_LOST && instance->facts != NULL) {
		atomic_store(&instance->facts->stale, true);
		keeper_wish(upstream, KEEPER_CONNECT);
	}
	instance_unpin(instance);
	return end;
}

AWAITS void listen_main(void *arg)
{
	struct upstream *upstream = arg;
	int64_t retry_ms = RETRY_MS_MIN;

	for (;;) {
		int64_t start_ms = loop_now(upstream->home);

		if (listen_once(upstream) != LISTEN_AGAIN || fiber_status() != OK)
			break;
		if (loop_now(upstream->home) - start_ms > RETRY_MS_MAX)
			retry_ms = RETRY_MS_MIN;
		if (fiber_sleep(retry_ms) != OK)
			break;
		retry_ms = retry_ms * 2 < RETRY_MS_MAX ? retry_ms * 2 : RETRY_MS_MAX;
		keeper_wish(upstream, KEEPER_LISTS); /* what happened meanwhile, nobody will tell */
	}
	if (upstream->listener == fiber_self())
		upstream->listener = NULL;
	upstream_helper_end(upstream);
}
