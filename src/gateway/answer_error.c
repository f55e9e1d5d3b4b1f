/* The shapes of errors. An error becomes what its reader understands: a tool result the model can
 * act on, a JSON-RPC error, or an HTTP status with a short JSON body. */
#include <stdlib.h>

#include "base/log.h"
#include "gateway/routes.h"
#include "gateway/visits.h"

/* What the status asks for in headers. */
static void put_headers(const struct request *req, enum err err, struct buf *out)
{
	if (err == ERR_HTTP_METHOD)
		buf_put(out, routes_allow(req));
	else
		visits_challenge(req, err, out);
}

/* A 401 speaks OAuth's error words, as clients look for them in the body. */
AWAITS static enum err answer_unauthorized(struct request *req, enum err err)
{
	AUTO_BUF body = {0}, headers = {0};

	put_headers(req, err, &headers);
	buf_put_fmt(&body, "{\"error\":\"%s\",\"error_description\":",
		    err == ERR_UNAUTHENTICATED ? "unauthorized" : "invalid_token");
	buf_put_json(&body, req->problem.n > 0 ? req->problem : str_of(err_text(err)));
	buf_put_byte(&body, '}');
	return answer_json(req, 401, buf_str(&headers), &(struct piece){.str = buf_str(&body)}, 1);
}

/* The HTTP status of an error: the sessions era answers a method's errors in band. */
static int status_of(const struct request *req, enum err err)
{
	const struct err_row *row = err_row(err);

	if (err == ERR_RPC_METHOD)
		return req->modern ? 404 : 200;
	if (row->rpc_code == -32602 && row->http_status == 404)
		return 404;
	if (req->message.id.p != NULL && row->rpc_code == -32603)
		return 200; /* a request that was understood: its failure travels as its answer */
	return row->http_status;
}

/* Failures of a tool call that a model can do something about go into the result. */
static bool is_tool_failure(const struct request *req, enum err err)
{
	if (req->method != MCP_M_TOOLS_CALL || req->message.id.p == NULL)
		return false;
	return err_row(err)->rpc_code == -32603 || err == ERR_MCP_ARGUMENTS || err == ERR_FORBIDDEN ||
	       err == ERR_POLICY;
}

static struct str words_for_caller(const struct request *req, enum err err)
{
	struct str words = req->problem.p != NULL ? req->problem : str_of(err_text(err));

	return req->problem_link.p == NULL
		       ? words
		       : arena_fmt(req->arena, "%.*s%.*s", STR_ARG(words), STR_ARG(req->problem_link));
}

AWAITS static enum err answer_failure(struct request *req, enum err err)
{
	AUTO_BUF message = {0}, headers = {0};

	if (err_row(err)->http_status == 401)
		return answer_unauthorized(req, err);
	if (is_tool_failure(req, err)) {
		mcp_compose_tool_error(req->message.id, req->modern, words_for_caller(req, err), &message);
		return answer_message(req, buf_str(&message));
	}
	mcp_compose_error(req->message.id, err, req->problem_link.p == NULL ? req->problem : words_for_caller(req, err),
			  req->problem_data, &message);
	if (req->streaming)
		return answer_message(req, buf_str(&message));
	put_headers(req, err, &headers);
	return answer_json(req, status_of(req, err), buf_str(&headers), &(struct piece){.str = buf_str(&message)}, 1);
}

static void log_failure(const struct request *req, enum err err)
{
	enum log_level level = err == ERR_SHED			  ? LOG_DEBUG /* shed.c has said that it begins */
			       : err_row(err)->http_status >= 500 ? LOG_WARN
								  : LOG_INFO;

	LOG_AT(level, "request.failed", LOG_ERR(err), LOG_STR("request_id", req->id), LOG_STR("ip", req->ip_text),
	       LOG_STR("path", req->exchange->path), LOG_STR("method", req->message.method),
	       LOG_CSTR("tenant", req->caller.tenant_name), LOG_STR("target", req->target),
	       LOG_STR("problem", req->problem));
}

AWAITS void answer_error(struct request *req, enum err err)
{
	struct fiber_shield shield;
	enum err written = OK;

	log_failure(req, err);
	if (req->door != DOOR_EXCHANGE && req->message.kind == MCP_NOTIFICATION)
		return; /* there is no place for it */
	if (req->said_all || (req->exchange->answered && req->door == DOOR_EXCHANGE && !req->streaming))
		return;
	/* The fiber may be canceled or past its deadline; the last word is said all the same. */
	shield = fiber_shield_begin(1000);
	written = answer_failure(req, err);
	fiber_shield_end(shield);
	if (written != OK)
		log_debug("request.unanswered", LOG_ERR(written), LOG_STR("request_id", req->id));
}
