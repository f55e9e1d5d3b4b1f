/* Bodies that the client sends piece by piece: all of a large one arrives in order and in bounded memory, an early
 * answer ends it, a source that fails ends the call, and what must not be sent twice takes a new connection.
 *
 * The server is one thread with blocking sockets that serves one connection after another. */
#include "../unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "http/client.h"

#define BODY_BYTES (8 * 1024 * 1024)
#define PIECE_BYTES 65536

struct rig {
	int fd;
	bool early; /* it answers before it has read the body, and reads no more */
	void (*script)(struct rig *rig);
	struct http_pool *pool;
	struct http_pool_spec spec;
	atomic_uint accepted;
	atomic_ullong received, sum; /* bytes of bodies */
};

struct source {
	uint64_t given, fails_at; /* 0: it does not */
	char piece[PIECE_BYTES];
};

static uint8_t byte_at(uint64_t at)
{
	return (uint8_t)(at * 31 + at / 251);
}

AWAITS static enum err next_piece(void *arg, struct str *ret_piece)
{
	struct source *source = arg;

	TRY(fiber_yield());
	if (source->fails_at != 0 && source->given >= source->fails_at)
		return ERR_IO;
	for (size_t i = 0; i < PIECE_BYTES; i++)
		source->piece[i] = (char)byte_at(source->given + i);
	source->given += PIECE_BYTES;
	*ret_piece = (struct str){source->piece, PIECE_BYTES};
	return OK;
}

static void answer(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* The head, then as much of the body as its length says. */
static bool serve_one(struct rig *rig, int fd)
{
	static char bytes[PIECE_BYTES];
	size_t n = 0;
	uint64_t left;
	char *end = NULL;

	while (end == NULL) {
		ssize_t got = recv(fd, bytes + n, 1, 0);

		if (got <= 0)
			return false;
		bytes[++n] = '\0';
		end = strstr(bytes, "\r\n\r\n");
	}
	left = strtoull(strstr(bytes, "Content-Length: ") + 16, NULL, 10);
	if (rig->early) {
		answer(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nstop");
		return false;
	}
	while (left > 0) {
		ssize_t got = recv(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes), 0);

		if (got <= 0)
			return false;
		for (ssize_t i = 0; i < got; i++)
			if ((uint8_t)bytes[i] == byte_at(rig->received + (uint64_t)i))
				rig->sum++;
		rig->received += (uint64_t)got;
		left -= (uint64_t)got;
	}
	answer(fd, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
	return true;
}

static void *server_main(void *arg)
{
	struct rig *rig = arg;
	char rest[4096];
	int fd;

	while ((fd = accept(rig->fd, NULL, NULL)) >= 0) {
		rig->accepted++;
		while (serve_one(rig, fd))
			;
		/* A socket that is closed with unread bytes resets, and may take the answer with it. */
		while (recv(fd, rest, sizeof(rest), 0) > 0)
			;
		close(fd);
	}
	return NULL;
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
	char url[64];
	pthread_t server;

	log_setup(LOG_LEVELS, LOG_TEXT);
	rig->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(rig->fd, (struct sockaddr *)&address, n), 0);
	ck_assert_int_eq(listen(rig->fd, 8), 0);
	ck_assert_int_eq(getsockname(rig->fd, (struct sockaddr *)&address, &n), 0);
	ck_assert_int_eq(pthread_create(&server, NULL, server_main, rig), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
	ck_ok(url_parse(str_of(url), &rig->spec.url));
	rig->spec.guard.allow_private = true;
	rig->spec.connections_max = 2;
	rig->spec.idle_ms = 60000;
	rig->spec.connect_timeout_ms = 2000;
	ck_ok(rt_run(1, rig_main, rig));
	shutdown(rig->fd, SHUT_RDWR);
	pthread_join(server, NULL);
	close(rig->fd);
}

/* PUT a body of BODY_BYTES; the answer's status and text. */
AWAITS static enum err put(struct rig *rig, struct source *source, bool fresh, int *ret_status)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(http_answer) *reply = NULL;
	const struct http_call call = {.method = STR("PUT"),
				       .path = STR("/upload"),
				       .headers = STR("X-A: b\r\n"),
				       .body_next = next_piece,
				       .body_arg = source,
				       .body_bytes = BODY_BYTES,
				       .fresh = fresh,
				       .timeout_ms = 5000};
	struct str text;

	TRY(http_call(rig->pool, arena, &call, &reply));
	*ret_status = reply->status;
	return http_answer_body(reply, 1024, &text);
}

static struct source *source_new(uint64_t fails_at)
{
	struct source *source = calloc(1, sizeof(*source));

	source->fails_at = fails_at;
	return source;
}

AWAITS static void whole_script(struct rig *rig)
{
	struct source *source = source_new(0);
	int status = 0;

	ck_ok(put(rig, source, false, &status));
	ck_assert_int_eq(status, 201);
	ck_assert_uint_eq(rig->received, BODY_BYTES);
	ck_assert_uint_eq(rig->sum, BODY_BYTES);
	rig->received = 0;
	source->given = 0;
	ck_ok(put(rig, source, false, &status)); /* the connection is as good as before */
	ck_assert_uint_eq(http_pool_stats(rig->pool).connects, 1);
	free(source);
}

START_TEST(a_large_body_arrives_whole)
{
	struct rig rig = {.script = whole_script};

	rig_run(&rig);
	ck_assert_uint_eq(rig.accepted, 1);
}
END_TEST

AWAITS static void early_script(struct rig *rig)
{
	struct source *source = source_new(0);
	int status = 0;

	ck_ok(put(rig, source, false, &status));
	ck_assert_int_eq(status, 413);
	ck_assert_uint_lt(source->given, BODY_BYTES);
	ck_assert_uint_eq(http_pool_stats(rig->pool).open, 1); /* closing: nothing else may go out on it */
	free(source);
}

START_TEST(an_early_answer_ends_the_body)
{
	struct rig rig = {.early = true, .script = early_script};

	rig_run(&rig);
}
END_TEST

AWAITS static void failing_script(struct rig *rig)
{
	struct source *source = source_new(1024 * 1024);
	int status = 0;

	ck_err(put(rig, source, false, &status), ERR_IO);
	ck_assert_int_eq(status, 0);
	free(source);
}

START_TEST(a_source_that_fails_ends_the_call)
{
	struct rig rig = {.script = failing_script};

	rig_run(&rig);
	ck_assert_uint_lt(rig.received, BODY_BYTES);
}
END_TEST

AWAITS static void fresh_script(struct rig *rig)
{
	struct source *source = source_new(0);
	int status = 0;

	ck_ok(put(rig, source, false, &status));
	rig->received = 0;
	source->given = 0;
	http_pool_free(rig->pool); /* the server takes one connection at a time */
	rig->pool = http_pool_new(loop_self(), &rig->spec);
	ck_ok(put(rig, source, true, &status));
	ck_assert_uint_eq(http_pool_stats(rig->pool).reuses, 0);
	free(source);
}

START_TEST(what_must_not_be_sent_twice_takes_a_new_connection)
{
	struct rig rig = {.script = fresh_script};

	rig_run(&rig);
	ck_assert_uint_eq(rig.accepted, 2);
}
END_TEST

UNIT_MAIN("http/client_body", a_large_body_arrives_whole, an_early_answer_ends_the_body,
	  a_source_that_fails_ends_the_call, what_must_not_be_sent_twice_takes_a_new_connection)
