/* Streams that stay open: the GET stream of a legacy session and subscriptions/listen of a
 * modern client. Both only hear that lists have changed for now. While idle a stream is this
 * struct and a connection, no fiber.
 *
 * A session has at most one GET stream, wherever it is served: the names of sessions that
 * have one stand in a table of the process. */
#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "gateway/request.h"

#define STREAM_MAGIC 0x5354524du /* "STRM" */

enum stream_kind { STREAM_SESSION, STREAM_LISTEN };

struct open_stream {
	uint32_t magic;
	struct list link; /* in gateway_loop.streams */
	struct gateway_loop *here;
	struct http_stream *stream;
	enum stream_kind kind;
	bool wants[OFFER_KINDS];
	char session[MCP_SESSION_NUMBER_LEN + 1]; /* of a session's stream */
	struct str view, listen_id;		  /* in the same allocation */
};

/* Sessions with an open GET stream: the key is the stream's own `session`. */
static struct {
	pthread_mutex_t lock;
	struct map by_session;
} taken = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool session_take(struct open_stream *open)
{
	struct str key = {open->session, MCP_SESSION_NUMBER_LEN};
	bool mine;

	pthread_mutex_lock(&taken.lock);
	mine = map_get(&taken.by_session, key) == NULL;
	if (mine)
		map_put(&taken.by_session, key, open);
	pthread_mutex_unlock(&taken.lock);
	return mine;
}

static void session_release(struct open_stream *open)
{
	struct str key = {open->session, MCP_SESSION_NUMBER_LEN};

	pthread_mutex_lock(&taken.lock);
	if (map_get(&taken.by_session, key) == open)
		map_remove(&taken.by_session, key);
	pthread_mutex_unlock(&taken.lock);
}

static void open_stream_free(struct open_stream *open)
{
	if (open->kind == STREAM_SESSION)
		session_release(open);
	open->magic = 0;
	free(open);
}

static void stream_closed(void *owner, struct http_stream *stream)
{
	struct open_stream *open = owner;

	CHECK_OBJ(open, STREAM_MAGIC);
	list_remove(&open->link);
	open->here->stream_count--;
	open_stream_free(open);
}

/* A listen stream ends with its request's answer, so that the client knows to come again. */
static void stream_drained(void *owner, struct http_stream *stream)
{
	struct open_stream *open = owner;
	AUTO_BUF last = {0};

	CHECK_OBJ(open, STREAM_MAGIC);
	if (open->kind == STREAM_LISTEN) {
		buf_put(&last, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
		buf_put(&last, open->listen_id);
		buf_put(&last, STR(",\"result\":{\"resultType\":\"complete\",\"_meta\":{"
				   "\"io.modelcontextprotocol/subscriptionId\":"));
		buf_put(&last, open->listen_id);
		buf_put(&last, STR("}}}"));
		http_stream_push(stream, STR_NONE, buf_str(&last));
	}
	http_stream_end(stream);
}

static struct open_stream *open_stream_new(struct request *req, enum stream_kind kind)
{
	struct str view = req->view->name, id = req->message.id;
	struct open_stream *open = calloc(1, sizeof(*open) + view.n + id.n + 1);
	char *at = (char *)(open + 1);

	CHECK(open != NULL);
	open->magic = STREAM_MAGIC;
	open->here = req->here;
	open->kind = kind;
	list_init(&open->link);
	if (view.n > 0)
		memcpy(at, view.p, view.n);
	open->view = (struct str){at, view.n};
	if (id.n > 0)
		memcpy(at + view.n, id.p, id.n);
	open->listen_id = (struct str){at + view.n, id.n};
	if (kind == STREAM_SESSION)
		memcpy(open->session, req->session.number, sizeof(open->session));
	return open;
}

static enum err stream_keep(struct request *req, struct open_stream *open)
{
	static const struct http_stream_events events = {.on_close = stream_closed, .on_drain = stream_drained};
	enum err err = http_sse_detach(req->exchange, &events, open, &open->stream);

	if (err != OK) {
		open_stream_free(open);
		return err;
	}
	list_add_tail(&req->here->streams, &open->link);
	req->here->stream_count++;
	return OK;
}

AWAITS enum err stream_open_session(struct request *req)
{
	struct open_stream *open;
	enum err err;

	TRY(request_session(req));
	if (!http_accepts(http_field_get(&req->exchange->fields, HTTP_ACCEPT), STR("text/event-stream")))
		return ERR_HTTP_ACCEPT;
	open = open_stream_new(req, STREAM_SESSION);
	for (int kind = 0; kind < OFFER_KINDS; kind++)
		open->wants[kind] = true;
	if (!session_take(open)) {
		open_stream_free(open);
		return ERR_MCP_SECOND_STREAM;
	}
	err = http_sse_begin(req->exchange, STR_NONE);
	if (err != OK) {
		open_stream_free(open);
		return err;
	}
	req->streaming = true;
	return stream_keep(req, open);
}

static bool asks_for(struct request *req, const struct json_index *index, const char *key)
{
	const struct json_member *m = json_member(index, NULL, str_of(key));

	return m != NULL && m->kind == JSON_TRUE;
}

static void put_acknowledged(const struct open_stream *open, struct buf *out)
{
	static const char *const key[] = {"toolsListChanged", "promptsListChanged", "resourcesListChanged"};
	bool first = true;

	buf_put(out, STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
			 "\"notifications\":{"));
	for (int kind = 0; kind < (int)ARRAY_LEN(key); kind++) {
		if (open->wants[kind])
			buf_put_fmt(out, "%s\"%s\":true", first ? "" : ",", key[kind]);
		first = first && !open->wants[kind];
	}
	buf_put(out, STR("},\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":"));
	buf_put(out, open->listen_id);
	buf_put(out, STR("}}}"));
}

AWAITS enum err stream_open_listen(struct request *req)
{
	const struct json_member *wanted =
		req->message.params == NULL
			? NULL
			: json_member(&req->message.index, req->message.params, STR("notifications"));
	struct open_stream *open;
	struct json_index index;
	AUTO_BUF first = {0};
	enum err err;

	if (wanted == NULL || wanted->kind != JSON_OBJECT) {
		req->problem = STR("params.notifications must be an object");
		return ERR_RPC_PARAMS;
	}
	if (!req->accepts_sse)
		return ERR_HTTP_ACCEPT;
	TRY(json_scan(req->arena, wanted->value, &index));
	open = open_stream_new(req, STREAM_LISTEN);
	open->wants[OFFER_TOOLS] = asks_for(req, &index, "toolsListChanged");
	open->wants[OFFER_PROMPTS] = asks_for(req, &index, "promptsListChanged");
	open->wants[OFFER_RESOURCES] = asks_for(req, &index, "resourcesListChanged");
	put_acknowledged(open, &first);
	err = answer_event(req, buf_str(&first));
	if (err != OK) {
		open_stream_free(open);
		return err;
	}
	return stream_keep(req, open);
}

struct session_end {
	struct gateway *gateway;
	const char *session;
};

static enum err end_here(void *arg)
{
	const struct session_end *end = arg;
	struct gateway_loop *here = gateway_here(end->gateway);

	for (struct list *l = here->streams.next; l != &here->streams; l = l->next) {
		struct open_stream *open = LIST_OBJ(l, struct open_stream, link);

		if (open->kind != STREAM_SESSION || strcmp(open->session, end->session) != 0)
			continue;
		http_stream_end(open->stream);
		break;
	}
	return OK;
}

AWAITS void streams_end_session(struct request *req)
{
	struct session_end end = {req->gateway, req->session.number};
	struct str key = {req->session.number, MCP_SESSION_NUMBER_LEN};
	bool open;

	pthread_mutex_lock(&taken.lock);
	open = map_get(&taken.by_session, key) != NULL;
	pthread_mutex_unlock(&taken.lock);
	for (unsigned i = 0; open && i < loop_count(); i++)
		if (loop_call(loop_at(i), "end-stream", end_here, &end) != OK)
			return;
}

/* Whether a client of this view would read different bytes now. */
static bool list_differs(const struct catalog_list *a, const struct catalog_list *b)
{
	if (a->pages != b->pages)
		return true;
	for (size_t p = 0; p < a->pages; p++)
		if (!str_eq(a->page[CATALOG_MODERN][p]->str, b->page[CATALOG_MODERN][p]->str))
			return true;
	return false;
}

static void stream_tell(struct open_stream *open, struct str method)
{
	AUTO_BUF params = {0}, message = {0};

	if (open->kind == STREAM_LISTEN) {
		buf_put(&params, STR("{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":"));
		buf_put(&params, open->listen_id);
		buf_put(&params, STR("}}"));
	}
	mcp_compose_notification(method, params.n > 0 ? buf_str(&params) : STR_NONE, &message);
	/* A full queue drops the news: the client is not reading, and will list again when it does. */
	http_stream_push(open->stream, STR_NONE, buf_str(&message));
}

void streams_lists_changed(struct gateway_loop *here, const struct catalog *before, const struct catalog *after)
{
	static const struct str method[] = {
		{"notifications/tools/list_changed", 32},
		{"notifications/prompts/list_changed", 34},
		{"notifications/resources/list_changed", 36},
	};

	for (struct list *l = here->streams.next; l != &here->streams; l = l->next) {
		struct open_stream *open = LIST_OBJ(l, struct open_stream, link);
		const struct catalog_view *old = catalog_view(before, open->view),
					  *new = catalog_view(after, open->view);

		if (old == NULL || new == NULL)
			continue;
		for (int kind = 0; kind < (int)ARRAY_LEN(method); kind++)
			if (open->wants[kind] &&
			    (list_differs(&old->list[kind], &new->list[kind]) ||
			     (kind == OFFER_RESOURCES &&
			      list_differs(&old->list[OFFER_TEMPLATES], &new->list[OFFER_TEMPLATES]))))
				stream_tell(open, method[kind]);
	}
}
