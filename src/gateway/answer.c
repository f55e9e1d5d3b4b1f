/* The doors through which a request is answered. Nothing else in the corridor knows which it is:
 *
 *     DOOR_EXCHANGE  one JSON body; or, from the first event on, a stream of events that the
 *                    answer ends. A session's stream is kept in an event log as well: when its
 *                    client loses the connection, the call goes on, and the client finds the
 *                    rest with Last-Event-ID, on whatever loop it comes back
 *     DOOR_LOG       events on the stream of the session, which some other connection reads
 *     DOOR_BATCH     gathered with the answers of the other elements; what comes before them
 *                    goes out on the stream of the whole
 *
 * A call that is answered without any event before touches none of this: no log, no lock. */
#include "base/limits.h"
#include "gateway/event_id.h"
#include "gateway/request.h"

#define TYPE_JSON STR("application/json")
#define SPEAKERS_MAX 256     /* fibers that have something to say on one stream at the same time */
#define STREAM_RETRY_MS 1000 /* a client that lost its connection comes back after this */

void answer_begin(struct request *req)
{
	gate_init(&req->speaking, 1, SPEAKERS_MAX);
}

void answer_finish(struct request *req)
{
	if (req->log == NULL)
		return;
	if (req->door == DOOR_EXCHANGE)
		event_log_end(req->log);
	event_log_unref(req->log);
	req->log = NULL;
}

bool answer_can_stream(const struct request *req)
{
	switch (req->door) {
	case DOOR_EXCHANGE:
		return req->accepts_sse && req->exchange->method == HTTP_POST;
	case DOOR_LOG:
		return true;
	case DOOR_BATCH:
		return answer_can_stream(req->whole);
	}
	return false;
}

/* ---- the stream of an exchange ------------------------------------------------------- */

/* An event without a message gives the client an id to come back with, and says how soon. Clients of
 * older revisions take it for a message and choke. */
AWAITS static enum err send_priming(struct request *req)
{
	AUTO_BUF id = {0};

	event_id_write(EVENT_LOG_REQUEST, event_log_serial(req->log), 0, req->message.id, &id);
	return http_sse_event(req->exchange, &(struct http_event){.id = buf_str(&id), .retry_ms = STREAM_RETRY_MS});
}

AWAITS static enum err open_stream(struct request *req)
{
	const struct event_log_spec spec = {
		.kind = EVENT_LOG_REQUEST,
		.session = {req->session.number, MCP_SESSION_NUMBER_LEN},
	};
	enum err err;

	req->streaming = true; /* others that want to speak wait for their turn from here on */
	err = http_sse_begin(req->exchange, STR_NONE);
	if (err != OK) {
		req->streaming = false;
		return err;
	}
	if (!req->has_session)
		return OK;
	req->log = event_log_new(&spec);
	if (req->log == NULL || req->revision < MCP_2025_11_25)
		return OK;
	return send_priming(req);
}

/* The client has lost this connection, or has come back on another one. */
static bool is_away(struct request *req)
{
	req->away = req->away || event_log_is_read(req->log);
	return req->away;
}

AWAITS static enum err say_on_stream(struct request *req, struct str message)
{
	AUTO_BUF id = {0};
	uint64_t number;
	enum err err = OK;

	if (req->said_all)
		return ERR_CLOSED;
	if (!req->streaming)
		TRY(open_stream(req));
	req->bytes_out += message.n;
	if (req->log == NULL)
		return http_sse_event(req->exchange, &(struct http_event){.data = message});
	number = event_log_append(req->log, message, false);
	if (is_away(req))
		return OK;
	event_id_write(EVENT_LOG_REQUEST, event_log_serial(req->log), number, req->message.id, &id);
	err = http_sse_event(req->exchange, &(struct http_event){.id = buf_str(&id), .data = message});
	req->away = err == ERR_CLOSED;
	return req->away ? OK : err;
}

/* The stream is complete. One that its client has left is complete in the log. */
AWAITS static enum err end_stream(struct request *req)
{
	req->said_all = true;
	if (req->log != NULL)
		event_log_end(req->log);
	return req->away ? OK : http_sse_end(req->exchange);
}

/* One after the other: a first event waits for room before the stream has begun. */
AWAITS static enum err say(struct request *req, struct str message, bool last)
{
	enum err err;

	TRY(gate_enter(&req->speaking));
	err = say_on_stream(req, message);
	if (last && req->log != NULL)
		req->away = req->away || err != OK; /* it is in the log: the client can come back for it */
	if (last && (err == OK || req->away))
		err = end_stream(req);
	gate_leave(&req->speaking);
	return err;
}

/* A client that can only read a stream gets one of a single event. */
static bool wants_stream(const struct request *req)
{
	return req->streaming || (req->accepts_sse && !req->accepts_json);
}

/* ---- the other doors ------------------------------------------------------------------- */

static void put_pieces(struct buf *out, const struct piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_put(out, pieces[i].str);
}

static enum err say_in_log(struct request *req, struct str message)
{
	req->bytes_out += message.n;
	return event_log_append(req->log, message, false) > 0 ? OK : ERR_CLOSED;
}

static enum err answer_in_log(struct request *req, const struct piece *pieces, size_t count)
{
	AUTO_BUF whole = {0};

	req->said_all = true;
	put_pieces(&whole, pieces, count);
	return say_in_log(req, buf_str(&whole));
}

/* How large an answer is, an upstream decides: the batch as a whole has the room of one request. */
AWAITS static enum err answer_in_batch(struct request *req, const struct piece *pieces, size_t count)
{
	AUTO_BUF text = {0};
	struct str kept;

	put_pieces(&text, pieces, count);
	req->bytes_out += text.n;
	if (req->whole->streaming) {
		req->said_all = true;
		return say(req->whole, buf_str(&text), false);
	}
	kept = arena_try_str(req->arena, buf_str(&text));
	if (kept.p == NULL)
		return ERR_LIMIT;
	req->said_all = true;
	req->whole->answers[req->whole->answer_count++] = kept;
	return OK;
}

AWAITS enum err answer_batch(struct request *req)
{
	AUTO_BUF array = {0};

	if (req->answer_count == 0 && !req->streaming)
		return answer_accepted(req);
	if (wants_stream(req)) {
		for (size_t i = 0; i < req->answer_count; i++)
			TRY(say(req, req->answers[i], false));
		return end_stream(req);
	}
	for (size_t i = 0; i < req->answer_count; i++) {
		buf_put_byte(&array, i == 0 ? '[' : ',');
		buf_put(&array, req->answers[i]);
	}
	buf_put_byte(&array, ']');
	return answer_json(req, 200, STR_NONE, &(struct piece){.str = buf_str(&array)}, 1);
}

/* ---- the faces ------------------------------------------------------------------------- */

AWAITS enum err answer_json(struct request *req, int status, struct str headers, const struct piece *pieces,
			    size_t count)
{
	struct http_body body = {.content_type = TYPE_JSON, .pieces = pieces, .count = count, .gzip = true};

	if (req->door == DOOR_LOG)
		return answer_in_log(req, pieces, count);
	if (req->door == DOOR_BATCH)
		return answer_in_batch(req, pieces, count);
	for (size_t i = 0; i < count; i++)
		req->bytes_out += pieces[i].str.n;
	return http_answer(req->exchange, status, headers, &body);
}

AWAITS enum err answer_accepted(struct request *req)
{
	req->said_all = true;
	if (req->door != DOOR_EXCHANGE)
		return OK;
	return http_answer(req->exchange, 202, STR_NONE, &(struct http_body){0});
}

AWAITS enum err answer_event(struct request *req, struct str message)
{
	switch (req->door) {
	case DOOR_EXCHANGE:
		return say(req, message, false);
	case DOOR_LOG:
		return say_in_log(req, message);
	case DOOR_BATCH:
		return say(req->whole, message, false);
	}
	return ERR_INTERNAL;
}

AWAITS enum err answer_pieces(struct request *req, const struct piece *pieces, size_t count)
{
	AUTO_BUF whole = {0};

	if (req->door != DOOR_EXCHANGE || !wants_stream(req))
		return answer_json(req, 200, STR_NONE, pieces, count);
	/* An event is one line: there it has to be put together. */
	put_pieces(&whole, pieces, count);
	return say(req, buf_str(&whole), true);
}

AWAITS enum err answer_message(struct request *req, struct str message)
{
	return answer_pieces(req, &(struct piece){.str = message}, 1);
}

AWAITS enum err answer_result(struct request *req, struct str result)
{
	AUTO_BUF message = {0};

	mcp_compose_result(req->message.id, result, &message);
	return answer_message(req, buf_str(&message));
}
