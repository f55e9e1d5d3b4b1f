/* Legacy sessions from the gateway's side: made by initialize, read from the header of every
 * later request, ended by DELETE. The token carries everything (mcp/session.h); only the
 * end of a session is remembered, as a mark that outlives its token's age. */
#include "base/limits.h"
#include "gateway/admission.h"
#include "gateway/assembly.h"
#include "gateway/capabilities.h"
#include "gateway/client_ask.h"
#include "gateway/sse_server.h"

static struct str session_mark(const struct request *req, char out[64])
{
	out[0] = 'S';
	memcpy(out + 1, req->session.number, MCP_SESSION_NUMBER_LEN);
	return (struct str){out, MCP_SESSION_NUMBER_LEN + 1};
}

/* A client may send its own newest version instead of the negotiated one: any known legacy
 * version will do, the session's is what counts. */
static enum err check_version_header(struct request *req)
{
	struct str version = http_field_get(&req->exchange->fields, HTTP_MCP_PROTOCOL_VERSION);

	return version.p == NULL || mcp_revision_of(version) != MCP_UNKNOWN ? OK : ERR_MCP_VERSION_HEADER;
}

/* A GET without a session comes from a client that looks for a stream before it has one, and wants a
 * 405 then; or from one that speaks HTTP+SSE, which it finds elsewhere. */
static enum err session_missing(struct request *req)
{
	if (req->exchange->method != HTTP_GET)
		return ERR_MCP_SESSION_NEEDED;
	req->problem = STR("POST initialize first; clients of the HTTP+SSE transport connect to /sse");
	return ERR_HTTP_METHOD;
}

AWAITS enum err request_session(struct request *req)
{
	struct str token = http_field_get(&req->exchange->fields, HTTP_MCP_SESSION_ID);
	int64_t ended_ms;
	char key[64];

	if (token.p == NULL)
		return session_missing(req);
	TRY(check_version_header(req));
	TRY(request_open_token(req, token));
	TRY(state_marked(req->gateway->state, session_mark(req, key), &ended_ms));
	if (ended_ms > 0)
		return ERR_MCP_SESSION_UNKNOWN;
	req->has_session = true;
	req->revision = req->session.revision;
	req->exchange->cancel_on_close = false; /* disconnecting is not canceling in this era */
	return OK;
}

static enum mcp_revision negotiate(struct request *req)
{
	enum mcp_revision asked = mcp_revision_of(mcp_param(req->arena, &req->message, STR("protocolVersion")));

	return asked == MCP_UNKNOWN || mcp_is_modern(asked) ? MCP_LEGACY_LATEST : asked;
}

static void add_session_header(struct request *req, const struct mcp_session *made)
{
	AUTO_BUF header = {0};

	req->session = *made;
	req->has_session = true;
	buf_put(&header, req->exchange->extra_headers);
	buf_put(&header, STR("Mcp-Session-Id: "));
	mcp_session_seal(req->gateway->session_key, &req->session, str_of(req->caller.principal), &header);
	buf_put(&header, STR("\r\n"));
	req->exchange->extra_headers = arena_str(req->arena, buf_str(&header));
}

AWAITS enum err request_initialize(struct request *req)
{
	struct str token = http_field_get(&req->exchange->fields, HTTP_MCP_SESSION_ID);
	struct mcp_session made;
	AUTO_BUF result = {0};

	/* One that has ended is no obstacle: some clients start anew with the old header. */
	if (token.p != NULL && request_session(req) == OK)
		return ERR_MCP_SECOND_INIT;
	req->revision = negotiate(req);
	mcp_session_new(&req->message, req->revision, &made);
	made.node = req->gateway->node;
	if (req->has_session)
		TRY(sse_initialize(req, &made)); /* its stream is there already, and is the session */
	else
		add_session_header(req, &made);

	buf_put(&result, STR("{\"protocolVersion\":\""));
	buf_put(&result, mcp_revision_text(req->revision));
	buf_put(&result, STR("\",\"capabilities\":"));
	capabilities_write(req, &result);
	buf_put(&result, STR(",\"serverInfo\":"));
	buf_put(&result, mcp_self);
	if (req->view->instructions.n > 0) {
		buf_put(&result, STR(",\"instructions\":"));
		buf_put_json(&result, req->view->instructions);
	}
	buf_put_byte(&result, '}');
	return answer_result(req, buf_str(&result));
}

AWAITS enum err request_end_session(struct request *req)
{
	char key[64];

	TRY(state_mark(req->gateway->state, session_mark(req, key), req->config->limits.session_max_ms));
	streams_end_session(req);
	client_asks_end(req->gateway, str_of(req->session.number), ERR_MCP_SESSION_UNKNOWN);
	assembly_forget_session(req->gateway->assembly, str_of(req->session.number));
	return http_answer(req->exchange, 200, STR_NONE, &(struct http_body){0});
}
