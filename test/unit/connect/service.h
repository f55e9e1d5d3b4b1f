/* A service with accounts, on loopback and a thread of its own, in plain blocking sockets: what it does wrong is then
 * none of our code's doing. One account; its refresh token rt-N is good for the next pair, at-N+1 and rt-N+1. */
#ifndef GATEHOUSE_TEST_CONNECT_SERVICE_H
#define GATEHOUSE_TEST_CONNECT_SERVICE_H

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit.h"

enum fault {
	FAULT_NONE,
	FAULT_CLOSE,   /* nothing is done, nothing is answered */
	FAULT_CUT,     /* done, not answered */
	FAULT_HALF,    /* done, half an answer */
	FAULT_GARBAGE, /* done, but the answer makes no sense */
	FAULT_HTML,    /* a proxy in front answers 200 with a page */
	FAULT_LATER,   /* 429 */
	FAULT_BROKEN,  /* 500 */
	FAULT_LATE,    /* done, answered after LATE_MS */
	FAULT_SILENT,  /* done, and never answered */
	FAULT_GRANT,   /* 400 invalid_grant */
	FAULT_CLIENT,  /* 401 invalid_client */
	FAULT_KILL,    /* done, and whoever asks dies */
};
#define LATE_MS 300

struct service {
	int listener;
	pthread_t thread;
	atomic_bool ending;
	char token_url[64], revoke_url[64];
	/* what the test sets */
	_Atomic(enum fault) fault;
	atomic_int life_s;    /* of access tokens; 0: it does not say */
	atomic_bool rotates;  /* a refresh token is good once; another use ends the account */
	atomic_bool forgives; /* the one before the present is taken too */
	atomic_bool slow;     /* each answer takes LATE_MS */
	_Atomic(pid_t) victim;
	/* what it sees */
	atomic_int number; /* of the present pair */
	atomic_bool ended;
	atomic_int asked, refreshed, revoked, at_once, at_once_max;
};

static inline void service_nap(int ms)
{
	(void)poll(NULL, 0, ms);
}

static inline void service_say(int fd, const char *head, const char *body)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", head,
			 strlen(body), body);

	(void)send(fd, text, (size_t)n, MSG_NOSIGNAL);
}

/* Whether the request's refresh token is one to take; the next pair is the present one then. */
static inline bool service_turn(struct service *service, const char *request)
{
	int number = atomic_load(&service->number), used = 0;
	const char *token = strstr(request, "refresh_token=rt-");

	if (strstr(request, "grant_type=client_credentials") != NULL) {
		atomic_fetch_add(&service->number, 1);
		return true;
	}
	if (token == NULL || sscanf(token, "refresh_token=rt-%d", &used) != 1 || atomic_load(&service->ended))
		return false;
	if (used == number - 1 && atomic_load(&service->forgives))
		return true;
	if (used != number && atomic_load(&service->rotates)) {
		atomic_store(&service->ended, true);
		return false;
	}
	atomic_fetch_add(&service->number, 1);
	return true;
}

static inline void service_pair(struct service *service, int fd, bool half)
{
	int number = atomic_load(&service->number), life_s = atomic_load(&service->life_s);
	char body[256], life[32] = "";

	if (life_s > 0)
		(void)snprintf(life, sizeof(life), ",\"expires_in\":%d", life_s);
	(void)snprintf(body, sizeof(body),
		       "{\"access_token\":\"at-%d\",\"refresh_token\":\"rt-%d\",\"token_type\":\"Bearer\"%s}", number,
		       atomic_load(&service->rotates) ? number : 1, life);
	if (half) {
		(void)send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"access_", 49, MSG_NOSIGNAL);
		return;
	}
	service_say(fd, "200 OK\r\nContent-Type: application/json", body);
}

static inline void service_token(struct service *service, int fd, const char *request)
{
	enum fault fault = atomic_load(&service->fault);

	atomic_fetch_add(&service->asked, 1);
	if (fault == FAULT_CLOSE)
		return;
	if (fault == FAULT_LATER)
		return service_say(fd, "429 Too Many", "{\"error\":\"slow_down\"}");
	if (fault == FAULT_BROKEN)
		return service_say(fd, "500 Broken", "<h1>Sorry</h1>");
	if (fault == FAULT_HTML)
		return service_say(fd, "200 OK\r\nContent-Type: text/html", "<h1>Sign in to the network</h1>");
	if (fault == FAULT_GRANT)
		return service_say(fd, "400 Bad", "{\"error\":\"invalid_grant\"}");
	if (fault == FAULT_CLIENT)
		return service_say(fd, "401 No", "{\"error\":\"invalid_client\"}");
	if (!service_turn(service, request))
		return service_say(fd, "400 Bad", "{\"error\":\"invalid_grant\"}");
	atomic_fetch_add(&service->refreshed, 1);
	while (fault == FAULT_KILL && atomic_load(&service->victim) == 0)
		service_nap(1);
	if (fault == FAULT_KILL)
		(void)kill(atomic_load(&service->victim), SIGKILL);
	if (fault == FAULT_CUT || fault == FAULT_KILL)
		return;
	if (fault == FAULT_GARBAGE)
		return service_say(fd, "200 OK", "{\"access_token\":[1],\"refresh_token\":\"");
	if (fault == FAULT_LATE || atomic_load(&service->slow))
		service_nap(LATE_MS);
	while (fault == FAULT_SILENT && !atomic_load(&service->ending))
		service_nap(10);
	service_pair(service, fd, fault == FAULT_HALF);
}

static inline void service_revoke(struct service *service, int fd)
{
	enum fault fault = atomic_load(&service->fault);

	if (fault == FAULT_CLOSE)
		return;
	if (fault == FAULT_BROKEN)
		return service_say(fd, "500 Broken", "");
	if (fault == FAULT_CLIENT)
		return service_say(fd, "401 No", "{\"error\":\"invalid_client\"}");
	atomic_fetch_add(&service->revoked, 1);
	service_say(fd, "200 OK", "");
}

#endif
