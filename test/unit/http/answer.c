/* Whole answers: coding, what HEAD and bodiless statuses get, limits that change while the
 * server runs, who the client is behind a proxy. */
#include "serving.h"

#include <zlib.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAccept-Encoding: br, gzip\r\n\r\n"

static struct buf text; /* the body that /large answers in three pieces */

static void make_text(size_t lines)
{
	text.n = 0;
	for (size_t i = 0; i < lines; i++)
		buf_put_fmt(&text, "line %zu of a text that compresses well\n", i);
}

AWAITS static void handle(struct http_exchange *exchange, void *arg)
{
	struct str all = buf_str(&text);
	struct piece pieces[] = {{.str = {all.p, 10}}, {.str = STR("")}, {.str = str_skip(all, 10)}};
	struct http_body body = {.content_type = STR("text/plain"), .pieces = pieces, .count = 3, .gzip = true};
	AUTO(blob) *ready = NULL;

	exchange->extra_headers = STR("X-Extra: 1\r\n");
	if (str_eq(exchange->path, STR("/ready"))) {
		ready = blob_new(STR("not really gzip"));
		body.gzipped = ready;
	}
	if (str_eq(exchange->path, STR("/plain")))
		body.gzip = false;
	if (str_eq(exchange->path, STR("/304")))
		ck_ok(http_answer(exchange, 304, STR("ETag: \"x\"\r\n"), &body));
	else if (str_eq(exchange->path, STR("/202")))
		ck_ok(http_answer(exchange, 202, STR_NONE, NULL));
	else
		ck_ok(http_answer(exchange, 200, STR_NONE, &body));
	ck_assert(exchange->answered);
}

/* One exchange on its own connection: head and body apart. */
static struct str fetch(struct serving *serving, struct str request, struct buf *answer, struct str *ret_body)
{
	int fd = dial(serving);
	const char *end;

	answer->n = 0;
	say(fd, request);
	hear(fd, answer, STR_NONE);
	close(fd);
	end = memmem(answer->p, answer->n, "\r\n\r\n", 4);
	ck_assert_ptr_nonnull(end);
	*ret_body = str_skip(buf_str(answer), (size_t)(end + 4 - answer->p));
	return (struct str){answer->p, (size_t)(end + 2 - answer->p)};
}

static void unzips_to_text(struct str packed)
{
	z_stream z = {.next_in = (unsigned char *)packed.p, .avail_in = (unsigned)packed.n};
	AUTO_BUF plain = {0};

	z.next_out = (unsigned char *)buf_reserve(&plain, text.n + 1);
	z.avail_out = (unsigned)text.n + 1;
	ck_assert_int_eq(inflateInit2(&z, 15 + 16), Z_OK);
	ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
	plain.n = z.total_out;
	inflateEnd(&z);
	ck_assert(str_eq(buf_str(&plain), buf_str(&text)));
}

static void coding_client(struct serving *serving)
{
	AUTO_BUF answer = {0};
	struct str head, body;

	for (size_t lines = 200; lines <= 20000; lines *= 10) { /* here, and on a worker */
		make_text(lines);
		head = fetch(serving, STR(GET("/")), &answer, &body);
		ck_assert_uint_eq(count_of(head, "Content-Encoding: gzip\r\n"), 1);
		ck_assert_uint_eq(count_of(head, "Vary: Accept-Encoding\r\n"), 1);
		ck_assert_uint_eq(count_of(head, "X-Extra: 1\r\n"), 1);
		ck_assert_uint_lt(body.n, text.n / 2);
		unzips_to_text(body);
	}
	(void)fetch(serving, STR(GET("/ready")), &answer, &body);
	ck_str(body, "not really gzip");
	head = fetch(serving, STR(GET("/plain")), &answer, &body);
	ck_assert_uint_eq(count_of(head, "Encoding"), 0);
	ck_assert(str_eq(body, buf_str(&text)));
	head = fetch(serving, STR("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), &answer, &body);
	ck_assert_uint_eq(count_of(head, "Vary: Accept-Encoding\r\n"), 1);
	ck_assert_uint_eq(count_of(head, "Content-Encoding"), 0);
	ck_assert(str_eq(body, buf_str(&text)));
	make_text(2);
	head = fetch(serving, STR(GET("/")), &answer, &body);
	ck_assert_uint_eq(count_of(head, "Content-Encoding"), 0);
	ck_assert(str_eq(body, buf_str(&text)));
}

START_TEST(codings)
{
	struct serving serving = serving_new(handle, coding_client);

	serve(&serving, 1);
}
END_TEST

static void bodiless_client(struct serving *serving)
{
	AUTO_BUF answer = {0};
	struct str head, body;

	make_text(2);
	head = fetch(serving, STR("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), &answer, &body);
	ck_assert_uint_eq(body.n, 0);
	ck_assert_uint_eq(count_of(head, "Content-Length: "), 1);
	head = fetch(serving, STR(GET("/304")), &answer, &body);
	ck_assert(str_starts(head, STR("HTTP/1.1 304 Not Modified\r\n")));
	ck_assert_uint_eq(count_of(head, "Content-Length"), 0);
	ck_assert_uint_eq(body.n, 0);
	head = fetch(serving, STR(GET("/202")), &answer, &body);
	ck_assert_uint_eq(count_of(head, "Content-Length: 0\r\n"), 1);
	ck_assert_uint_eq(count_of(head, "Content-Type"), 0);
}

START_TEST(bodiless)
{
	struct serving serving = serving_new(handle, bodiless_client);

	serve(&serving, 1);
}
END_TEST

/* Each request shrinks the head limit for the next, on all loops. */
AWAITS static void shrink(struct http_exchange *exchange, void *arg)
{
	struct serving *serving = arg;
	struct http_server_spec spec = serving->spec;
	struct http_body none = {0};

	spec.arg = serving;
	spec.head_bytes_max = 1024;
	http_server_reconfigure(serving->server, &spec);
	ck_ok(http_answer(exchange, 200, STR_NONE, &none));
}

static void shrinking_client(struct serving *serving)
{
	AUTO_BUF long_head = {0};
	AUTO_BUF answer = {0};
	int fd = dial(serving);

	buf_put(&long_head, STR("GET / HTTP/1.1\r\nHost: h\r\nX: "));
	for (int i = 0; i < 200; i++)
		buf_put(&long_head, STR("0123456789"));
	buf_put(&long_head, STR("\r\n\r\n"));
	say(fd, buf_str(&long_head));
	hear(fd, &answer, STR("\r\n\r\n"));
	ck_assert(str_starts(buf_str(&answer), STR("HTTP/1.1 200 OK\r\n")));
	answer.n = 0;
	say(fd, buf_str(&long_head));
	hear(fd, &answer, STR_NONE);
	ck_assert(str_starts(buf_str(&answer), STR("HTTP/1.1 431 ")));
	close(fd);
}

START_TEST(reconfigures)
{
	struct serving serving = serving_new(shrink, shrinking_client);

	serve(&serving, 2);
}
END_TEST

AWAITS static void who(struct http_exchange *exchange, void *arg)
{
	char out[ADDRESS_TEXT_MAX];
	struct piece pieces[] = {{.str = address_text(&exchange->peer, false, out)},
				 {.str = exchange->secure ? STR(" secure") : STR(" open")}};
	struct http_body body = {.pieces = pieces, .count = 2};

	ck_ok(http_answer(exchange, 200, STR_NONE, &body));
}

static void proxy_client(struct serving *serving)
{
	AUTO_BUF answer = {0};
	struct str body;

	(void)fetch(serving,
		    STR("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Forwarded-For: 6.6.6.6, "
			"1.2.3.4\r\nX-Forwarded-Proto: "
			"https\r\n\r\n"),
		    &answer, &body);
	ck_bytes(body, serving->spec.trusted_count > 0 ? STR("1.2.3.4 secure") : STR("127.0.0.1 open"));
}

START_TEST(behind_proxies)
{
	struct serving direct = serving_new(who, proxy_client), proxied = serving_new(who, proxy_client);
	struct prefix loopback;

	serve(&direct, 1);
	ck_ok(prefix_parse(STR("127.0.0.0/8"), &loopback));
	proxied.spec.trusted_proxies = &loopback;
	proxied.spec.trusted_count = 1;
	proxied.spec.connections_per_ip_max = 1; /* does not count a proxy's connections */
	serve(&proxied, 1);
}
END_TEST

UNIT_MAIN("answer", codings, bodiless, reconfigures, behind_proxies)
