/* Answers that somebody else makes: their framing, that ours do not get into them, and what a client sees of one that
 * is not ended. */
#include "serving.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* /known: a length; /empty: no body; /cut: no end; else as it comes. */
AWAITS static void relay(struct http_exchange *exchange, void *arg)
{
	bool known = str_eq(exchange->path, STR("/known"));

	exchange->extra_headers = STR("X-Ours: 1\r\n");
	if (str_eq(exchange->path, STR("/empty"))) {
		ck_ok(http_relay_begin(exchange, 204, STR(""), -1));
		ck_ok(http_relay_end(exchange));
		return;
	}
	ck_ok(http_relay_begin(exchange, 503, STR("Content-Type: text/plain\r\n"), known ? 10 : -1));
	ck_ok(http_relay_write(exchange, STR("hello")));
	ck_ok(http_relay_write(exchange, STR("")));
	ck_ok(http_relay_write(exchange, STR("world")));
	if (!str_eq(exchange->path, STR("/cut")))
		ck_ok(http_relay_end(exchange));
}

static void framing_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	AUTO_BUF old = {0};
	AUTO_BUF cut = {0};
	int fd = dial(serving);

	say(fd, STR(GET("/")));
	hear(fd, &seen, STR("0\r\n\r\n"));
	ck_assert(str_starts(buf_str(&seen),
			     STR("HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\nDate: ")));
	ck_assert(str_ends(buf_str(&seen), STR("Content-Type: text/plain\r\nX-Ours: 1\r\n\r\n"
					       "5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n")));
	seen.n = 0;
	say(fd, STR(GET("/known") GET("/empty") GET("/")));
	hear(fd, &seen, STR("0\r\n\r\n"));
	ck_assert_uint_eq(count_of(buf_str(&seen), "Content-Length: 10\r\n"), 1);
	ck_assert_uint_eq(count_of(buf_str(&seen), "\r\n\r\nhelloworldHTTP/1.1 204 No Content\r\n"), 1);
	ck_assert_uint_eq(count_of(buf_str(&seen), "X-Ours: 1\r\n\r\nHTTP/1.1 503"), 1);
	close(fd);

	converse(serving, STR("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), &old);
	ck_assert(str_ends(buf_str(&old), STR("\r\n\r\nhelloworld")));
	ck_assert_uint_eq(count_of(buf_str(&old), "Connection: close"), 1);
	converse(serving, STR(GET("/cut")), &cut);
	ck_assert(str_ends(buf_str(&cut), STR("5\r\nworld\r\n")));
}

START_TEST(framing)
{
	struct serving serving = serving_new(relay, framing_client);

	serve(&serving, 1);
}
END_TEST

/* An event that comes in two parts, long after each other. */
AWAITS static void halves(struct http_exchange *exchange, void *arg)
{
	ck_ok(http_relay_begin(exchange, 200, STR("Content-Type: text/event-stream\r\n"), -1));
	ck_ok(http_relay_write(exchange, STR("data: {\"a\"")));
	ck_ok(fiber_sleep(300));
	ck_ok(http_relay_write(exchange, STR(":1}\n\n")));
	ck_ok(http_relay_end(exchange));
}

static void halves_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	int fd = dial(serving);

	say(fd, STR(GET("/")));
	hear(fd, &seen, STR("0\r\n\r\n"));
	ck_assert(str_ends(buf_str(&seen), STR("\r\n\r\na\r\ndata: {\"a\"\r\n5\r\n:1}\n\n\r\n0\r\n\r\n")));
	close(fd);
}

START_TEST(no_comment_falls_into_an_event)
{
	struct serving serving = serving_new(halves, halves_client);

	serving.spec.keepalive_ms = 40;
	serve(&serving, 1);
}
END_TEST

/* A replica's connection counts in all, but no more for its address. */
AWAITS static void trusting(struct http_exchange *exchange, void *arg)
{
	http_exchange_trust(exchange);
	http_exchange_trust(exchange);
	ck_ok(http_answer(exchange, 204, STR(""), NULL));
}

static void many_connections(struct serving *serving)
{
	int fd[3];

	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		AUTO_BUF seen = {0};

		fd[i] = dial(serving);
		say(fd[i], STR(GET("/")));
		hear(fd[i], &seen, STR("\r\n\r\n"));
		ck_assert(str_starts(buf_str(&seen), STR("HTTP/1.1 204")));
	}
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		close(fd[i]);
}

START_TEST(who_is_trusted_has_no_cap_of_its_own)
{
	struct serving serving = serving_new(trusting, many_connections);

	serving.spec.connections_per_ip_max = 1;
	serve(&serving, 1);
}
END_TEST

UNIT_MAIN("relayed", framing, no_comment_falls_into_an_event, who_is_trusted_has_no_cap_of_its_own)
