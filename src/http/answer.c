/* Whole answers: a head in the request's arena, the body's pieces where they lie, one write.
 *
 * Everything costly is prepared: the Date line once a second, status lines as constants. A
 * body is compressed only when the handler allows it, the client accepts it and it is large. */
#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "http/gzip.h"
#include "http/negotiate.h"
#include "http/server_private.h"

#define STATUS_LINES(X)                                                                                                \
	X(200, "OK")                                                                                                   \
	X(201, "Created")                                                                                              \
	X(202, "Accepted")                                                                                             \
	X(204, "No Content")                                                                                           \
	X(206, "Partial Content")                                                                                      \
	X(301, "Moved Permanently")                                                                                    \
	X(302, "Found")                                                                                                \
	X(303, "See Other")                                                                                            \
	X(304, "Not Modified")                                                                                         \
	X(307, "Temporary Redirect")                                                                                   \
	X(308, "Permanent Redirect")                                                                                   \
	X(400, "Bad Request")                                                                                          \
	X(401, "Unauthorized")                                                                                         \
	X(403, "Forbidden")                                                                                            \
	X(404, "Not Found")                                                                                            \
	X(405, "Method Not Allowed")                                                                                   \
	X(406, "Not Acceptable")                                                                                       \
	X(408, "Request Timeout")                                                                                      \
	X(409, "Conflict")                                                                                             \
	X(410, "Gone")                                                                                                 \
	X(411, "Length Required")                                                                                      \
	X(412, "Precondition Failed")                                                                                  \
	X(413, "Content Too Large")                                                                                    \
	X(414, "URI Too Long")                                                                                         \
	X(415, "Unsupported Media Type")                                                                               \
	X(417, "Expectation Failed")                                                                                   \
	X(421, "Misdirected Request")                                                                                  \
	X(422, "Unprocessable Content")                                                                                \
	X(428, "Precondition Required")                                                                                \
	X(429, "Too Many Requests")                                                                                    \
	X(431, "Request Header Fields Too Large")                                                                      \
	X(499, "Client Closed Request")                                                                                \
	X(500, "Internal Server Error")                                                                                \
	X(501, "Not Implemented")                                                                                      \
	X(502, "Bad Gateway")                                                                                          \
	X(503, "Service Unavailable")                                                                                  \
	X(504, "Gateway Timeout")

const char *http_reason(int status)
{
	switch (status) {
#define X(code, reason)                                                                                                \
	case code:                                                                                                     \
		return reason;
		STATUS_LINES(X)
#undef X
	default:
		return "Unknown";
	}
}

struct str status_line(struct arena *arena, int status)
{
	switch (status) {
#define X(code, reason)                                                                                                \
	case code:                                                                                                     \
		return STR("HTTP/1.1 " #code " " reason "\r\n");
		STATUS_LINES(X)
#undef X
	default:
		return arena_fmt(arena, "HTTP/1.1 %d Unknown\r\n", status);
	}
}

struct str http_date(struct http_home *home)
{
	int64_t now_ms = loop_now(home->loop), wall_ms;
	time_t seconds;
	struct tm tm;

	if (now_ms < home->date_until_ms)
		return (struct str){home->date, DATE_LINE_BYTES};
	wall_ms = clock_wall_ms();
	seconds = (time_t)(wall_ms / 1000);
	gmtime_r(&seconds, &tm);
	strftime(home->date, sizeof home->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
	home->date_until_ms = now_ms + 1000 - wall_ms % 1000;
	return (struct str){home->date, DATE_LINE_BYTES};
}

struct str answer_head(struct arena *arena, const struct str *parts, size_t count)
{
	size_t total = 0;
	char *head, *to;

	for (size_t i = 0; i < count; i++)
		total += parts[i].n;
	head = to = arena_alloc(arena, total);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].n > 0)
			memcpy(to, parts[i].p, parts[i].n);
		to += parts[i].n;
	}
	return (struct str){head, total};
}

static inline char *put(char *to, struct str s)
{
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

static char *put_number(char *to, uint64_t n)
{
	char digits[20], *at = digits + sizeof digits;

	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return put(to, (struct str){at, (size_t)(digits + sizeof digits - at)});
}

static struct str connection_line(const struct http_conn *conn)
{
	const struct http_request *request = conn->request;

	if (!request->keep_alive || conn->home->draining || conn->eof)
		return STR("Connection: close\r\n");
	return request->old ? STR("Connection: keep-alive\r\n") : STR_NONE;
}

static bool may_have_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

/* What will be sent of a body, after the choice of a coding. */
struct sending {
	const struct piece *pieces;
	size_t count;
	uint64_t bytes;
	struct str coding_lines;
	struct piece packed;
};

AWAITS static void choose_coding(struct http_exchange *exchange, const struct http_body *body, struct buf *room,
				 struct sending *sending)
{
	struct str accept = http_field_get(&exchange->fields, HTTP_ACCEPT_ENCODING);

	if (!body->gzip && body->gzipped == NULL)
		return;
	sending->coding_lines = STR("Vary: Accept-Encoding\r\n");
	if (sending->bytes < HTTP_GZIP_BYTES_MIN || exchange->method == HTTP_HEAD || !http_accepts_gzip(accept))
		return;
	if (body->gzipped != NULL)
		sending->packed = (struct piece){.str = body->gzipped->str, .blob = body->gzipped};
	else if (gzip_pieces(body->pieces, body->count, room) == OK)
		sending->packed = (struct piece){.str = buf_str(room)};
	if (sending->packed.str.n == 0)
		return;
	sending->pieces = &sending->packed;
	sending->count = 1;
	sending->bytes = sending->packed.str.n;
	sending->coding_lines = STR("Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n");
}

/* Room for the lines whose length the program decides. */
#define HEAD_FIXED_BYTES 320

static struct str build_head(struct http_exchange *exchange, int status, struct str headers, struct str content_type,
			     const struct sending *sending)
{
	struct http_conn *conn = exchange->conn;
	size_t cap = HEAD_FIXED_BYTES + content_type.n + headers.n + exchange->extra_headers.n;
	char *head = arena_alloc(exchange->arena, cap);
	char *to = put(head, status_line(exchange->arena, status));

	if (content_type.n > 0) {
		to = put(to, STR("Content-Type: "));
		to = put(to, content_type);
		to = put(to, STR("\r\n"));
	}
	if (may_have_body(status)) {
		to = put(to, STR("Content-Length: "));
		to = put_number(to, sending->bytes);
		to = put(to, STR("\r\n"));
	}
	to = put(to, http_date(conn->home));
	to = put(to, connection_line(conn));
	to = put(to, sending->coding_lines);
	to = put(to, headers);
	to = put(to, exchange->extra_headers);
	to = put(to, STR("\r\n"));
	CHECK((size_t)(to - head) <= cap);
	return (struct str){head, (size_t)(to - head)};
}

AWAITS enum err http_answer(struct http_exchange *exchange, int status, struct str headers,
			    const struct http_body *body)
{
	struct http_conn *conn = exchange->conn;
	struct sending sending = {0};
	struct piece pieces[1 + ANSWER_PIECES_MAX];
	AUTO_BUF room = {0};
	size_t count = 1;
	enum err err;

	CHECK_OBJ(exchange, HTTP_EXCHANGE_MAGIC);
	CHECK(!exchange->answered);
	exchange->status = status;
	if (body != NULL) {
		CHECK(body->count <= ANSWER_PIECES_MAX);
		sending.pieces = body->pieces;
		sending.count = body->count;
		for (size_t i = 0; i < body->count; i++)
			sending.bytes += body->pieces[i].str.n;
		choose_coding(exchange, body, &room, &sending);
	}
	err = conn_wait_room(conn);
	if (err != OK) {
		conn_close(conn, 0); /* without this answer the next one would be taken for it */
		return err;
	}
	exchange->answered = true;
	pieces[0] = (struct piece){
		.str = build_head(exchange, status, headers, body == NULL ? STR_NONE : body->content_type, &sending)};
	if (exchange->method != HTTP_HEAD && may_have_body(status)) {
		for (size_t i = 0; i < sending.count; i++)
			pieces[count++] = sending.pieces[i];
		exchange->bytes_out = sending.bytes;
	}
	counter_add(&conn->home->counters.bytes_out, pieces[0].str.n + exchange->bytes_out);
	(void)stream_write(conn->stream, pieces, count);
	return OK;
}

void answer_refusal(struct http_conn *conn, enum err why)
{
	const struct err_row *row = err_row(why);
	struct arena *arena = conn->request->exchange.arena;
	struct str text =
		arena_fmt(arena, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":%d,\"message\":\"%s\"}}",
			  row->rpc_code, row->text);
	struct str date = http_date(conn->home);
	struct str head = arena_fmt(arena,
				    "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
				    "%.*sConnection: close\r\n%s\r\n",
				    row->http_status, http_reason(row->http_status), text.n, STR_ARG(date),
				    why == ERR_HTTP_METHOD ? "Allow: GET, POST, DELETE, OPTIONS\r\n" : "");
	struct piece pieces[] = {{.str = head}, {.str = text}};

	counter_add(&conn->home->counters.bytes_out, head.n + text.n);
	(void)stream_write(conn->stream, pieces, ARRAY_LEN(pieces));
}
