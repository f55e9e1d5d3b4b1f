/* Event streams without a handler: the fiber, its stack and the request's arena are gone, what
 * stays of an open stream is the connection and this small struct. Thousands of them wait for
 * a notification that may never come; the connection's timer keeps them alive. */
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "http/server_private.h"

struct http_stream {
	uint32_t magic;
	bool chunked;
	bool ended;   /* by the server; on_close is on its way */
	bool refused; /* an event found no room: on_room is owed */
	struct http_conn *conn;
	const struct http_stream_events *events;
	void *owner;
};

enum err http_sse_detach(struct http_exchange *exchange, const struct http_stream_events *events, void *owner,
			 struct http_stream **ret_stream)
{
	struct http_conn *conn = exchange->conn;
	struct http_request *request = request_of(exchange);
	struct http_server *server = conn->home->server;
	struct http_stream *stream;

	CHECK_OBJ(exchange, HTTP_EXCHANGE_MAGIC);
	CHECK(request->sse && !request->sse_end && conn->detached == NULL && events->on_close != NULL);
	if (conn->stream == NULL || conn->state != CONN_HANDLING || exchange->method == HTTP_HEAD)
		return ERR_CLOSED; /* to HEAD nothing can follow */
	if (atomic_fetch_add(&server->streams, 1) >= STREAMS_MAX) {
		atomic_fetch_sub(&server->streams, 1);
		return ERR_LIMIT;
	}
	stream = calloc(1, sizeof *stream);
	CHECK(stream != NULL);
	*stream = (struct http_stream){.magic = HTTP_STREAM_MAGIC, .chunked = !request->old, .conn = conn};
	stream->events = events;
	stream->owner = owner;
	conn->detached = stream;
	counter_add(&conn->home->counters.streams, 1);
	*ret_stream = stream;
	return OK;
}

bool http_stream_push(struct http_stream *stream, const struct http_event *event)
{
	struct http_conn *conn = stream->conn;

	CHECK_OBJ(stream, HTTP_STREAM_MAGIC);
	if (stream->ended || conn->stream == NULL || conn->state == CONN_CLOSING)
		return false;
	if (stream_queued(conn->stream) > HTTP_STREAM_QUEUE_BYTES_MAX) {
		stream->refused = true;
		stream_await_drain(conn->stream);
		return false;
	}
	event_write(conn, event, stream->chunked);
	conn_set_deadline(conn, conn->home->spec.keepalive_ms);
	return true;
}

void http_stream_end(struct http_stream *stream)
{
	struct http_conn *conn = stream->conn;

	CHECK_OBJ(stream, HTTP_STREAM_MAGIC);
	if (stream->ended || conn->stream == NULL || conn->state == CONN_CLOSING)
		return;
	stream->ended = true;
	event_finish(conn, stream->chunked);
	conn_close(conn, LINGER_MS);
}

void stream_idle_closed(struct http_conn *conn)
{
	struct http_stream *stream = conn->detached;

	conn->detached = NULL;
	atomic_fetch_sub(&conn->home->server->streams, 1);
	counter_add(&conn->home->counters.streams, (uint64_t)-1);
	stream->events->on_close(stream->owner, stream);
	stream->magic = 0;
	free(stream);
}

void stream_idle_drain(struct http_conn *conn)
{
	struct http_stream *stream = conn->detached;

	if (stream->events->on_drain != NULL)
		stream->events->on_drain(stream->owner, stream);
	else
		http_stream_end(stream);
}

void stream_idle_room(struct http_conn *conn)
{
	struct http_stream *stream = conn->detached;

	if (!stream->refused || stream->ended)
		return;
	stream->refused = false;
	if (stream->events->on_room != NULL)
		stream->events->on_room(stream->owner, stream);
}

bool stream_idle_is_chunked(const struct http_conn *conn)
{
	return conn->detached->chunked;
}
