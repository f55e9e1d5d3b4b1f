/* The request parser: what it takes, in every way the bytes may be cut; what it refuses, with
 * request smuggling foremost; its limits. */
#include "../unit.h"

#include "base/arena.h"
#include "base/limits.h"
#include "http/request_parser.h"

static const struct request_limits limits = {.head_bytes_max = 4096, .body_bytes_max = 10000};

/* Feed `text` in pieces of `step` bytes, each from memory that is freed after the call.
 *   ret_left   bytes not taken */
static enum err feed(struct request_parser *parser, struct str text, size_t step, bool *complete, size_t *ret_left)
{
	*complete = false;
	while (text.n > 0 && !*complete) {
		size_t n = text.n < step ? text.n : step;
		char *copy = malloc(n);
		struct str input = {copy, n};
		enum err err;

		memcpy(copy, text.p, n);
		err = request_parser_feed(parser, &input, complete);
		n -= input.n;
		free(copy);
		if (err != OK)
			return err;
		text = str_skip(text, n);
	}
	*ret_left = text.n;
	return OK;
}

static enum err parse_whole(struct str text)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	bool complete;
	size_t left;

	return feed(request_parser_new(arena, &limits), text, text.n, &complete, &left);
}

#define TAKEN(text) ck_ok(parse_whole(STR(text)))
#define REFUSED(text) ck_err(parse_whole(STR(text)), ERR_HTTP_MALFORMED)

#define POST "POST /mcp?a=b HTTP/1.1\r\n"
#define HOST "Host: example\r\n"

static const char plain[] = POST HOST "X-Empty:\r\nAccept-Encoding: \t gzip \t \r\nMCP-Session-Id: s1\r\n"
				      "Content-Length: 11\r\n\r\nhello world";
static const char chunked[] = POST HOST "X-Empty: \r\nAccept-Encoding: gzip\r\nMCP-Session-Id:s1\r\n"
					"Transfer-Encoding: chunked\r\n\r\n"
					"5;ext=\"x\"\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\nHost: other\r\n\r\n";

static void check_parsed(struct request_parser *parser)
{
	struct request_head *head = request_parser_head(parser);

	ck_str(head->method, "POST");
	ck_str(head->target, "/mcp?a=b");
	ck_assert_uint_eq(head->minor, 1);
	ck_assert_uint_eq(head->fields.count, 5);
	ck_str(head->fields.field[1].name, "X-Empty");
	ck_str(head->fields.field[1].value, "");
	ck_str(http_field_get(&head->fields, HTTP_ACCEPT_ENCODING), "gzip");
	ck_str(http_field_get(&head->fields, HTTP_MCP_SESSION_ID), "s1");
	ck_str(http_field_get(&head->fields, HTTP_HOST), "example");
	ck_str(http_field_find(&head->fields, STR("x-EMPTY")), "");
	ck_assert_ptr_null(http_field_get(&head->fields, HTTP_COOKIE).p);
	ck_assert(!head->fields.repeated[HTTP_HOST]);
	ck_str(head->body, "hello world");
	ck_assert(head->keep_alive);
}

/* The same request cut at every place into two, and into pieces of every size. */
static void cut_everywhere(struct str text)
{
	for (size_t step = 1; step <= text.n; step++) {
		AUTO(arena) *arena = arena_new(1 << 20);
		struct request_parser *parser = request_parser_new(arena, &limits);
		bool complete;
		size_t left;

		ck_ok(feed(parser, text, step, &complete, &left));
		ck_assert(complete);
		ck_assert_uint_eq(left, 0);
		check_parsed(parser);
	}
	for (size_t at = 1; at < text.n; at++) {
		AUTO(arena) *arena = arena_new(1 << 20);
		struct request_parser *parser = request_parser_new(arena, &limits);
		bool complete;
		size_t left;

		ck_ok(feed(parser, (struct str){text.p, at}, at, &complete, &left));
		ck_assert(!complete);
		ck_ok(feed(parser, str_skip(text, at), text.n, &complete, &left));
		ck_assert(complete);
		check_parsed(parser);
	}
}

START_TEST(splits)
{
	cut_everywhere(STR(plain));
	cut_everywhere(STR(chunked));
}
END_TEST

START_TEST(pipelined)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct str two = STR("GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n");
	struct str input = two;
	bool complete;

	ck_ok(request_parser_feed(request_parser_new(arena, &limits), &input, &complete));
	ck_assert(complete);
	ck_assert_uint_eq(input.n, two.n / 2);
	ck_ok(request_parser_feed(request_parser_new(arena, &limits), &input, &complete));
	ck_assert(complete);
	ck_assert_uint_eq(input.n, 0);
}
END_TEST

START_TEST(smuggling)
{
	REFUSED(POST HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n");
	REFUSED(POST HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc");
	REFUSED(POST HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd");
	REFUSED(POST HOST "Content-Length: 3, 3\r\n\r\nabc");
	REFUSED(POST HOST "Content-Length: +3\r\n\r\nabc");
	REFUSED(POST HOST "Content-Length: -3\r\n\r\nabc");
	REFUSED(POST HOST "Content-Length: 0x3\r\n\r\nabc");
	REFUSED(POST HOST "Content-Length: 3 3\r\n\r\nabc");
	REFUSED(POST HOST "Content-Length: \r\n\r\n");
	REFUSED(POST HOST "Content-Length: 99999999999999999999\r\n\r\n");
	REFUSED(POST HOST "Content-Length : 3\r\n\r\nabc");
	REFUSED(POST HOST "Transfer-Encoding: gzip\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding: identity\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding:\r\n\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding\r\n : chunked\r\n\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding: \x0b"
			  "chunked\r\n\r\n0\r\n\r\n");
	REFUSED("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	TAKEN(POST HOST "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n");
}
END_TEST

START_TEST(line_ends)
{
	REFUSED("GET / HTTP/1.1\nHost: example\n\n");
	REFUSED("GET / HTTP/1.1\r\nHost: example\n\r\n");
	REFUSED("GET / HTTP/1.1\r\nHost: example\r\n\n");
	REFUSED("GET / HTTP/1.1\r\nHost: example\rX: y\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n Host: example\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "X\0: a\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "No colon\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST ": no name\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "X Y: a\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "X(: a\r\n\r\n");
	TAKEN("\r\nGET / HTTP/1.1\r\n" HOST "X: caf\xc3\xa9\r\n\r\n");
}
END_TEST

START_TEST(request_lines)
{
	REFUSED("GET /\r\n\r\n");
	REFUSED("GET / HTTP/0.9\r\n\r\n");
	REFUSED("GET / HTTP/2.0\r\n" HOST "\r\n");
	REFUSED("GET / HTTP/1.2\r\n" HOST "\r\n");
	REFUSED("GET / HTTP/1.1 \r\n" HOST "\r\n");
	REFUSED("GET / http/1.1\r\n" HOST "\r\n");
	REFUSED("GET / ICE/1.0\r\n" HOST "\r\n");
	REFUSED("get / HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET  HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET /a b HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET\t/ HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("\x16\x03\x01\x02\x00\x01\x00");
	REFUSED("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	ck_err(parse_whole(STR("CONNECT example:443 HTTP/1.1\r\n" HOST "\r\n")), ERR_HTTP_METHOD);
	TAKEN("OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
	TAKEN("GET http://example/x HTTP/1.1\r\n" HOST "\r\n");
}
END_TEST

START_TEST(hosts)
{
	REFUSED("GET / HTTP/1.1\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\nHost:\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n");
	REFUSED("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n");
	TAKEN("GET / HTTP/1.0\r\n\r\n");
	TAKEN("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n");
}
END_TEST

static struct request_head head_of(struct arena *arena, struct str text)
{
	struct request_parser *parser = request_parser_new(arena, &limits);
	bool complete;
	size_t left;

	ck_ok(feed(parser, text, text.n, &complete, &left));
	return *request_parser_head(parser);
}

START_TEST(keeps_alive)
{
	AUTO(arena) *arena = arena_new(1 << 20);

	ck_assert(head_of(arena, STR("GET / HTTP/1.1\r\n" HOST "\r\n")).keep_alive);
	ck_assert(!head_of(arena, STR("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n")).keep_alive);
	ck_assert(!head_of(arena, STR("GET / HTTP/1.1\r\n" HOST "Connection: x, Close\r\n\r\n")).keep_alive);
	ck_assert(!head_of(arena, STR("GET / HTTP/1.0\r\n\r\n")).keep_alive);
	ck_assert(head_of(arena, STR("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")).keep_alive);
}
END_TEST

START_TEST(upgrades_are_ignored)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct request_head head = head_of(arena, STR(POST HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n"
								"Content-Length: 2\r\n\r\nhi"));

	ck_str(head.body, "hi");
	ck_assert(head.keep_alive);
}
END_TEST

START_TEST(expectations)
{
	AUTO(arena) *arena = arena_new(1 << 20);

	ck_assert(head_of(arena, STR(POST HOST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n")).expects_continue);
	ck_assert(!head_of(arena, STR(POST HOST "Expect: 100-continue\r\n\r\n")).expects_continue);
	ck_assert(!head_of(arena, STR("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"))
			   .expects_continue);
	ck_err(parse_whole(STR(POST HOST "Expect: magic\r\n\r\n")), ERR_HTTP_EXPECT);
}
END_TEST

static enum err parse_buf(struct buf *text, size_t step)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	bool complete;
	size_t left;

	return feed(request_parser_new(arena, &limits), buf_str(text), step, &complete, &left);
}

static void put_many(struct buf *out, struct str s, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_put(out, s);
}

/* A head of exactly n bytes. */
static void put_head(struct buf *out, size_t n)
{
	buf_put(out, STR("GET / HTTP/1.1\r\n" HOST "X: "));
	put_many(out, STR("x"), n - out->n - 4);
	buf_put(out, STR("\r\n\r\n"));
}

START_TEST(head_limits)
{
	for (size_t step = 1; step < 8192; step += step < 4 ? 1 : 977) {
		AUTO_BUF fits = {0};
		AUTO_BUF over = {0};
		AUTO_BUF lines = {0};
		AUTO_BUF fields = {0};
		AUTO_BUF url = {0};

		put_head(&fits, limits.head_bytes_max);
		ck_ok(parse_buf(&fits, step));
		put_head(&over, limits.head_bytes_max + 8);
		ck_err(parse_buf(&over, step), ERR_HTTP_HEAD_TOO_LARGE);
		put_many(&lines, STR("\r\n"), limits.head_bytes_max);
		ck_err(parse_buf(&lines, step), ERR_HTTP_HEAD_TOO_LARGE);
		buf_put(&fields, STR("GET / HTTP/1.1\r\n" HOST));
		put_many(&fields, STR("A:b\r\n"), HTTP_HEADERS_MAX);
		ck_err(parse_buf(&fields, step), ERR_HTTP_HEAD_TOO_LARGE);
		buf_put(&url, STR("GET /"));
		put_many(&url, STR("u"), HTTP_URL_BYTES_MAX);
		ck_err(parse_buf(&url, step), ERR_HTTP_HEAD_TOO_LARGE);
	}
}
END_TEST

START_TEST(body_limits)
{
	AUTO_BUF fits = {0};
	AUTO_BUF chunks = {0};

	ck_err(parse_whole(STR(POST HOST "Content-Length: 10001\r\n\r\n")), ERR_HTTP_BODY_TOO_LARGE);
	buf_put(&fits, STR(POST HOST "Content-Length: 10000\r\n\r\n"));
	put_many(&fits, STR("x"), 10000);
	ck_ok(parse_buf(&fits, 999));
	buf_put(&chunks, STR(POST HOST "Transfer-Encoding: chunked\r\n\r\n"));
	put_many(&chunks, STR("a\r\n0123456789\r\n"), 1001);
	ck_err(parse_buf(&chunks, 999), ERR_HTTP_BODY_TOO_LARGE);
	REFUSED(POST HOST "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n");
	REFUSED(POST HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\n");
	REFUSED(POST HOST "Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n");
	REFUSED(POST HOST "Transfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n");
	REFUSED(POST HOST "Transfer-Encoding: chunked\r\n\r\n1;\nx\r\nx\r\n0\r\n\r\n");
}
END_TEST

/* Extensions, trailers and leading zeros cost the sender more than they may. */
START_TEST(framing_limits)
{
	static const char head[] = POST HOST "Transfer-Encoding: chunked\r\n\r\n";
	static const struct {
		struct str first, again;
	} floods[] = {
		{STR("1;"), STR("ext")},     {STR("1;a="), STR("value")},
		{STR(""), STR("000000")},    {STR("0\r\n"), STR("Trailer: x\r\n")},
		{STR("0\r\nT: "), STR("x")},
	};

	for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
		AUTO_BUF text = {0};

		buf_put(&text, STR(head));
		buf_put(&text, floods[i].first);
		put_many(&text, floods[i].again, 20000);
		ck_err(parse_buf(&text, 1000), ERR_HTTP_BODY_TOO_LARGE);
	}
}
END_TEST

UNIT_MAIN("request_parser", splits, pipelined, smuggling, line_ends, request_lines, hosts, keeps_alive,
	  upgrades_are_ignored, expectations, head_limits, body_limits, framing_limits)
