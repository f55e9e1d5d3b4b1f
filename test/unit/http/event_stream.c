/* Server-sent events: framing, keepalive, backpressure, streams without a handler, drain, and
 * what an idle one costs. */
#include "serving.h"

#include <malloc.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

AWAITS static void three_events(struct http_exchange *exchange, void *arg)
{
	ck_ok(http_sse_begin(exchange, STR("X-One: 1\r\n")));
	ck_ok(http_sse_event(exchange, &(struct http_event){.data = STR("{\"a\":1}")}));
	ck_ok(http_sse_event(exchange, &(struct http_event){.id = STR("id-2"), .data = STR("{\n \"b\":\r\n2}")}));
	ck_ok(http_sse_event(exchange, &(struct http_event){.id = STR("no\nid"), .data = STR("")}));
	ck_ok(http_sse_end(exchange));
}

static void framing_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	AUTO_BUF old = {0};
	int fd = dial(serving);
	struct str text;

	say(fd, STR(GET("/")));
	hear(fd, &seen, STR("0\r\n\r\n"));
	text = buf_str(&seen);
	ck_assert(str_starts(text, STR("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				       "Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n"
				       "Transfer-Encoding: chunked\r\nDate: ")));
	ck_assert(str_ends(text, STR("X-One: 1\r\n\r\n3\r\n:\n\n\r\nf\r\ndata: {\"a\":1}\n\n\r\n"
				     "2e\r\nid: id-2\ndata: {\ndata:  \"b\":\ndata: \ndata: 2}\n\n\r\n"
				     "8\r\ndata: \n\n\r\n0\r\n\r\n")));
	seen.n = 0;
	say(fd, STR("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" GET("/")));
	hear(fd, &seen, STR("0\r\n\r\n"));
	ck_assert_uint_eq(count_of(buf_str(&seen), "HTTP/1.1 200 OK"), 2);
	ck_assert_uint_eq(count_of(buf_str(&seen), "0\r\n\r\n"), 1);
	close(fd);
	converse(serving, STR("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), &old);
	ck_assert(
		str_ends(buf_str(&old), STR("\r\n\r\n:\n\ndata: {\"a\":1}\n\nid: id-2\ndata: {\ndata:  \"b\":\ndata: \n"
					    "data: 2}\n\ndata: \n\n")));
	ck_assert_uint_eq(count_of(buf_str(&old), "chunked"), 0);
}

START_TEST(framing)
{
	struct serving serving = serving_new(three_events, framing_client);

	serve(&serving, 1);
}
END_TEST

/* A handler that is silent for a while; the connection speaks for it. */
AWAITS static void silent(struct http_exchange *exchange, void *arg)
{
	ck_ok(http_sse_begin(exchange, STR_NONE));
	ck_err(fiber_sleep(20000), ERR_CANCELED);
}

static void listening_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	int fd = dial(serving);

	say(fd, STR(GET("/")));
	for (int i = 0; i < 3; i++) {
		seen.n = 0;
		hear(fd, &seen, STR("d\r\n: keepalive\n\n\r\n"));
	}
	close(fd);
	while (http_server_stats(serving->server).connections > 0)
		;
}

START_TEST(keepalive)
{
	struct serving serving = serving_new(silent, listening_client);

	serving.spec.keepalive_ms = 40;
	serve(&serving, 1);
}
END_TEST

static _Atomic unsigned long sent;
static _Atomic int result;

/* Writes until it is told to stop: with a client that does not read, it must soon wait. */
AWAITS static void endless(struct http_exchange *exchange, void *arg)
{
	static char text[65536];
	enum err err;

	memset(text, 'x', sizeof text);
	ck_ok(http_sse_begin(exchange, STR_NONE));
	while ((err = http_sse_event(exchange, &(struct http_event){.data = {text, sizeof text}})) == OK)
		sent += sizeof text;
	result = (int)err;
}

static void slow_reader(struct serving *serving)
{
	int fd = dial(serving);
	unsigned long before = 0;
	static char bytes[65536];

	say(fd, STR(GET("/")));
	/* Nothing moves any more once socket buffers and queue are full. */
	do {
		before = sent;
		poll(NULL, 0, 50);
	} while (sent != before || before == 0);
	ck_assert_uint_lt(before, 32 << 20);
	while (sent <= before)
		ck_assert_int_gt(recv(fd, bytes, sizeof bytes, 0), 0);
	close(fd);
	while (http_server_stats(serving->server).connections > 0)
		poll(NULL, 0, 5);
}

START_TEST(backpressure)
{
	struct serving serving = serving_new(endless, slow_reader);

	serve(&serving, 1);
	ck_assert_msg(result == ERR_CLOSED || result == ERR_CANCELED, "%s", err_name((enum err)result));
}
END_TEST

/* A client that reads nothing at all is let go. */
static void deaf_client(struct serving *serving)
{
	int fd = dial(serving);

	say(fd, STR(GET("/")));
	while (sent == 0)
		;
	while (http_server_stats(serving->server).connections > 0)
		;
	close(fd);
}

START_TEST(deaf_clients)
{
	struct serving serving = serving_new(endless, deaf_client);

	serving.spec.keepalive_ms = 50;
	serve(&serving, 1);
	ck_assert_msg(result == ERR_CLOSED || result == ERR_CANCELED, "%s", err_name((enum err)result));
}
END_TEST

#define STREAMS 1000

static struct http_stream *_Atomic stream_last;
static _Atomic int closed, drained, dropped;

static void on_close(void *owner, struct http_stream *stream)
{
	ck_assert_ptr_eq(owner, &closed);
	closed++;
	stream_last = NULL;
}

static void on_drain(void *owner, struct http_stream *stream)
{
	drained++;
	ck_assert(http_stream_push(stream, &(struct http_event){.id = STR("last"), .data = STR("{\"bye\":true}")}));
	http_stream_end(stream);
	ck_assert(!http_stream_push(stream, &(struct http_event){.data = STR("too late")}));
}

AWAITS static void detaching(struct http_exchange *exchange, void *arg)
{
	static const struct http_stream_events events = {.on_close = on_close, .on_drain = on_drain};
	struct http_body none = {0};
	struct http_stream *stream;

	if (str_eq(exchange->path, STR("/push"))) {
		ck_assert(http_stream_push(stream_last, &(struct http_event){.id = STR("7"), .data = STR("{}")}));
		ck_ok(http_answer(exchange, 202, STR_NONE, &none));
	} else if (str_eq(exchange->path, STR("/flood"))) {
		static char text[8192];

		memset(text, 'x', sizeof text);
		while (http_stream_push(stream_last, &(struct http_event){.data = {text, sizeof text}}))
			;
		dropped++;
		ck_ok(http_answer(exchange, 202, STR_NONE, &none));
	} else {
		ck_ok(http_sse_begin(exchange, STR_NONE));
		ck_ok(http_sse_detach(exchange, &events, (void *)&closed, &stream));
		stream_last = stream;
	}
}

static void detached_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	AUTO_BUF ok = {0};
	int fd = dial(serving);

	say(fd, STR(GET("/")));
	hear(fd, &seen, STR("3\r\n:\n\n\r\n"));
	converse(serving, STR("GET /push HTTP/1.0\r\n\r\n"), &ok);
	hear(fd, &seen, STR("10\r\nid: 7\ndata: {}\n\n\r\n"));
	ck_assert_uint_eq(http_server_stats(serving->server).streams, 1);
	hear(fd, &seen, STR(": keepalive\n\n\r\n"));
	close(fd);
	while (closed == 0)
		;
	ck_assert_uint_eq(http_server_stats(serving->server).streams, 0);
}

START_TEST(detached)
{
	struct serving serving = serving_new(detaching, detached_client);

	serving.spec.keepalive_ms = 1000;
	serve(&serving, 1);
	ck_assert_int_eq(closed, 1);
}
END_TEST

static void full_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	AUTO_BUF ok = {0};
	int fd = dial(serving);

	say(fd, STR(GET("/")));
	hear(fd, &seen, STR("3\r\n:\n\n\r\n"));
	converse(serving, STR("GET /flood HTTP/1.0\r\n\r\n"), &ok);
	ck_assert_int_eq(dropped, 1);
	close(fd);
}

START_TEST(full_streams_drop)
{
	struct serving serving = serving_new(detaching, full_client);

	serve(&serving, 1);
}
END_TEST

static int open_streams[STREAMS];

static void many_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	size_t before, after;

	open_streams[0] = dial(serving);
	say(open_streams[0], STR(GET("/")));
	hear(open_streams[0], &seen, STR("3\r\n:\n\n\r\n"));
	before = mallinfo2().uordblks;
	for (int i = 1; i < STREAMS; i++) { /* one after the other: arenas come back to the pool */
		seen.n = 0;
		open_streams[i] = dial(serving);
		say(open_streams[i], STR(GET("/")));
		hear(open_streams[i], &seen, STR("3\r\n:\n\n\r\n"));
	}
	while (http_server_stats(serving->server).streams < STREAMS)
		;
	after = mallinfo2().uordblks;
#if !defined(__SANITIZE_ADDRESS__)
	ck_assert_uint_lt((after - before) / (STREAMS - 1), 1200);
#else
	ck_assert_uint_ge(after, before - after);
#endif
}

/* Idle streams are small, and each hears the last word when the server drains. */
START_TEST(idle_streams)
{
	struct serving serving = serving_new(detaching, many_client);

	serving.spec.keepalive_ms = 60000;
	serve(&serving, 2);
	ck_assert_int_eq(drained, STREAMS);
	ck_assert_int_eq(closed, STREAMS);
	for (int i = 0; i < STREAMS; i++) {
		AUTO_BUF seen = {0};

		hear(open_streams[i], &seen, STR_NONE);
		ck_assert(str_ends(buf_str(&seen), STR("id: last\ndata: {\"bye\":true}\n\n\r\n0\r\n\r\n")));
	}
}
END_TEST

/* Drain while a handler works: it may finish, its connection says goodbye. */
AWAITS static void busy(struct http_exchange *exchange, void *arg)
{
	struct http_body none = {0};

	(void)!fiber_sleep(str_eq(exchange->path, STR("/long")) ? 60000 : 100);
	(void)!http_answer(exchange, 200, STR_NONE, &none);
}

static int busy_fds[2];

static void busy_client(struct serving *serving)
{
	busy_fds[0] = dial(serving);
	busy_fds[1] = dial(serving);
	say(busy_fds[0], STR(GET("/short")));
	say(busy_fds[1], STR(GET("/long")));
	while (http_server_stats(serving->server).requests < 2)
		;
}

START_TEST(drains)
{
	struct serving serving = serving_new(busy, busy_client);
	AUTO_BUF finished = {0};
	AUTO_BUF cut = {0};

	serve(&serving, 1);
	hear(busy_fds[0], &finished, STR_NONE);
	ck_assert_uint_eq(count_of(buf_str(&finished), "HTTP/1.1 200 OK"), 1);
	ck_assert_uint_eq(count_of(buf_str(&finished), "Connection: close"), 1);
	ck_assert_int_le(recv(busy_fds[1], buf_reserve(&cut, 100), 100, 0), 0);
}
END_TEST

UNIT_MAIN("event_stream", framing, keepalive, backpressure, deaf_clients, detached, full_streams_drop, idle_streams,
	  drains)
