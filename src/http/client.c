/* Calls over the pool's connections, as a fiber sees them: send, wait for the head, take the
 * body whole or piece by piece, done.
 *
 * A body first gathers in the call's arena, whatever the caller will want; so an answer that
 * came in one read is copied once and needs no second wait. A caller that reads piece by
 * piece gets that as its first piece, the next ones from two buffers that swap places. A
 * reader that falls behind stops the socket.
 *
 * A request's body that is not in memory goes out piece by piece, as fast as the socket takes it; the answer may come
 * before its end, and is then all that counts.
 *
 * The callbacks only note what happened and wake the fiber. */
#include "base/check.h"
#include "base/limits.h"
#include "http/client_private.h"

#define BODY_AHEAD_BYTES_MAX (256 * 1024) /* unread bytes of a body above which the socket rests */
#define BODY_ROOM_BYTES 4096		  /* first room for a body of unknown length */
#define BODY_PIECES_MAX 4
#define LENGTH_LINE_MAX 48
#define BODY_QUEUE_BYTES (HTTP_WRITE_QUEUE_BYTES_MAX / 2) /* above what on_drain leaves */

static void wake(struct http_hop *hop)
{
	struct wait *waiter = hop->waiter;

	hop->waiter = NULL;
	if (waiter != NULL)
		wait_done(waiter, OK);
}

void http_hop_head(struct http_hop *hop)
{
	struct reply *reply = &hop->answer.conn->reply;

	hop->head = true;
	hop->answer.status = reply->llhttp.status_code;
	hop->answer.fields = reply->fields;
	wake(hop);
}

void http_hop_done(struct http_hop *hop)
{
	hop->done = true;
	wake(hop);
}

void http_hop_drained(struct http_hop *hop)
{
	wake(hop);
}

void http_hop_fail(struct http_hop *hop, enum err err)
{
	hop->failure = err;
	hop->answer.conn = NULL;
	wake(hop);
}

static void pause_if_ahead(struct http_hop *hop, size_t unread)
{
	if (hop->paused || unread < BODY_AHEAD_BYTES_MAX)
		return;
	hop->paused = true;
	stream_pause(hop->answer.conn->stream);
}

static void unpause(struct http_hop *hop)
{
	if (!hop->paused)
		return;
	hop->paused = false;
	if (hop->answer.conn != NULL)
		stream_resume(hop->answer.conn->stream);
}

/* Room for `bytes` of body in the arena: exactly what was announced, while that is no more
 * than we would read ahead anyway. */
static enum err body_room(struct http_hop *hop, size_t bytes)
{
	int64_t length = hop->answer.conn->reply.length;
	size_t most = hop->whole_max > 0 ? hop->whole_max : BODY_AHEAD_BYTES_MAX;
	size_t cap = hop->body_cap > 0 ? hop->body_cap : BODY_ROOM_BYTES;
	char *body;

	if (bytes <= hop->body_cap)
		return OK;
	while (cap < bytes)
		cap *= 2;
	if (length >= 0 && (uint64_t)length <= most)
		cap = (size_t)length;
	CHECK(cap >= bytes);
	body = hop->body == NULL ? arena_try_alloc(hop->answer.arena, cap)
				 : arena_try_grow(hop->answer.arena, hop->body, hop->body_cap, cap);
	if (body == NULL)
		return ERR_UPSTREAM_TOO_LARGE;
	hop->body = body;
	hop->body_cap = cap;
	return OK;
}

enum err http_hop_body(void *owner, struct str piece)
{
	struct http_hop *hop = owner;

	if (hop->streaming) {
		buf_put(&hop->filling, piece);
		pause_if_ahead(hop, hop->filling.n);
		wake(hop);
		return OK;
	}
	if (hop->whole_max > 0 && hop->body_n + piece.n > hop->whole_max)
		return ERR_UPSTREAM_TOO_LARGE;
	TRY(body_room(hop, hop->body_n + piece.n));
	memcpy(hop->body + hop->body_n, piece.p, piece.n);
	hop->body_n += piece.n;
	if (hop->whole_max == 0) {
		pause_if_ahead(hop, hop->body_n);
		wake(hop);
	}
	return OK;
}

/* Let go of the connection without caring what it still brings. */
static void detach(struct http_hop *hop)
{
	struct http_client_conn *conn = hop->answer.conn;

	hop->answer.conn = NULL;
	if (conn == NULL)
		return;
	conn->hop = NULL;
	http_conn_close(conn);
}

static bool abandon(void *arg)
{
	struct http_hop *hop = arg;

	hop->waiter = NULL;
	return true;
}

static void on_timeout(struct timer *timer)
{
	struct http_hop *hop = CONTAINER_OF(timer, struct http_hop, timer);
	int64_t more_ms = hop->more_ms == NULL ? 0 : hop->more_ms(hop->more_arg);

	if (more_ms > 0) {
		timer_set(hop->pool->loop, &hop->timer, more_ms, on_timeout);
		return;
	}
	detach(hop);
	http_hop_fail(hop, ERR_UPSTREAM_TIMEOUT);
}

/* Sleep until a callback has news. */
AWAITS static enum err hop_wait(struct http_hop *hop)
{
	struct wait wait = WAIT_INIT;
	enum err err;

	hop->waiter = &wait;
	err = wait_for(&wait, abandon, hop);
	hop->waiter = NULL;
	return err;
}

/* "Content-Length: N" and the end of the head, at the end of `out`. printf would cost more than
 * all the rest of the request. */
static struct str length_line(size_t bytes, char out[LENGTH_LINE_MAX])
{
	static const char name[] = "Content-Length: ", end[] = "\r\n\r\n";
	size_t at = LENGTH_LINE_MAX - (sizeof(end) - 1);

	memcpy(out + at, end, sizeof(end) - 1);
	do
		out[--at] = (char)('0' + bytes % 10);
	while ((bytes /= 10) > 0);
	at -= sizeof(name) - 1;
	memcpy(out + at, name, sizeof(name) - 1);
	return (struct str){out + at, LENGTH_LINE_MAX - at};
}

/* "METHOD PATH HTTP/1.1". Without printf for the same reason. */
static struct str request_line(struct arena *arena, struct str method, struct str path)
{
	static const char end[] = " HTTP/1.1\r\n";
	size_t n = method.n + 1 + path.n + sizeof(end) - 1;
	char *line = arena_alloc(arena, n), *at = mempcpy(line, method.p, method.n);

	*at++ = ' ';
	at = mempcpy(at, path.p, path.n);
	memcpy(at, end, sizeof(end) - 1);
	return (struct str){line, n};
}

static void send_request(struct http_hop *hop, const struct http_call *call)
{
	struct http_pool *pool = hop->pool;
	bool usual = str_eq(call->method, STR("POST")) && str_eq(call->path, pool->spec.url.path);
	bool bodied = call->body_count > 0 || call->body_next != NULL;
	struct piece piece[4 + BODY_PIECES_MAX] = {0};
	size_t n = 0, bytes = call->body_next == NULL ? 0 : call->body_bytes;
	char length[LENGTH_LINE_MAX];

	if (usual) {
		piece[n++].str = buf_str(&pool->post_prefix);
	} else {
		piece[n++].str = request_line(hop->answer.arena, call->method, call->path);
		piece[n++].str = buf_str(&pool->host_line);
	}
	piece[n++].str = call->headers;
	for (size_t i = 0; i < call->body_count; i++)
		bytes += call->body[i].str.n;
	piece[n].str = bodied ? length_line(bytes, length) : STR("\r\n");
	n++;
	for (size_t i = 0; i < call->body_count; i++)
		piece[n++] = call->body[i];
	(void)stream_write(hop->answer.conn->stream, piece, n);
}

/* Wait until most of what is queued has gone, or something has come that ends the body. */
AWAITS static enum err drain_queue(struct http_hop *hop)
{
	while (!hop->head && hop->failure == OK && stream_queued(hop->answer.conn->stream) > BODY_QUEUE_BYTES)
		TRY(hop_wait(hop));
	return OK;
}

/* Send the body that follows the head. */
AWAITS static enum err send_pieces(struct http_hop *hop, const struct http_call *call)
{
	uint64_t left = call->body_bytes;

	hop->cut = true;
	while (left > 0 && !hop->head && hop->failure == OK) {
		struct piece piece = {0};

		TRY(call->body_next(call->body_arg, &piece.str));
		CHECK(piece.str.n > 0 && piece.str.n <= left);
		if (hop->head || hop->failure != OK)
			break;
		left -= piece.str.n;
		if (call->timeout_ms > 0)
			timer_set(hop->pool->loop, &hop->timer, call->timeout_ms, on_timeout);
		if (!stream_write(hop->answer.conn->stream, &piece, 1))
			TRY(drain_queue(hop));
	}
	hop->cut = left > 0;
	return OK;
}

/* Stop: whatever the connection still brings is nobody's business. */
static void let_go(struct http_hop *hop)
{
	if (hop->timer.at_ms != 0)
		timer_stop(&hop->timer);
	detach(hop);
	gate_leave(&hop->pool->gate);
}

/* One attempt, up to the head of the answer. The place at the gate is left when it fails.
 *   ret_stale  the failure is that of a connection which had been idle for too long */
AWAITS static enum err attempt(struct http_hop *hop, const struct http_call *call, bool fresh, bool *ret_stale)
{
	struct http_client_conn *conn;
	bool served;

	*ret_stale = false;
	TRY(http_pool_take(hop->pool, fresh, &conn));
	served = conn->served;
	hop->failure = OK;
	hop->answer.conn = conn;
	conn->hop = hop;
	reply_reset(&conn->reply, hop->answer.arena);
	conn->reply.on_body = http_hop_body;
	conn->reply.owner = hop;
	conn->reply.bodiless = str_eq(call->method, STR("HEAD"));
	if (call->sent != NULL)
		*call->sent = true;
	send_request(hop, call);
	if (call->timeout_ms > 0)
		timer_set(hop->pool->loop, &hop->timer, call->timeout_ms, on_timeout);
	if (call->body_next != NULL) {
		enum err err = send_pieces(hop, call);

		if (hop->failure == OK)
			hop->failure = err;
	}
	while (!hop->head && hop->failure == OK) {
		enum err err = hop_wait(hop);

		if (err != OK)
			hop->failure = err;
	}
	if (hop->failure == OK || hop->head)
		return OK;
	let_go(hop);
	*ret_stale = served && !hop->any_byte && hop->failure == ERR_UPSTREAM_DOWN && call->body_next == NULL;
	return hop->failure;
}

static enum err enter_error(enum err err)
{
	return err == ERR_BUSY ? ERR_UPSTREAM_BUSY : err;
}

AWAITS enum err http_call(struct http_pool *pool, struct arena *arena, const struct http_call *call,
			  struct http_answer **ret_answer)
{
	struct http_hop *hop;
	bool stale = false;
	enum err err = OK;

	CHECK_OBJ(pool, HTTP_POOL_MAGIC);
	CHECK(!pool->closing && call->body_count <= BODY_PIECES_MAX);
	hop = ARENA_NEW(arena, struct http_hop);
	hop->magic = HTTP_HOP_MAGIC;
	hop->pool = pool;
	hop->answer.arena = arena;
	hop->more_ms = call->more_ms;
	hop->more_arg = call->more_arg;
	pool->hops++;
	/* A second try takes a new connection: the other idle ones are likely as dead. */
	for (int tries = 0; tries < 2 && (tries == 0 || (stale && call->idempotent)); tries++) {
		err = enter_error(gate_enter(&pool->gate));
		if (err != OK)
			break;
		err = attempt(hop, call, call->fresh || tries > 0, &stale);
	}
	if (err != OK) {
		pool->hops--;
		http_pool_settle(pool);
		return err;
	}
	*ret_answer = &hop->answer;
	return OK;
}

static struct http_hop *hop_of(struct http_answer *answer)
{
	struct http_hop *hop = (struct http_hop *)answer;

	CHECK_OBJ(hop, HTTP_HOP_MAGIC);
	return hop;
}

AWAITS enum err http_answer_body(struct http_answer *answer, size_t bytes_max, struct str *ret_body)
{
	struct http_hop *hop = hop_of(answer);

	CHECK(!hop->streaming && bytes_max > 0);
	hop->whole_max = bytes_max;
	if (hop->body_n > bytes_max || (answer->conn != NULL && answer->conn->reply.length > 0 &&
					(uint64_t)answer->conn->reply.length > bytes_max))
		return ERR_UPSTREAM_TOO_LARGE;
	unpause(hop);
	while (!hop->done && hop->failure == OK)
		TRY(hop_wait(hop));
	TRY(hop->failure);
	*ret_body = (struct str){hop->body, hop->body_n};
	return OK;
}

AWAITS enum err http_answer_read(struct http_answer *answer, struct str *ret_piece)
{
	struct http_hop *hop = hop_of(answer);

	CHECK(hop->whole_max == 0);
	if (!hop->streaming) {
		hop->streaming = true;
		*ret_piece = (struct str){hop->body, hop->body_n};
		if (hop->body_n > 0)
			return OK;
	}
	unpause(hop);
	while (hop->filling.n == 0 && !hop->done && hop->failure == OK)
		TRY(hop_wait(hop));
	if (hop->filling.n > 0) {
		struct buf read = hop->given;

		hop->given = hop->filling;
		hop->filling = read;
		hop->filling.n = 0;
		*ret_piece = buf_str(&hop->given);
		return OK;
	}
	TRY(hop->failure);
	*ret_piece = STR_NONE;
	return OK;
}

void http_answer_timeout(struct http_answer *answer, int64_t timeout_ms)
{
	struct http_hop *hop = hop_of(answer);

	if (hop->timer.at_ms != 0)
		timer_stop(&hop->timer);
	if (timeout_ms > 0 && answer->conn != NULL)
		timer_set(hop->pool->loop, &hop->timer, timeout_ms, on_timeout);
}

/* What both ways to be done share. */
static void hop_end(struct http_hop *hop)
{
	struct http_pool *pool = hop->pool;

	let_go(hop);
	buf_free(&hop->filling);
	buf_free(&hop->given);
	hop->magic = 0;
	pool->hops--;
	http_pool_settle(pool);
}

void http_answer_end(struct http_answer *answer)
{
	struct http_hop *hop;
	struct http_client_conn *conn;

	if (answer == NULL)
		return;
	hop = hop_of(answer);
	conn = answer->conn;
	if (conn != NULL && hop->done && conn->reply.keep_alive && !hop->cut) {
		unpause(hop);
		answer->conn = NULL;
		conn->served = true;
		http_pool_put(conn);
	}
	hop_end(hop);
}

void http_answer_close(struct http_answer *answer)
{
	if (answer != NULL)
		hop_end(hop_of(answer));
}

void http_answer_drain(struct http_answer *answer, int64_t ms)
{
	struct http_hop *hop = hop_of(answer);
	struct http_client_conn *conn = answer->conn;

	if (conn == NULL || hop->done || hop->cut) {
		http_answer_end(answer);
		return;
	}
	unpause(hop);
	answer->conn = NULL;
	http_conn_drain(conn, ms);
	hop_end(hop);
}
