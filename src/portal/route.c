/* From a path to what it means:
 *
 *     /tenants/{tenant}/{resource}[/{id}[/{action}]]         of a tenant
 *     /{resource}[/{id}[/{action}]]                          of the installation
 *
 * {tenant} is a name, an id or `self`. Who is of another tenant is told what somebody is told who asks for one that
 * does not exist, and the database is not asked for it either: there is nothing to measure. */
#include "portal/work.h"

#define SEGMENTS_MAX 8

struct segments {
	struct str at[SEGMENTS_MAX];
	size_t count;
	struct str rest[SEGMENTS_MAX]; /* from the segment to the end of the path */
};

static bool cut_path(struct str path, struct segments *ret_segments)
{
	*ret_segments = (struct segments){0};
	while (path.n > 0) {
		if (path.p[0] != '/' || ret_segments->count == SEGMENTS_MAX)
			return false;
		path = str_skip(path, 1);
		ret_segments->rest[ret_segments->count] = path;
		str_cut(path, '/', &ret_segments->at[ret_segments->count], &path);
		ret_segments->count++;
		if (path.n > 0)
			path = (struct str){path.p - 1, path.n + 1};
	}
	return ret_segments->count > 0 && ret_segments->at[0].n > 0;
}

static const struct resource *find(struct str path, bool top)
{
	for (size_t i = 0; i < portal_resource_count; i++)
		if (portal_resources[i]->top == top && str_eq(path, str_of(portal_resources[i]->path)))
			return portal_resources[i];
	return NULL;
}

AWAITS static enum err find_tenant(struct work *work, struct str text)
{
	const struct caller *caller = work->call->caller;
	struct str id = str_of(caller->tenant_id);
	struct db *db = work->portal->spec.db;

	if (is_operator(work)) {
		enum err err = tenant_find(db, work->arena, text, &work->tenant);

		return err == ERR_NOT_FOUND ? tenant_get(db, work->arena, text, &work->tenant) : err;
	}
	if (id.n == 0 || !(str_eq(text, STR("self")) || str_eq(text, id) || str_eq(text, str_of(caller->tenant_name))))
		return ERR_NOT_FOUND;
	return tenant_get(db, work->arena, id, &work->tenant);
}

static const struct action *find_action(const struct resource *resource, struct str name)
{
	for (size_t i = 0; i < resource->action_count; i++)
		if (str_eq(name, str_of(resource->actions[i].name)))
			return &resource->actions[i];
	return NULL;
}

/* What follows the resource's own segment, number `at`. */
static enum err take_rest(struct work *work, const struct segments *segments, size_t at)
{
	const struct resource *resource = work->resource;

	if (segments->count <= at)
		return OK;
	if (resource->singleton)
		return ERR_NOT_FOUND;
	if (segments->count == at + 1 && resource->export != NULL && str_eq(segments->at[at], STR("export"))) {
		work->export = true;
		return OK;
	}
	work->id = resource->slashes ? segments->rest[at] : segments->at[at];
	if (work->id.n == 0)
		return ERR_NOT_FOUND;
	if (resource->slashes || segments->count == at + 1)
		return OK;
	work->action = segments->count == at + 2 ? find_action(resource, segments->at[at + 1]) : NULL;
	return work->action == NULL ? ERR_NOT_FOUND : OK;
}

AWAITS enum err route_find(struct work *work)
{
	struct segments segments;

	if (!cut_path(work->call->path, &segments))
		return ERR_NOT_FOUND;
	if (segments.count >= 2 && str_eq(segments.at[0], STR("tenants")))
		TRY(find_tenant(work, segments.at[1]));
	if (segments.count > 2 && work->tenant.id.n > 0) {
		work->resource = find(segments.at[2], false);
		if (work->resource != NULL)
			return take_rest(work, &segments, 3);
	}
	work->resource = find(segments.at[0], true);
	return work->resource == NULL ? ERR_NOT_FOUND : take_rest(work, &segments, 1);
}

static void put_method(struct buf *out, const char *method, bool possible)
{
	if (!possible)
		return;
	buf_put(out, out->n > 0 ? STR(", ") : STR(""));
	buf_put(out, str_of(method));
}

void route_allow(const struct work *work, struct buf *out)
{
	const struct resource *resource = work->resource;
	bool one = work->id.n > 0 || resource->singleton;

	if (work->action != NULL || work->export) {
		bool reads = work->export || work->action->read != NULL;

		put_method(out, "POST", !reads);
		put_method(out, "GET, HEAD", reads);
	} else {
		put_method(out, "GET, HEAD", one ? resource->get != NULL : resource->list != NULL);
		put_method(out, "POST", !one && resource->create != NULL);
		put_method(out, "PATCH", one && resource->update != NULL);
		put_method(out, "DELETE", one && resource->remove != NULL);
	}
	put_method(out, "OPTIONS", true);
}
