/* The operations, the same for every resource: list, show, create, change, delete, act, export. A resource's own
 * functions only read and write rows; what belongs to HTTP (ETags and their conditions, pages, statuses) and to the
 * trail (one row a change, with the object's hash before and after) is here, once. */
#include "portal/work.h"

#include <limits.h>

/* Another tenant's object is one that does not exist. */
AWAITS static enum err fetch(struct work *work, struct object *ret_object)
{
	const struct resource *resource = work->resource;

	if (resource->get == NULL)
		return ERR_HTTP_METHOD;
	TRY(resource->get(work, work->id, ret_object));
	if (!resource->everybodys && !str_eq(ret_object->tenant_id, resource->top ? STR("") : work->tenant.id))
		return ERR_NOT_FOUND;
	return OK;
}

/* Whether a list of ETags names this one: RFC 9110 section 13.1. Weak ones never match. */
static bool etag_listed(struct str list, struct str etag)
{
	struct str head;

	while (list.n > 0) {
		str_cut(list, ',', &head, &list);
		head = str_trim(head);
		if (str_eq(head, etag) || str_eq(head, STR("*")))
			return true;
	}
	return false;
}

static enum err answer_object(struct work *work, int status, const struct object *object)
{
	AUTO_BUF json = {0};
	enum err err;

	buf_put_fmt(&work->headers, "ETag: %.*s\r\n", STR_ARG(object_etag(work->arena, work->resource, object)));
	object_put(&json, work->resource, object, false);
	err = work_answer(work, status, &json);
	crypto_wipe(json.p, json.n); /* it may hold a new key */
	return err;
}

AWAITS static enum err show(struct work *work)
{
	struct object *object = ARENA_NEW(work->arena, struct object);
	struct str etag, wanted = work->call->if_none_match;

	TRY(fetch(work, object));
	etag = object_etag(work->arena, work->resource, object);
	if (wanted.p != NULL && etag_listed(wanted, etag)) {
		buf_put_fmt(&work->headers, "ETag: %.*s\r\n", STR_ARG(etag));
		work->call->status = 304;
		return OK;
	}
	return answer_object(work, 200, object);
}

AWAITS static enum err list(struct work *work)
{
	const struct resource *resource = work->resource;
	struct object *filter = ARENA_NEW(work->arena, struct object), *objects;
	struct page page;
	size_t count, asked;
	AUTO_BUF json = {0};
	bool csv;

	if (resource->list == NULL)
		return ERR_HTTP_METHOD;
	TRY(query_read(work, &page, filter, &csv));
	asked = page.limit++; /* one more than is shown says whether there is another page */
	TRY(resource->list(work, &page, &objects, &count));
	buf_put(&json, STR("{\"items\":["));
	for (size_t i = 0; i < count && i < asked; i++) {
		buf_put(&json, i > 0 ? STR(",") : STR(""));
		object_put(&json, resource, &objects[i], false);
	}
	buf_put(&json, STR("],\"next\":"));
	if (count > asked) {
		const struct object *last = &objects[asked - 1];

		page.resume = last->after.n > 0 ? last->after : last->id;
	}
	if (page.resume.p == NULL)
		buf_put(&json, STR("null"));
	else
		buf_put_json(&json, cursor_make(work, page.resume));
	buf_put_byte(&json, '}');
	return work_answer(work, 200, &json);
}

AWAITS static enum err export(struct work *work) {
	struct object *filter = ARENA_NEW(work->arena, struct object); struct str after = STR(""); AUTO_BUF out = {0};
	struct page page;
	bool csv;

	TRY(query_read(work, &page, filter, &csv));
	page.limit = EXPORT_ROWS_MAX;
	TRY(work->resource->export(work, &page, csv, &out, &after));
	TRY(work_audit(work, work->resource->event, "exported", STR(""), STR("ok")));
	if (after.n > 0) buf_put_fmt(&work->headers, "X-Next-Cursor: %.*s\r\n", STR_ARG(cursor_make(work, after)));
	TRY(work_answer(work, 200, &out));
	work->call->content_type = csv ? STR("text/csv; charset=utf-8") : STR("application/jsonl");
	return OK;
}

AWAITS static enum err audit_change(struct work *work, const char *verb, const struct object *before,
				    const struct object *after)
{
	const struct resource *resource = work->resource;
	struct str target = before != NULL ? before->id : after->id;

	work->before = before == NULL ? STR("") : object_hash(work->arena, resource, before);
	work->after = after == NULL ? STR("") : object_hash(work->arena, resource, after);
	return work_audit(work, resource->event, verb, target.n > 0 ? target : work->tenant.id, STR("ok"));
}

AWAITS static enum err create(struct work *work)
{
	const struct resource *resource = work->resource;
	struct object *object = ARENA_NEW(work->arena, struct object);

	if (resource->create == NULL)
		return ERR_HTTP_METHOD;
	TRY(fields_read(work, resource->fields, resource->field_count, READING_CREATE, object));
	TRY(resource->create(work, object));
	TRY(audit_change(work, "created", NULL, object));
	buf_put_fmt(&work->headers, "Location: /api/v1%.*s/%.*s\r\n", STR_ARG(work->call->path), STR_ARG(object->id));
	return answer_object(work, 201, object);
}

/* The condition that every change carries: what the caller has seen is what is there. */
static enum err check_match(struct work *work, const struct object *before, bool needed)
{
	struct str wanted = work->call->if_match;

	if (wanted.p == NULL)
		return needed ? ERR_API_MATCH_NEEDED : OK;
	return etag_listed(wanted, object_etag(work->arena, work->resource, before)) ? OK : ERR_API_MATCH;
}

AWAITS static enum err change(struct work *work)
{
	const struct resource *resource = work->resource;
	struct object *before = ARENA_NEW(work->arena, struct object), *after = ARENA_NEW(work->arena, struct object);
	enum err err;

	if (resource->update == NULL)
		return ERR_HTTP_METHOD;
	TRY(fetch(work, before));
	TRY(check_match(work, before, true));
	*after = *before;
	TRY(fields_read(work, resource->fields, resource->field_count, READING_UPDATE, after));
	err = resource->update(work, before, after);
	if (err == ERR_NOT_FOUND && fetch(work, after) == OK)
		return ERR_API_MATCH; /* somebody was faster */
	TRY(err);
	TRY(fetch(work, after));
	TRY(audit_change(work, "updated", before, after));
	return answer_object(work, 200, after);
}

AWAITS static enum err take_away(struct work *work)
{
	const struct resource *resource = work->resource;
	struct object *before = ARENA_NEW(work->arena, struct object);

	if (resource->remove == NULL)
		return ERR_HTTP_METHOD;
	TRY(fetch(work, before));
	TRY(check_match(work, before, false));
	TRY(resource->remove(work, before));
	TRY(audit_change(work, resource->removed == NULL ? "deleted" : resource->removed, before, NULL));
	work->call->status = 204;
	return OK;
}

AWAITS static enum err act(struct work *work)
{
	const struct action *action = work->action;
	struct object *before = ARENA_NEW(work->arena, struct object), *after = ARENA_NEW(work->arena, struct object);
	struct object *input = ARENA_NEW(work->arena, struct object);

	TRY(fetch(work, before));
	TRY(check_match(work, before, false));
	TRY(fields_read(work, action->fields, action->field_count, READING_ACTION, input));
	TRY(action->run(work, before, input, after));
	TRY(audit_change(work, action->event, before, action->ends ? NULL : after));
	if (!action->ends)
		return answer_object(work, 200, after);
	work->call->status = 204;
	return OK;
}

/* What an action hands out of an object, without changing it. */
AWAITS static enum err read_out(struct work *work)
{
	struct object *before = ARENA_NEW(work->arena, struct object);
	AUTO_BUF json = {0};

	TRY(fetch(work, before));
	TRY(work->action->read(work, before, &json));
	TRY(work_audit(work, work->resource->event, work->action->event, before->id, STR("ok")));
	return work_answer(work, 200, &json);
}

AWAITS enum err operate(struct work *work)
{
	struct str method = work->call->method;
	bool one = work->id.n > 0 || work->resource->singleton;

	bool safe = str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));

	if (work->action != NULL && work->action->read != NULL)
		return safe ? read_out(work) : ERR_HTTP_METHOD;
	if (work->action != NULL)
		return str_eq(method, STR("POST")) ? act(work) : ERR_HTTP_METHOD;
	if (safe) {
		if (work->export)
			return export(work);
		return one ? show(work) : list(work);
	}
	if (work->export)
		return ERR_HTTP_METHOD;
	if (str_eq(method, STR("POST")))
		return one ? ERR_HTTP_METHOD : create(work);
	if (str_eq(method, STR("PATCH")))
		return one ? change(work) : ERR_HTTP_METHOD;
	if (str_eq(method, STR("DELETE")))
		return one ? take_away(work) : ERR_HTTP_METHOD;
	return ERR_HTTP_METHOD;
}
