/* The service's sockets: a thread that accepts, and one for each connection. */
#ifndef GATEHOUSE_TEST_CONNECT_SERVICE_RUN_H
#define GATEHOUSE_TEST_CONNECT_SERVICE_RUN_H

#include <arpa/inet.h>

#include "service.h"

/* A connection of its own each, until the body is there: what we send is short. */
static inline void *service_connection(void *arg)
{
	void **pair = arg;
	struct service *service = pair[0];
	int fd = (int)(intptr_t)pair[1], at_once, most;
	char request[16384];
	size_t n = 0, wanted = SIZE_MAX;

	free(arg);
	while (n < wanted && n < sizeof(request) - 1) {
		ssize_t got = recv(fd, request + n, sizeof(request) - 1 - n, 0);
		const char *body, *length;

		if (got <= 0)
			break;
		n += (size_t)got;
		request[n] = '\0';
		body = strstr(request, "\r\n\r\n");
		length = strcasestr(request, "content-length:");
		if (body != NULL)
			wanted = (size_t)(body + 4 - request) + (length == NULL ? 0 : strtoul(length + 15, NULL, 10));
	}
	at_once = atomic_fetch_add(&service->at_once, 1) + 1;
	most = atomic_load(&service->at_once_max);
	while (at_once > most && !atomic_compare_exchange_weak(&service->at_once_max, &most, at_once))
		continue;
	if (n >= wanted && strncmp(request, "POST /revoke", 12) == 0)
		service_revoke(service, fd);
	else if (n >= wanted)
		service_token(service, fd, request);
	atomic_fetch_sub(&service->at_once, 1);
	close(fd);
	return NULL;
}

static inline void *service_main(void *arg)
{
	struct service *service = arg;
	int fd;

	while ((fd = accept(service->listener, NULL, NULL)) >= 0) {
		void **pair = malloc(2 * sizeof(*pair));
		pthread_t thread;

		pair[0] = service;
		pair[1] = (void *)(intptr_t)fd;
		if (pthread_create(&thread, NULL, service_connection, pair) == 0)
			(void)pthread_detach(thread);
	}
	return NULL;
}

static inline void service_start(struct service *service)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof(here);

	*service = (struct service){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	atomic_store(&service->number, 1);
	atomic_store(&service->rotates, true);
	atomic_store(&service->life_s, 3600);
	ck_assert_int_eq(bind(service->listener, (struct sockaddr *)&here, sizeof(here)), 0);
	ck_assert_int_eq(listen(service->listener, 128), 0);
	ck_assert_int_eq(getsockname(service->listener, (struct sockaddr *)&here, &bytes), 0);
	(void)snprintf(service->token_url, sizeof(service->token_url), "http://127.0.0.1:%d/token",
		       ntohs(here.sin_port));
	(void)snprintf(service->revoke_url, sizeof(service->revoke_url), "http://127.0.0.1:%d/revoke",
		       ntohs(here.sin_port));
	ck_assert_int_eq(pthread_create(&service->thread, NULL, service_main, service), 0);
}

static inline void service_stop(struct service *service)
{
	atomic_store(&service->ending, true);
	(void)shutdown(service->listener, SHUT_RDWR);
	(void)pthread_join(service->thread, NULL);
	close(service->listener);
	while (atomic_load(&service->at_once) > 0)
		service_nap(1);
}

#endif
