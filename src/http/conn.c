/* A connection of the HTTP server: callbacks and a state, no fiber of its own.
 *
 *         first byte        head complete        body complete
 *   IDLE -----------> HEAD --------------> BODY ---------------> HANDLING --detach--> STREAMING
 *    ^ ^                                                          |    |
 *    | '------- answered, and the client keeps up ----------------'    |
 *    '-- drained -- FLUSHING <-- answered, much is still queued -------'
 *
 *   any of them --> CLOSING --> freed when the stream is closed and no handler runs
 *
 * HEAD and BODY are only visible between two reads: a request that arrives whole goes from
 * IDLE to HANDLING in one call. While a handler runs, what the client sends ahead is kept
 * (PIPELINE_BYTES_MAX, then it is paused) and parsed after the answer.
 *
 * One timer serves all time-outs. Setting a later deadline only stores it: the timer fires
 * when the earlier one would have been due, sees that there is time left, and sleeps on. So a
 * busy connection never touches the timer wheel.
 *
 * A FIN from the client while a handler runs means that it is gone (cancel_on_close), or, when
 * the handler said that its work must not be canceled, that it waits for the answer only. */
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "http/forwarded.h"
#include "http/server_private.h"

void conn_set_state(struct http_conn *conn, enum conn_state to)
{
	static const uint8_t allowed[] = {
		[CONN_IDLE] = 1u << CONN_HEAD | 1u << CONN_BODY | 1u << CONN_HANDLING | 1u << CONN_CLOSING,
		[CONN_HEAD] = 1u << CONN_BODY | 1u << CONN_HANDLING | 1u << CONN_CLOSING,
		[CONN_BODY] = 1u << CONN_HANDLING | 1u << CONN_CLOSING,
		[CONN_HANDLING] = 1u << CONN_IDLE | 1u << CONN_FLUSHING | 1u << CONN_STREAMING | 1u << CONN_CLOSING,
		[CONN_FLUSHING] = 1u << CONN_IDLE | 1u << CONN_CLOSING,
		[CONN_STREAMING] = 1u << CONN_CLOSING,
		[CONN_CLOSING] = 0,
	};

	CHECK((allowed[conn->state] & 1u << to) != 0);
	conn->state = (uint8_t)to;
}

static bool is_handling(const struct http_conn *conn)
{
	return conn->request != NULL && conn->request->fiber != NULL;
}

void conn_free(struct http_conn *conn)
{
	struct http_home *home = conn->home;

	CHECK(conn->stream == NULL && conn->detached == NULL && !is_handling(conn));
	if (conn->request != NULL)
		request_free(conn->request);
	if (conn->timer.at_ms != 0)
		timer_stop(&conn->timer);
	list_remove(&conn->link);
	buf_free(&conn->pending);
	if (conn->memo != NULL && home->spec.memo_free != NULL)
		home->spec.memo_free(conn->memo);
	conn_caps_leave(home->server->caps, conn->peer);
	counter_add(&home->counters.connections, (uint64_t)-1);
	conn->magic = 0;
	free(conn);
	home->conn_count--;
	home_check_empty(home);
}

void home_check_empty(struct http_home *home)
{
	if (home->conn_count > 0 || !list_empty(&home->released) || home->empty == NULL)
		return;
	wait_done(home->empty, OK);
	home->empty = NULL;
}

void conn_close(struct http_conn *conn, int64_t flush_ms)
{
	if (conn->state != CONN_CLOSING)
		conn_set_state(conn, CONN_CLOSING);
	conn->deadline_ms = 0;
	if (conn->stream != NULL)
		stream_close(conn->stream, flush_ms);
}

void conn_refuse(struct http_conn *conn, enum err why)
{
	const struct http_server_spec *spec = &conn->home->spec;

	counter_add(&conn->home->counters.requests, 1);
	answer_refusal(conn, why);
	if (spec->on_refused != NULL)
		spec->on_refused(stream_peer(conn->stream), why, spec->arg);
	request_free(conn->request);
	conn->request = NULL;
	conn_close(conn, LINGER_MS);
}

/* Whether the client took nothing of the queue since the last time it was asked. */
static bool is_stalled(struct http_conn *conn)
{
	size_t queued = conn->stream == NULL ? 0 : stream_queued(conn->stream);
	bool stalled = queued > 0 && queued >= conn->queued_then;

	conn->queued_then = queued > 0 ? queued : SIZE_MAX;
	return stalled;
}

/* The client must go on reading, or, on an event stream, hear that we are still here. */
static void tend_writing(struct http_conn *conn)
{
	const struct http_server_spec *spec = &conn->home->spec;
	struct http_request *request = conn->request;
	bool sse =
		conn->detached != NULL || (request != NULL && request->sse && !request->sse_end && !request->relayed);

	if (is_stalled(conn)) {
		conn_close(conn, 0);
		return;
	}
	if (sse && stream_queued(conn->stream) == 0 && !(request != NULL && request->exchange.method == HTTP_HEAD))
		event_comment(conn, request != NULL ? !request->old : stream_idle_is_chunked(conn));
	conn_set_deadline(conn, sse ? spec->keepalive_ms : spec->body_timeout_ms);
}

static void on_timer(struct timer *timer)
{
	struct http_conn *conn = CONTAINER_OF(timer, struct http_conn, timer);
	int64_t left_ms;

	CHECK_OBJ(conn, HTTP_CONN_MAGIC);
	if (conn->deadline_ms == 0 || conn->stream == NULL)
		return;
	left_ms = conn->deadline_ms - loop_now(conn->home->loop);
	if (left_ms > 0) {
		timer_set(conn->home->loop, &conn->timer, left_ms, on_timer);
		return;
	}
	conn->deadline_ms = 0;
	switch ((enum conn_state)conn->state) {
	case CONN_IDLE:
		if (is_stalled(conn) || stream_queued(conn->stream) == 0)
			conn_close(conn, LINGER_MS);
		else
			conn_set_deadline(conn, conn->home->spec.idle_timeout_ms);
		return;
	case CONN_HEAD:
	case CONN_BODY:
		conn_refuse(conn, ERR_HTTP_TIMEOUT);
		return;
	case CONN_HANDLING:
	case CONN_FLUSHING:
	case CONN_STREAMING:
		tend_writing(conn);
		return;
	case CONN_CLOSING:
		return;
	}
}

void conn_set_deadline(struct http_conn *conn, int64_t after_ms)
{
	struct loop *loop = conn->home->loop;

	conn->deadline_ms = loop_now(loop) + after_ms;
	if (conn->timer.at_ms == 0 || conn->timer.at_ms > conn->deadline_ms)
		timer_set(loop, &conn->timer, after_ms, on_timer);
}

/* A request is incomplete after all that has come was parsed: how long may the rest take?
 * The head has one deadline for the whole of it. A body has one between its pieces, and must
 * also make some progress on the whole. */
static void await_rest(struct http_conn *conn)
{
	const struct http_server_spec *spec = &conn->home->spec;
	struct http_request *request = conn->request;
	int64_t spent_ms, allowed_ms;

	if (!request_parser_head_done(request->parser)) {
		if (conn->state == CONN_HEAD)
			return;
		conn_set_state(conn, CONN_HEAD);
		if (!conn->first)
			conn_set_deadline(conn, spec->header_timeout_ms);
		return;
	}
	if (conn->state != CONN_BODY) {
		conn_set_state(conn, CONN_BODY);
		request->body_since_ms = loop_now(conn->home->loop);
	}
	spent_ms = loop_now(conn->home->loop) - request->body_since_ms;
	allowed_ms = 2 * spec->body_timeout_ms +
		     (int64_t)request_parser_body_bytes(request->parser) * 1000 / BODY_BYTES_PER_S_MIN - spent_ms;
	if (allowed_ms > spec->body_timeout_ms)
		allowed_ms = spec->body_timeout_ms;
	conn_set_deadline(conn, allowed_ms > 0 ? allowed_ms : 1);
	if (request_parser_head(request->parser)->expects_continue && !request->continued) {
		struct piece go_on = {.str = STR("HTTP/1.1 100 Continue\r\n\r\n")};

		request->continued = true;
		(void)stream_write(conn->stream, &go_on, 1);
	}
}

/* Count what the request's body holds; the loop as a whole has a bound. */
static NODISCARD enum err count_body(struct http_conn *conn)
{
	struct http_request *request = conn->request;
	size_t held = request_parser_held(request->parser);

	conn->home->bodies_bytes += held - request->held;
	request->held = held;
	return conn->home->bodies_bytes > BODIES_BYTES_MAX ? ERR_BUSY : OK;
}

/* Parse until a request is complete or the input is used up. */
static void conn_feed(struct http_conn *conn, struct str *input)
{
	struct http_request *request;
	bool complete;
	enum err err;

	if (conn->request == NULL)
		conn->request = request_new(conn);
	request = conn->request;
	err = request_parser_feed(request->parser, input, &complete);
	if (err == OK)
		err = count_body(conn);
	if (err == OK && complete)
		err = request_dispatch(conn);
	if (err != OK) {
		conn_refuse(conn, err);
		*input = STR_NONE;
	} else if (complete) {
		conn->first = false;
		conn->deadline_ms = 0;
		conn_set_state(conn, CONN_HANDLING);
	} else {
		await_rest(conn);
	}
}

static void on_read(void *owner, struct str bytes)
{
	struct http_conn *conn = owner;

	CHECK_OBJ(conn, HTTP_CONN_MAGIC);
	counter_add(&conn->home->counters.bytes_in, bytes.n);
	if (conn->state <= CONN_BODY)
		conn_feed(conn, &bytes);
	if (bytes.n == 0 || conn->state == CONN_CLOSING)
		return;
	buf_put(&conn->pending, bytes);
	if (conn->pending.n > PIPELINE_BYTES_MAX && !conn->paused) {
		conn->paused = true;
		stream_pause(conn->stream);
	}
}

/* Parse what was sent ahead. A client may have sent thousands of tiny requests: so the buffer
 * is not shifted for each of them, conn->parsed says how far it is used up. */
static void go_on(struct http_conn *conn)
{
	struct str input = str_skip(buf_str(&conn->pending), conn->parsed);

	if (input.n > 0)
		conn_feed(conn, &input);
	if (conn->state == CONN_CLOSING)
		return;
	conn->parsed = conn->pending.n - input.n;
	if (input.n > 0)
		return;
	buf_free(&conn->pending);
	conn->parsed = 0;
	if (!conn->paused)
		return;
	conn->paused = false;
	stream_resume(conn->stream);
}

/* The answer is with the client, or nearly so. */
static void conn_settle(struct http_conn *conn, bool keep)
{
	const struct http_server_spec *spec = &conn->home->spec;

	if (!keep || conn->home->draining || conn->eof) {
		conn_close(conn, stream_queued(conn->stream) > 0 ? spec->body_timeout_ms : LINGER_MS);
		return;
	}
	conn_set_state(conn, CONN_IDLE);
	conn->queued_then = SIZE_MAX;
	conn_set_deadline(conn, spec->idle_timeout_ms);
	go_on(conn);
}

/* The connection after its request: the next one, an event stream without a handler, or the end.
 *   cut        an event stream was begun and not ended */
static void conn_move_on(struct http_conn *conn, bool keep, bool cut)
{
	if (conn->stream == NULL) {
		conn_free(conn);
	} else if (conn->state == CONN_CLOSING) {
		return;
	} else if (conn->detached != NULL) {
		conn_set_state(conn, CONN_STREAMING);
	} else if (cut) {
		conn_close(conn, 0); /* the client must see that the stream was not finished */
	} else if (stream_queued(conn->stream) > HTTP_WRITE_QUEUE_BYTES_MAX) {
		conn->keep = keep;
		conn->queued_then = SIZE_MAX;
		conn_set_state(conn, CONN_FLUSHING);
		conn_set_deadline(conn, conn->home->spec.body_timeout_ms);
	} else {
		conn_settle(conn, keep);
	}
}

void conn_request_done(struct http_conn *conn)
{
	struct http_request *request = conn->request;
	bool keep = request->keep_alive && (!request->sse || request->sse_end);
	bool cut = request->sse && !request->sse_end && conn->detached == NULL;

	conn->memo = request->exchange.memo;
	conn->request = NULL;
	request_free(request);
	conn_move_on(conn, keep, cut);
}

void conn_request_release(struct http_conn *conn)
{
	struct http_request *request = conn->request;

	conn->memo = request->exchange.memo;
	conn->request = NULL;
	conn_move_on(conn, request->keep_alive, false);
}

static void wake_writers(struct http_conn *conn, enum err result)
{
	for (struct list *link; (link = list_pop(&conn->room)) != NULL;)
		wait_done(CONTAINER_OF(link, struct wait, link), result);
}

static void on_drain(void *owner)
{
	struct http_conn *conn = owner;

	CHECK_OBJ(conn, HTTP_CONN_MAGIC);
	wake_writers(conn, OK);
	if (conn->detached != NULL)
		stream_idle_room(conn);
	else if (conn->state == CONN_FLUSHING)
		conn_settle(conn, conn->keep);
}

static bool on_eof(void *owner)
{
	struct http_conn *conn = owner;

	CHECK_OBJ(conn, HTTP_CONN_MAGIC);
	if (conn->detached != NULL || (!is_handling(conn) && conn->state != CONN_FLUSHING))
		return false;
	if (is_handling(conn) && conn->request->exchange.cancel_on_close)
		return false; /* on_close cancels */
	conn->eof = true;
	return true;
}

static void on_close(void *owner, enum err reason)
{
	struct http_conn *conn = owner;

	CHECK_OBJ(conn, HTTP_CONN_MAGIC);
	conn->stream = NULL;
	wake_writers(conn, ERR_CLOSED);
	if (conn->detached != NULL)
		stream_idle_closed(conn);
	if (!is_handling(conn))
		conn_free(conn);
	else if (conn->request->exchange.cancel_on_close)
		fiber_cancel(conn->request->fiber);
}

static const struct stream_events conn_events = {
	.on_read = on_read, .on_drain = on_drain, .on_close = on_close, .on_eof = on_eof};

bool conn_on_accept(void *owner, struct stream *stream)
{
	struct http_server *server = owner;
	struct http_home *home = server->home[loop_index(loop_self())];
	const struct http_server_spec *spec = &home->spec;
	const struct address *peer = stream_peer(stream);
	bool proxied = http_proxy_is_trusted(spec->trusted_proxies, spec->trusted_count, peer);
	struct conn_peer *place;
	struct http_conn *conn;

	if (home->draining)
		return false;
	if (conn_caps_enter(server->caps, proxied ? NULL : peer, spec->connections_max, spec->connections_per_ip_max,
			    &place) != OK) {
		counter_add(&home->counters.connections_refused, 1);
		if (spec->on_refused != NULL)
			spec->on_refused(peer, ERR_LIMIT, spec->arg);
		return false;
	}
	conn = calloc(1, sizeof *conn);
	CHECK(conn != NULL);
	*conn = (struct http_conn){
		.magic = HTTP_CONN_MAGIC, .first = true, .home = home, .stream = stream, .peer = place};
	list_init(&conn->room);
	list_add_tail(&home->conns, &conn->link);
	home->conn_count++;
	counter_add(&home->counters.connections, 1);
	conn_set_deadline(conn, spec->header_timeout_ms);
	stream_start(stream, &conn_events, conn);
	return true;
}

static bool forget_writer(void *arg)
{
	struct wait *wait = arg;

	list_remove(&wait->link);
	return true;
}

/* A handler that only writes would never let the loop tell us that its stream has failed. */
static bool can_write(const struct http_conn *conn)
{
	return conn->stream != NULL && conn->state != CONN_CLOSING && stream_is_open(conn->stream);
}

AWAITS enum err conn_wait_room(struct http_conn *conn)
{
	while (can_write(conn) && stream_queued(conn->stream) > HTTP_WRITE_QUEUE_BYTES_MAX) {
		struct wait wait = WAIT_INIT;

		list_add_tail(&conn->room, &wait.link);
		conn->queued_then = SIZE_MAX;
		if (conn->deadline_ms == 0)
			conn_set_deadline(conn, conn->home->spec.body_timeout_ms);
		TRY(wait_for(&wait, forget_writer, &wait));
	}
	return can_write(conn) ? OK : ERR_CLOSED;
}
