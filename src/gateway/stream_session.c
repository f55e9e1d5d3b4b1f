/* GET: the stream of a session, and streams that were lost on the way.
 *
 *     no Last-Event-ID          the session's own stream; 409 while another one is open
 *     id of the session's log   the same, from that event on, in place of another one
 *     id of a POST's log        the rest of that POST's events, then the end
 *     id of a log that is gone  the session's stream afresh; for a POST an error in its
 *                               answer's place, since its call may or may not have been carried out
 *
 * A session has at most one stream of its own, wherever it is served: the names of sessions
 * that have one stand in a table of the process. */
#include <pthread.h>

#include "gateway/event_id.h"
#include "gateway/forward.h"
#include "gateway/streams.h"

/* Sessions with an open stream of their own: the key is the stream's own `session`. */
static struct {
	pthread_mutex_t lock;
	struct map by_session;
} taken = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct str key_of(const char *session)
{
	return (struct str){session, MCP_SESSION_NUMBER_LEN};
}

/* False when the session has a stream already, and it is not to be replaced. */
static bool session_take(struct open_stream *open, bool replace, bool *ret_replaced)
{
	bool had;

	pthread_mutex_lock(&taken.lock);
	had = map_get(&taken.by_session, key_of(open->session)) != NULL;
	if (had && replace)
		map_remove(&taken.by_session, key_of(open->session));
	if (!had || replace)
		map_put(&taken.by_session, key_of(open->session), open);
	pthread_mutex_unlock(&taken.lock);
	*ret_replaced = had && replace;
	return !had || replace;
}

void session_release(struct open_stream *open)
{
	pthread_mutex_lock(&taken.lock);
	if (map_get(&taken.by_session, key_of(open->session)) == open)
		map_remove(&taken.by_session, key_of(open->session));
	pthread_mutex_unlock(&taken.lock);
}

static bool session_has_stream(const char *session)
{
	bool has;

	pthread_mutex_lock(&taken.lock);
	has = map_get(&taken.by_session, key_of(session)) != NULL;
	pthread_mutex_unlock(&taken.lock);
	return has;
}

/* ---- the end of streams ------------------------------------------------------------------ */

struct session_end {
	struct gateway *gateway;
	const char *session;
	const struct open_stream *instead; /* which is the session's own now; NULL: end all its streams */
};

static enum err end_here(void *arg)
{
	const struct session_end *end = arg;
	struct gateway_loop *here = gateway_here(end->gateway);

	for (struct list *l = here->streams.next; l != &here->streams; l = l->next) {
		struct open_stream *open = LIST_OBJ(l, struct open_stream, link);

		if (open == end->instead || strcmp(open->session, end->session) != 0)
			continue;
		if (end->instead == NULL || open->kind == STREAM_SESSION)
			http_stream_end(open->stream);
	}
	return OK;
}

AWAITS static void end_streams(struct request *req, const struct open_stream *instead)
{
	struct session_end end = {req->gateway, req->session.number, instead};

	for (unsigned i = 0; i < loop_count(); i++)
		if (loop_call(loop_at(i), "end-stream", end_here, &end) != OK)
			return;
}

AWAITS void streams_end_session(struct request *req)
{
	bool kept = event_logs_forget_session(key_of(req->session.number));

	if (kept || session_has_stream(req->session.number))
		end_streams(req, NULL);
}

struct attaching {
	struct gateway *gateway;
	const char *session;
};

static enum err attach_here(void *arg)
{
	const struct attaching *attaching = arg;
	struct gateway_loop *here = gateway_here(attaching->gateway);

	for (struct list *l = here->streams.next; l != &here->streams; l = l->next) {
		struct open_stream *open = LIST_OBJ(l, struct open_stream, link);

		if (open->kind == STREAM_SESSION && strcmp(open->session, attaching->session) == 0)
			open_stream_attach(open);
	}
	return OK;
}

AWAITS void streams_attach(struct request *req)
{
	struct attaching attaching = {req->gateway, req->session.number};

	if (!session_has_stream(req->session.number))
		return; /* when it opens it finds its log */
	for (unsigned i = 0; i < loop_count(); i++)
		if (loop_call(loop_at(i), "attach-stream", attach_here, &attaching) != OK)
			return;
}

/* ---- opening ------------------------------------------------------------------------------- */

AWAITS static enum err begin(struct request *req, struct open_stream *open)
{
	enum err err = http_sse_begin(req->exchange, STR_NONE);

	if (err != OK)
		open_stream_free(open);
	else
		req->streaming = true;
	return err;
}

/* An id before there is an event: a client that has lost its connection shows it, and so takes the place
 * of its own older stream, of which the gateway may not know yet that it is dead. */
AWAITS static enum err send_priming(struct request *req)
{
	AUTO_BUF id = {0};

	event_id_write(EVENT_LOG_SESSION, 0, 0, STR_NONE, &id);
	return http_sse_event(req->exchange, &(struct http_event){.id = buf_str(&id)});
}

AWAITS static enum err open_own(struct request *req, bool resume, const struct event_id *last)
{
	struct open_stream *open = open_stream_new(req, STREAM_SESSION, STR_NONE);
	struct event_log *log;
	bool replaced;
	enum err err;

	for (int kind = 0; kind < OFFER_KINDS; kind++)
		open->wants[kind] = true;
	if (!session_take(open, resume, &replaced)) {
		open_stream_free(open);
		return ERR_MCP_SECOND_STREAM;
	}
	if (replaced)
		end_streams(req, open);
	TRY(begin(req, open));
	err = resume || req->revision < MCP_2025_11_25 ? OK : send_priming(req);
	if (err != OK) {
		open_stream_free(open);
		return err;
	}
	/* Nothing is kept yet, as a rule. What nobody has read is said now. */
	log = event_log_find(EVENT_LOG_SESSION, key_of(req->session.number), 0);
	err = stream_keep(req, open, log,
			  resume && log != NULL && last->here && event_log_serial(log) == last->log ? last->number
												    : EVENTS_UNREAD);
	event_log_unref(log);
	return err;
}

/* What is kept of a POST's stream. */
AWAITS static enum err open_rest(struct request *req, const struct event_id *last, struct event_log *log)
{
	struct str request_id = {last->request, last->request_bytes};
	struct open_stream *open = open_stream_new(req, STREAM_RESUMED, request_id);

	TRY(begin(req, open));
	return stream_keep(req, open, log, last->number);
}

/* Nothing is kept: say so in the answer's place, instead of leaving the client to wait for it. */
AWAITS static enum err say_lost(struct request *req, const struct event_id *last)
{
	AUTO_BUF message = {0};

	if (last->request_bytes == 0) {
		req->problem = STR("nothing is kept any more of the stream that Last-Event-ID names");
		return ERR_MCP_EVENT_ID;
	}
	mcp_compose_error((struct str){last->request, last->request_bytes}, ERR_MCP_CALL_LOST, STR_NONE, STR_NONE,
			  &message);
	TRY(http_sse_begin(req->exchange, STR_NONE));
	TRY(http_sse_event(req->exchange, &(struct http_event){.data = buf_str(&message)}));
	return http_sse_end(req->exchange);
}

AWAITS static enum err resume(struct request *req, struct str text)
{
	struct event_log *log = NULL;
	struct event_id last;
	enum err err;

	TRY(event_id_read(text, &last));
	if (last.kind == EVENT_LOG_SESSION)
		return open_own(req, true, &last);
	if (last.here)
		log = event_log_find(EVENT_LOG_REQUEST, key_of(req->session.number), last.log);
	if (log == NULL)
		return say_lost(req, &last);
	err = open_rest(req, &last, log);
	event_log_unref(log);
	return err;
}

AWAITS enum err stream_open_session(struct request *req)
{
	struct str last = http_field_get(&req->exchange->fields, HTTP_LAST_EVENT_ID);

	TRY(request_session(req));
	TRY(forward_home(req));
	if (!http_accepts(http_field_get(&req->exchange->fields, HTTP_ACCEPT), STR("text/event-stream")))
		return ERR_HTTP_ACCEPT;
	return last.p == NULL ? open_own(req, false, NULL) : resume(req, last);
}
