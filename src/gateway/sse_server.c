/* HTTP+SSE: one GET is the session, its stream carries every message to the client; the client's own
 * messages are POSTed to the address that the stream's first event names.
 *
 *     GET /sse ----------> event: endpoint, data: /messages?sessionId=TOKEN
 *     POST /messages ----> 202 at once; the request runs on, its answer goes into the session's
 *                          log (EVENT_LOG_CHANNEL), which the stream reads on its own loop
 *
 * TOKEN is sealed as session ids are, for this transport: it is good for nothing at /mcp. Where
 * such a POST comes in does not matter, and its connection is not held: the client sends the
 * answer to a question on the same one. When the stream closes, the session has ended. */
#include "gateway/sse_server.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "gateway/assembly.h"
#include "gateway/client_ask.h"
#include "gateway/forward.h"
#include "gateway/pipeline.h"
#include "gateway/routes.h"
#include "gateway/streams.h"
#include "gateway/visible.h"

#define SSE_MESSAGES_MAX 256 /* of one session, being worked on: nothing else limits them, no connection is held */

/* Whose token it is: never the name under which a session's header is sealed. */
static struct str holder(struct request *req)
{
	return arena_fmt(req->arena, "sse %s", req->caller.principal);
}

static struct str session_key(const struct request *req)
{
	return (struct str){req->session.number, MCP_SESSION_NUMBER_LEN};
}

/* ---- the stream ------------------------------------------------------------------------- */

AWAITS static enum err send_endpoint(struct request *req)
{
	AUTO_BUF uri = {0};

	TRY(http_sse_begin(req->exchange, STR_NONE));
	req->streaming = true;
	buf_put(&uri, STR("/messages?sessionId="));
	mcp_session_seal(req->gateway->session_key, &req->session, holder(req), &uri);
	return http_sse_event(req->exchange, &(struct http_event){.type = STR("endpoint"), .data = buf_str(&uri)});
}

AWAITS enum err sse_server_open(struct request *req)
{
	const struct mcp_message nothing_said = {0};
	struct open_stream *open;
	struct event_log *log;
	enum err err;

	if (req->exchange->method != HTTP_GET)
		return ERR_HTTP_METHOD;
	TRY(routes_find_view(req));
	if (!http_accepts(http_field_get(&req->exchange->fields, HTTP_ACCEPT), STR("text/event-stream")))
		return ERR_HTTP_ACCEPT;
	mcp_session_new(&nothing_said, MCP_2024_11_05, &req->session);
	req->session.node = req->gateway->node;
	log = session_log(EVENT_LOG_CHANNEL, req->session.number, req->view->name);
	if (log == NULL)
		return ERR_LIMIT;
	open = open_stream_new(req, STREAM_CHANNEL, STR_NONE);
	for (int kind = 0; kind < OFFER_KINDS; kind++)
		open->wants[kind] = true;
	err = send_endpoint(req);
	if (err == OK)
		err = stream_keep(req, open, log, 0);
	else
		open_stream_free(open);
	event_log_unref(log);
	return err;
}

struct closing {
	struct gateway *gateway;
	char session[MCP_SESSION_NUMBER_LEN + 1];
};

AWAITS_ENTRY static void close_session(void *arg)
{
	struct closing *closing = arg;

	/* At the end of the process everything goes anyway. */
	if (!atomic_load(&closing->gateway->draining)) {
		client_asks_end(closing->gateway, str_of(closing->session), ERR_MCP_SESSION_UNKNOWN);
		assembly_forget_session(closing->gateway->assembly, str_of(closing->session));
	}
	free(closing);
}

void sse_session_closed(struct gateway_loop *here, const char *session)
{
	struct closing *closing = calloc(1, sizeof(*closing));

	CHECK(closing != NULL);
	event_logs_forget_session((struct str){session, MCP_SESSION_NUMBER_LEN});
	closing->gateway = here->gateway;
	memcpy(closing->session, session, sizeof(closing->session));
	if (fiber_spawn(here->loop, "sse-end", close_session, closing, 0, NULL) == OK)
		return;
	log_warn("sse.end_skipped", LOG_CSTR("effect", "what upstreams keep for the session goes when it is idle"));
	free(closing);
}

/* ---- messages ---------------------------------------------------------------------------- */

static struct str query_value(struct str query, struct str name)
{
	while (query.n > 0) {
		struct str pair, key, value;

		str_cut(query, '&', &pair, &query);
		if (str_cut(pair, '=', &key, &value) && str_eq(key, name))
			return value;
	}
	return STR_NONE;
}

/* The session that the address names, and its log.
 *   ret_log    with a reference */
AWAITS static enum err find_session(struct request *req, struct event_log **ret_log)
{
	struct str token = query_value(req->exchange->query, STR("sessionId"));
	struct session_notes *notes;
	struct event_log *log;
	unsigned said;
	enum err err;

	TRY(mcp_session_open(req->gateway->session_key, token, holder(req), req->config->limits.session_max_ms,
			     &req->session));
	TRY(forward_home(req));
	log = event_log_find(EVENT_LOG_CHANNEL, session_key(req), 0);
	if (log == NULL)
		return ERR_MCP_SESSION_UNKNOWN;
	notes = event_log_attachment(log);
	said = atomic_load(&notes->said);
	if (said != 0) {
		req->session.revision = (enum mcp_revision)(said >> 16);
		req->session.capabilities = (uint16_t)said;
	}
	req->revision = req->session.revision;
	req->view = catalog_view(req->catalog, notes->view);
	if (req->view == NULL) {
		event_log_unref(log);
		return ERR_MCP_TOOLSET;
	}
	req->has_session = true;
	err = visible_narrow(req);
	if (err != OK) {
		event_log_unref(log);
		return err;
	}
	*ret_log = log;
	return OK;
}

enum err sse_initialize(struct request *req, const struct mcp_session *said)
{
	struct session_notes *notes = event_log_attachment(req->log);
	unsigned before = 0;

	if (!atomic_compare_exchange_strong(&notes->said, &before, (unsigned)said->revision << 16 | said->capabilities))
		return ERR_MCP_SECOND_INIT;
	req->session.revision = said->revision;
	req->session.capabilities = said->capabilities;
	return OK;
}

/* What can be refused in the POST itself. */
AWAITS static enum err check_message(struct request *req, const struct session_notes *notes)
{
	TRY(pipeline_read(req));
	if (req->modern) {
		req->problem = STR("messages of 2026-07-28 are sent to /mcp");
		return ERR_RPC_INVALID;
	}
	return atomic_load(&notes->running) < SSE_MESSAGES_MAX ? OK : ERR_BUSY;
}

/* From the 202 on the session's stream carries everything, errors too, and the connection is free. */
AWAITS static enum err accept_message(struct request *req, struct event_log *log)
{
	const struct piece text = {.str = STR("Accepted")};
	struct http_body body = {.content_type = STR("text/plain"), .pieces = &text, .count = 1};

	TRY(http_answer(req->exchange, 202, STR_NONE, &body));
	req->door = DOOR_LOG;
	req->log = event_log_ref(log);
	req->ip_text = arena_str(req->arena, req->ip_text); /* it lies in the connection's memo */
	req->revision = req->session.revision;
	http_exchange_release(req->exchange);
	return OK;
}

AWAITS static enum err take(struct request *req, struct event_log *log)
{
	struct session_notes *notes = event_log_attachment(log);
	enum err err;

	TRY(check_message(req, notes));
	TRY(accept_message(req, log));
	atomic_fetch_add(&notes->running, 1);
	err = request_run_method(req);
	atomic_fetch_sub(&notes->running, 1);
	return err;
}

AWAITS enum err sse_server_take(struct request *req)
{
	struct event_log *log;
	enum err err;

	if (req->exchange->method != HTTP_POST)
		return ERR_HTTP_METHOD;
	TRY(routes_check_type(req));
	TRY(find_session(req, &log));
	req->exchange->cancel_on_close = false;
	err = take(req, log);
	event_log_unref(log);
	return err;
}
