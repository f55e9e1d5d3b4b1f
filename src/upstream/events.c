/* An answer that comes as an event stream: every event is a message. Notifications are routed
 * as they come, never gathered; a legacy server's requests are answered; the response ends it.
 *
 * Most events are small and only pass by, so they are read in an arena of their own; what is
 * large, or is the answer, goes to the call's.
 *
 * A 2025-11-25 server may hang up in the middle after it gave the stream an id; the stream is
 * then taken up again with GET and Last-Event-ID (SEP-1699).
 *   Source     MCP 2025-11-25 basic/transports#listening-for-messages, #resumability */
#include "base/check.h"
#include "base/log.h"
#include "http/sse.h"
#include "upstream/credential.h"
#include "upstream/listen.h"
#include "upstream/server_request.h"

#define RESUMES_MAX 16
#define RESUME_MS 1000 /* when the server names no time */
#define RESUME_MS_MAX 15000

struct events {
	struct upstream *upstream;
	struct lane *lane;
	struct ask *ask;
	struct sse_reader reader;
	int64_t retry_ms;
	bool answered;
};

/* The progress token of a notification is the id of the request that it belongs to. */
static bool is_own_progress(const struct ask *ask, const struct mcp_message *message)
{
	const struct json_member *token =
		message->params == NULL ? NULL : json_member(&message->index, message->params, STR("progressToken"));
	uint64_t id;

	return token != NULL && str_to_u64(token->value, &id) == OK && id == ask->id &&
	       ask->call->outgoing.wants_progress;
}

AWAITS enum err ask_notify(struct upstream *upstream, const struct ask *ask, const struct mcp_message *message)
{
	bool relayed = ask != NULL && ask->call != NULL && ask->call->on_notification != NULL;
	/* What an instance of somebody's own says is for nobody else. */
	bool shared = ask == NULL || upstream->spec.isolation == ISOLATION_SHARED || mcp_is_modern(ask->revision);

	switch (mcp_method_of(message->method)) {
	case MCP_M_N_TOOLS_CHANGED:
	case MCP_M_N_PROMPTS_CHANGED:
	case MCP_M_N_RESOURCES_CHANGED:
		keeper_wish(upstream, KEEPER_LISTS);
		return OK;
	case MCP_M_N_PROGRESS:
		/* spec: progress with a token that the client did not issue is an error there */
		if (relayed && is_own_progress(ask, message))
			return ask->call->on_notification(ask->call->arg, message);
		return OK;
	case MCP_M_N_ELICITATION_COMPLETE:
		return relayed ? ask->call->on_notification(ask->call->arg, message) : OK;
	case MCP_M_N_MESSAGE:
		if (relayed)
			return ask->call->on_notification(ask->call->arg, message);
		break;
	case MCP_M_N_RESOURCES_UPDATED:
	case MCP_M_N_TASKS:
		if (shared)
			watch_notify(upstream, message);
		return OK;
	case MCP_M_N_SUBSCRIBED:
		if (ask != NULL && ask->listening != NULL)
			listen_acknowledged(ask->listening, message);
		return OK;
	default:
		return OK;
	}
	if (shared && loop_self() == upstream->home)
		watch_notify(upstream, message);
	return OK;
}

/* It came on the call's own stream, so the call's client is meant. */
AWAITS static void take_request(struct events *events, const struct mcp_message *message)
{
	struct ask *ask = events->ask;
	struct server_request *request = NULL;

	if (ask->askable != NULL && mcp_method_of(message->method) != MCP_M_PING)
		request = server_request_from_stream(events->upstream, ask_bare_head(ask), &ask->behalf, message);
	if (request != NULL)
		askable_take(ask->askable, request);
	else
		errand_reply(events->upstream, events->lane, ask, message);
}

AWAITS static enum err take_message(struct events *events, const struct mcp_message *message)
{
	struct ask *ask = events->ask;

	switch (message->kind) {
	case MCP_NOTIFICATION:
		if (ask->askable != NULL && mcp_method_of(message->method) == MCP_M_N_CANCELLED)
			(void)askable_take_back(ask->askable, cancelled_id(message));
		return ask_notify(events->upstream, ask, message);
	case MCP_REQUEST:
		/* spec: 2026-07-28 allows no requests of the server's */
		if (!mcp_is_modern(ask->revision))
			take_request(events, message);
		return OK;
	case MCP_RESPONSE:
		break;
	}
	if (!ask_is_answered_by(ask, message))
		return ERR_UPSTREAM_GARBAGE;
	events->answered = true;
	return OK;
}

/* A small event: read aside, and once more in the call's arena if it is the answer. */
AWAITS static enum err take_small(struct events *events, struct str text)
{
	AUTO(arena) *arena = arena_new(UPSTREAM_EVENT_BYTES_SMALL * 16 + 64 * 1024);
	struct mcp_message message;
	struct ask *ask = events->ask;

	if (mcp_message_read(arena, text, &message) != OK)
		return ERR_UPSTREAM_GARBAGE;
	TRY(take_message(events, &message));
	if (!events->answered)
		return OK;
	return mcp_message_read(ask->arena, arena_str(ask->arena, text), &ask->answer) == OK ? OK
											     : ERR_UPSTREAM_TOO_LARGE;
}

AWAITS static enum err take_large(struct events *events, struct str text)
{
	struct ask *ask = events->ask;
	struct str copy = arena_try_str(ask->arena, text);

	if (copy.p == NULL)
		return ERR_UPSTREAM_TOO_LARGE;
	if (mcp_message_read(ask->arena, copy, &ask->answer) != OK)
		return ERR_UPSTREAM_GARBAGE;
	return take_message(events, &ask->answer);
}

AWAITS static enum err take_event(struct events *events, const struct sse_event *event)
{
	if (event->retry_ms >= 0)
		events->retry_ms = event->retry_ms > RESUME_MS_MAX ? RESUME_MS_MAX : event->retry_ms;
	if (event->data.n == 0 || (event->type.n > 0 && !str_eq(event->type, STR("message"))))
		return OK;
	return event->data.n <= UPSTREAM_EVENT_BYTES_SMALL ? take_small(events, event->data)
							   : take_large(events, event->data);
}

/* One stream up to the answer or its end. */
AWAITS static enum err read_stream(struct events *events, struct http_answer *answer)
{
	struct sse_event event;
	bool complete;

	while (!events->answered) {
		struct str piece;

		TRY(http_answer_read(answer, &piece));
		if (piece.n == 0)
			return OK;
		events->ask->bytes_in += piece.n;
		while (!events->answered) {
			TRY(sse_read(&events->reader, &piece, &event, &complete));
			if (!complete)
				break;
			TRY(take_event(events, &event));
			/* A message is a sign of life, a keep-alive comment is none. */
			if (event.data.n > 0)
				http_answer_timeout(answer, events->ask->timeout_ms);
		}
	}
	return OK;
}

AWAITS static enum err resume(struct events *events)
{
	struct ask *ask = events->ask;
	AUTO_BUF head = {0};
	struct http_call call = {.method = STR("GET"), .idempotent = true};
	struct http_answer *answer = NULL;
	enum err err;

	TRY(fiber_sleep(events->retry_ms));
	buf_put(&head, ask_bare_head(ask));
	buf_put_fmt(&head, "Last-Event-ID: %.*s\r\n", STR_ARG(buf_str(&events->reader.id)));
	call.timeout_ms = ask->timeout_ms;
	call.more_ms = ask->askable == NULL ? NULL : askable_more_ms;
	call.more_arg = ask->askable;
	if (events->lane->pool == NULL)
		return ERR_UPSTREAM_DOWN;
	TRY(carried_call(events->upstream, events->lane->pool, ask->arena, &ask->behalf, &head, STR_NONE, &call,
			 &answer));
	err = answer->status == 200 ? read_stream(events, answer) : ERR_UPSTREAM_DOWN;
	http_answer_end(answer);
	return err;
}

AWAITS enum err http_ask_events(struct upstream *upstream, struct lane *lane, struct ask *ask,
				struct http_answer *answer)
{
	struct events events = {.upstream = upstream, .lane = lane, .ask = ask, .retry_ms = RESUME_MS};
	enum err err;

	sse_reader_init(&events.reader, upstream->spec.answer_bytes_max);
	err = read_stream(&events, answer);
	for (int n = 0; err == OK && !events.answered && n < RESUMES_MAX; n++) {
		/* spec: without an id there is nothing to take up again */
		if (mcp_is_modern(ask->revision) || !events.reader.has_id || events.reader.id.n == 0)
			break;
		err = resume(&events);
	}
	sse_reader_free(&events.reader);
	if (err == OK && !events.answered)
		err = ERR_UPSTREAM_DOWN;
	if (err == OK)
		ask->answered = true;
	return err;
}
