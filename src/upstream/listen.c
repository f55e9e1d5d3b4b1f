/* Hearing what changes: the standing GET stream of a legacy server, subscriptions/listen of a
 * modern one. (What comes out of a channel needs no asking.) The fiber lasts as long as the shared
 * instance; a stream that breaks is opened again with backoff, and since nothing is replayed, the
 * lists are then read anew and those who watch a resource are told to look.
 *
 * A modern stream names what is watched, so another set of watches needs another stream. It is
 * opened beside the present one, which ends when the new one is acknowledged:
 *
 *   listening A ----------------------------------> A canceled
 *   opening            B --subscriptions/listen--> acknowledged: B is what listens
 *   Source     MCP 2025-11-25 basic/transports#listening-for-messages, 2026-07-28
 *              basic/patterns/subscriptions */
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "http/sse.h"
#include "upstream/listen.h"
#include "upstream/credential.h"
#include "upstream/peer.h"
#include "upstream/server_request.h"

#define RETRY_MS_MIN 1000
#define RETRY_MS_MAX 60000
#define HEAD_MS 15000 /* for the head of the stream's answer */
#define EVENT_BYTES_MAX (1024 * 1024)
#define ACKNOWLEDGE_MS 10000 /* for a new stream's first message */

struct listening {
	struct upstream *upstream;
	struct fiber *fiber;
	uint64_t opening, mark; /* of the present stream, for the watches */
	bool gap;		/* something may have gone by before it */
	bool cut;		/* ... since the one before it broke */
	struct wait *opener;	/* listen_renew, until it is acknowledged */
	struct timer timer;
};

static void tell_opener(struct listening *listening, enum err err)
{
	struct wait *opener = listening->opener;

	listening->opener = NULL;
	if (opener != NULL)
		wait_done(opener, err);
}

/* From now on nothing goes by unheard. */
static void close_gap(struct listening *listening)
{
	if (listening->gap)
		watch_missed(listening->upstream);
	listening->gap = false;
}

void listen_acknowledged(struct listening *listening, const struct mcp_message *message)
{
	close_gap(listening);
	watch_acknowledged(listening->upstream, listening->opening, listening->mark, message);
	tell_opener(listening, OK);
}

/* Changes of what one tenant's, user's or session's instance offers concern nobody: the offer is the
 * shared instance's. */
AWAITS static enum err take_notification(struct instance *instance, const struct mcp_message *message)
{
	if (mcp_method_of(message->method) == MCP_M_N_CANCELLED)
		attribute_cancelled(instance, message);
	else if (instance->key.n == 0)
		return ask_notify(instance->upstream, NULL, message);
	return OK;
}

AWAITS static enum err take_event(struct instance *instance, struct str head, struct str text)
{
	AUTO(arena) *arena = arena_new(text.n * 24 + 64 * 1024);
	struct mcp_message message;

	if (text.n == 0 || mcp_message_read(arena, text, &message) != OK)
		return OK; /* a stream that nobody waits for is not worth an error */
	if (message.kind == MCP_REQUEST)
		attribute_request(instance, head, &message);
	if (message.kind == MCP_NOTIFICATION)
		return take_notification(instance, &message);
	return OK;
}

AWAITS static enum err read_events(struct instance *instance, struct str head, struct http_answer *answer)
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
			err = take_event(instance, head, event.data);
		}
	} while (err == OK);
	sse_reader_free(&reader);
	return err;
}

/* Without sessions nothing tells a server that was started anew from one whose stream was cut. */
static void tell_all_again(struct instance *instance)
{
	instance->log_level = UPSTREAM_LOG_LEVELS;
	if (atomic_load(&instance->upstream->log_level) < UPSTREAM_LOG_LEVELS)
		keeper_wish(instance->upstream, KEEPER_LEVEL);
	watch_doubt(instance->upstream);
}

AWAITS enum listen_end listen_stream(struct instance *instance, struct http_pool *pool, void (*opened)(void *arg),
				     void *arg)
{
	struct upstream *upstream = instance->upstream;
	AUTO(arena) *arena = arena_new(256 * 1024);
	AUTO_BUF head = {0};
	struct http_call call = {.method = STR("GET"), .timeout_ms = HEAD_MS};
	struct http_answer *answer = NULL;
	enum listen_end end = LISTEN_AGAIN;
	const struct behalf owner = {instance->owner.tenant, instance->owner.principal};

	buf_put(&head, instance->facts->head);
	if (carried_call(upstream, pool, arena, &owner, &head, STR_NONE, &call, &answer) != OK)
		return LISTEN_AGAIN;
	if (answer->status == 200) {
		if (opened != NULL)
			opened(arg);
		http_answer_timeout(answer, 0);
		if (read_events(instance, buf_str(&head), answer) != OK)
			log_debug("upstream.listen_cut", LOG_STR("upstream", upstream->spec.name));
	} else if (answer->status == 404 && instance->facts != NULL && instance->facts->has_session) {
		end = LISTEN_LOST;
	} else if (answer->status < 500 && answer->status != 409 && answer->status != 429) {
		end = LISTEN_NOT_OFFERED; /* 405 by the book, other refusals in practice */
	}
	http_answer_close(answer); /* a call on its connection would race with the server closing it */
	return end;
}

static void shared_opened(void *arg)
{
	struct listening *listening = arg;
	struct instance *instance = map_get(&listening->upstream->instances, STR(""));

	if (listening->cut && instance != NULL && instance->facts != NULL && !instance->facts->has_session)
		tell_all_again(instance);
	close_gap(listening);
}

AWAITS static enum listen_end listen_get(struct listening *listening, struct instance *instance)
{
	struct http_pool *pool = lane_pool(instance->upstream, lane_here(instance->upstream));

	return pool == NULL ? LISTEN_LOST : listen_stream(instance, pool, shared_opened, listening);
}

AWAITS static enum listen_end listen_modern(struct listening *listening, struct instance *instance)
{
	struct upstream *upstream = instance->upstream;
	AUTO(arena) *arena = arena_new((UPSTREAM_WATCHES_BYTES_MAX + UPSTREAM_EVENT_BYTES_SMALL) * 32);
	AUTO_BUF text = {0};
	struct mcp_message message;
	struct question question = {
		.outgoing = {.method = STR("subscriptions/listen"), .from = &message},
		.revision = instance->hello.revision,
		.facts = instance->facts,
		.endless = true,
	};
	struct ask ask = {.arena = arena, .listening = listening};
	bool lists = instance->hello.list_changed;

	buf_put_fmt(&text,
		    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"subscriptions/listen\",\"params\":{\"notifications\":{"
		    "\"toolsListChanged\":%s,\"promptsListChanged\":%s,\"resourcesListChanged\":%s",
		    lists ? "true" : "false", lists ? "true" : "false", lists ? "true" : "false");
	listening->opening = watch_put_wanted(upstream, &text);
	listening->mark = watch_mark(instance);
	buf_put(&text, STR("}}}"));
	if (mcp_message_read(arena, buf_str(&text), &message) != OK)
		return LISTEN_NOT_OFFERED; /* a name that is no text */
	question.outgoing.capabilities = mcp_own_capabilities;
	if (peer_ask(instance, &question, &ask) != OK)
		return ask.status >= 400 && ask.status < 500 ? LISTEN_NOT_OFFERED : LISTEN_AGAIN;
	return ask.answer.error != NULL ? LISTEN_NOT_OFFERED : LISTEN_AGAIN;
}

/* One stream, from the instance as it is now. */
AWAITS static enum listen_end listen_once(struct listening *listening)
{
	struct upstream *upstream = listening->upstream;
	struct instance *instance = map_get(&upstream->instances, STR(""));
	enum listen_end end = LISTEN_NOT_OFFERED;

	if (instance == NULL || instance->state != INSTANCE_READY || atomic_load(&instance->facts->stale))
		return LISTEN_LOST;
	instance->pins++;
	if (mcp_is_modern(instance->hello.revision)) {
		if (instance->hello.list_changed || !watch_is_empty(upstream))
			end = listen_modern(listening, instance);
	} else if (!instance->channeled) {
		end = listen_get(listening, instance);
	}
	if (end == LISTEN_LOST && instance->facts != NULL) {
		atomic_store(&instance->facts->stale, true);
		keeper_wish(upstream, KEEPER_CONNECT);
	}
	instance_unpin(instance);
	return end;
}

/* Streams, one after the other, until the server offers none or the instance is gone. */
AWAITS static enum listen_end listen_on(struct listening *listening)
{
	struct upstream *upstream = listening->upstream;
	int64_t retry_ms = RETRY_MS_MIN;

	for (;;) {
		int64_t start_ms = loop_now(upstream->home);
		enum listen_end end = listen_once(listening);

		if (end != LISTEN_AGAIN || fiber_status() != OK)
			return end;
		if (loop_now(upstream->home) - start_ms > RETRY_MS_MAX)
			retry_ms = RETRY_MS_MIN;
		if (fiber_sleep(retry_ms) != OK)
			return end;
		retry_ms = retry_ms * 2 < RETRY_MS_MAX ? retry_ms * 2 : RETRY_MS_MAX;
		listening->gap = listening->cut = true;
		keeper_wish(upstream, KEEPER_LISTS); /* what happened meanwhile, nobody will tell */
	}
}

AWAITS static void listen_main(void *arg)
{
	struct listening *listening = arg;
	struct upstream *upstream = listening->upstream;
	enum listen_end end = listen_on(listening);

	if (upstream->listening == listening) {
		upstream->listening = NULL;
		upstream->deaf = end == LISTEN_NOT_OFFERED;
		keeper_wish(upstream, KEEPER_REPORT); /* how long its lists may be trusted has changed */
	}
	if (upstream->opening == listening)
		upstream->opening = NULL;
	if (listening->timer.at_ms != 0)
		timer_stop(&listening->timer);
	tell_opener(listening, end == LISTEN_NOT_OFFERED ? ERR_RPC_METHOD : ERR_UPSTREAM_DOWN);
	free(listening);
	upstream_helper_end(upstream);
}

static struct listening *listen_start(struct upstream *upstream)
{
	struct listening *listening = calloc(1, sizeof(*listening));

	CHECK(listening != NULL);
	listening->upstream = upstream;
	if (upstream_helper(upstream, "upstream listen", listen_main, listening, 0, &listening->fiber) == OK)
		return listening;
	log_warn("upstream.deaf", LOG_STR("upstream", upstream->spec.name));
	free(listening);
	return NULL;
}

static void drop(struct listening **at)
{
	struct listening *listening = *at;

	*at = NULL;
	if (listening != NULL)
		fiber_cancel(listening->fiber);
}

void listen_end(struct upstream *upstream)
{
	drop(&upstream->listening);
	drop(&upstream->opening);
}

void listen_begin(struct upstream *upstream)
{
	listen_end(upstream);
	upstream->deaf = false;
	upstream->listening = listen_start(upstream);
	if (upstream->listening != NULL)
		upstream->listening->gap = true;
}

static bool forget_opener(void *arg)
{
	struct listening *listening = arg;

	listening->opener = NULL;
	return true;
}

static void on_late(struct timer *timer)
{
	struct listening *listening = CONTAINER_OF(timer, struct listening, timer);

	tell_opener(listening, ERR_UPSTREAM_TIMEOUT);
}

AWAITS enum err listen_renew(struct upstream *upstream)
{
	struct listening *listening = listen_start(upstream);
	struct wait opened = WAIT_INIT;
	enum err err;

	if (listening == NULL)
		return ERR_BUSY;
	drop(&upstream->opening);
	upstream->opening = listening;
	listening->opener = &opened;
	timer_set(upstream->home, &listening->timer, ACKNOWLEDGE_MS, on_late);
	err = wait_for(&opened, forget_opener, listening);
	/* It may be gone by now, or another one begun in its place. */
	if (upstream->opening != listening)
		return err == OK ? ERR_UPSTREAM_DOWN : err;
	if (err != OK) {
		drop(&upstream->opening);
		return err;
	}
	timer_stop(&listening->timer);
	upstream->opening = NULL;
	drop(&upstream->listening);
	upstream->listening = listening;
	return OK;
}
