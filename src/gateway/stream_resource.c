/* Subscriptions to resources: resources/subscribe and unsubscribe of sessions, and what
 * subscriptions/listen names, tasks too. They belong to the log of the stream on which changes are told, and so
 * survive a lost connection for as long as the log does. */
#include "gateway/local_events.h"
#include "gateway/relay.h"
#include "gateway/streams.h"
#include "gateway/tasks.h"
#include "gateway/visible.h"

#define LISTEN_WATCH_MS 5000 /* until the client of a listen request is told what is honoured */
#define LISTEN_WISHES_MAX 64 /* count of URIs and tasks in one listen request: each is asked for on a fiber */

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
	spec.tenant_id = local_tenant_of(req, item->upstream);
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

/* One URI or task of a listen request, while its upstream is asked. */
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

/* The wishes of one listen request. */
struct wishes {
	struct request *req;
	struct subscription_spec common; /* what all have */
	struct subscription_set *set;
	struct wish wish[LISTEN_WISHES_MAX];
	size_t count;
};

static void add_wish(struct wishes *wishes, const struct catalog_item *item, bool task, struct str name,
		     struct str client_name)
{
	struct wish *wish = &wishes->wish[wishes->count++];

	*wish = (struct wish){.set = wishes->set, .spec = wishes->common};
	wish->spec.upstream = item->upstream;
	wish->spec.tenant_id = local_tenant_of(wishes->req, item->upstream);
	wish->spec.task = task;
	wish->spec.uri = name;
	wish->spec.client_uri = client_name;
}

/* A resource that this caller may read, of a server that tells of changes. */
AWAITS static void wish_for_resource(struct wishes *wishes, struct str client_uri)
{
	const struct catalog_item *item;
	struct str uri;

	if (visible_route(wishes->req, client_uri, &item, &uri) == OK && item != NULL && item->offer->subscribe)
		add_wish(wishes, item, false, uri, client_uri);
}

static void wish_for_task(struct wishes *wishes, struct str token)
{
	struct str id;
	const struct catalog_item *door = tasks_find(wishes->req, token, &id);

	if (door != NULL && (door->offer->extensions & MCP_EXT_TASKS))
		add_wish(wishes, door, true, id, token);
}

/* What the list (NULL or not even a list: nothing) names. */
AWAITS static enum err read_wishes(struct wishes *wishes, const struct json_member *list,
				   void (*wish_for)(struct wishes *wishes, struct str name) /* AWAITS */)
{
	struct json_index index;
	struct str element;
	size_t cursor = 0;

	if (list == NULL || list->kind != JSON_ARRAY)
		return OK;
	TRY(json_scan(wishes->req->arena, list->value, &index));
	while (wishes->count < LISTEN_WISHES_MAX && json_element(&index, &cursor, &element)) {
		struct json_member m = {.value = element, .kind = JSON_STRING, .escaped = true};
		struct str name = element.p[0] == '"' ? json_member_str(wishes->req->arena, &m) : STR_NONE;

		if (name.p != NULL)
			wish_for(wishes, name);
	}
	return OK;
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

/* A JSON list of what is honoured; nothing when nothing is. */
static void put_honoured(const struct wishes *wishes, bool tasks, struct buf *out)
{
	for (size_t i = 0; i < wishes->count; i++) {
		const struct wish *wish = &wishes->wish[i];

		if (!wish->honoured || wish->spec.task != tasks)
			continue;
		buf_put_byte(out, out->n == 0 ? '[' : ',');
		buf_put_json(out, wish->spec.client_uri);
	}
	if (out->n > 0)
		buf_put_byte(out, ']');
}

AWAITS enum err listen_wishes(struct request *req, struct open_stream *open, const struct json_member *uris,
			      const struct json_member *task_ids, struct listen_honoured *ret_honoured)
{
	struct wishes *wishes = ARENA_NEW(req->arena, struct wishes);
	struct session_notes *notes;
	enum err err;

	if (policy_decide(req->access->policy, &req->caller, PERMISSION_RESOURCES_READ) != OK)
		uris = NULL;
	if (policy_decide(req->access->policy, &req->caller, PERMISSION_TOOLS_CALL) != OK)
		task_ids = NULL;
	if (uris == NULL && task_ids == NULL)
		return OK;
	name_log(open);
	ret_honoured->log = session_log(EVENT_LOG_LISTEN, open->session, open->view);
	if (ret_honoured->log == NULL)
		return OK; /* no room: not honoured */
	notes = event_log_attachment(ret_honoured->log);
	wishes->req = req;
	wishes->set = &notes->subscriptions;
	wishes->common = (struct subscription_spec){.log = ret_honoured->log,
						    .kind = EVENT_LOG_LISTEN,
						    .session = {open->session, MCP_SESSION_NUMBER_LEN},
						    .listen_id = req->message.id};
	TRY(read_wishes(wishes, uris, wish_for_resource));
	TRY(read_wishes(wishes, task_ids, wish_for_task));
	err = ask_all(req, wishes->wish, wishes->count);
	put_honoured(wishes, false, &ret_honoured->uris);
	put_honoured(wishes, true, &ret_honoured->task_ids);
	return err;
}
