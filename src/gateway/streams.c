/* The life of open streams on their loop, and what is said on them.
 *
 *     no log yet --first event, or a subscription--> log --> reader --pump--> connection
 *
 * A session's stream says everything through its log, so that it is kept when the connection is
 * lost; other loops write there too. A listen stream has a log only when others write to it.
 * A client that does not read is not waited for: the log drops its oldest events. */
#include "gateway/streams.h"
#include "gateway/stream_watch.h"

#include <stdlib.h>

#include "base/check.h"
#include "gateway/event_id.h"
#include "gateway/sse_server.h"
#include "gateway/visible.h"

#define STREAM_MAGIC 0x5354524du /* "STRM" */

struct open_stream *open_stream_new(struct request *req, enum stream_kind kind, struct str request_id)
{
	struct str view = req->view->name;
	struct open_stream *open = calloc(1, sizeof(*open) + view.n + request_id.n + 1);
	char *at = (char *)(open + 1);

	CHECK(open != NULL);
	open->magic = STREAM_MAGIC;
	open->here = req->here;
	open->kind = (uint8_t)kind;
	caller_mark_of(&req->caller, &open->mark);
	open->policy = req->access == NULL ? NULL : policy_ref(req->access->policy);
	list_init(&open->link);
	if (view.n > 0)
		memcpy(at, view.p, view.n);
	open->view = (struct str){at, view.n};
	if (request_id.n > 0)
		memcpy(at + view.n, request_id.p, request_id.n);
	open->request_id = (struct str){at + view.n, request_id.n};
	if (kind != STREAM_LISTEN)
		memcpy(open->session, req->session.number, sizeof(open->session));
	return open;
}

void open_stream_free(struct open_stream *open)
{
	CHECK_OBJ(open, STREAM_MAGIC);
	if (open->kind == STREAM_SESSION)
		session_release(open);
	if (open->kind == STREAM_CHANNEL)
		sse_session_closed(open->here, open->session);
	if (open->kind == STREAM_LISTEN && open->session[0] != '\0')
		event_logs_forget_session((struct str){open->session, MCP_SESSION_NUMBER_LEN});
	if (open->reader != NULL)
		event_reader_leave(open->reader);
	policy_unref(open->policy);
	open->magic = 0;
	free(open);
}

/* ---- from the log to the connection ---------------------------------------------------- */

static bool push_event(struct open_stream *open, const struct event *event)
{
	struct event_log *log = event_reader_log(open->reader);
	AUTO_BUF id = {0};
	struct http_event out = {.data = event->text->str, .blob = event->text};

	if (open->kind == STREAM_CHANNEL)
		out.type = STR("message");
	if (open->kind == STREAM_SESSION || open->kind == STREAM_RESUMED) {
		event_id_write(open->kind == STREAM_SESSION ? EVENT_LOG_SESSION : EVENT_LOG_REQUEST,
			       event_log_serial(log), event->number, open->request_id, &id);
		out.id = buf_str(&id);
	}
	return http_stream_push(open->stream, &out);
}

/* The answer was larger than what is kept, or went to make room. */
static void push_lost(struct open_stream *open)
{
	AUTO_BUF message = {0};

	if (open->kind != STREAM_RESUMED || open->request_id.n == 0)
		return;
	mcp_compose_error(open->request_id, ERR_MCP_CALL_LOST, STR_NONE, STR_NONE, &message);
	http_stream_push(open->stream, &(struct http_event){.data = buf_str(&message)});
}

static void pump(void *owner)
{
	struct open_stream *open = owner;
	enum event_state state;
	struct event event;
	bool taken;

	CHECK_OBJ(open, STREAM_MAGIC);
	while ((state = event_reader_peek(open->reader, &event)) == EVENTS_NEXT) {
		taken = push_event(open, &event);
		blob_unref(event.text);
		if (!taken)
			return;
		event_reader_took(open->reader, event.number);
	}
	if (state == EVENTS_NONE)
		return;
	if (state == EVENTS_LOST)
		push_lost(open);
	http_stream_end(open->stream);
}

static void stream_has_room(void *owner, struct http_stream *stream)
{
	struct open_stream *open = owner;

	CHECK_OBJ(open, STREAM_MAGIC);
	if (open->reader != NULL)
		pump(open);
}

/* ---- life -------------------------------------------------------------------------------- */

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
		listen_put_answer(open, &last);
		http_stream_push(stream, &(struct http_event){.data = buf_str(&last)});
	}
	http_stream_end(stream);
}

enum err stream_keep(struct request *req, struct open_stream *open, struct event_log *log, uint64_t after)
{
	static const struct http_stream_events events = {
		.on_close = stream_closed, .on_drain = stream_drained, .on_room = stream_has_room};
	enum err err = http_sse_detach(req->exchange, &events, open, &open->stream);

	if (err != OK) {
		open_stream_free(open);
		return err;
	}
	list_add_tail(&req->here->streams, &open->link);
	req->here->stream_count++;
	stream_watch_note(req->gateway->stream_watch, open->mark.expires_ms);
	if (log == NULL)
		return OK;
	open->reader = event_log_read(log, after, true, pump, open);
	pump(open);
	return OK;
}

/* ---- what is said -------------------------------------------------------------------------- */

static struct session_notes *notes_new(struct str view)
{
	struct session_notes *notes = calloc(1, sizeof(*notes) + view.n + 1);

	CHECK(notes != NULL);
	if (view.n > 0)
		memcpy(notes + 1, view.p, view.n);
	notes->view = (struct str){(const char *)(notes + 1), view.n};
	subscription_set_init(&notes->subscriptions);
	return notes;
}

static void notes_free(void *attachment)
{
	struct session_notes *notes = attachment;

	subscription_set_clear(&notes->subscriptions);
	free(notes);
}

struct event_log *session_log(enum event_log_kind kind, const char *session, struct str view)
{
	const struct event_log_spec spec = {
		.kind = kind,
		.session = {session, MCP_SESSION_NUMBER_LEN},
		.attachment = notes_new(view),
		.attachment_free = notes_free,
	};
	struct event_log *log = event_log_new(&spec);

	if (log == NULL || event_log_attachment(log) != spec.attachment)
		free(spec.attachment);
	return log;
}

void open_stream_attach(struct open_stream *open)
{
	struct event_log *log;

	if (open->kind != STREAM_SESSION || open->reader != NULL)
		return;
	log = session_log(EVENT_LOG_SESSION, open->session, open->view);
	if (log == NULL)
		return;
	open->reader = event_log_read(log, EVENTS_UNREAD, true, pump, open);
	pump(open);
	event_log_unref(log);
}

void stream_say(struct open_stream *open, struct str message)
{
	CHECK_OBJ(open, STREAM_MAGIC);
	open_stream_attach(open); /* from its first event on */
	if (open->reader != NULL)
		event_log_append(event_reader_log(open->reader), message, true);
	else
		/* A full queue drops it: the client is not reading, and will list again when it does. */
		http_stream_push(open->stream, &(struct http_event){.data = message});
}

/* ---- changed lists ---------------------------------------------------------------------- */

static const struct str changed_method[] = {
	{"notifications/tools/list_changed", 32},
	{"notifications/prompts/list_changed", 34},
	{"notifications/resources/list_changed", 36},
};

#define CHANGED_KINDS ((int)ARRAY_LEN(changed_method))

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

struct change {
	const struct catalog *before, *after;
};

static bool kind_changed(const struct change *change, struct str view, int kind)
{
	const struct catalog_view *old = catalog_view(change->before, view), *new = catalog_view(change->after, view);

	if (old == NULL || new == NULL)
		return false;
	return list_differs(&old->list[kind], &new->list[kind]) ||
	       (kind == OFFER_RESOURCES && list_differs(&old->list[OFFER_TEMPLATES], &new->list[OFFER_TEMPLATES]));
}

/*   change     NULL: everything may have */
static void tell_stream(struct open_stream *open, const struct change *change)
{
	for (int kind = 0; kind < CHANGED_KINDS; kind++) {
		AUTO_BUF params = {0}, message = {0};

		if (!open->wants[kind] || (change != NULL && !kind_changed(change, open->view, kind)))
			continue;
		if (open->kind == STREAM_LISTEN) {
			buf_put(&params, STR("{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":"));
			buf_put(&params, open->request_id);
			buf_put(&params, STR("}}"));
		}
		mcp_compose_notification(changed_method[kind], params.n > 0 ? buf_str(&params) : STR_NONE, &message);
		stream_say(open, buf_str(&message));
	}
}

/* A session that has lost its stream finds the news when it comes back. */
static void tell_absent(struct event_log *log, void *arg)
{
	const struct change *change = arg;
	const struct session_notes *notes = event_log_attachment(log);

	for (int kind = 0; kind < CHANGED_KINDS; kind++) {
		AUTO_BUF message = {0};

		if (!kind_changed(change, notes->view, kind))
			continue;
		mcp_compose_notification(changed_method[kind], STR_NONE, &message);
		event_log_append(log, buf_str(&message), true);
	}
}

void streams_policy_changed(struct gateway_loop *here, struct str tenant_id, struct policy *policy)
{
	for (struct list *l = here->streams.next; l != &here->streams; l = l->next) {
		struct open_stream *open = LIST_OBJ(l, struct open_stream, link);

		if (open->policy == policy || !str_eq(str_of(open->mark.tenant_id), tenant_id))
			continue;
		policy_unref(open->policy);
		open->policy = policy_ref(policy);
		tell_stream(open, NULL);
	}
}

void streams_lists_changed(struct gateway_loop *here, const struct catalog *before, const struct catalog *after)
{
	struct change change = {before, after};
	unsigned index = loop_index(here->loop);

	for (struct list *l = here->streams.next; l != &here->streams; l = l->next)
		tell_stream(LIST_OBJ(l, struct open_stream, link), &change);
	/* The first, and the last for those that lost their stream meanwhile: said twice is said once. */
	if (index == 0 || index + 1 == loop_count())
		event_logs_unread(tell_absent, &change);
}
