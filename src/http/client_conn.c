/* One connection of a client's pool: the stream's callbacks, and how a new one is made.
 *
 * Names are resolved once per pool and half a minute; a connector that comes while another
 * one resolves waits for it. The addresses are tried in order, each checked by the guard at
 * the very moment it is connected to, so that a name that changes gains nothing. */
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "http/client_private.h"

#define DRAINING_MAX 64	  /* connections a pool may have beyond its bound, for moments */
#define RESOLVED_MS 30000 /* how long addresses are believed: DNS fail-over stays quick */

void http_conn_set_state(struct http_client_conn *conn, enum http_conn_state to)
{
	CHECK_OBJ(conn, HTTP_CONN_MAGIC);
	CHECK(conn->state != HTTP_CONN_CLOSING);
	CHECK(conn->state != to);
	if (conn->state == HTTP_CONN_DRAINING) {
		conn->pool->draining--;
		if (conn->timer.at_ms != 0)
			timer_stop(&conn->timer);
	}
	conn->pool->draining += to == HTTP_CONN_DRAINING;
	conn->state = to;
}

void http_conn_close(struct http_client_conn *conn)
{
	if (conn->state == HTTP_CONN_CLOSING)
		return;
	list_remove(&conn->link);
	http_conn_set_state(conn, HTTP_CONN_CLOSING);
	stream_close(conn->stream, 0);
}

static void on_drain_timeout(struct timer *timer)
{
	http_conn_close(CONTAINER_OF(timer, struct http_client_conn, timer));
}

static enum err discard(void *owner, struct str piece)
{
	return OK;
}

void http_conn_drain(struct http_client_conn *conn, int64_t ms)
{
	CHECK(conn->reply.state == REPLY_BODY);
	conn->hop = NULL;
	if (conn->pool->closing || conn->pool->draining >= DRAINING_MAX) {
		http_conn_close(conn);
		return;
	}
	http_conn_set_state(conn, HTTP_CONN_DRAINING);
	conn->reply.on_body = discard;
	timer_set(conn->pool->loop, &conn->timer, ms, on_drain_timeout);
}

static void drain_read(struct http_client_conn *conn, struct str bytes)
{
	if (reply_read(&conn->reply, bytes) != OK) {
		http_conn_close(conn);
	} else if (conn->reply.state == REPLY_DONE) {
		if (!conn->reply.keep_alive) {
			http_conn_close(conn);
			return;
		}
		conn->served = true;
		http_pool_put(conn);
	}
}

/* The answer went wrong, so nothing behind it can be understood either. */
static void conn_fail(struct http_client_conn *conn, enum err err)
{
	struct http_hop *hop = conn->hop;

	conn->hop = NULL;
	http_conn_close(conn);
	http_hop_fail(hop, err);
}

static void on_read(void *owner, struct str bytes)
{
	struct http_client_conn *conn = owner;
	struct http_hop *hop = conn->hop;
	enum err err;

	CHECK_OBJ(conn, HTTP_CONN_MAGIC);
	if (conn->state == HTTP_CONN_CLOSING)
		return;
	if (conn->state == HTTP_CONN_DRAINING) {
		drain_read(conn, bytes);
		return;
	}
	if (hop == NULL || hop->done) { /* bytes nobody asked for */
		if (hop != NULL)
			hop->answer.conn = NULL;
		conn->hop = NULL;
		http_conn_close(conn);
		return;
	}
	hop->any_byte = true;
	err = reply_read(&conn->reply, bytes);
	if (err != OK) {
		conn_fail(conn, err);
		return;
	}
	if (conn->reply.state != REPLY_HEAD && !hop->head)
		http_hop_head(hop);
	if (conn->reply.state == REPLY_DONE)
		http_hop_done(hop);
}

static void on_drain(void *owner)
{
	struct http_client_conn *conn = owner;

	if (conn->hop != NULL)
		http_hop_drained(conn->hop);
}

static void on_close(void *owner, enum err reason)
{
	struct http_client_conn *conn = owner;
	struct http_hop *hop = conn->hop;
	struct http_pool *pool = conn->pool;

	CHECK_OBJ(conn, HTTP_CONN_MAGIC);
	list_remove(&conn->link);
	if (conn->state != HTTP_CONN_CLOSING)
		http_conn_set_state(conn, HTTP_CONN_CLOSING);
	if (hop != NULL) {
		if (reason == OK && reply_finish(&conn->reply) == OK)
			http_hop_done(hop);
		else if (!hop->done)
			http_hop_fail(hop, ERR_UPSTREAM_DOWN);
		hop->answer.conn = NULL;
	}
	conn->magic = 0;
	free(conn);
	pool->open--;
	http_pool_settle(pool);
}

static const struct stream_events conn_events = {.on_read = on_read, .on_drain = on_drain, .on_close = on_close};

static bool resolver_abandon(void *arg)
{
	struct wait *wait = arg;

	list_remove(&wait->link);
	return true;
}

AWAITS static enum err resolve(struct http_pool *pool)
{
	const struct url *url = &pool->spec.url;
	struct list *link;
	enum err err;

	while (pool->address_count == 0 || pool->resolved_until_ms <= loop_now(pool->loop)) {
		struct wait wait = WAIT_INIT;

		if (pool->resolving) {
			list_add_tail(&pool->resolvers, &wait.link);
			TRY(wait_for(&wait, resolver_abandon, &wait));
			continue;
		}
		pool->resolving = true;
		err = address_resolve(url->host, url->port, pool->address, ARRAY_LEN(pool->address),
				      &pool->address_count);
		pool->resolving = false;
		pool->resolved_until_ms = loop_now(pool->loop) + RESOLVED_MS;
		if (err != OK)
			pool->address_count = 0;
		while ((link = list_pop(&pool->resolvers)) != NULL)
			wait_done(LIST_OBJ(link, struct wait, link), err);
		TRY(err);
	}
	return OK;
}

/* Connect to the first address that answers.
 *   Errors     of the last one tried */
AWAITS static enum err connect_any(struct http_pool *pool, struct http_client_conn *conn)
{
	struct tls *tls = pool->spec.url.tls ? pool->spec.tls : NULL;
	struct address address[ARRAY_LEN(pool->address)];
	size_t count = pool->address_count;
	enum err err = ERR_DNS;

	/* The pool's own may change while we wait. */
	memcpy(address, pool->address, sizeof(address));
	for (size_t i = 0; i < count; i++) {
		err = address_guard_check(&pool->spec.guard, &address[i]);
		if (err != OK)
			continue;
		err = stream_connect(&address[i], tls, pool->spec.url.host, &conn_events, conn, &conn->stream);
		if (err == OK || err == ERR_CANCELED || err == ERR_TIMEOUT)
			return err;
	}
	pool->resolved_until_ms = 0; /* perhaps it has moved */
	return err;
}

AWAITS enum err http_conn_open(struct http_pool *pool)
{
	struct http_client_conn *conn;
	enum err err;

	TRY(resolve(pool));
	conn = calloc(1, sizeof(*conn));
	CHECK(conn != NULL);
	conn->magic = HTTP_CONN_MAGIC;
	conn->state = HTTP_CONN_BUSY;
	conn->pool = pool;
	list_init(&conn->link);
	err = connect_any(pool, conn);
	if (err != OK) {
		free(conn);
		return err;
	}
	pool->open++;
	pool->connects++;
	http_pool_put(conn);
	return OK;
}
