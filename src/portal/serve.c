/* The room's door for HTTP: a visit becomes a call, its answer an HTTP answer. Foreign web pages are refused by their
 * Origin whatever they send along; there is no CORS, since the portal's own pages are of this origin. A change that has
 * begun is finished even if its client goes away. */
#include "portal/work.h"

#include "base/clock.h"
#include "http/reply.h"

#define API_PREFIX "/api/v1"

static struct str method_name(enum http_method method)
{
	static const struct str names[] = {
		[HTTP_GET] = {"GET", 3},	 [HTTP_HEAD] = {"HEAD", 4},	     [HTTP_POST] = {"POST", 4},
		[HTTP_PUT] = {"PUT", 3},	 [HTTP_DELETE] = {"DELETE", 6},	     [HTTP_PATCH] = {"PATCH", 5},
		[HTTP_OPTIONS] = {"OPTIONS", 7}, [HTTP_METHOD_OTHER] = {"other", 5},
	};

	return names[method];
}

static bool is_json(struct str type)
{
	struct str media, parameters;

	str_cut(type, ';', &media, &parameters);
	media = str_trim(media);
	return str_eq_nocase(media, STR("application/json")) ||
	       str_eq_nocase(media, STR("application/merge-patch+json"));
}

static enum err check_request(const struct visit *visit)
{
	const struct http_fields *fields = &visit->exchange->fields;
	struct str origin = http_field_get(fields, HTTP_ORIGIN);

	if (origin.p != NULL && !str_eq(origin, visit->origin))
		return ERR_HTTP_ORIGIN;
	if (visit->exchange->body.n > 0 && !is_json(http_field_get(fields, HTTP_CONTENT_TYPE)))
		return ERR_HTTP_TYPE;
	return OK;
}

AWAITS static enum err answer(const struct visit *visit, const struct api_call *call)
{
	struct piece piece = {.str = call->answer};
	struct http_body body = {.content_type = call->content_type,
				 .pieces = &piece,
				 .count = call->answer.n > 0,
				 .gzip = visit->exchange->method == HTTP_GET};
	struct str headers =
		arena_fmt(visit->arena, "%.*sCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
			  STR_ARG(call->headers));

	return http_answer(visit->exchange, call->status, headers, &body);
}

AWAITS enum err portal_refuse(struct visit *visit, enum err err)
{
	struct api_call call = {.arena = visit->arena, .caller = &visit->caller, .request_id = visit->request_id};
	struct work work = {.call = &call, .arena = visit->arena, .problem = visit->problem};

	problem_answer(&work, err);
	if (call.status == 401)
		call.headers = STR("WWW-Authenticate: Bearer realm=\"gatehouse\"\r\n");
	return answer(visit, &call);
}

AWAITS static enum err serve_openapi(struct visit *visit)
{
	AUTO_BUF json = {0};

	if (visit->exchange->method != HTTP_GET && visit->exchange->method != HTTP_HEAD)
		return ERR_HTTP_METHOD;
	portal_openapi_write(&json);
	return reply_json(visit->exchange, 200, STR(""), buf_str(&json));
}

bool portal_is_public(struct str path)
{
	return str_eq(path, STR(API_PREFIX "/openapi.json"));
}

AWAITS enum err portal_serve(struct portal *portal, struct visit *visit)
{
	const struct http_exchange *exchange = visit->exchange;
	struct api_call call = {
		.arena = visit->arena,
		.caller = &visit->caller,
		.ip = visit->ip,
		.request_id = visit->request_id,
		.origin = visit->origin,
		.method = method_name(exchange->method),
		.path = str_skip(visit->path, strlen(API_PREFIX)),
		.query = exchange->query,
		.body = exchange->body,
		.if_match = http_field_find(&exchange->fields, STR("if-match")),
		.if_none_match = http_field_get(&exchange->fields, HTTP_IF_NONE_MATCH),
		.idempotency_key = http_field_find(&exchange->fields, STR("idempotency-key")),
		.settings = visit->settings,
		.now_ms = clock_wall_ms(),
	};

	TRY(check_request(visit));
	if (portal_is_public(visit->path))
		return serve_openapi(visit);
	if (exchange->method != HTTP_GET && exchange->method != HTTP_HEAD)
		visit->exchange->cancel_on_close = false;
	TRY(portal_run(portal, &call));
	return answer(visit, &call);
}
