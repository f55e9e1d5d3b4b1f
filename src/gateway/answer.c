/* The ways a request is answered: one JSON message, or a stream of events that ends with it.
 * An error becomes the shape its reader understands: a tool result the model can act on, a
 * JSON-RPC error, or an HTTP status with a short JSON body. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "gateway/request.h"

#define TYPE_JSON STR("application/json")

AWAITS enum err answer_json(struct request *req, int status, struct str headers, const struct piece *pieces,
			    size_t count)
{
	struct http_body body = {.content_type = TYPE_JSON, .pieces = pieces, .count = count, .gzip = true};

	for (size_t i = 0; i < count; i++)
		req->bytes_out += pieces[i].str.n;
	return http_answer(req->exchange, status, headers, &body);
}

AWAITS enum err answer_accepted(struct request *req)
{
	return http_answer(req->exchange, 202, STR_NONE, &(struct http_body){0});
}

/* A client that can only read a stream gets one of a single event. */
static bool wants_stream(const struct request *req)
{
	return req->streaming || (req->accepts_sse && !req->accepts_json);
}

AWAITS enum err answer_event(struct request *req, struct str message)
{
	if (!req->streaming) {
		TRY(http_sse_begin(req->exchange, STR_NONE));
		req->streaming = true;
	}
	req->bytes_out += message.n;
	return http_sse_event(req->exchange, STR_NONE, message);
}

AWAITS enum err answer_pieces(struct request *req, const struct piece *pieces, size_t count)
{
	AUTO_BUF whole = {0};

	if (!wants_stream(req))
		return answer_json(req, 200, STR_NONE, pieces, count);
	/* An event is one line: there it has to be put together. */
	for (size_t i = 0; i < count; i++)
		buf_put(&whole, pieces[i].str);
	TRY(answer_event(req, buf_str(&whole)));
	return http_sse_end(req->exchange);
}

AWAITS enum err answer_message(struct request *req, struct str message)
{
	return answer_pieces(req, &(struct piece){.str = message}, 1);
}

AWAITS enum err answer_result(struct request *req, struct str result)
{
	AUTO_BUF message = {0};

	mcp_compose_result(req->message.id, result, &message);
	return answer_message(req, buf_str(&message));
}

/* Where the challenge says what is wrong with the credential, clients that see no `error` know
 * that they sent none. */
static struct str challenge(enum err err)
{
	switch (err) {
	case ERR_UNAUTHENTICATED:
		return STR("WWW-Authenticate: Bearer realm=\"gatehouse\"\r\n");
	case ERR_KEY_INVALID:
		return STR("WWW-Authenticate: Bearer realm=\"gatehouse\", error=\"invalid_token\"\r\n");
	case ERR_HTTP_METHOD:
		return STR("Allow: GET, POST, DELETE\r\n");
	default:
		return STR("");
	}
}

/* A 401 speaks OAuth's error words, as clients look for them in the body. */
AWAITS static enum err answer_unauthorized(struct request *req, enum err err)
{
	AUTO_BUF body = {0};

	buf_put_fmt(&body, "{\"error\":\"%s\",\"error_description\":",
		    err == ERR_UNAUTHENTICATED ? "unauthorized" : "invalid_token");
	buf_put_json(&body, str_of(err_text(err)));
	buf_put_byte(&body, '}');
	return answer_json(req, 401, challenge(err), &(struct piece){.str = buf_str(&body)}, 1);
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
	return err_row(err)->rpc_code == -32603 || err == ERR_MCP_ARGUMENTS || err == ERR_MCP_CAPABILITY ||
	       err == ERR_FORBIDDEN;
}

AWAITS static enum err answer_failure(struct request *req, enum err err)
{
	AUTO_BUF message = {0};

	if (err_row(err)->http_status == 401)
		return answer_unauthorized(req, err);
	if (is_tool_failure(req, err)) {
		mcp_compose_tool_error(req->message.id, req->modern,
				       req->problem.p != NULL ? req->problem : str_of(err_text(err)), &message);
		return answer_message(req, buf_str(&message));
	}
	mcp_compose_error(req->message.id, err, req->problem, req->problem_data, &message);
	if (req->streaming)
		return answer_message(req, buf_str(&message));
	return answer_json(req, status_of(req, err), challenge(err), &(struct piece){.str = buf_str(&message)}, 1);
}

static void log_failure(const struct request *req, enum err err)
{
	enum log_level level = err_row(err)->http_status >= 500 ? LOG_WARN : LOG_INFO;

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
	if (req->exchange->answered && !req->streaming)
		return;
	/* The fiber may be canceled or past its deadline; the last word is said all the same. */
	shield = fiber_shield_begin(1000);
	written = answer_failure(req, err);
	fiber_shield_end(shield);
	if (written != OK)
		log_debug("request.unanswered", LOG_ERR(written), LOG_STR("request_id", req->id));
}
