/* The pool: idle connections (the latest used first, so that the surplus grows old and is
 * closed), a gate that bounds how many there are, and connectors.
 *
 * A new connection is made by a fiber of its own with its own deadline. A caller that gives
 * up leaves the connector running; what it achieves goes to the idle ones. The connector
 * then owns the caller's place at the gate, so the bound holds all the same. */
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "http/client_private.h"

#define CONNECT_TRIES_MAX 3

/* A connector and the caller that waits for it. */
struct connector {
	struct http_pool *pool;
	struct wait wait;
	bool abandoned; /* the caller has gone; the connector owns its place and this struct */
};

static void on_sweep(struct timer *timer)
{
	struct http_pool *pool = CONTAINER_OF(timer, struct http_pool, sweep);
	int64_t now = loop_now(pool->loop);

	while (!list_empty(&pool->idle)) {
		struct http_client_conn *oldest = LIST_OBJ(pool->idle.prev, struct http_client_conn, link);
		int64_t left = oldest->idle_since_ms + pool->spec.idle_ms - now;

		if (left > 0) {
			timer_set(pool->loop, &pool->sweep, left, on_sweep);
			return;
		}
		http_conn_close(oldest);
	}
}

static void put_host_line(struct buf *out, const struct url *url)
{
	bool ipv6 = memchr(url->host.p, ':', url->host.n) != NULL;

	buf_put(out, ipv6 ? STR("Host: [") : STR("Host: "));
	buf_put(out, url->host);
	if (ipv6)
		buf_put_byte(out, ']');
	if (url->port != (url->tls ? 443 : 80)) {
		buf_put_byte(out, ':');
		buf_put_u64(out, url->port);
	}
	buf_put(out, STR("\r\n"));
}

struct http_pool *http_pool_new(struct loop *loop, const struct http_pool_spec *spec)
{
	struct http_pool *pool = calloc(1, sizeof(*pool));

	CHECK(pool != NULL);
	CHECK(spec->connections_max > 0 && spec->connections_max <= HTTP_POOL_CONNECTIONS_MAX);
	CHECK(!spec->url.tls || spec->tls != NULL);
	pool->magic = HTTP_POOL_MAGIC;
	pool->loop = loop;
	pool->spec = *spec;
	if (spec->tls != NULL)
		(void)tls_ref(spec->tls);
	buf_put(&pool->host, spec->url.host);
	pool->spec.url.host = buf_str(&pool->host);
	put_host_line(&pool->host_line, &spec->url);
	buf_put_fmt(&pool->post_prefix, "POST %.*s HTTP/1.1\r\n", STR_ARG(spec->url.path));
	buf_put(&pool->post_prefix, buf_str(&pool->host_line));
	gate_init(&pool->gate, spec->connections_max, UPSTREAM_QUEUE_MAX);
	list_init(&pool->idle);
	list_init(&pool->resolvers);
	return pool;
}

void http_pool_settle(struct http_pool *pool)
{
	CHECK_OBJ(pool, HTTP_POOL_MAGIC);
	if (!pool->closing || pool->open > 0 || pool->connecting > 0 || pool->hops > 0)
		return;
	if (pool->sweep.at_ms != 0)
		timer_stop(&pool->sweep);
	if (pool->spec.tls != NULL)
		tls_unref(pool->spec.tls);
	buf_free(&pool->host);
	buf_free(&pool->host_line);
	buf_free(&pool->post_prefix);
	pool->magic = 0;
	free(pool);
}

void http_pool_free(struct http_pool *pool)
{
	if (pool == NULL)
		return;
	CHECK_OBJ(pool, HTTP_POOL_MAGIC);
	CHECK(!pool->closing);
	pool->closing = true;
	while (!list_empty(&pool->idle))
		http_conn_close(LIST_OBJ(pool->idle.next, struct http_client_conn, link));
	http_pool_settle(pool);
}

void http_pool_put(struct http_client_conn *conn)
{
	struct http_pool *pool = conn->pool;

	conn->hop = NULL;
	if (pool->closing) {
		http_conn_close(conn);
		return;
	}
	http_conn_set_state(conn, HTTP_CONN_IDLE);
	conn->idle_since_ms = loop_now(pool->loop);
	list_add_head(&pool->idle, &conn->link);
	if (pool->sweep.at_ms == 0)
		timer_set(pool->loop, &pool->sweep, pool->spec.idle_ms, on_sweep);
}

/* As the caller of http_call hears it. */
static enum err connect_error(enum err err)
{
	switch (err) {
	case OK:
	case ERR_REFUSED_ADDRESS:
		return err;
	default: /* the connector's own deadline too: the caller's is its own business */
		return ERR_UPSTREAM_DOWN;
	}
}

AWAITS static void connector_main(void *arg)
{
	struct connector *connector = arg;
	struct http_pool *pool = connector->pool;
	enum err err = http_conn_open(pool);

	pool->connecting--;
	if (!connector->abandoned) {
		wait_done(&connector->wait, connect_error(err));
		return;
	}
	free(connector);
	gate_leave(&pool->gate);
	http_pool_settle(pool);
}

/* The caller goes, the connector stays and inherits its place. */
static bool connector_abandon(void *arg)
{
	struct connector *connector = arg;

	connector->abandoned = true;
	return true;
}

AWAITS static enum err connect_new(struct http_pool *pool)
{
	struct connector *connector = calloc(1, sizeof(*connector));
	int64_t deadline = loop_now(pool->loop) + pool->spec.connect_timeout_ms;
	enum err err;

	CHECK(connector != NULL);
	connector->pool = pool;
	err = fiber_spawn(pool->loop, "http connect", connector_main, connector, deadline, NULL);
	if (err == OK) {
		pool->connecting++;
		err = wait_for(&connector->wait, connector_abandon, connector);
	} else {
		err = ERR_UPSTREAM_BUSY;
	}
	if (connector->abandoned)
		return err;
	free(connector);
	if (err != OK)
		gate_leave(&pool->gate);
	return err;
}

AWAITS enum err http_pool_take(struct http_pool *pool, bool fresh, struct http_client_conn **ret_conn)
{
	struct list *link = fresh ? NULL : list_pop(&pool->idle);

	/* A new connection comes through the idle list: until we run again it may have died, or somebody
	 * else have taken it. Only the first says anything of the server: in a burst of calls one may lose
	 * several connections to others, each of whom gets on by it. */
	for (int tries = 0; link == NULL && tries < CONNECT_TRIES_MAX;) {
		uint64_t taken = pool->taken;

		TRY(connect_new(pool));
		link = list_pop(&pool->idle);
		tries += pool->taken == taken;
	}
	if (link == NULL) {
		gate_leave(&pool->gate);
		return ERR_UPSTREAM_DOWN;
	}
	pool->taken++;
	*ret_conn = LIST_OBJ(link, struct http_client_conn, link);
	http_conn_set_state(*ret_conn, HTTP_CONN_BUSY);
	if ((*ret_conn)->served)
		pool->reuses++;
	return OK;
}

struct http_pool_stats http_pool_stats(const struct http_pool *pool)
{
	CHECK_OBJ(pool, HTTP_POOL_MAGIC);
	return (struct http_pool_stats){
		.open = pool->open,
		.busy = pool->hops,
		.waiting = (unsigned)pool->gate.queued,
		.connects = pool->connects,
		.reuses = pool->reuses,
	};
}
