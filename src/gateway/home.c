/* Where a request belongs, in the order in which it can be told:
 *
 *     GET with Last-Event-ID   the node whose log it is, for the answer to a POST
 *     an answer to a question  the node in the question's id
 *     tasks/...                the node in the sealed id
 *     params.requestState      the node in front of the sealed state
 *     any other of a session   the node in the session's id
 *
 * The first four can only be there, so that the session is the second choice. What needs nothing of a session beyond
 * its id is answered by whoever gets it. */
#include "gateway/home.h"

#include "gateway/client_ask.h"
#include "gateway/event_id.h"
#include "gateway/tasks.h"
#include "mcp/request_state.h"

static uint64_t of_event(const struct request *req)
{
	struct str last = http_field_get(&req->exchange->fields, HTTP_LAST_EVENT_ID);
	struct event_id id;

	/* A session's own stream is where the session is now. */
	return last.p != NULL && event_id_read(last, &id) == OK && id.kind == EVENT_LOG_REQUEST ? id.node : 0;
}

static uint64_t of_state(struct request *req)
{
	const struct json_member *state =
		req->message.params == NULL
			? NULL
			: json_member(&req->message.index, req->message.params, STR("requestState"));

	return state == NULL ? 0 : mcp_state_node(json_member_str(req->arena, state));
}

/* A listen stream that names tasks; all of them are where the first one is, or else each can be asked from anywhere. */
static uint64_t of_listen(struct request *req)
{
	const struct json_member *wanted =
		req->message.params == NULL
			? NULL
			: json_member(&req->message.index, req->message.params, STR("notifications"));
	const struct json_member *ids;
	struct json_index index, list;
	struct str first;
	size_t cursor = 0;

	if (wanted == NULL || wanted->kind != JSON_OBJECT || json_scan(req->arena, wanted->value, &index) != OK)
		return 0;
	ids = json_member(&index, NULL, STR("taskIds"));
	if (ids == NULL || ids->kind != JSON_ARRAY || json_scan(req->arena, ids->value, &list) != OK ||
	    !json_element(&list, &cursor, &first) || first.n < 2 || first.p[0] != '"')
		return 0;
	return tasks_node(req, (struct str){first.p + 1, first.n - 2}); /* ours have no escapes */
}

static uint64_t of_message(struct request *req)
{
	if (req->message.kind == MCP_RESPONSE)
		return client_ask_node(req->message.id);
	switch (req->method) {
	case MCP_M_TASKS_GET:
	case MCP_M_TASKS_UPDATE:
	case MCP_M_TASKS_CANCEL:
	case MCP_M_TASKS_RESULT:
		return tasks_node(req, mcp_param(req->arena, &req->message, STR("taskId")));
	case MCP_M_SUBSCRIPTIONS_LISTEN:
		return of_listen(req);
	default:
		return req->modern ? of_state(req) : 0;
	}
}

/* Lists and pings are the same everywhere. */
static bool is_anywhere(const struct request *req)
{
	if (req->exchange->method != HTTP_POST || req->message.kind != MCP_REQUEST)
		return false;
	switch (req->method) {
	case MCP_M_PING:
	case MCP_M_TOOLS_LIST:
	case MCP_M_PROMPTS_LIST:
	case MCP_M_RESOURCES_LIST:
	case MCP_M_RESOURCES_TEMPLATES_LIST:
		return true;
	default:
		return false;
	}
}

bool home_wish(struct request *req, struct fleet_wish *ret_wish)
{
	*ret_wish = (struct fleet_wish){0};
	if (req->session.node != 0) {
		ret_wish->session = req->session.node;
		if (is_anywhere(req) && req->has_session)
			return false;
	}
	/* A session of HTTP+SSE is its stream: it cannot go on elsewhere. */
	if (req->has_session)
		ret_wish->number = str_of(req->session.number);
	ret_wish->thing = req->exchange->method == HTTP_GET ? of_event(req) : of_message(req);
	return ret_wish->thing != 0 || ret_wish->session != 0 || ret_wish->number.p != NULL;
}
