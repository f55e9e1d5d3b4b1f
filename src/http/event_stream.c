/* Server-sent events to a client: the head, events as one chunk each, the end.
 *
 * Every event is written at once, never gathered with the next and never compressed, since a
 * client may be waiting for exactly this one. The connection's timer writes the keepalive
 * comments; the first is due after a random part of the interval, so that streams opened
 * together do not all speak in the same turn of the loop for ever after. */
#include "base/check.h"
#include "base/limits.h"
#include "base/random.h"
#include "http/server_private.h"

#define CHUNK_HEAD_BYTES 20 /* 16 hex digits and CRLF */

/* "1a\r\n" */
static struct str chunk_head(size_t n, char out[CHUNK_HEAD_BYTES])
{
	char *at = out + CHUNK_HEAD_BYTES - 2;

	memcpy(at, "\r\n", 2);
	do
		*--at = "0123456789abcdef"[n % 16];
	while ((n /= 16) > 0);
	return (struct str){at, (size_t)(out + CHUNK_HEAD_BYTES - at)};
}

/* Write pieces[1..count-1] as a chunk; [0] is left free for its head, and there is room for
 * one more piece behind the last. */
static void write_chunk(struct http_conn *conn, struct piece *pieces, size_t count, bool chunked)
{
	char room[CHUNK_HEAD_BYTES];
	size_t n = 0;

	for (size_t i = 1; i < count; i++)
		n += pieces[i].str.n;
	counter_add(&conn->home->counters.bytes_out, n);
	if (conn->request != NULL)
		conn->request->exchange.bytes_out += n;
	if (!chunked) {
		(void)stream_write(conn->stream, pieces + 1, count - 1);
		return;
	}
	pieces[0] = (struct piece){.str = chunk_head(n, room)};
	pieces[count] = (struct piece){.str = STR("\r\n")};
	(void)stream_write(conn->stream, pieces, count + 1);
}

/* Data with line breaks in it (pretty-printed JSON) must become several data lines, or it
 * would end the event. */
static void put_lines(struct buf *out, struct str data)
{
	size_t from = 0;

	for (size_t i = 0; i <= data.n; i++) {
		if (i < data.n && data.p[i] != '\n' && data.p[i] != '\r')
			continue;
		buf_put(out, STR("data: "));
		buf_put(out, (struct str){data.p + from, i - from});
		buf_put_byte(out, '\n');
		from = i + 1;
	}
	buf_put_byte(out, '\n');
}

static bool has_line_break(struct str s)
{
	return s.n > 0 && (memchr(s.p, '\n', s.n) != NULL || memchr(s.p, '\r', s.n) != NULL);
}

/* The lines before the data, in the order that old readers expect. */
static void put_fields(struct buf *out, const struct http_event *event)
{
	if (event->type.p != NULL && !has_line_break(event->type)) {
		buf_put(out, STR("event: "));
		buf_put(out, event->type);
		buf_put_byte(out, '\n');
	}
	if (event->id.p != NULL && !has_line_break(event->id)) {
		buf_put(out, STR("id: "));
		buf_put(out, event->id);
		buf_put_byte(out, '\n');
	}
	if (event->retry_ms > 0)
		buf_put_fmt(out, "retry: %u\n", event->retry_ms);
}

void event_write(struct http_conn *conn, const struct http_event *event, bool chunked)
{
	struct piece pieces[8] = {0};
	AUTO_BUF fields = {0}, lines = {0};
	size_t count = 1;

	put_fields(&fields, event);
	if (fields.n > 0)
		pieces[count++].str = buf_str(&fields);
	if (has_line_break(event->data)) {
		put_lines(&lines, event->data);
		pieces[count++].str = buf_str(&lines);
	} else {
		pieces[count++].str = STR("data: ");
		pieces[count++] = (struct piece){.str = event->data, .blob = event->blob};
		pieces[count++].str = STR("\n\n");
	}
	write_chunk(conn, pieces, count, chunked);
}

void bytes_write(struct http_conn *conn, struct str bytes, bool chunked)
{
	struct piece pieces[3] = {0};

	pieces[1].str = bytes;
	write_chunk(conn, pieces, 2, chunked);
}

void event_comment(struct http_conn *conn, bool chunked)
{
	struct piece pieces[3] = {0};

	pieces[1].str = STR(": keepalive\n\n");
	write_chunk(conn, pieces, 2, chunked);
}

void event_finish(struct http_conn *conn, bool chunked)
{
	struct piece last = {.str = STR("0\r\n\r\n")};

	if (chunked)
		(void)stream_write(conn->stream, &last, 1);
}

static struct str stream_head(struct http_exchange *exchange, struct str headers)
{
	struct http_request *request = request_of(exchange);
	bool closes = request->old || !request->keep_alive || exchange->conn->home->draining;
	struct str parts[] = {
		STR("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n"
		    "X-Accel-Buffering: no\r\n"),
		request->old ? STR_NONE : STR("Transfer-Encoding: chunked\r\n"),
		http_date(exchange->conn->home),
		closes ? STR("Connection: close\r\n") : STR_NONE,
		headers,
		exchange->extra_headers,
		/* Some proxies hold the head back until a first byte of body. */
		exchange->method == HTTP_HEAD ? STR("\r\n")
		: request->old		      ? STR("\r\n:\n\n")
					      : STR("\r\n3\r\n:\n\n\r\n"),
	};

	return answer_head(exchange->arena, parts, ARRAY_LEN(parts));
}

AWAITS enum err http_sse_begin(struct http_exchange *exchange, struct str headers)
{
	struct http_conn *conn = exchange->conn;
	struct http_request *request = request_of(exchange);
	int64_t keepalive_ms = conn->home->spec.keepalive_ms;
	struct piece head;
	uint16_t spread;

	CHECK_OBJ(exchange, HTTP_EXCHANGE_MAGIC);
	CHECK(!exchange->answered);
	TRY(conn_wait_room(conn));
	head = (struct piece){.str = stream_head(exchange, headers)};
	exchange->answered = true;
	exchange->status = 200;
	request->sse = true;
	request->keep_alive = request->keep_alive && !request->old;
	counter_add(&conn->home->counters.bytes_out, head.str.n);
	(void)stream_write(conn->stream, &head, 1);
	random_bytes(&spread, sizeof spread);
	conn->queued_then = SIZE_MAX;
	conn_set_deadline(conn, keepalive_ms / 2 + keepalive_ms * spread / (2 * UINT16_MAX));
	return OK;
}

AWAITS enum err http_sse_event(struct http_exchange *exchange, const struct http_event *event)
{
	struct http_conn *conn = exchange->conn;
	struct http_request *request = request_of(exchange);

	CHECK_OBJ(exchange, HTTP_EXCHANGE_MAGIC);
	CHECK(request->sse && !request->sse_end);
	TRY(conn_wait_room(conn));
	if (exchange->method == HTTP_HEAD)
		return OK;
	event_write(conn, event, !request->old);
	conn_set_deadline(conn, conn->home->spec.keepalive_ms);
	return OK;
}

AWAITS enum err http_sse_end(struct http_exchange *exchange)
{
	struct http_conn *conn = exchange->conn;
	struct http_request *request = request_of(exchange);

	CHECK_OBJ(exchange, HTTP_EXCHANGE_MAGIC);
	CHECK(request->sse && !request->sse_end);
	TRY(conn_wait_room(conn));
	request->sse_end = true;
	if (exchange->method != HTTP_HEAD)
		event_finish(conn, !request->old);
	return OK;
}
