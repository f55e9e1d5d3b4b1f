/* The way of one call through the room:
 *
 *     path -> resource, tenant, id -> permission -> operation (once per Idempotency-Key) -> audit -> answer
 *
 * Whatever goes wrong on it becomes one problem (RFC 9457) with the error's own name in it. */
#include "portal/work.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"

#define PORTAL_MAGIC 0x504f5254u /* "PORT" */

struct portal *portal_new(const struct portal_spec *spec)
{
	struct portal *portal = calloc(1, sizeof(*portal));

	CHECK(portal != NULL);
	portal->magic = PORTAL_MAGIC;
	portal->spec = *spec;
	return portal;
}

void portal_free(struct portal *portal)
{
	if (portal == NULL)
		return;
	CHECK_OBJ(portal, PORTAL_MAGIC);
	portal->magic = 0;
	free(portal);
}

enum err work_fail(struct work *work, enum err err, const char *pointer, const char *fmt, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) >= 0)
		work->problem = arena_str(work->arena, str_of(text));
	va_end(args);
	free(text);
	work->pointer = str_of(pointer);
	return err;
}

enum err work_answer(struct work *work, int status, const struct buf *json)
{
	char *copy = arena_try_alloc(work->arena, json->n + 1);

	if (copy == NULL)
		return ERR_LIMIT;
	memcpy(copy, json->p, json->n);
	work->call->status = status;
	work->call->content_type = STR("application/json");
	work->call->answer = (struct str){copy, json->n};
	return OK;
}

static void put_member(struct buf *out, const char *name, struct str text)
{
	buf_put_fmt(out, ",\"%s\":", name);
	buf_put_json(out, text);
}

void problem_answer(struct work *work, enum err err)
{
	const struct err_row *row = err_row(err);
	AUTO_BUF json = {0};

	buf_put_fmt(&json, "{\"type\":\"urn:gatehouse:problem:%s\",\"status\":%d", row->name, row->http_status);
	put_member(&json, "title", str_of(row->text));
	put_member(&json, "error", str_of(row->name));
	if (work->problem.n > 0)
		put_member(&json, "detail", work->problem);
	if (work->pointer.p != NULL)
		put_member(&json, "pointer", work->pointer);
	put_member(&json, "request_id", work->call->request_id);
	buf_put_byte(&json, '}');
	if (work_answer(work, row->http_status, &json) != OK)
		work->call->status = row->http_status; /* it says enough */
	work->call->content_type = STR("application/problem+json");
	if (err == ERR_HTTP_METHOD) {
		AUTO_BUF allow = {0};

		route_allow(work, &allow);
		buf_put_fmt(&work->headers, "Allow: %.*s\r\n", STR_ARG(buf_str(&allow)));
	}
}

AWAITS enum err work_audit(struct work *work, const char *noun, const char *verb, struct str target, struct str outcome)
{
	const struct caller *caller = work->call->caller;
	/* What the operator does to a tenant stands in that tenant's trail. */
	struct str tenant = work->tenant.id.n > 0 ? work->tenant.id : str_of(caller->tenant_id);
	const struct audit_record record = {
		.event = arena_fmt(work->arena, "%s.%s", noun, verb),
		.tenant_id = tenant,
		.principal = str_of(caller->principal),
		.ip = work->call->ip,
		.request_id = work->call->request_id,
		.target = target,
		.upstream = work->before.n + work->after.n == 0
				    ? STR("")
				    : arena_fmt(work->arena, "%.*s>%.*s", STR_ARG(work->before), STR_ARG(work->after)),
		.outcome = outcome,
	};

	return audit_append(work->portal->spec.audit, &record);
}

static bool is_safe(struct str method)
{
	return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));
}

/* A refusal has its row in the trail, as everywhere. */
AWAITS static enum err permit(struct work *work)
{
	const struct resource *resource = work->resource;
	enum permission permission =
		is_safe(work->call->method) && work->action == NULL ? resource->read : resource->write;
	enum err err;

	if (resource->everybodys)
		return work->call->caller->scopes & SCOPE_API || is_operator(work) ? OK : ERR_SCOPE;
	err = policy_decide(work->policy, work->call->caller, permission);
	if (err != OK)
		TRY(work_audit(work, "access", "denied", str_of(permission_name(permission)), str_of(err_name(err))));
	if (err == ERR_FORBIDDEN)
		return work_fail(work, err, NULL, "your role lacks the permission %s; ask an owner of your tenant",
				 permission_name(permission));
	return err;
}

AWAITS static enum err run(struct work *work)
{
	struct str method = work->call->method;

	if (work->portal->spec.access != NULL)
		TRY(access_policy(work->portal->spec.access, str_of(work->call->caller->tenant_id), &work->policy));
	TRY(route_find(work));
	if (str_eq(method, STR("OPTIONS"))) {
		AUTO_BUF allow = {0};

		route_allow(work, &allow);
		buf_put_fmt(&work->headers, "Allow: %.*s\r\n", STR_ARG(buf_str(&allow)));
		work->call->status = 204;
		return OK;
	}
	TRY(permit(work));
	if (str_eq(method, STR("POST")) && work->call->idempotency_key.p != NULL)
		return idempotent_operate(work);
	return operate(work);
}

AWAITS enum err portal_run(struct portal *portal, struct api_call *call)
{
	struct work work = {.portal = portal, .call = call, .arena = call->arena};
	enum err err;

	CHECK_OBJ(portal, PORTAL_MAGIC);
	err = run(&work);
	if (err != OK && err != ERR_CANCELED && err != ERR_TIMEOUT) {
		if (err_row(err)->http_status >= 500)
			log_warn("api.failed", LOG_ERR(err), LOG_STR("request_id", call->request_id));
		problem_answer(&work, err);
		err = OK;
	}
	call->headers = arena_str(call->arena, buf_str(&work.headers));
	buf_free(&work.headers);
	policy_unref(work.policy);
	return err;
}
