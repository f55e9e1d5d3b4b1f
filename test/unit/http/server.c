/* The server over real sockets: framing both ways, pipelining, refusals, caps, clients that go
 * away, drain. */
#include "serving.h"

#define GET "GET /echo HTTP/1.1\r\nHost: h\r\n"

/* Answers with what it saw: "METHOD path query body". */
AWAITS static void echo(struct http_exchange *exchange, void *arg)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "OTHER"};
	struct piece pieces[] = {
		{.str = str_of(methods[exchange->method])},
		{.str = STR(" ")},
		{.str = exchange->path},
		{.str = STR(" ")},
		{.str = exchange->query},
		{.str = exchange->body},
	};
	struct http_body body = {.content_type = STR("text/plain"), .pieces = pieces, .count = 6};

	if (str_eq(exchange->path, STR("/none")))
		return;
	ck_ok(http_answer(exchange, 200, STR("X-One: 1\r\n"), &body));
}

static void plain_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	int fd = dial(serving);

	say(fd, STR(GET "\r\n"));
	hear(fd, &seen, STR("GET /echo "));
	ck_assert(str_starts(buf_str(&seen), STR("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
						 "Content-Length: 10\r\nDate: ")));
	ck_assert_uint_eq(count_of(buf_str(&seen), "X-One: 1\r\n\r\nGET"), 1);
	ck_assert_uint_eq(count_of(buf_str(&seen), "Connection:"), 0);
	seen.n = 0;
	say(fd, STR("POST /echo?q HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
	hear(fd, &seen, STR("POST /echo qabc"));
	seen.n = 0;
	say(fd, STR("HEAD /echo HTTP/1.1\r\nHost: h\r\n\r\n" GET "Connection: close\r\n\r\n"));
	hear(fd, &seen, STR_NONE);
	ck_assert_uint_eq(count_of(buf_str(&seen), "Content-Length: 11\r\n"), 1);
	ck_assert_uint_eq(count_of(buf_str(&seen), "HEAD /echo"), 0);
	ck_assert_uint_eq(count_of(buf_str(&seen), "Connection: close\r\n"), 1);
	close(fd);
}

START_TEST(answers)
{
	struct serving serving = serving_new(echo, plain_client);

	serve(&serving, 1);
	ck_assert_uint_eq(serving.stats.requests, 4);
	ck_assert_uint_gt(serving.stats.bytes_in, 100);
	ck_assert_uint_gt(serving.stats.bytes_out, 300);
}
END_TEST

static void pipelining_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	AUTO_BUF requests = {0};
	int fd = dial(serving);

	for (int i = 0; i < 5000; i++)
		buf_put_fmt(&requests, "GET /echo?%d. HTTP/1.1\r\nHost: h\r\n%s\r\n", i,
			    i == 4999 ? "Connection: close\r\n" : "");
	say(fd, buf_str(&requests));
	hear(fd, &seen, STR_NONE);
	for (int i = 0; i < 5000; i++) { /* in order */
		AUTO_BUF want = {0};
		const char *at;

		buf_put_fmt(&want, "GET /echo %d.", i);
		at = memmem(seen.p, seen.n, want.p, want.n);
		ck_assert_msg(at != NULL, "answer %d is missing", i);
		buf_drop_front(&seen, (size_t)(at - seen.p) + want.n);
	}
	close(fd);
}

START_TEST(pipelines)
{
	struct serving serving = serving_new(echo, pipelining_client);

	serve(&serving, 1);
	ck_assert_uint_eq(serving.stats.requests, 5000);
}
END_TEST

static void byte_client(struct serving *serving)
{
	struct str request = STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nConnection: close\r\n\r\nxyz");
	AUTO_BUF seen = {0};
	int fd = dial(serving);

	for (size_t i = 0; i < request.n; i++)
		say(fd, (struct str){request.p + i, 1});
	hear(fd, &seen, STR_NONE);
	ck_assert(str_ends(buf_str(&seen), STR("POST /echo xyz")));
	close(fd);
}

START_TEST(takes_bytes_one_by_one)
{
	struct serving serving = serving_new(echo, byte_client);

	serve(&serving, 1);
}
END_TEST

static void large_client(struct serving *serving)
{
	AUTO_BUF body = {0};
	AUTO_BUF seen = {0};
	AUTO_BUF head = {0};
	int fd = dial(serving);

	for (int i = 0; i < 100000; i++)
		buf_put_fmt(&body, "%09d\n", i);
	buf_put_fmt(&head, "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
		    body.n);
	say(fd, buf_str(&head));
	say(fd, buf_str(&body));
	hear(fd, &seen, STR_NONE);
	ck_assert(str_ends(buf_str(&seen), buf_str(&body)));
	close(fd);
}

START_TEST(large_bodies)
{
	struct serving serving = serving_new(echo, large_client);

	serve(&serving, 1);
}
END_TEST

static void expecting_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	int fd = dial(serving);

	say(fd, STR("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
	hear(fd, &seen, STR("HTTP/1.1 100 Continue\r\n\r\n"));
	say(fd, STR("hi"));
	hear(fd, &seen, STR("POST /echo hi"));
	close(fd);
}

START_TEST(continues)
{
	struct serving serving = serving_new(echo, expecting_client);

	serve(&serving, 1);
}
END_TEST

static void old_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	int fd = dial(serving);

	say(fd, STR("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
	hear(fd, &seen, STR("GET /a "));
	ck_assert_uint_eq(count_of(buf_str(&seen), "Connection: keep-alive\r\n"), 1);
	say(fd, STR("GET /b HTTP/1.0\r\n\r\n"));
	hear(fd, &seen, STR_NONE);
	ck_assert(str_ends(buf_str(&seen), STR("GET /b ")));
	close(fd);
}

START_TEST(http_1_0)
{
	struct serving serving = serving_new(echo, old_client);

	serve(&serving, 1);
}
END_TEST

static void refuse_one(struct serving *serving, struct str request, const char *status, const char *code)
{
	AUTO_BUF answer = {0};
	AUTO_BUF want = {0};

	converse(serving, request, &answer);
	buf_put_fmt(&want, "HTTP/1.1 %s\r\n", status);
	ck_assert_msg(str_starts(buf_str(&answer), buf_str(&want)), "want %s, got '%.*s'", status,
		      STR_ARG(buf_str(&answer)));
	ck_assert_uint_eq(count_of(buf_str(&answer), "Connection: close\r\n"), 1);
	ck_assert_uint_eq(count_of(buf_str(&answer), code), 1);
	ck_assert_uint_eq(count_of(buf_str(&answer), "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{"), 1);
}

static void refused_client(struct serving *serving)
{
	AUTO_BUF long_head = {0};

	refuse_one(serving, STR("GET / HTTP/1.1\r\n\r\n"), "400 Bad Request", "-32600");
	refuse_one(serving, STR("nonsense\r\n\r\n"), "400 Bad Request", "-32600");
	refuse_one(serving, STR("GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n"), "400 Bad Request", "-32600");
	refuse_one(serving,
		   STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
		   "400 Bad Request", "-32600");
	refuse_one(serving, STR("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n"), "405 Method Not Allowed", "-32000");
	refuse_one(serving, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n"),
		   "413 Content Too Large", "-32600");
	refuse_one(serving, STR("POST / HTTP/1.1\r\nHost: h\r\nExpect: a\r\n\r\n"), "417 Expectation Failed", "-32600");
	buf_put(&long_head, STR("GET / HTTP/1.1\r\nHost: h\r\nX: "));
	for (int i = 0; i < 1000; i++)
		buf_put(&long_head, STR("0123456789"));
	refuse_one(serving, buf_str(&long_head), "431 Request Header Fields Too Large", "-32600");
	/* What was answered before stays answered. */
	refuse_one(serving, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n\r\n\r\n: x\r\n\r\n"), "200 OK",
		   "-32600");
}

static _Atomic unsigned refusals;

static void on_refused(const struct address *peer, enum err why, void *arg)
{
	ck_assert(address_is_loopback(peer) && why != OK);
	refusals++;
}

START_TEST(refusals_are_answered)
{
	struct serving serving = serving_new(echo, refused_client);

	serving.spec.on_refused = on_refused;
	serve(&serving, 1);
	ck_assert_uint_eq(refusals, 9);
}
END_TEST

static void odd_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	int fd = dial(serving);

	say(fd, STR("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"));
	hear(fd, &seen, STR("\r\n\r\n"));
	ck_assert(str_starts(buf_str(&seen), STR("HTTP/1.1 204 No Content\r\n")));
	ck_assert_uint_eq(count_of(buf_str(&seen), "Content-Length"), 0);
	ck_assert_uint_eq(count_of(buf_str(&seen), "Allow: GET"), 1);
	seen.n = 0;
	say(fd, STR("GET /none HTTP/1.1\r\nHost: h\r\n\r\n"));
	hear(fd, &seen, STR("}"));
	ck_assert(str_starts(buf_str(&seen), STR("HTTP/1.1 500 Internal Server Error\r\n")));
	seen.n = 0;
	say(fd, STR("PURGE http://other/a/../b HTTP/1.1\r\nHost: h\r\n\r\n"));
	hear(fd, &seen, STR("OTHER /b "));
	close(fd);
}

START_TEST(odd_requests)
{
	struct serving serving = serving_new(echo, odd_client);

	serve(&serving, 1);
}
END_TEST

/* Closed without an answer, at once. */
static void is_turned_away(struct serving *serving)
{
	int fd = dial(serving);
	char byte;

	ck_assert_int_le(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

static void crowding_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	int first = dial(serving), second = dial(serving);

	say(first, STR(GET "\r\n"));
	hear(first, &seen, STR("GET /echo "));
	say(second, STR(GET "\r\n"));
	hear(second, &seen, STR("GET /echo "));
	is_turned_away(serving);
	close(first);
	/* The place is free once the server saw the close. */
	for (bool served = false; !served;) {
		struct pollfd poll_fd = {.fd = dial(serving), .events = POLLIN};
		char byte;

		(void)!send(poll_fd.fd, GET "\r\n", sizeof GET "\r\n" - 1, MSG_NOSIGNAL);
		served = recv(poll_fd.fd, &byte, 1, 0) == 1;
		close(poll_fd.fd);
	}
	close(second);
}

START_TEST(caps_per_peer)
{
	struct serving serving = serving_new(echo, crowding_client);

	serving.spec.connections_per_ip_max = 2;
	serve(&serving, 2);
	ck_assert_uint_ge(serving.stats.connections_refused, 1);
}
END_TEST

START_TEST(caps_in_all)
{
	struct serving serving = serving_new(echo, crowding_client);

	serving.spec.connections_max = 2;
	serve(&serving, 2);
	ck_assert_uint_ge(serving.stats.connections_refused, 1);
}
END_TEST

/* Head, body and idle time-outs, each with a client that does not go on. */
static void slow_client(struct serving *serving)
{
	AUTO_BUF nothing = {0};
	AUTO_BUF head = {0};
	AUTO_BUF body = {0};
	AUTO_BUF idle = {0};

	converse(serving, STR(""), &nothing);
	ck_assert_uint_eq(nothing.n, 0);
	converse(serving, STR("GET / HTTP/1.1\r\nHost:"), &head);
	ck_assert(str_starts(buf_str(&head), STR("HTTP/1.1 408 Request Timeout\r\n")));
	converse(serving, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc"), &body);
	ck_assert(str_starts(buf_str(&body), STR("HTTP/1.1 408 Request Timeout\r\n")));
	converse(serving, STR(GET "\r\n"), &idle);
	ck_assert(str_ends(buf_str(&idle), STR("GET /echo ")));
}

START_TEST(timeouts)
{
	struct serving serving = serving_new(echo, slow_client);

	serving.spec.header_timeout_ms = serving.spec.body_timeout_ms = serving.spec.idle_timeout_ms = 50;
	serve(&serving, 1);
}
END_TEST

/* A byte now and then must not keep a head open: the deadline is for the whole of it. */
static void drip_client(struct serving *serving)
{
	struct pollfd fd = {.fd = dial(serving), .events = POLLIN};
	int bytes = 0;

	say(fd.fd, STR("GET / HTTP/1.1\r\nX: "));
	while (poll(&fd, 1, 10) == 0 && bytes++ < 500)
		(void)!send(fd.fd, "x", 1, MSG_NOSIGNAL);
	ck_assert_int_lt(bytes, 500);
	close(fd.fd);
}

START_TEST(slowloris)
{
	struct serving serving = serving_new(echo, drip_client);

	serving.spec.header_timeout_ms = 100;
	serve(&serving, 1);
}
END_TEST

static _Atomic int canceled, finished;

/* Waits until its client has gone, or for the word that it may finish. */
AWAITS static void patient(struct http_exchange *exchange, void *arg)
{
	struct http_body body = {0};

	if (str_eq(exchange->path, STR("/keep")))
		exchange->cancel_on_close = false;
	if (fiber_sleep(str_eq(exchange->path, STR("/keep")) ? 200 : 20000) == ERR_CANCELED)
		canceled++;
	else
		finished++;
	(void)!http_answer(exchange, 200, STR_NONE, &body);
}

static void leaving_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	struct http_server_stats stats;
	int fd = dial(serving), half = dial(serving), reset = dial(serving);
	struct linger hard = {.l_onoff = 1};

	say(fd, STR("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
	say(reset, STR("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
	say(half, STR("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n"));
	do
		stats = http_server_stats(serving->server);
	while (stats.requests < 3);
	shutdown(half, SHUT_WR);
	close(fd);
	setsockopt(reset, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(reset);
	hear(half, &seen, STR_NONE);
	ck_assert(str_starts(buf_str(&seen), STR("HTTP/1.1 200 OK\r\n")));
	close(half);
	while (http_server_stats(serving->server).connections > 0)
		;
}

START_TEST(clients_that_leave)
{
	struct serving serving = serving_new(patient, leaving_client);

	serve(&serving, 1);
	ck_assert_int_eq(canceled, 2);
	ck_assert_int_eq(finished, 1);
}
END_TEST

static _Atomic int freed;

AWAITS static void remember(struct http_exchange *exchange, void *arg)
{
	struct http_body body = {0};

	if (exchange->memo == NULL)
		exchange->memo = malloc(1);
	else
		finished++;
	ck_ok(http_answer(exchange, 200, STR_NONE, &body));
}

static void memo_free(void *memo)
{
	freed++;
	free(memo);
}

static void remembered_client(struct serving *serving)
{
	AUTO_BUF seen = {0};

	converse(serving, STR(GET "\r\n" GET "\r\n" GET "Connection: close\r\n\r\n"), &seen);
	ck_assert_uint_eq(count_of(buf_str(&seen), "HTTP/1.1 200 OK"), 3);
}

START_TEST(memo_stays_with_the_connection)
{
	struct serving serving = serving_new(remember, remembered_client);

	serving.spec.memo_free = memo_free;
	serve(&serving, 1);
	ck_assert_int_eq(finished, 2);
	ck_assert_int_eq(freed, 1);
}
END_TEST

/* The client never reads: the server must neither keep the answer's writer waiting for ever
 * nor lose what it could still deliver. */
AWAITS static void flood(struct http_exchange *exchange, void *arg)
{
	AUTO_BUF much = {0};
	struct piece piece;
	struct http_body body = {.pieces = &piece, .count = 1};

	memset(buf_reserve(&much, 32 << 20), 'x', 32 << 20);
	much.n = 32 << 20;
	piece = (struct piece){.str = buf_str(&much)};
	(void)!http_answer(exchange, 200, STR_NONE, &body);
}

static void deaf_client(struct serving *serving)
{
	int fd = dial(serving);

	say(fd, STR(GET "\r\n"));
	while (http_server_stats(serving->server).requests == 0)
		;
	while (http_server_stats(serving->server).connections > 0)
		;
	close(fd);
}

START_TEST(stalled_readers)
{
	struct serving serving = serving_new(flood, deaf_client);

	serving.spec.body_timeout_ms = 100;
	serve(&serving, 1);
}
END_TEST

static void reading_client(struct serving *serving)
{
	AUTO_BUF seen = {0};

	converse(serving, STR(GET "\r\n" GET "Connection: close\r\n\r\n"), &seen);
	ck_assert_uint_gt(seen.n, 64 << 20);
}

START_TEST(large_answers)
{
	struct serving serving = serving_new(flood, reading_client);

	serve(&serving, 1);
}
END_TEST

static _Atomic unsigned released, served_meanwhile, works_ended;

/* The first request's work goes on until the second one was answered on the same connection; one
 * for /late goes on when its connection is gone. */
AWAITS static void released_work(struct http_exchange *exchange, void *arg)
{
	char *mark = arena_alloc(exchange->arena, 4);
	bool late = str_eq(exchange->path, STR("/late"));

	exchange->cancel_on_close = false;
	exchange->memo = exchange->memo == NULL ? strdup("kept") : exchange->memo;
	ck_assert_str_eq(exchange->memo, "kept");
	memcpy(mark, "abc", 4);
	ck_ok(http_answer(exchange, 202, STR_NONE, NULL));
	if (str_eq(exchange->path, STR("/second"))) {
		ck_assert_uint_eq(released, 1);
		served_meanwhile++;
		return;
	}
	released++;
	http_exchange_release(exchange);
	ck_assert_ptr_null(exchange->conn);
	ck_assert_ptr_null(exchange->memo);
	while (served_meanwhile == 0 || (late && http_server_stats(((struct serving *)arg)->server).connections > 0))
		ck_ok(fiber_sleep(1));
	if (late)
		ck_ok(fiber_sleep(50));
	ck_assert_str_eq(mark, "abc");
	ck_str(exchange->body, "body");
	works_ended++;
}

static void releasing_client(struct serving *serving)
{
	AUTO_BUF seen = {0};
	int fd = dial(serving);

	say(fd, STR("POST /first HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"));
	hear(fd, &seen, STR("\r\n\r\n"));
	seen.n = 0;
	say(fd, STR("GET /second HTTP/1.1\r\nHost: h\r\n\r\n"));
	hear(fd, &seen, STR("\r\n\r\n"));
	while (works_ended < 1)
		poll(NULL, 0, 1);
	say(fd, STR("POST /late HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"));
	while (released < 2)
		poll(NULL, 0, 1);
	close(fd);
}

START_TEST(a_released_request_works_on)
{
	struct serving serving = serving_new(released_work, releasing_client);

	serving.spec.memo_free = free;
	serving.spec.arg = &serving;
	serve(&serving, 1);
	ck_assert_uint_eq(works_ended, 2); /* the drain has waited */
}
END_TEST

UNIT_MAIN("server", answers, pipelines, takes_bytes_one_by_one, large_bodies, continues, http_1_0,
	  refusals_are_answered, odd_requests, caps_per_peer, caps_in_all, timeouts, slowloris, clients_that_leave,
	  memo_stays_with_the_connection, stalled_readers, large_answers, a_released_request_works_on)
