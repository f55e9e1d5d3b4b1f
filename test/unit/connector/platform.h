/* A platform for the runner's tests: a small HTTP server on threads with blocking sockets that keeps what it was asked
 * and answers as the test says. */
#ifndef GATEHOUSE_TEST_CONNECTOR_PLATFORM_H
#define GATEHOUSE_TEST_CONNECTOR_PLATFORM_H

#include "../unit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASKED_MAX 64

struct asked {
	char *text; /* the whole request, NUL-terminated */
	size_t n;
	const char *body;
	size_t body_n;
};

struct platform {
	int fd;
	uint16_t port;
	/* What is answered: the bytes, freed here; NULL: the connection is closed. */
	char *(*answer)(struct platform *platform, const struct asked *asked);
	const char *slow; /* for the answer function's use */
	struct asked asked[ASKED_MAX];
	atomic_uint count;
	pthread_t thread;
};

struct platform_conn {
	struct platform *platform;
	int fd;
};

/* One request, head and body by its Content-Length; false at the end. */
static bool platform_hear(int fd, struct asked *ret_asked)
{
	size_t n = 0, cap = 1 << 16, whole = 0;
	char *text = malloc(cap), *end = NULL;

	for (;;) {
		ssize_t got;

		if (n + 1 >= cap)
			text = realloc(text, cap *= 2);
		got = recv(fd, text + n, whole > 0 ? whole - n : 1, 0);
		if (got <= 0) {
			free(text);
			return false;
		}
		n += (size_t)got;
		text[n] = '\0';
		if (end == NULL && (end = strstr(text, "\r\n\r\n")) != NULL) {
			const char *length = strstr(text, "Content-Length: ");
			size_t head = (size_t)(end - text) + 4;

			whole = head + (length == NULL ? 0 : strtoul(length + 16, NULL, 10));
			while (cap <= whole + 1)
				text = realloc(text, cap *= 2);
			*ret_asked = (struct asked){.body_n = whole - head};
			if (whole == head)
				break;
		} else if (end != NULL && n == whole) {
			break;
		}
	}
	ret_asked->text = text;
	ret_asked->n = n;
	ret_asked->body = text + n - ret_asked->body_n;
	return true;
}

static void *platform_conn_main(void *arg)
{
	struct platform_conn conn = *(struct platform_conn *)arg;
	struct asked asked;

	free(arg);
	while (platform_hear(conn.fd, &asked)) {
		unsigned at = atomic_fetch_add(&conn.platform->count, 1);
		bool sent;
		char *text;

		ck_assert_uint_lt(at, ASKED_MAX);
		conn.platform->asked[at] = asked;
		text = conn.platform->answer(conn.platform, &asked);
		if (text == NULL)
			break;
		sent = send(conn.fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
		free(text);
		if (!sent)
			break;
	}
	close(conn.fd);
	return NULL;
}

static void *platform_main(void *arg)
{
	struct platform *platform = arg;
	int fd;

	while ((fd = accept(platform->fd, NULL, NULL)) >= 0) {
		struct platform_conn *conn = malloc(sizeof(*conn));
		pthread_t thread;

		*conn = (struct platform_conn){platform, fd};
		ck_assert_int_eq(pthread_create(&thread, NULL, platform_conn_main, conn), 0);
		pthread_detach(thread);
	}
	return NULL;
}

static inline void platform_start(struct platform *platform)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(address);

	platform->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(platform->fd, (struct sockaddr *)&address, n), 0);
	ck_assert_int_eq(listen(platform->fd, 16), 0);
	ck_assert_int_eq(getsockname(platform->fd, (struct sockaddr *)&address, &n), 0);
	platform->port = ntohs(address.sin_port);
	ck_assert_int_eq(pthread_create(&platform->thread, NULL, platform_main, platform), 0);
}

static inline void platform_stop(struct platform *platform)
{
	shutdown(platform->fd, SHUT_RDWR);
	pthread_join(platform->thread, NULL);
	close(platform->fd);
	for (unsigned i = 0; i < platform->count; i++)
		free(platform->asked[i].text);
}

/* An answer with JSON, or with anything. */
static inline char *answer_with(const char *status, const char *headers, const char *body)
{
	char *text = NULL;

	ck_assert_int_gt(
		asprintf(&text, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers, strlen(body), body),
		0);
	return text;
}
#define JSON_TYPE "Content-Type: application/json\r\n"
static inline char *answer_json(const char *body)
{
	return answer_with("200 OK", JSON_TYPE, body);
}

#endif
