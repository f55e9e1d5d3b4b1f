/* Subscriptions to resources: resources/subscribe and unsubscribe of sessions, and what
 * subscriptions/listen names. They belong to the log of the stream on which changes are told, and so
 * survive a lost connection for as long as the log does. */
#include "gateway/relay.h"
#include "gateway/streams.h"

#define LISTEN_WATCH_MS 5000	/* until the client of a listen request is told what is honoured */
#define LISTEN_RESOURCES_MAX 64 /* count of URIs in one listen request: each is asked for on a fiber */

/* ---- sessions ------------------------------------------------------------------------------- */

/* The log of the request's session: of its HTTP+SSE stream, or of its GET stream, open or not.
 *   returns    with a reference; NULL when there is no room */
AWAITS static struct event_log *log_of(struct request *req, enum event_log_kind *ret_kind)
{
	struct event_log *log =
		event_log_find(EVENT_LOG_CHANNEL, (struct str){req->session.number, MCP_SESSION_NUMBER_LEN}, 0);

	*ret_kind = log == NULL ? EVENT_LOG_SESSION : EVENT_LOG_CHANNEL;
	if (log != NULL)
		return log;
	log = session_log(EVENT_LOG_SESSION, req->session.number, req->view->name);
	if (log != NULL)
		streams_attach(req); /* its stream may be open already */
	return log;
}

AWAITS enum err resource_subscribe(struct request *req)
{
	struct subscription_spec spec = {
		.session = {req->session.number, MCP_SESSION_NUMBER_LEN},
		.client_uri = mcp_param(req->arena, &req->message, STR("uri")),
	};
	const struct catalog_item *item;
	struct session_notes *notes;
	enum err err;

	TRY(relay_find_resource(req, spec.client_uri, &item, &spec.uri));
	spec.upstream = item->upstream;
	spec.log = log_of(req, &spec.kind);
	if (spec.log == NULL)
		return ERR_BUSY;
	notes = event_log_attachment(spec.log);
	err = item->offer->subscribe ? subscription_add(&notes->subscriptions, &spec) : ERR_RPC_METHOD;
	event_log_unref(spec.log);
	if (err == ERR_LIMIT)
		req->problem = STR("this session, or its server, has too many subscriptions");
	TRY(err);
	return answer_result(req, STR("{}"));
}

AWAITS enum err resource_unsubscribe(struct request *req)
{
	struct str uri = mcp_param(req->arena, &req->message, STR("uri"));
	struct session_notes *notes;
	enum event_log_kind kind;
	struct event_log *log;

	if (uri.p == NULL) {
		req->problem = STR("params.uri must be a string");
		return ERR_RPC_PARAMS;
	}
	log = log_of(req, &kind);

	if (log != NULL) {
		notes = event_log_attachment(log);
		subscription_remove(&notes->subscriptions, uri);
		event_log_unref(log);
	}
	return answer_result(req, STR("{}"));
}

/* ---- listen --------------------------------------------------------------------------------- */

/* One URI of a listen request, while its upstream is asked. */
struct wish {
	struct subscription_spec spec;
	struct subscription_set *set;
	bool honoured;
};

AWAITS_ENTRY static void wish_main(void *arg)
{
	struct wish *wish = arg;

	fiber_deadline_set(loop_now(loop_self()) + LISTEN_WATCH_MS);
	wish->honoured = subscription_add(wish->set, &wish->spec) == OK;
}

/* The URIs of the list that this caller may read and whose servers tell of changes. */
static size_t read_wishes(struct request *req, const struct json_index *uris, struct event_log *log, struct str session,
			  struct wish *wishes)
{
	struct session_notes *notes = event_log_attachment(log);
	struct str element;
	size_t cursor = 0, count = 0;

	while (count < LISTEN_RESOURCES_MAX && json_element(uris, &cursor, &element)) {
		struct json_member m = {.value = element, .kind = JSON_STRING, .escaped = true};
		const struct catalog_item *item;
		struct wish *wish = &wishes[count];

		if (element.p[0] != '"')
			continue;
		*wish = (struct wish){.set = &notes->subscriptions};
		wish->spec = (struct subscription_spec){.log = log,
							.kind = EVENT_LOG_LISTEN,
							.session = session,
							.listen_id = req->message.id,
							.client_uri = json_member_str(req->arena, &m)};
		item = catalog_route(req->view, wish->spec.client_uri, &wish->spec.uri);
		if (item == NULL || !item->offer->subscribe)
			continue;
		wish->spec.upstream = item->upstream;
		count++;
	}
	return count;
}

/* Ask all servers at once; one that is slow does not keep the client from the others. */
AWAITS static enum err ask_all(struct request *req, struct wish *wishes, size_t count)
{
	struct group group;

	group_init(&group, req->here->loop);
	for (size_t i = 0; i < count; i++)
		(void)!group_spawn(&group, "listen", wish_main, &wishes[i]);
	return group_join(&group);
}

/* The log of a listen stream is found under a name of its own, as those of sessions are. */
static void name_log(struct open_stream *open)
{
	const struct mcp_message nothing_said = {0};
	struct mcp_session made;

	mcp_session_new(&nothing_said, MCP_MODERN_LATEST, &made);
	memcpy(open->session, made.number, sizeof(open->session));
}

AWAITS enum err listen_resources(struct request *req, struct open_stream *open, const struct json_member *uris,
				 struct event_log **ret_log, struct buf *honoured)
{
	struct wish *wishes = arena_zalloc(req->arena, LISTEN_RESOURCES_MAX * sizeof(*wishes));
	struct str session = {open->session, MCP_SESSION_NUMBER_LEN};
	struct json_index index;
	struct event_log *log;
	size_t count;
	enum err err;

	if (uris == NULL || uris->kind != JSON_ARRAY || policy_decide(&req->caller, PERMISSION_RESOURCES_READ) != OK)
		return OK;
	TRY(json_scan(req->arena, uris->value, &index));
	name_log(open);
	log = session_log(EVENT_LOG_LISTEN, open->session, open->view);
	if (log == NULL)
		return OK; /* no room: not honoured */
	count = read_wishes(req, &index, log, session, wishes);
	err = ask_all(req, wishes, count);
	for (size_t i = 0; i < count; i++) {
		if (!wishes[i].honoured)
			continue;
		buf_put_byte(honoured, honoured->n == 0 ? '[' : ',');
		buf_put_json(honoured, wishes[i].spec.client_uri);
	}
	if (honoured->n > 0)
		buf_put_byte(honoured, ']');
	*ret_log = log;
	return err;
}
