/* A session of the old HTTP+SSE transport as a channel: one GET whose event stream brings everything
 * the server says, and POSTs to the endpoint that its first event names. The stream is the session:
 * when it ends, however it does, all that was asked in it is lost, and the instance starts anew.
 *
 *   OPENING --endpoint event--> OPEN --stream ends, message refused as unknown--> ended
 *      \--refused, no endpoint in time, a foreign one--> ended
 *
 * The stream has a connection of its own, so that many sessions leave the calls' pool alone; the
 * messages use that pool.
 *   Source     MCP 2024-11-05 basic/transports#http-with-sse */
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "http/sse.h"
#include "upstream/channel.h"
#include "upstream/endpoint.h"

#define SESSION_MAGIC 0x53534501u
#define OPEN_MS 15000			     /* for the head of the stream and its first event */
#define RECEIPT_BYTES_MAX (64 * 1024)	     /* what a server says when it takes a message; never read */
#define STREAM_ARENA_BYTES_MAX (1024 * 1024) /* the head of the stream's answer */

struct sse_session {
	struct channel channel;
	uint32_t magic;
	struct http_pool *pool; /* of one connection: the stream's */
	struct fiber *reader;	/* NULL: it has ended */
	struct facts *facts;	/* for the header lines */
	struct buf path;	/* of the endpoint; empty while OPENING */
	struct wait *opener;
};

static struct sse_session *session_of(struct channel *channel)
{
	struct sse_session *session = CONTAINER_OF(channel, struct sse_session, channel);

	CHECK_OBJ(session, SESSION_MAGIC);
	return session;
}

static void wake_opener(struct sse_session *session, enum err err)
{
	struct wait *opener = session->opener;

	session->opener = NULL;
	if (opener != NULL)
		wait_done(opener, err);
}

static enum err take_endpoint(struct sse_session *session, struct http_answer *answer, struct str text)
{
	struct upstream *upstream = session->channel.instance->upstream;
	const char *problem;

	if (session->path.n > 0)
		return OK; /* a session has one */
	problem = endpoint_resolve(&upstream->url, text, &session->path);
	if (problem != NULL) {
		log_warn("upstream.endpoint", LOG_STR("upstream", upstream->spec.name), LOG_CSTR("problem", problem),
			 LOG_STR("endpoint", text));
		upstream_note_error(upstream, ERR_UPSTREAM_GARBAGE, str_of(problem));
		return ERR_UPSTREAM_GARBAGE;
	}
	http_answer_timeout(answer, 0);
	wake_opener(session, OK);
	return OK;
}

static enum err take_event(struct sse_session *session, struct http_answer *answer, const struct sse_event *event)
{
	if (str_eq(event->type, STR("endpoint")))
		return take_endpoint(session, answer, event->data);
	/* spec: messages come after the endpoint; other types are none */
	if (session->path.n > 0 && (event->type.n == 0 || str_eq(event->type, STR("message"))))
		channel_take(session->channel.instance, event->data);
	return OK;
}

AWAITS static enum err read_events(struct sse_session *session, struct http_answer *answer)
{
	const struct upstream_spec *spec = &session->channel.instance->upstream->spec;
	struct sse_reader reader;
	struct sse_event event;
	struct str piece;
	bool complete;
	enum err err;

	/* One somewhat over the bound is still read, to tell whose answer is too large. */
	sse_reader_init(&reader, spec->answer_bytes_max + spec->answer_bytes_max / 4);
	do {
		err = http_answer_read(answer, &piece);
		if (err == OK && piece.n == 0)
			break;
		while (err == OK) {
			err = sse_read(&reader, &piece, &event, &complete);
			if (err != OK || !complete)
				break;
			err = take_event(session, answer, &event);
		}
	} while (err == OK);
	sse_reader_free(&reader);
	return err == OK ? ERR_UPSTREAM_DOWN : err;
}

/* What a status says of the stream or of a message. */
static enum err judge_status(int status)
{
	const struct ask ask = {.status = status, .revision = MCP_2024_11_05, .has_session = true};

	return status == 410 ? ERR_UPSTREAM_SESSION : http_status_error(&ask);
}

AWAITS static enum err read_stream(struct sse_session *session)
{
	struct upstream *upstream = session->channel.instance->upstream;
	AUTO(arena) *arena = arena_new(STREAM_ARENA_BYTES_MAX);
	AUTO_BUF head = {0};
	struct http_call call = {.method = STR("GET"), .path = upstream->url.path, .timeout_ms = OPEN_MS};
	struct http_answer *answer = NULL;
	enum err err;

	buf_put(&head, STR("Accept: text/event-stream\r\nCache-Control: no-cache\r\n"));
	buf_put(&head, upstream->config_lines);
	call.headers = buf_str(&head);
	TRY(http_call(session->pool, arena, &call, &answer));
	err = judge_status(answer->status);
	if (err == OK && !http_type_is(http_field_get(&answer->fields, HTTP_CONTENT_TYPE), STR("text/event-stream")))
		err = ERR_UPSTREAM_GARBAGE;
	if (err == OK)
		err = read_events(session, answer);
	http_answer_close(answer);
	return err == ERR_UPSTREAM_SESSION ? ERR_UPSTREAM_GARBAGE : err; /* 404: no session began */
}

AWAITS static void stream_main(void *arg)
{
	struct sse_session *session = arg;
	struct upstream *upstream = session->channel.instance->upstream;
	enum err err = read_stream(session);

	CHECK_OBJ(session, SESSION_MAGIC);
	log_debug("upstream.stream_ended", LOG_STR("upstream", upstream->spec.name), LOG_ERR(err));
	session->reader = NULL;
	http_pool_free(session->pool);
	session->pool = NULL;
	wake_opener(session, err);
	/* An event far over the bound can only be named the fault of a call that was alone. */
	if (err != ERR_UPSTREAM_TOO_LARGE || pending_sole(session->channel.instance) == NULL)
		err = ERR_UPSTREAM_DOWN;
	channel_ended(&session->channel, err);
	upstream_helper_end(upstream);
}

static void session_end(struct channel *channel)
{
	struct sse_session *session = session_of(channel);

	if (session->reader != NULL)
		fiber_cancel(session->reader);
}

static void session_kill(struct channel *channel, int64_t kill_ms)
{
	(void)kill_ms;
	session_end(channel);
}

static void session_free(struct channel *channel)
{
	struct sse_session *session = session_of(channel);

	facts_unref(session->facts);
	buf_free(&session->path);
	session->magic = 0;
	free(session);
}

AWAITS static enum err post(struct sse_session *session, struct upstream *upstream, struct str message, int *ret_status)
{
	AUTO(arena) *arena = arena_new(2 * RECEIPT_BYTES_MAX + STREAM_ARENA_BYTES_MAX);
	const struct piece body = {.str = message};
	const struct http_call call = {
		.method = STR("POST"),
		.path = buf_str(&session->path),
		.headers = session->facts->head,
		.body = &body,
		.body_count = 1,
		.timeout_ms = upstream->spec.timeout_ms,
	};
	struct http_pool *pool = lane_pool(upstream, lane_here(upstream));
	struct http_answer *answer = NULL;
	struct str receipt;

	if (pool == NULL || session->path.n == 0)
		return ERR_CLOSED;
	TRY(http_call(pool, arena, &call, &answer));
	*ret_status = answer->status;
	/* The status says all; a receipt that does not end well only costs its connection. */
	if (http_answer_body(answer, RECEIPT_BYTES_MAX, &receipt) != OK)
		http_answer_close(answer);
	else
		http_answer_end(answer);
	return OK;
}

/* 400 may mean this message (too large, say) or, in many servers, the whole session: a ping tells. */
AWAITS static bool is_forgotten(struct sse_session *session, struct upstream *upstream)
{
	AUTO_BUF ping = {0};
	int status;

	buf_put(&ping, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_put_u64(&ping, lane_next_id(upstream, lane_here(upstream)));
	buf_put(&ping, STR(",\"method\":\"ping\"}"));
	return post(session, upstream, buf_str(&ping), &status) == OK && status >= 400 && status < 500;
}

AWAITS static enum err session_write(struct channel *channel, struct buf *message)
{
	struct sse_session *session = session_of(channel);
	struct upstream *upstream = channel->instance->upstream;
	int status = 0;
	enum err err;

	TRY(post(session, upstream, buf_str(message), &status));
	err = judge_status(status);
	if (status == 400 && !channel->ended && is_forgotten(session, upstream))
		err = ERR_UPSTREAM_SESSION;
	if (err == ERR_UPSTREAM_SESSION && !channel->ended) {
		if (channel->instance->facts != NULL)
			atomic_store(&channel->instance->facts->stale, true);
		session_end(channel);
	}
	return err;
}

static const struct channel_ops session_ops = {
	.write = session_write,
	.stop = session_end,
	.kill = session_kill,
	.free = session_free,
};

static bool forget_opener(void *arg)
{
	struct sse_session *session = arg;

	session->opener = NULL;
	return true;
}

AWAITS enum err sse_open(struct instance *instance)
{
	struct upstream *upstream = instance->upstream;
	struct http_pool_spec spec = lane_pool_spec(upstream);
	struct sse_session *session = calloc(1, sizeof(*session));
	struct wait opened = WAIT_INIT;

	CHECK(session != NULL);
	session->magic = SESSION_MAGIC;
	if (upstream_helper(upstream, "upstream stream", stream_main, session, 0, &session->reader) != OK) {
		free(session);
		return ERR_UPSTREAM_BUSY;
	}
	spec.connections_max = 1;
	session->pool = http_pool_new(upstream->home, &spec);
	session->facts = facts_new(upstream, MCP_UNKNOWN, STR_NONE);
	session->opener = &opened;
	channel_begin(&session->channel, &session_ops, instance);
	return wait_for(&opened, forget_opener, session);
}
