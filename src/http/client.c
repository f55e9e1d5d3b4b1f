/* Calls over the pool's connections, as a fiber sees them: send, wait for the head, take the
 * body whole or piece by piece, done.
 *
 * A body first gathers in the call's arena, whatever the caller will want; so an answer that
 * came in one read is copied once and needs no second wait. A caller that reads piece by
 * piece gets that as its first piece, the next ones from two buffers that swap places. A
 * reader that falls behind stops the socket.
 *
 * The callbacks only note what happened and wake the fiber. */
#include <stdio.h>

#include "base/check.h"
#include "base/limits.h"
#include "http/client_private.h"

#define BODY_AHEAD_BYTES_MAX (256 * 1024) /* unread bytes of a body above which the socket rests */
#define BODY_ROOM_BYTES 4096		  /* first room for a body of unknown length */
#define BODY_PIECES_MAX 4

static void wake(struct http_exchange *exchange)
{
	struct wait *waiter = exchange->waiter;

	exchange->waiter = NULL;
	if (waiter != NULL)
		wait_done(waiter, OK);
}

void http_exchange_head(struct http_exchange *exchange)
{
	struct reply *reply = &exchange->answer.conn->reply;

	exchange->head = true;
	exchange->answer.status = reply->llhttp.status_code;
	exchange->answer.fields = reply->fields;
	wake(exchange);
}

void http_exchange_done(struct http_exchange *exchange)
{
	exchange->done = true;
	wake(exchange);
}

void http_exchange_fail(struct http_exchange *exchange, enum err err)
{
	exchange->failure = err;
	exchange->answer.conn = NULL;
	wake(exchange);
}

static void pause_if_ahead(struct http_exchange *exchange, size_t unread)
{
	if (exchange->paused || unread < BODY_AHEAD_BYTES_MAX)
		return;
	exchange->paused = true;
	stream_pause(exchange->answer.conn->stream);
}

static void unpause(struct http_exchange *exchange)
{
	if (!exchange->paused)
		return;
	exchange->paused = false;
	if (exchange->answer.conn != NULL)
		stream_resume(exchange->answer.conn->stream);
}

/* Room for `bytes` of body in the arena: exactly what was announced, while that is no more
 * than we would read ahead anyway. */
static enum err body_room(struct http_exchange *exchange, size_t bytes)
{
	int64_t length = exchange->answer.conn->reply.length;
	size_t most = exchange->whole_max > 0 ? exchange->whole_max : BODY_AHEAD_BYTES_MAX;
	size_t cap = exchange->body_cap > 0 ? exchange->body_cap : BODY_ROOM_BYTES;
	char *body;

	if (bytes <= exchange->body_cap)
		return OK;
	while (cap < bytes)
		cap *= 2;
	if (length >= 0 && (uint64_t)length <= most)
		cap = (size_t)length;
	CHECK(cap >= bytes);
	body = exchange->body == NULL ? arena_try_alloc(exchange->answer.arena, cap)
				      : arena_try_grow(exchange->answer.arena, exchange->body, exchange->body_cap, cap);
	if (body == NULL)
		return ERR_UPSTREAM_TOO_LARGE;
	exchange->body = body;
	exchange->body_cap = cap;
	return OK;
}

enum err http_exchange_body(void *owner, struct str piece)
{
	struct http_exchange *exchange = owner;

	if (exchange->streaming) {
		buf_put(&exchange->filling, piece);
		pause_if_ahead(exchange, exchange->filling.n);
		wake(exchange);
		return OK;
	}
	if (exchange->whole_max > 0 && exchange->body_n + piece.n > exchange->whole_max)
		return ERR_UPSTREAM_TOO_LARGE;
	TRY(body_room(exchange, exchange->body_n + piece.n));
	memcpy(exchange->body + exchange->body_n, piece.p, piece.n);
	exchange->body_n += piece.n;
	if (exchange->whole_max == 0) {
		pause_if_ahead(exchange, exchange->body_n);
		wake(exchange);
	}
	return OK;
}

/* Let go of the connection without caring what it still brings. */
static void detach(struct http_exchange *exchange)
{
	struct http_client_conn *conn = exchange->answer.conn;

	exchange->answer.conn = NULL;
	if (conn == NULL)
		return;
	conn->exchange = NULL;
	http_conn_close(conn);
}

static bool abandon(void *arg)
{
	struct http_exchange *exchange = arg;

	exchange->waiter = NULL;
	return true;
}

static void on_timeout(struct timer *timer)
{
	struct http_exchange *exchange = CONTAINER_OF(timer, struct http_exchange, timer);

	detach(exchange);
	http_exchange_fail(exchange, ERR_UPSTREAM_TIMEOUT);
}

/* Sleep until a callback has news. */
AWAITS static enum err exchange_wait(struct http_exchange *exchange)
{
	struct wait wait = WAIT_INIT;
	enum err err;

	exchange->waiter = &wait;
	err = wait_for(&wait, abandon, exchange);
	exchange->waiter = NULL;
	return err;
}

static void send_request(struct http_exchange *exchange, const struct http_call *call)
{
	struct http_pool *pool = exchange->pool;
	bool usual = str_eq(call->method, STR("POST")) && str_eq(call->path, pool->spec.url.path);
	struct piece piece[4 + BODY_PIECES_MAX] = {0};
	size_t n = 0, bytes = 0;
	char length[48];

	if (usual) {
		piece[n++].str = buf_str(&pool->post_prefix);
	} else {
		piece[n++].str = arena_fmt(exchange->answer.arena, "%.*s %.*s HTTP/1.1\r\n", STR_ARG(call->method),
					   STR_ARG(call->path));
		piece[n++].str = buf_str(&pool->host_line);
	}
	piece[n++].str = call->headers;
	for (size_t i = 0; i < call->body_count; i++)
		bytes += call->body[i].str.n;
	piece[n].str.p = length;
	if (call->body_count > 0)
		piece[n].str.n = (size_t)snprintf(length, sizeof(length), "Content-Length: %zu\r\n\r\n", bytes);
	else
		piece[n].str = STR("\r\n");
	n++;
	for (size_t i = 0; i < call->body_count; i++)
		piece[n++] = call->body[i];
	(void)stream_write(exchange->answer.conn->stream, piece, n);
}

/* Stop: whatever the connection still brings is nobody's business. */
static void let_go(struct http_exchange *exchange)
{
	if (exchange->timer.at_ms != 0)
		timer_stop(&exchange->timer);
	detach(exchange);
	gate_leave(&exchange->pool->gate);
}

/* One attempt, up to the head of the answer. The place at the gate is left when it fails.
 *   ret_stale  the failure is that of a connection which had been idle for too long */
AWAITS static enum err attempt(struct http_exchange *exchange, const struct http_call *call, bool fresh,
			       bool *ret_stale)
{
	struct http_client_conn *conn;
	bool served;

	*ret_stale = false;
	TRY(http_pool_take(exchange->pool, fresh, &conn));
	served = conn->served;
	exchange->failure = OK;
	exchange->answer.conn = conn;
	conn->exchange = exchange;
	reply_reset(&conn->reply, exchange->answer.arena);
	conn->reply.on_body = http_exchange_body;
	conn->reply.owner = exchange;
	conn->reply.bodiless = str_eq(call->method, STR("HEAD"));
	send_request(exchange, call);
	if (call->timeout_ms > 0)
		timer_set(exchange->pool->loop, &exchange->timer, call->timeout_ms, on_timeout);
	while (!exchange->head && exchange->failure == OK) {
		enum err err = exchange_wait(exchange);

		if (err != OK)
			exchange->failure = err;
	}
	if (exchange->failure == OK || exchange->head)
		return OK;
	let_go(exchange);
	*ret_stale = served && !exchange->any_byte && exchange->failure == ERR_UPSTREAM_DOWN;
	return exchange->failure;
}

static enum err enter_error(enum err err)
{
	return err == ERR_BUSY ? ERR_UPSTREAM_BUSY : err;
}

AWAITS enum err http_call(struct http_pool *pool, struct arena *arena, const struct http_call *call,
			  struct http_answer **ret_answer)
{
	struct http_exchange *exchange;
	bool stale = false;
	enum err err = OK;

	CHECK_OBJ(pool, HTTP_POOL_MAGIC);
	CHECK(!pool->closing && call->body_count <= BODY_PIECES_MAX);
	exchange = ARENA_NEW(arena, struct http_exchange);
	exchange->magic = HTTP_EXCHANGE_MAGIC;
	exchange->pool = pool;
	exchange->answer.arena = arena;
	pool->exchanges++;
	/* A second try takes a new connection: the other idle ones are likely as dead. */
	for (int tries = 0; tries < 2 && (tries == 0 || (stale && call->idempotent)); tries++) {
		err = enter_error(gate_enter(&pool->gate));
		if (err != OK)
			break;
		err = attempt(exchange, call, tries > 0, &stale);
	}
	if (err != OK) {
		pool->exchanges--;
		http_pool_settle(pool);
		return err;
	}
	*ret_answer = &exchange->answer;
	return OK;
}

static struct http_exchange *exchange_of(struct http_answer *answer)
{
	struct http_exchange *exchange = (struct http_exchange *)answer;

	CHECK_OBJ(exchange, HTTP_EXCHANGE_MAGIC);
	return exchange;
}

AWAITS enum err http_answer_body(struct http_answer *answer, size_t bytes_max, struct str *ret_body)
{
	struct http_exchange *exchange = exchange_of(answer);

	CHECK(!exchange->streaming && bytes_max > 0);
	exchange->whole_max = bytes_max;
	if (exchange->body_n > bytes_max || (answer->conn != NULL && answer->conn->reply.length > 0 &&
					     (uint64_t)answer->conn->reply.length > bytes_max))
		return ERR_UPSTREAM_TOO_LARGE;
	unpause(exchange);
	while (!exchange->done && exchange->failure == OK)
		TRY(exchange_wait(exchange));
	TRY(exchange->failure);
	*ret_body = (struct str){exchange->body, exchange->body_n};
	return OK;
}

AWAITS enum err http_answer_read(struct http_answer *answer, struct str *ret_piece)
{
	struct http_exchange *exchange = exchange_of(answer);

	CHECK(exchange->whole_max == 0);
	if (!exchange->streaming) {
		exchange->streaming = true;
		*ret_piece = (struct str){exchange->body, exchange->body_n};
		if (exchange->body_n > 0)
			return OK;
	}
	unpause(exchange);
	while (exchange->filling.n == 0 && !exchange->done && exchange->failure == OK)
		TRY(exchange_wait(exchange));
	if (exchange->filling.n > 0) {
		struct buf read = exchange->given;

		exchange->given = exchange->filling;
		exchange->filling = read;
		exchange->filling.n = 0;
		*ret_piece = buf_str(&exchange->given);
		return OK;
	}
	TRY(exchange->failure);
	*ret_piece = STR_NONE;
	return OK;
}

void http_answer_timeout(struct http_answer *answer, int64_t timeout_ms)
{
	struct http_exchange *exchange = exchange_of(answer);

	if (exchange->timer.at_ms != 0)
		timer_stop(&exchange->timer);
	if (timeout_ms > 0 && answer->conn != NULL)
		timer_set(exchange->pool->loop, &exchange->timer, timeout_ms, on_timeout);
}

void http_answer_end(struct http_answer *answer)
{
	struct http_exchange *exchange;
	struct http_client_conn *conn;
	struct http_pool *pool;

	if (answer == NULL)
		return;
	exchange = exchange_of(answer);
	pool = exchange->pool;
	conn = answer->conn;
	if (conn != NULL && exchange->done && conn->reply.keep_alive) {
		unpause(exchange);
		answer->conn = NULL;
		conn->served = true;
		http_pool_put(conn);
	}
	let_go(exchange);
	buf_free(&exchange->filling);
	buf_free(&exchange->given);
	exchange->magic = 0;
	pool->exchanges--;
	http_pool_settle(pool);
}
