/* Exchanges over streamable HTTP, both eras: POST a message, take the answer as JSON or as an
 * event stream, and say what a refusal means. Redirects are not followed: a credential must
 * not travel to another host because the first one says so.
 *   Source     MCP 2025-11-25 basic/transports, 2026-07-28 basic/transports/streamable-http */
#include "base/check.h"
#include "base/log.h"
#include "upstream/server_request.h"

#define ANSWER_DRAIN_MS 200 /* between the last event and the end of its stream */

bool ask_is_answered_by(const struct ask *ask, const struct mcp_message *message)
{
	char text[24];
	size_t n = sizeof(text);
	uint64_t left = ask->id;

	if (message->kind != MCP_RESPONSE)
		return false;
	if (message->id.p == NULL)
		return true; /* an error of a server that could not read the id */
	do
		text[--n] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	return str_eq(message->id, (struct str){text + n, sizeof(text) - n});
}

bool http_type_is(struct str type, struct str wanted)
{
	return type.n >= wanted.n && str_eq_nocase((struct str){type.p, wanted.n}, wanted) &&
	       (type.n == wanted.n || type.p[wanted.n] == ';' || type.p[wanted.n] == ' ');
}

static bool error_code_is(const struct ask *ask, struct str code)
{
	const struct json_member *m;

	if (!ask->answered || ask->answer.error == NULL)
		return false;
	m = json_member(&ask->answer.index, ask->answer.error, STR("code"));
	return m != NULL && str_eq(m->value, code);
}

enum err http_status_error(const struct ask *ask)
{
	bool legacy = !mcp_is_modern(ask->revision);

	switch (ask->status) {
	case 200:
		return ask->answered || ask->id == 0 ? OK : ERR_UPSTREAM_GARBAGE;
	case 202:
	case 204:
		return ask->id == 0 ? OK : ERR_UPSTREAM_GARBAGE;
	case 401:
	case 403:
		return ERR_UPSTREAM_AUTH;
	case 404:
		if (legacy && ask->has_session)
			return ERR_UPSTREAM_SESSION;
		break;
	case 405:
		/* It was initialized here, so it is another server by now: of the older transport, perhaps. */
		if (legacy && ask->revision != MCP_UNKNOWN)
			return ERR_UPSTREAM_SESSION;
		break;
	case 400:
		/* Some servers forget the 404 that the transport demands for a lost session. */
		if (legacy && ask->has_session && error_code_is(ask, STR("-32000")))
			return ERR_UPSTREAM_SESSION;
		break;
	case 429:
	case 503:
		return ERR_UPSTREAM_BUSY;
	case 502:
	case 504:
		return ERR_UPSTREAM_DOWN;
	default:
		break;
	}
	return ask->status >= 400 && ask->answered ? OK : ERR_UPSTREAM_GARBAGE;
}

/* A body that is one JSON text. What is no JSON-RPC leaves `answered` false. */
AWAITS static enum err take_json(struct upstream *upstream, struct ask *ask, struct http_answer *answer)
{
	struct str body;

	TRY(http_answer_body(answer, upstream->spec.answer_bytes_max, &body));
	ask->bytes_in += body.n;
	if (ask->id == 0 || body.n == 0)
		return OK;
	ask->answered = mcp_message_read(ask->arena, body, &ask->answer) == OK && ask_is_answered_by(ask, &ask->answer);
	return OK;
}

AWAITS static enum err take_answer(struct upstream *upstream, struct lane *lane, struct ask *ask,
				   struct http_answer *answer)
{
	struct str type = http_field_get(&answer->fields, HTTP_CONTENT_TYPE);

	ask->status = answer->status;
	ask->fields = &answer->fields;
	ask->session = http_field_get(&answer->fields, HTTP_MCP_SESSION_ID);
	if (http_type_is(type, STR("text/event-stream")) && ask->id != 0)
		TRY(http_ask_events(upstream, lane, ask, answer));
	else if (type.n == 0 || http_type_is(type, STR("application/json")))
		TRY(take_json(upstream, ask, answer));
	return http_status_error(ask);
}

AWAITS enum err http_ask(struct upstream *upstream, struct lane *lane, struct ask *ask)
{
	const struct piece body = {.str = ask->body};
	const struct http_call call = {
		.method = STR("POST"),
		.path = ask->path.p == NULL ? upstream->url.path : ask->path,
		.headers = ask->head,
		.body = &body,
		.body_count = 1,
		.idempotent = ask->idempotent,
		.timeout_ms = ask->timeout_ms,
		.more_ms = ask->askable == NULL ? NULL : askable_more_ms,
		.more_arg = ask->askable,
	};
	struct http_pool *pool = lane_pool(upstream, lane);
	struct http_answer *answer;
	enum err err;

	if (pool == NULL)
		return ERR_UPSTREAM_DOWN;
	ask->sent = true;
	TRY(http_call(pool, ask->arena, &call, &answer));
	err = take_answer(upstream, lane, ask, answer);
	if (err == OK)
		http_answer_drain(answer, ANSWER_DRAIN_MS);
	else
		http_answer_end(answer);
	return err;
}
