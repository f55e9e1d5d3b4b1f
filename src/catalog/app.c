/* Tools and the ui:// resources of their apps. Hosts read such a resource by the tool's word, also when it
 * is not listed; so every URI that a tool names leads to that tool's upstream. Where two upstreams
 * use the same URI, the later one gets another, and its tools' _meta names that.
 *
 *   tool._meta.ui.resourceUri          and the older   tool._meta["ui/resourceUri"] */
#include "catalog/app.h"

#include "catalog/metric_slot.h"

static struct str ui_only(yyjson_val *v)
{
	struct str uri = json_str(v);

	return str_starts(uri, APP_SCHEME) ? uri : STR_NONE;
}

struct str app_uri_of(yyjson_val *tool)
{
	yyjson_val *meta = json_get(tool, "_meta");
	struct str uri = ui_only(json_get(json_get(meta, "ui"), "resourceUri"));

	return uri.p != NULL ? uri : ui_only(json_get(meta, "ui/resourceUri"));
}

struct str app_alias(struct arena *arena, struct str upstream, struct str uri)
{
	struct str rest = str_skip(uri, APP_SCHEME.n);

	return arena_fmt(arena, "ui://gatehouse/%.*s/%.*s", STR_ARG(upstream), STR_ARG(rest));
}

/* A resource that clients may read though no list shows it. */
static const struct catalog_item *add_unlisted(struct catalog *catalog, struct catalog_view *view,
					       const struct catalog_item *tool, struct str name)
{
	struct catalog_item *item = ARENA_NEW(catalog->arena, struct catalog_item);
	struct str upstream = upstream_name(tool->upstream);

	*item = (struct catalog_item){
		.name = name,
		.original = tool->app_uri,
		.label = arena_fmt(catalog->arena, "%.*s.%.*s", STR_ARG(upstream), STR_ARG(tool->app_uri)),
		.upstream = tool->upstream,
		.offer = tool->offer,
		.metric = catalog_metric_slot(upstream),
		.idempotent = true,
	};
	(void)map_put(&view->by_name[OFFER_RESOURCES], item->name, item);
	return item;
}

static void link_tool(struct catalog *catalog, struct catalog_view *view, struct catalog_item *tool)
{
	struct str name = tool->app_uri;
	const struct catalog_item *resource = catalog_find(view, OFFER_RESOURCES, name);

	if (resource != NULL && resource->upstream != tool->upstream) {
		name = app_alias(catalog->arena, upstream_name(tool->upstream), name);
		resource = catalog_find(view, OFFER_RESOURCES, name);
	}
	if (resource == NULL)
		resource = add_unlisted(catalog, view, tool, name);
	tool->app_uri = resource->name;
}

void view_link_apps(struct catalog *catalog, struct catalog_view *view)
{
	const struct catalog_list *tools = &view->list[OFFER_TOOLS];

	for (size_t i = 0; i < tools->count; i++)
		if (tools->items[i]->app_uri.p != NULL)
			link_tool(catalog, view, tools->items[i]);
}

size_t app_members(const struct json_index *index, const struct json_member *ret_member[2])
{
	const struct json_member *meta = json_member(index, NULL, STR("_meta")), *ui, *nested = NULL, *flat;
	size_t count = 0;

	if (meta == NULL || meta->kind != JSON_OBJECT)
		return 0;
	ui = json_member(index, meta, STR("ui"));
	if (ui != NULL && ui->kind == JSON_OBJECT)
		nested = json_member(index, ui, STR("resourceUri"));
	flat = json_member(index, meta, STR("ui/resourceUri"));
	if (nested != NULL && (flat == NULL || nested < flat))
		ret_member[count++] = nested;
	if (flat != NULL)
		ret_member[count++] = flat;
	if (nested != NULL && flat != NULL && nested > flat)
		ret_member[count++] = nested;
	return count;
}
