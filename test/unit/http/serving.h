/* A server under test and a client that is a plain blocking socket: the server runs in rt_run
 * on this process' loops, the client's script on one of its worker threads. */
#ifndef GATEHOUSE_TEST_SERVING_H
#define GATEHOUSE_TEST_SERVING_H

#include "../unit.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "http/server.h"

struct serving {
	struct http_server_spec spec;
	struct listener_spec listen;
	struct tls *tls;
	void (*client)(struct serving *serving); /* on a worker thread */
	/* filled while it runs */
	struct http_server *server;
	struct listener *listener;
	struct address bound;
	struct http_server_stats stats; /* after the client's script */
};

static inline struct serving serving_new(void (*handle)(struct http_exchange *exchange, void *arg),
					 void (*client)(struct serving *serving))
{
	struct serving serving = {
		.spec = {.handle = handle,
			 .head_bytes_max = 8192,
			 .body_bytes_max = 1 << 20,
			 .header_timeout_ms = 10000,
			 .body_timeout_ms = 10000,
			 .idle_timeout_ms = 10000,
			 .keepalive_ms = 10000,
			 .connections_max = 1000,
			 .connections_per_ip_max = 1000},
		.client = client,
	};

	ck_ok(address_parse(STR("127.0.0.1:0"), &serving.listen.address));
	return serving;
}

static inline enum err serving_client(void *arg)
{
	struct serving *serving = arg;

	serving->client(serving);
	return OK;
}

AWAITS static inline void serving_main(void *arg)
{
	struct serving *serving = arg;

	ck_ok(http_server_new(&serving->spec, &serving->server));
	ck_ok(http_server_listen(serving->server, &serving->listen, serving->tls, &serving->listener, &serving->bound));
	ck_ok(http_server_accept(serving->server));
	ck_ok(work_run(serving_client, serving));
	serving->stats = http_server_stats(serving->server);
	http_server_drain(serving->server, 0, 1000);
	http_server_free(serving->server);
	rt_stop(1000);
}

static inline void serve(struct serving *serving, unsigned loops)
{
	serving->spec.arg = serving;
	ck_ok(rt_run(loops, serving_main, serving));
}

static inline int dial(const struct serving *serving)
{
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, &serving->bound.sa, sizeof serving->bound.in4), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return fd;
}

static inline void say(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		ck_assert_int_gt(n, 0);
		bytes = str_skip(bytes, (size_t)n);
	}
}

/* Read until `seen` ends with `until`, or (until p NULL) to the end of the stream. */
static inline void hear(int fd, struct buf *seen, struct str until)
{
	while (until.p == NULL || !str_ends(buf_str(seen), until)) {
		ssize_t n = recv(fd, buf_reserve(seen, 65536), 65536, 0);

		ck_assert_msg(n >= 0, "the server kept silent");
		if (n == 0) {
			ck_assert_msg(until.p == NULL, "closed early after '%.*s'", STR_ARG(buf_str(seen)));
			return;
		}
		seen->n += (size_t)n;
	}
}

static inline size_t count_of(struct str text, const char *what)
{
	size_t n = 0;

	for (; text.n > 0; text = str_skip(text, 1))
		n += str_starts(text, str_of(what));
	return n;
}

/* Dial, say, and read to the end. */
static inline void converse(const struct serving *serving, struct str request, struct buf *answer)
{
	int fd = dial(serving);

	say(fd, request);
	hear(fd, answer, STR_NONE);
	close(fd);
}

#endif
