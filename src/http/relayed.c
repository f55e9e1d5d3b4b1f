/* Answers that somebody else makes: the head as the handler says, then bytes as they come.
 *
 * With a length they are sent bare, without one as chunks (to HTTP/1.0: bare, the close ends them). For an event
 * stream that means that its keepalive comments are the maker's too: one of ours could fall into the middle of an
 * event. The connection's timer only watches that the client takes what is written. */
#include "base/check.h"
#include "http/server_private.h"

static struct str length_line(struct arena *arena, int64_t length)
{
	return length < 0 ? STR_NONE : arena_fmt(arena, "Content-Length: %lld\r\n", (long long)length);
}

AWAITS enum err http_relay_begin(struct http_exchange *exchange, int status, struct str headers, int64_t length)
{
	struct http_conn *conn = exchange->conn;
	struct http_request *request = request_of(exchange);
	bool empty = status == 204 || status == 304;
	bool closes = !request->keep_alive || conn->home->draining || (request->old && length < 0 && !empty);
	struct piece head;

	CHECK_OBJ(exchange, HTTP_EXCHANGE_MAGIC);
	CHECK(!exchange->answered);
	TRY(conn_wait_room(conn));
	request->chunked = length < 0 && !request->old && !empty;
	const struct str parts[] = {
		status_line(exchange->arena, status),
		request->chunked ? STR("Transfer-Encoding: chunked\r\n")
				 : length_line(exchange->arena, empty ? -1 : length),
		http_date(conn->home),
		closes ? STR("Connection: close\r\n") : STR_NONE,
		headers,
		exchange->extra_headers,
		STR("\r\n"),
	};
	head.str = answer_head(exchange->arena, parts, ARRAY_LEN(parts));
	head.blob = NULL;
	exchange->answered = true;
	exchange->status = status;
	request->sse = request->relayed = true;
	request->keep_alive = request->keep_alive && !closes;
	counter_add(&conn->home->counters.bytes_out, head.str.n);
	(void)stream_write(conn->stream, &head, 1);
	return OK;
}

AWAITS enum err http_relay_write(struct http_exchange *exchange, struct str bytes)
{
	struct http_conn *conn = exchange->conn;
	struct http_request *request = request_of(exchange);

	CHECK_OBJ(exchange, HTTP_EXCHANGE_MAGIC);
	CHECK(request->relayed && !request->sse_end);
	TRY(conn_wait_room(conn));
	if (bytes.n > 0 && exchange->method != HTTP_HEAD)
		bytes_write(conn, bytes, request->chunked);
	return OK;
}

AWAITS enum err http_relay_end(struct http_exchange *exchange)
{
	struct http_conn *conn = exchange->conn;
	struct http_request *request = request_of(exchange);

	CHECK_OBJ(exchange, HTTP_EXCHANGE_MAGIC);
	CHECK(request->relayed && !request->sse_end);
	TRY(conn_wait_room(conn));
	request->sse_end = true;
	if (exchange->method != HTTP_HEAD)
		event_finish(conn, request->chunked);
	return OK;
}
