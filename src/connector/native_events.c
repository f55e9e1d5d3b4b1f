/* Events as operations of connector files.
 *
 *     events.query   {kind?, route?, subject?, after?, limit?}  ->  {events: [{id, kind, route, subject, at, body}],
 * next?} events.status  {subject, route?}  ->  {status, at, body}: how far a message has come
 *
 * Statuses come in any order and more than once: the farthest one counts, and a failure is the end. */
#include "connector/native_events.h"

#include "base/clock.h"
#include "events/events.h"

#define QUERY_LIMIT_DEFAULT 50
#define QUERY_LIMIT_MAX 100
#define STATUSES_MAX 16 /* of a message: there are four, each told once */

static struct str given(const struct native_call *call, const char *name)
{
	return json_str(json_get(call->with, name));
}

static void put_time(struct buf *out, int64_t at_ms)
{
	char text[CLOCK_ISO_LEN + 1];

	clock_iso(at_ms, text);
	buf_put_fmt(out, "\"%s\"", text);
}

AWAITS static enum err run_query(void *room, struct native_call *call)
{
	int64_t limit = QUERY_LIMIT_DEFAULT;
	struct event_query query = {
		.tenant_id = call->tenant_id,
		.upstream = call->upstream,
		.kind = given(call, "kind"),
		.route = given(call, "route"),
		.subject = given(call, "subject"),
		.after = given(call, "after"),
	};
	struct platform_event *events;
	AUTO_BUF out = {0};
	size_t count;

	(void)json_int(json_get(call->with, "limit"), &limit);
	limit = limit < 1 ? 1 : limit > QUERY_LIMIT_MAX ? QUERY_LIMIT_MAX : limit;
	query.limit = limit + 1; /* one more tells whether there is another page */
	TRY(events_list(room, call->arena, &query, &events, &count));
	buf_put(&out, STR("{\"events\":["));
	for (size_t i = 0; i < count && i < (size_t)limit; i++) {
		if (i > 0)
			buf_put_byte(&out, ',');
		event_put(&events[i], &out);
	}
	buf_put_byte(&out, ']');
	if (count > (size_t)limit) {
		buf_put(&out, STR(",\"next\":"));
		buf_put_json(&out, events[limit - 1].id);
	}
	buf_put_byte(&out, '}');
	call->result = arena_str(call->arena, buf_str(&out));
	return OK;
}

/* How far a status is; of what is not known: not far. */
static int rank_of(struct str status)
{
	static const char *const order[] = {"sent", "delivered", "read", "failed"};

	for (int i = 0; i < (int)ARRAY_LEN(order); i++)
		if (str_eq(status, str_of(order[i])))
			return i + 1;
	return 0;
}

AWAITS static enum err run_status(void *room, struct native_call *call)
{
	struct event_query query = {
		.tenant_id = call->tenant_id,
		.upstream = call->upstream,
		.kind = STR("status"),
		.route = given(call, "route"),
		.subject = given(call, "subject"),
		.limit = STATUSES_MAX,
	};
	struct str farthest = STR_NONE;
	const struct platform_event *best = NULL;
	struct platform_event *events;
	AUTO_BUF out = {0};
	size_t count;

	if (query.subject.n == 0)
		return ERR_RPC_PARAMS;
	TRY(events_list(room, call->arena, &query, &events, &count));
	for (size_t i = 0; i < count; i++) {
		yyjson_val *body;

		TRY(json_read(call->arena, events[i].body, &body));
		if (best == NULL || rank_of(json_str(json_get(body, "status"))) > rank_of(farthest)) {
			best = &events[i];
			farthest = json_str(json_get(body, "status"));
		}
	}
	if (best == NULL) {
		call->class = STR("not_found");
		call->message = STR("no status of this message has been told to the gateway");
		return ERR_TOOL_FAILED;
	}
	buf_put(&out, STR("{\"status\":"));
	buf_put_json(&out, farthest);
	buf_put(&out, STR(",\"at\":"));
	put_time(&out, best->at_ms);
	buf_put_fmt(&out, ",\"body\":%.*s}", STR_ARG(best->body));
	call->result = arena_str(call->arena, buf_str(&out));
	return OK;
}

struct native_table events_natives(struct events *events)
{
	static const struct native_op ops[] = {
		{"events.query", run_query}, {"events.status", run_status}, {NULL, NULL}};

	return (struct native_table){.ops = ops, .room = events};
}
