/* The server as a whole: what it was told to do, its listeners, its part on each loop, and how
 * it drains.
 *
 * Each loop has its own copy of the spec, so reading it needs no lock; reconfigure visits the
 * loops one after the other. Draining asks every connection to end and then waits on each loop
 * until none is left; what is left after the grace is cut off. */
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "http/server_private.h"

#define BUSY_RETRY_MS 20 /* when a loop has no fiber to spare */
#define CUT_MS 15000	 /* for canceled handlers to unwind: a row of the audit trail may take them ten seconds */

static void copy_spec(struct http_home *home, const struct http_server_spec *spec)
{
	struct prefix *trusted = calloc(spec->trusted_count + 1, sizeof *trusted);

	CHECK(trusted != NULL);
	if (spec->trusted_count > 0)
		memcpy(trusted, spec->trusted_proxies, spec->trusted_count * sizeof *trusted);
	free((void *)home->spec.trusted_proxies);
	home->spec = *spec;
	home->spec.trusted_proxies = trusted;
}

static struct http_home *home_new(struct http_server *server, struct loop *loop, const struct http_server_spec *spec)
{
	struct http_home *home = calloc(1, sizeof *home);

	CHECK(home != NULL);
	home->server = server;
	home->loop = loop;
	list_init(&home->conns);
	list_init(&home->released);
	copy_spec(home, spec);
	return home;
}

enum err http_server_new(const struct http_server_spec *spec, struct http_server **ret_server)
{
	struct http_server *server;

	CHECK(spec->handle != NULL);
	if (spec->head_bytes_max < 1024 || spec->connections_max == 0 || spec->connections_per_ip_max == 0 ||
	    spec->header_timeout_ms <= 0 || spec->body_timeout_ms <= 0 || spec->idle_timeout_ms <= 0 ||
	    spec->keepalive_ms <= 0)
		return ERR_CONFIG;
	server = calloc(1, sizeof *server);
	CHECK(server != NULL);
	server->magic = HTTP_SERVER_MAGIC;
	server->caps = conn_caps_new();
	server->home_count = loop_count();
	for (unsigned i = 0; i < server->home_count; i++)
		server->home[i] = home_new(server, loop_at(i), spec);
	*ret_server = server;
	return OK;
}

AWAITS enum err http_server_listen(struct http_server *server, const struct listener_spec *spec, struct tls *tls,
				   struct listener **ret_listener, struct address *ret_bound)
{
	static const struct listener_events events = {.on_accept = conn_on_accept};
	struct listener_spec with_tls = *spec;

	CHECK_OBJ(server, HTTP_SERVER_MAGIC);
	if (server->listener_count == LISTENERS_MAX)
		return ERR_LIMIT;
	if (tls != NULL)
		with_tls.tls = tls;
	TRY(listener_open(&with_tls, &events, server, ret_listener, ret_bound));
	server->listener[server->listener_count++] = *ret_listener;
	return OK;
}

AWAITS enum err http_server_accept(struct http_server *server)
{
	CHECK_OBJ(server, HTTP_SERVER_MAGIC);
	for (size_t i = 0; i < server->listener_count; i++)
		TRY(listener_accept(server->listener[i]));
	return OK;
}

/* Work for one loop's part of the server. */
struct home_call {
	struct http_home *home;
	const struct http_server_spec *spec;
	int64_t wait_ms, idle_ms;
};

/* Run on each loop in turn, whatever happens to the caller meanwhile. */
AWAITS static void each_home(struct http_server *server, enum err (*work)(void *arg), struct home_call *call)
{
	for (unsigned i = 0; i < server->home_count; i++) {
		call->home = server->home[i];
		while (loop_call(call->home->loop, "http-server", work, call) == ERR_BUSY)
			if (fiber_sleep(BUSY_RETRY_MS) != OK)
				break;
	}
}

static enum err home_reconfigure(void *arg)
{
	struct home_call *call = arg;

	copy_spec(call->home, call->spec);
	return OK;
}

AWAITS void http_server_reconfigure(struct http_server *server, const struct http_server_spec *spec)
{
	struct home_call call = {.spec = spec};
	struct fiber_shield shield = fiber_shield_begin(CUT_MS);

	CHECK_OBJ(server, HTTP_SERVER_MAGIC);
	each_home(server, home_reconfigure, &call);
	fiber_shield_end(shield);
}

/* Closing is never done inside these calls, so the list holds still while it is walked. */
static enum err home_drain(void *arg)
{
	struct http_home *home = ((struct home_call *)arg)->home;
	int64_t idle_ms = ((struct home_call *)arg)->idle_ms;

	home->draining = true;
	for (struct list *link = home->conns.next; link != &home->conns; link = link->next) {
		struct http_conn *conn = CONTAINER_OF(link, struct http_conn, link);

		if (conn->state == CONN_IDLE && idle_ms == 0)
			conn_close(conn, LINGER_MS);
		else if (conn->state == CONN_IDLE && conn->deadline_ms > loop_now(home->loop) + idle_ms)
			conn_set_deadline(conn, idle_ms);
		else if (conn->detached != NULL)
			stream_idle_drain(conn);
	}
	return OK;
}

static enum err home_cut(void *arg)
{
	struct http_home *home = ((struct home_call *)arg)->home;

	for (struct list *link = home->conns.next; link != &home->conns; link = link->next) {
		struct http_conn *conn = CONTAINER_OF(link, struct http_conn, link);

		if (conn->request != NULL && conn->request->fiber != NULL)
			fiber_cancel(conn->request->fiber);
		conn_close(conn, 0);
	}
	for (struct list *link = home->released.next; link != &home->released; link = link->next)
		fiber_cancel(CONTAINER_OF(link, struct http_request, link)->fiber);
	return OK;
}

static bool forget_empty(void *arg)
{
	struct http_home *home = arg;

	home->empty = NULL;
	return true;
}

/* Wait until the loop has no connection left, or the time is over. */
AWAITS static enum err home_await_empty(void *arg)
{
	struct home_call *call = arg;
	struct http_home *home = call->home;
	struct fiber_shield shield;
	struct wait empty = WAIT_INIT;
	enum err err;

	if (home->conn_count == 0 && list_empty(&home->released))
		return OK;
	home->empty = &empty;
	shield = fiber_shield_begin(call->wait_ms);
	err = wait_for(&empty, forget_empty, home);
	fiber_shield_end(shield);
	return err;
}

AWAITS void http_server_drain(struct http_server *server, int64_t idle_ms, int64_t grace_ms)
{
	struct home_call call = {.idle_ms = idle_ms};
	struct fiber_shield shield = fiber_shield_begin(grace_ms + 2 * CUT_MS);
	int64_t until_ms = loop_now(loop_self()) + grace_ms;

	CHECK_OBJ(server, HTTP_SERVER_MAGIC);
	while (server->listener_count > 0)
		listener_close(server->listener[--server->listener_count]);
	each_home(server, home_drain, &call);
	for (unsigned i = 0; i < server->home_count; i++) {
		call.home = server->home[i];
		call.wait_ms = until_ms - loop_now(loop_self());
		if (call.wait_ms > 0)
			(void)!loop_call(call.home->loop, "http-drain", home_await_empty, &call);
	}
	each_home(server, home_cut, &call);
	call.wait_ms = CUT_MS;
	each_home(server, home_await_empty, &call);
	fiber_shield_end(shield);
}

void http_server_free(struct http_server *server)
{
	CHECK_OBJ(server, HTTP_SERVER_MAGIC);
	CHECK(server->listener_count == 0); /* drain first */
	for (unsigned i = 0; i < server->home_count; i++) {
		CHECK(server->home[i]->conn_count == 0 && list_empty(&server->home[i]->released));
		free((void *)server->home[i]->spec.trusted_proxies);
		free(server->home[i]);
	}
	conn_caps_free(server->caps);
	server->magic = 0;
	free(server);
}

struct http_server_stats http_server_stats(const struct http_server *server)
{
	struct http_server_stats stats = {0};

	CHECK_OBJ(server, HTTP_SERVER_MAGIC);
	for (unsigned i = 0; i < server->home_count; i++) {
		const struct http_counters *counters = &server->home[i]->counters;

		stats.connections += counters->connections;
		stats.connections_refused += counters->connections_refused;
		stats.requests += counters->requests;
		stats.streams += counters->streams;
		stats.bytes_in += counters->bytes_in;
		stats.bytes_out += counters->bytes_out;
	}
	return stats;
}
