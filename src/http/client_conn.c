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

#define RESOLVED_MS 30000 /* how long addresses are believed: DNS fail-over stays quick */

void http_conn_set_state(struct http_client_conn *conn, enum http_conn_state to)
{
	CHECK_OBJ(conn, HTTP_CONN_MAGIC);
	CHECK(conn->state != HTTP_CONN_CLOSING);
	CHECK(conn->state != to);
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

/* The answer went wrong, so nothing behind it can be understood either. */
static void conn_fail(struct http_client_conn *conn, enum err err)
{
	struct http_exchange *exchange = conn->exchange;

	conn->exchange = NULL;
	http_conn_close(conn);
	http_exchange_fail(exchange, err);
}

static void on_read(void *owner, struct str bytes)
{
	struct http_client_conn *conn = owner;
	struct http_exchange *exchange = conn->exchange;
	enum err err;

	CHECK_OBJ(conn, HTTP_CONN_MAGIC);
	if (conn->state == HTTP_CONN_CLOSING)
		return;
	if (exchange == NULL || exchange->done) { /* bytes nobody asked for */
		if (exchange != NULL)
			exchange->answer.conn = NULL;
		conn->exchange = NULL;
		http_conn_close(conn);
		return;
	}
	exchange->any_byte = true;
	err = reply_read(&conn->reply, bytes);
	if (err != OK) {
		conn_fail(conn, err);
		return;
	}
	if (conn->reply.state != REPLY_HEAD && !exchange->head)
		http_exchange_head(exchange);
	if (conn->reply.state == REPLY_DONE)
		http_exchange_done(exchange);
}

static void on_close(void *owner, enum err reason)
{
	struct http_client_conn *conn = owner;
	struct http_exchange *exchange = conn->exchange;
	struct http_pool *pool = conn->pool;

	CHECK_OBJ(conn, HTTP_CONN_MAGIC);
	list_remove(&conn->link);
	if (exchange != NULL) {
		if (reason == OK && reply_finish(&conn->reply) == OK)
			http_exchange_done(exchange);
		else if (!exchange->done)
			http_exchange_fail(exchange, ERR_UPSTREAM_DOWN);
		exchange->answer.conn = NULL;
	}
	conn->magic = 0;
	free(conn);
	pool->open--;
	http_pool_settle(pool);
}

static const struct stream_events conn_events = {.on_read = on_read, .on_close = on_close};

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
