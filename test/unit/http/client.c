/* The client's pool against a hand-written server: reuse, stale connections, bounds, bodies
 * whole and in pieces, time-outs, cancel.
 *
 * The server is a thread with blocking sockets; each connection runs `serve` in its own. */
#include "../unit.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "http/client.h"

struct rig {
	int fd;
	uint16_t port;
	void (*serve)(struct rig *rig, int fd); /* until it returns; then the socket is closed */
	void (*script)(struct rig *rig);	/* AWAITS */
	atomic_uint accepted, requests, closed, ended;
	int go[2]; /* a pipe: the client's script lets the server go on */
	struct http_pool_spec spec;
	struct http_pool *pool;
};

struct accepted {
	struct rig *rig;
	int fd;
};

static void *connection_main(void *arg)
{
	struct accepted accepted = *(struct accepted *)arg;

	free(arg);
	accepted.rig->serve(accepted.rig, accepted.fd);
	close(accepted.fd);
	atomic_fetch_add(&accepted.rig->closed, 1);
	return NULL;
}

static void *server_main(void *arg)
{
	struct rig *rig = arg;
	pthread_t thread;
	int fd;

	while ((fd = accept(rig->fd, NULL, NULL)) >= 0) {
		struct accepted *accepted = malloc(sizeof(*accepted));
		int on = 1;

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		*accepted = (struct accepted){rig, fd};
		atomic_fetch_add(&rig->accepted, 1);
		ck_assert_int_eq(pthread_create(&thread, NULL, connection_main, accepted), 0);
		pthread_detach(thread);
	}
	return NULL;
}

/* Read one request, head and body; false at the end of the connection. */
static bool hear(struct rig *rig, int fd, char *request, size_t cap)
{
	size_t n = 0, body = 0;
	char *end = NULL;

	for (;;) {
		ssize_t got = recv(fd, request + n, cap - 1 - n, 0);

		if (got <= 0)
			return false;
		n += (size_t)got;
		request[n] = '\0';
		if (end == NULL && (end = strstr(request, "\r\n\r\n")) != NULL) {
			const char *length = strstr(request, "Content-Length: ");

			body = length == NULL ? 0 : strtoul(length + 16, NULL, 10);
		}
		if (end != NULL && n >= (size_t)(end + 4 - request) + body) {
			atomic_fetch_add(&rig->requests, 1);
			return true;
		}
	}
}

static bool say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

AWAITS static void rig_main(void *arg)
{
	struct rig *rig = arg;

	rig->pool = http_pool_new(loop_self(), &rig->spec);
	rig->script(rig);
	http_pool_free(rig->pool);
}

static void rig_run(struct rig *rig)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(address);
	static char url[64];
	pthread_t server;

	log_setup(LOG_LEVELS, LOG_TEXT);
	rig->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(rig->fd, (struct sockaddr *)&address, n), 0);
	ck_assert_int_eq(listen(rig->fd, 64), 0);
	ck_assert_int_eq(getsockname(rig->fd, (struct sockaddr *)&address, &n), 0);
	ck_assert_int_eq(pthread_create(&server, NULL, server_main, rig), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/mcp?q", ntohs(address.sin_port));
	ck_ok(url_parse(str_of(url), &rig->spec.url));
	rig->spec.guard.allow_private = true;
	if (rig->spec.connections_max == 0)
		rig->spec.connections_max = 8;
	if (rig->spec.idle_ms == 0)
		rig->spec.idle_ms = 60000;
	rig->spec.connect_timeout_ms = 2000;
	ck_ok(rt_run(1, rig_main, rig));
	shutdown(rig->fd, SHUT_RDWR);
	pthread_join(server, NULL);
	close(rig->fd);
}

static struct http_call post_of(struct rig *rig, const struct piece *body)
{
	return (struct http_call){.method = STR("POST"),
				  .path = rig->spec.url.path,
				  .headers = STR("X-A: b\r\n"),
				  .body = body,
				  .body_count = 1,
				  .timeout_ms = 5000};
}

/* POST and take the whole body. */
AWAITS static enum err post(struct rig *rig, bool idempotent, struct buf *out)
{
	AUTO(arena) *arena = arena_new(1 << 22);
	const struct piece body = {.str = STR("{}")};
	struct http_call call = post_of(rig, &body);
	struct http_answer *answer;
	struct str text;
	enum err err;

	call.idempotent = idempotent;
	TRY(http_call(rig->pool, arena, &call, &answer));
	err = http_answer_body(answer, 1 << 20, &text);
	if (err == OK)
		buf_put(out, text);
	http_answer_end(answer);
	return err;
}

/* ---- reuse ----------------------------------------------------------------------- */

static void serve_ok(struct rig *rig, int fd)
{
	char request[4096];

	while (hear(rig, fd, request, sizeof(request))) {
		ck_assert(strncmp(request, "POST /mcp?q HTTP/1.1\r\nHost: 127.0.0.1:", 38) == 0);
		ck_assert(strstr(request, "\r\nX-A: b\r\n") != NULL && strstr(request, "\r\n\r\n{}") != NULL);
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	}
}

AWAITS static void reuse_script(struct rig *rig)
{
	for (int i = 0; i < 10; i++) {
		AUTO_BUF out = {0};

		ck_ok(post(rig, false, &out));
		ck_str(buf_str(&out), "ok");
	}
	ck_assert_uint_eq(rig->accepted, 1);
	ck_assert_uint_eq(http_pool_stats(rig->pool).reuses, 9);
	ck_assert_uint_eq(http_pool_stats(rig->pool).busy, 0);
}

START_TEST(test_reuse)
{
	struct rig rig = {.serve = serve_ok, .script = reuse_script};

	rig_run(&rig);
	ck_assert_uint_eq(rig.requests, 10);
}
END_TEST

/* An idle connection is closed after its time, and noticed when the server closes it. */
AWAITS static void idle_script(struct rig *rig)
{
	AUTO_BUF out = {0};

	ck_ok(post(rig, false, &out));
	ck_assert_uint_eq(http_pool_stats(rig->pool).open, 1);
	for (int i = 0; i < 200 && http_pool_stats(rig->pool).open > 0; i++)
		ck_ok(fiber_sleep(20));
	ck_assert_uint_eq(http_pool_stats(rig->pool).open, 0);
	ck_ok(post(rig, false, &out));
	ck_assert_uint_eq(http_pool_stats(rig->pool).connects, 2);
}

START_TEST(test_idle)
{
	struct rig rig = {.serve = serve_ok, .script = idle_script, .spec.idle_ms = 60};

	rig_run(&rig);
}
END_TEST

static void serve_once(struct rig *rig, int fd)
{
	char request[4096];

	if (hear(rig, fd, request, sizeof(request)))
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

START_TEST(test_server_closes_idle)
{
	struct rig rig = {.serve = serve_once, .script = idle_script};

	rig_run(&rig);
}
END_TEST

/* ---- stale ----------------------------------------------------------------------- */

/* Answers the first request of the first connection; reads its second one and hangs up. */
static void serve_stale(struct rig *rig, int fd)
{
	char request[4096];

	while (hear(rig, fd, request, sizeof(request)) && rig->requests != 2 && rig->requests != 4)
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

AWAITS static void stale_script(struct rig *rig)
{
	AUTO_BUF out = {0};

	ck_ok(post(rig, true, &out));
	ck_ok(post(rig, true, &out)); /* request 2 dies, 3 is its second try */
	ck_assert_uint_eq(rig->requests, 3);
	ck_assert_uint_eq(rig->accepted, 2);
	ck_err(post(rig, false, &out), ERR_UPSTREAM_DOWN); /* 4: never twice */
	ck_assert_uint_eq(rig->requests, 4);
	ck_ok(post(rig, false, &out));
}

START_TEST(test_stale)
{
	struct rig rig = {.serve = serve_stale, .script = stale_script};

	rig_run(&rig);
}
END_TEST

/* ---- bounds ---------------------------------------------------------------------- */

struct many {
	struct rig *rig;
	unsigned ok, busy;
};

AWAITS static void many_member(void *arg)
{
	struct many *many = arg;
	AUTO_BUF out = {0};
	enum err err = post(many->rig, false, &out);

	many->ok += err == OK;
	many->busy += err == ERR_UPSTREAM_BUSY;
}

AWAITS static void many_script(struct rig *rig)
{
	struct many many = {rig, 0, 0};
	struct group group;

	group_init(&group, loop_self());
	for (unsigned i = 0; i < 100; i++)
		ck_ok(group_spawn(&group, "many", many_member, &many));
	ck_ok(group_join(&group));
	ck_assert_uint_eq(many.ok, 100);
	ck_assert_uint_le(rig->accepted, 3);
}

START_TEST(test_connections_max)
{
	struct rig rig = {.serve = serve_ok, .script = many_script, .spec.connections_max = 3};

	rig_run(&rig);
}
END_TEST

AWAITS static void queue_script(struct rig *rig)
{
	struct many many = {rig, 0, 0};
	struct group group;

	group_init(&group, loop_self());
	for (unsigned i = 0; i < UPSTREAM_QUEUE_MAX + 10; i++)
		ck_ok(group_spawn(&group, "many", many_member, &many));
	ck_ok(group_join(&group));
	ck_assert_uint_eq(many.ok, UPSTREAM_QUEUE_MAX + 1);
	ck_assert_uint_eq(many.busy, 9);
}

START_TEST(test_queue_max)
{
	struct rig rig = {.serve = serve_ok, .script = queue_script, .spec.connections_max = 1};

	rig_run(&rig);
}
END_TEST

/* ---- bodies ---------------------------------------------------------------------- */

#define LARGE_BYTES (3 * 1024 * 1024)

/* The query of the request line says what to answer; here: how large, and framed how. */
static void serve_large(struct rig *rig, int fd)
{
	static char block[65536];
	char request[4096], head[256];
	bool chunked;

	memset(block, 'x', sizeof(block));
	while (hear(rig, fd, request, sizeof(request))) {
		chunked = rig->requests % 2 == 0;
		say(fd, chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				: (snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
					    LARGE_BYTES),
				   head));
		for (size_t sent = 0; sent < LARGE_BYTES; sent += sizeof(block)) {
			if (chunked)
				say(fd, "10000\r\n");
			if (send(fd, block, sizeof(block), MSG_NOSIGNAL) != sizeof(block))
				return;
			if (chunked)
				say(fd, "\r\n");
		}
		if (chunked)
			say(fd, "0\r\n\r\n");
	}
}

AWAITS static void read_pieces(struct rig *rig)
{
	AUTO(arena) *arena = arena_new(1 << 20); /* a body read in pieces does not gather there */
	const struct piece body = {.str = STR("{}")};
	struct http_call call = post_of(rig, &body);
	struct http_answer *answer;
	struct str piece;
	size_t total = 0;

	ck_ok(http_call(rig->pool, arena, &call, &answer));
	do {
		ck_ok(http_answer_read(answer, &piece));
		total += piece.n;
		ck_assert_uint_lt(piece.n, 1 << 20); /* a slow reader stops the socket */
		ck_ok(fiber_sleep(1));
	} while (piece.n > 0);
	ck_assert_uint_eq(total, LARGE_BYTES);
	http_answer_end(answer);
}

AWAITS static void read_whole(struct rig *rig, size_t bytes_max, enum err want)
{
	AUTO(arena) *arena = arena_new(16 << 20);
	const struct piece body = {.str = STR("{}")};
	struct http_call call = post_of(rig, &body);
	struct http_answer *answer;
	struct str text;

	ck_ok(http_call(rig->pool, arena, &call, &answer));
	ck_err(http_answer_body(answer, bytes_max, &text), want);
	if (want == OK)
		ck_assert_uint_eq(text.n, LARGE_BYTES);
	http_answer_end(answer);
}

AWAITS static void bodies_script(struct rig *rig)
{
	for (int i = 0; i < 2; i++)
		read_pieces(rig);
	for (int i = 0; i < 2; i++)
		read_whole(rig, LARGE_BYTES, OK);
	ck_assert_uint_eq(rig->accepted, 1);
	for (int i = 0; i < 2; i++)
		read_whole(rig, LARGE_BYTES - 1, ERR_UPSTREAM_TOO_LARGE);
}

START_TEST(test_bodies)
{
	struct rig rig = {.serve = serve_large, .script = bodies_script};

	rig_run(&rig);
}
END_TEST

/* ---- an end that comes later ----------------------------------------------------- */

static void serve_late_end(struct rig *rig, int fd)
{
	char request[4096];

	char go;

	while (hear(rig, fd, request, sizeof(request))) {
		say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
		if (read(rig->go[0], &go, 1) != 1)
			return;
		say(fd, "0\r\n\r\n");
		atomic_fetch_add(&rig->ended, 1);
	}
}

AWAITS static void drain_script(struct rig *rig)
{
	const struct piece body = {.str = STR("{}")};
	struct http_call call = post_of(rig, &body);

	for (int i = 0; i < 3; i++) {
		AUTO(arena) *arena = arena_new(1 << 20);
		struct http_answer *answer;
		struct str piece;

		ck_ok(http_call(rig->pool, arena, &call, &answer));
		ck_ok(http_answer_read(answer, &piece));
		ck_str(piece, "ok");
		http_answer_drain(answer, 2000);
		ck_assert_uint_eq(http_pool_stats(rig->pool).busy, 0);
		ck_assert_int_eq(write(rig->go[1], "", 1), 1);
		while (rig->ended <= (unsigned)i)
			ck_ok(fiber_sleep(5));
		ck_ok(fiber_sleep(20)); /* the loop reads what the socket has */
	}
	ck_assert_uint_eq(rig->accepted, 1);
}

START_TEST(test_drain)
{
	struct rig rig = {.serve = serve_late_end, .script = drain_script};

	ck_assert_int_eq(pipe(rig.go), 0);
	rig_run(&rig);
}
END_TEST

/* ---- silence --------------------------------------------------------------------- */

static void serve_silence(struct rig *rig, int fd)
{
	char request[4096];

	while (hear(rig, fd, request, sizeof(request)))
		;
}

AWAITS static void silence_script(struct rig *rig)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	const struct piece body = {.str = STR("{}")};
	struct http_call call = post_of(rig, &body);
	struct http_answer *answer;

	call.timeout_ms = 50;
	ck_err(http_call(rig->pool, arena, &call, &answer), ERR_UPSTREAM_TIMEOUT);
	for (int i = 0; i < 200 && http_pool_stats(rig->pool).open > 0; i++)
		ck_ok(fiber_sleep(10));
	ck_assert_uint_eq(http_pool_stats(rig->pool).open, 0);
}

START_TEST(test_timeout)
{
	struct rig rig = {.serve = serve_silence, .script = silence_script};

	rig_run(&rig);
}
END_TEST

struct canceled {
	struct rig *rig;
	enum err err;
};

AWAITS static void canceled_main(void *arg)
{
	struct canceled *canceled = arg;
	AUTO_BUF out = {0};

	canceled->err = post(canceled->rig, true, &out);
}

/* Canceled in every stage: before it runs, while connecting, while waiting for the head. */
AWAITS static void cancel_script(struct rig *rig)
{
	for (int yields = 0; yields < 12; yields++) {
		struct canceled canceled = {rig, OK};
		struct group group;

		group_init(&group, loop_self());
		ck_ok(group_spawn(&group, "canceled", canceled_main, &canceled));
		for (int i = 0; i < yields; i++)
			ck_ok(i < 6 ? fiber_yield() : fiber_sleep(5));
		group_cancel(&group);
		ck_ok(group_join(&group));
		ck_err(canceled.err, ERR_CANCELED);
		ck_assert_uint_eq(http_pool_stats(rig->pool).busy, 0);
	}
}

START_TEST(test_cancel)
{
	struct rig rig = {.serve = serve_silence, .script = cancel_script};

	rig_run(&rig);
}
END_TEST

/* ---- nobody there ---------------------------------------------------------------- */

AWAITS static void refused_script(struct rig *rig)
{
	struct http_pool_spec spec = rig->spec;
	struct http_pool *pool = rig->pool;
	AUTO_BUF out = {0};

	spec.guard.allow_private = false;
	rig->pool = http_pool_new(loop_self(), &spec);
	ck_err(post(rig, true, &out), ERR_REFUSED_ADDRESS);
	http_pool_free(rig->pool);

	ck_ok(url_parse(STR("http://127.0.0.1:1/"), &spec.url));
	spec.guard.allow_private = true;
	rig->pool = http_pool_new(loop_self(), &spec);
	ck_err(post(rig, true, &out), ERR_UPSTREAM_DOWN);
	http_pool_free(rig->pool);
	rig->pool = pool;
}

START_TEST(test_nobody)
{
	struct rig rig = {.serve = serve_ok, .script = refused_script};

	rig_run(&rig);
	ck_assert_uint_eq(rig.accepted, 0);
}
END_TEST

UNIT_MAIN("http/client", test_reuse, test_idle, test_server_closes_idle, test_stale, test_connections_max,
	  test_queue_max, test_bodies, test_drain, test_timeout, test_cancel, test_nobody)
