/* The corridor. A request walks it from top to bottom, and each room answers one question:
 *
 *   who is asking?  may they?  what do they want?  which tool is that?  who answers it?
 *
 * Every step returns OK or the reason why the request ends here; serve() turns the reason
 * into one answer, one log line and one count. (Audit rows are written where the outcome of
 * a call is known: relay.c, before the answer leaves.) */
#include "gateway/pipeline.h"

#include "base/check.h"
#include "base/clock.h"
#include "gateway/allowance.h"
#include "gateway/batch.h"
#include "gateway/forward.h"
#include "gateway/metrics.h"
#include "gateway/request.h"
#include "gateway/routes.h"
#include "gateway/running.h"
#include "gateway/sse_server.h"
#include "gateway/uploads.h"
#include "gateway/visible.h"
#include "gateway/visits.h"
#include "gateway/inngest.h"
#include "gateway/webhooks.h"

#define REQUEST_MAGIC 0x52455153u /* "REQS" */

AWAITS enum err pipeline_read(struct request *req)
{
	const struct http_fields *fields = &req->exchange->fields;
	struct mcp_headers headers = {
		.version = http_field_get(fields, HTTP_MCP_PROTOCOL_VERSION),
		.method = http_field_get(fields, HTTP_MCP_METHOD),
		.name = http_field_get(fields, HTTP_MCP_NAME),
		.repeated = fields->repeated[HTTP_MCP_PROTOCOL_VERSION] || fields->repeated[HTTP_MCP_METHOD] ||
			    fields->repeated[HTTP_MCP_NAME],
	};
	enum err err;

	err = mcp_message_read(req->arena, req->body, &req->message);
	if (err == ERR_RPC_INVALID && req->message.index.kind == JSON_ARRAY)
		return ERR_RPC_BATCH;
	TRY(err);
	err = mcp_classify(req->arena, &req->message, &headers, &req->verdict);
	req->modern = req->verdict.modern;
	req->revision = req->verdict.revision;
	req->problem = req->verdict.problem;
	req->problem_data = req->verdict.data;
	if (err == OK && req->message.kind != MCP_RESPONSE)
		req->method = mcp_method_of(req->message.method);
	return err;
}

AWAITS static enum err serve_post(struct request *req)
{
	enum err err;

	TRY(routes_check_media(req));
	err = pipeline_read(req);
	if (err == ERR_RPC_BATCH)
		return batch_serve(req);
	TRY(err);
	if (!req->modern && req->method != MCP_M_INITIALIZE)
		TRY(request_session(req));
	TRY(forward_home(req)); /* what only another replica has */
	return request_run_method(req);
}

AWAITS static enum err end_session(struct request *req)
{
	TRY(request_session(req));
	TRY(forward_home(req));
	return request_end_session(req);
}

AWAITS static enum err serve_mcp(struct request *req)
{
	TRY(request_admit_client(req));
	TRY(routes_find_view(req));
	TRY(visible_narrow(req));
	switch (req->exchange->method) {
	case HTTP_POST:
		return serve_post(req);
	case HTTP_GET:
		return stream_open_session(req);
	case HTTP_DELETE:
		return end_session(req);
	default:
		return ERR_HTTP_METHOD;
	}
}

AWAITS static enum err serve(struct request *req)
{
	enum route route = routes_find(req);

	TRY(forward_accept(req));
	TRY(routes_check_host(req));
	if (route == ROUTE_WEBHOOKS)
		return webhooks_serve(req);
	if (route == ROUTE_INNGEST)
		return inngest_serve_request(req);
	if (route >= ROUTE_OAUTH)
		return visits_serve(req, route);
	TRY(routes_check_origin(req));
	if (req->exchange->method == HTTP_OPTIONS)
		return routes_preflight(req);
	switch (route) {
	case ROUTE_MCP:
		return serve_mcp(req);
	case ROUTE_SSE:
	case ROUTE_MESSAGES:
		TRY(request_admit_client(req));
		return route == ROUTE_SSE ? sse_server_open(req) : sse_server_take(req);
	case ROUTE_MEDIA:
		return uploads_serve(req);
	case ROUTE_NONE:
		return ERR_HTTP_ROUTE;
	default:
		return routes_serve_operator(req, route);
	}
}

AWAITS void gateway_handle(struct http_exchange *exchange, void *arg)
{
	struct request *req = ARENA_NEW(exchange->arena, struct request);
	enum err err;

	req->magic = REQUEST_MAGIC;
	req->gateway = arg;
	req->here = gateway_here(arg);
	req->exchange = exchange;
	req->arena = exchange->arena;
	req->body = exchange->body;
	req->config = config_ref(req->here->config);
	req->catalog = catalog_ref(req->here->catalog);
	running_begin(req);
	req->started_ns = clock_ns();
	req->outcome = STR("ok");
	fiber_deadline_set(loop_now(req->here->loop) + req->config->limits.request_timeout_ms);

	answer_begin(req);
	err = serve(req);
	if (err == ERR_ELSEWHERE)
		err = OK;
	if (err != OK)
		answer_error(req, err);
	answer_finish(req);
	metrics_request(req, err);

	running_end(req);
	allowance_unref(req->allowance);
	visible_release(req);
	catalog_unref(req->catalog);
	config_unref(req->config);
}
