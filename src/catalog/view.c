/* One view: which items it shows, under which names, and its lists as bytes. The lists are
 * written once per era and page; where both eras read the same bytes they share one blob. */
#include "catalog/shelf.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "catalog/app.h"
#include "catalog/search.h"

#define HINT_SERVERS_MAX 40 /* upstreams named in the instructions of a view in search mode */

static bool any_glob(const struct str *globs, size_t count, struct str label)
{
	for (size_t i = 0; i < count; i++)
		if (str_glob(globs[i], label))
			return true;
	return false;
}

static bool view_shows(const struct toolset_spec *toolset, const struct catalog_item *item)
{
	struct str owner = upstream_owner(item->upstream);

	if (item->unfit || (toolset->owner.n > 0 && owner.n > 0 && !str_eq(toolset->owner, owner)))
		return false;
	if (toolset->include_count > 0 && !any_glob(toolset->include, toolset->include_count, item->label))
		return false;
	return !any_glob(toolset->exclude, toolset->exclude_count, item->label);
}

static const struct str *keep_globs(struct arena *arena, const struct str *globs, size_t count)
{
	struct str *kept = arena_alloc(arena, (count + 1) * sizeof(*kept));

	for (size_t i = 0; i < count; i++)
		kept[i] = arena_str(arena, globs[i]);
	return kept;
}

bool catalog_includes(const struct catalog_view *view, struct str label)
{
	if (view->include_count > 0 && !any_glob(view->include, view->include_count, label))
		return false;
	return !any_glob(view->exclude, view->exclude_count, label);
}

/* Where tools are searched for, no tool of an upstream may have the name of the two that do it. */
static bool name_is_taken(const struct catalog_view *view, const struct toolset_spec *toolset, enum offer_kind kind,
			  struct str name)
{
	if (toolset->mode == TOOLSET_SEARCH && kind == OFFER_TOOLS &&
	    (str_eq(name, search_tool_find) || str_eq(name, search_tool_call)))
		return true;
	return map_get(&view->by_name[kind], name) != NULL || (kind == OFFER_TOOLS && catalog_holds(view, name));
}

/* The name an item gets in this view: its usual one, or when that is taken another that is
 * as stable (the order of the config decides who came first). */
static struct str view_name(struct catalog *catalog, const struct catalog_view *view, enum offer_kind kind,
			    const struct toolset_spec *toolset, const struct catalog_item *item, struct str separator)
{
	struct str upstream = upstream_name(item->upstream);
	struct str name = toolset->plain ? item->original : item->name;
	char hashed[TOOL_NAME_BYTES_MAX + 1];

	if (!name_is_taken(view, toolset, kind, name))
		return name;
	log_debug("catalog.name_taken", LOG_STR("item", item->label), LOG_STR("name", name));
	if (kind == OFFER_RESOURCES && str_starts(item->original, APP_SCHEME))
		return app_alias(catalog->arena, upstream, item->original);
	if (kind == OFFER_RESOURCES || kind == OFFER_TEMPLATES)
		return arena_fmt(catalog->arena, "gatehouse:%.*s:%.*s", STR_ARG(upstream), STR_ARG(item->original));
	return arena_str(catalog->arena, catalog_name_hashed(upstream, separator, item->original, hashed));
}

static void view_add(struct catalog *catalog, struct catalog_view *view, enum offer_kind kind,
		     const struct toolset_spec *toolset, const struct shelf *shelf, const struct catalog_item *item)
{
	struct catalog_list *list = &view->list[kind];
	struct str name = view_name(catalog, view, kind, toolset, item, shelf->separator);
	struct catalog_item *shown;

	if (name_is_taken(view, toolset, kind, name))
		return; /* the same upstream named it twice: the offer's reader has said so */
	shown = ARENA_NEW(catalog->arena, struct catalog_item);
	*shown = *item;
	shown->name = name;
	if (shown->mark.held) { /* its name stays its own: another tool must not slip into its place */
		map_put(&view->held, shown->name, shown);
		return;
	}
	shown->at = (unsigned)list->count;
	list->items[list->count++] = shown;
	map_put(&view->by_name[kind], shown->name, shown);
}

static void view_select(struct catalog *catalog, const struct catalog_spec *spec, const struct toolset_spec *toolset,
			struct catalog_view *view, enum offer_kind kind)
{
	size_t most = 1;

	for (size_t s = 0; s < spec->shelf_count; s++)
		most += spec->shelves[s]->offer->list[kind].count;
	view->list[kind].items = arena_alloc(catalog->arena, most * sizeof(struct catalog_item *));
	for (size_t s = 0; s < spec->shelf_count; s++) {
		const struct shelf *shelf = spec->shelves[s];

		for (size_t i = 0; i < shelf->offer->list[kind].count; i++)
			if (view_shows(toolset, &shelf->items[kind][i]))
				view_add(catalog, view, kind, toolset, shelf, &shelf->items[kind][i]);
	}
}

static struct blob *page_write(const struct catalog_list *list, enum offer_kind kind, enum catalog_era era, size_t from,
			       size_t to)
{
	AUTO_BUF text = {0};

	buf_put_byte(&text, '[');
	for (size_t i = from; i < to; i++) {
		if (i > from)
			buf_put_byte(&text, ',');
		item_write(list->items[i], kind, list->items[i]->name, era, &text);
	}
	buf_put_byte(&text, ']');
	return blob_new(buf_str(&text));
}

/* One page of the two tools that find and run all others, the same for both eras. */
static void listing_write(struct arena *arena, struct catalog_list *list)
{
	list->pages = 1;
	for (int era = 0; era < CATALOG_ERAS; era++)
		list->page[era] = arena_zalloc(arena, sizeof(struct blob *));
	list->page[CATALOG_LEGACY][0] = blob_new(search_listing);
	list->page[CATALOG_MODERN][0] = blob_ref(list->page[CATALOG_LEGACY][0]);
}

static void list_write(struct arena *arena, struct catalog_list *list, enum offer_kind kind, size_t page_items)
{
	list->pages = list->count == 0 ? 1 : (list->count + page_items - 1) / page_items;
	for (int era = 0; era < CATALOG_ERAS; era++)
		list->page[era] = arena_zalloc(arena, list->pages * sizeof(struct blob *));
	for (size_t p = 0; p < list->pages; p++) {
		size_t from = p * page_items;
		size_t to = from + page_items < list->count ? from + page_items : list->count;
		struct blob *legacy = page_write(list, kind, CATALOG_LEGACY, from, to);
		struct blob *modern = page_write(list, kind, CATALOG_MODERN, from, to);

		list->page[CATALOG_LEGACY][p] = legacy;
		if (str_eq(legacy->str, modern->str)) {
			blob_unref(modern);
			modern = blob_ref(legacy);
		}
		list->page[CATALOG_MODERN][p] = modern;
	}
}

/* Whether any item of the view comes from this shelf: its instructions and capabilities then
 * count for the view. */
bool view_uses(const struct catalog_view *view, const struct shelf *shelf)
{
	for (int kind = 0; kind < OFFER_KINDS; kind++)
		for (size_t i = 0; i < view->list[kind].count; i++)
			if (view->list[kind].items[i]->upstream == shelf->upstream)
				return true;
	return false;
}

/* Tells a model at the start how the tools are reached, and whose they are. */
static void put_search_hint(const struct catalog *catalog, const struct catalog_view *view, struct buf *out)
{
	size_t named = 0;

	buf_put_fmt(out, "Tools are not listed here: find them with %.*s and run them with %.*s.",
		    STR_ARG(search_tool_find), STR_ARG(search_tool_call));
	for (size_t s = 0; s < catalog->shelf_count && named < HINT_SERVERS_MAX; s++) {
		struct str name = upstream_name(catalog->shelves[s]->upstream);

		if (!view_uses(view, catalog->shelves[s]))
			continue;
		buf_put_fmt(out, "%s%.*s", named == 0 ? " They belong to: " : ", ", STR_ARG(name));
		named++;
	}
	buf_put(out, named == 0 ? STR("") : STR("."));
}

static void view_describe(struct arena *arena, const struct catalog *catalog, struct catalog_view *view)
{
	AUTO_BUF text = {0};

	if (view->search != NULL)
		put_search_hint(catalog, view, &text);
	for (size_t s = 0; s < catalog->shelf_count; s++) {
		const struct shelf *shelf = catalog->shelves[s];
		struct str name = upstream_name(shelf->upstream);

		if (!view_uses(view, shelf))
			continue;
		view->completions |= shelf->offer->completions;
		view->logging |= shelf->offer->logging;
		view->subscribe |= shelf->offer->subscribe;
		if (shelf->offer->instructions.n > 0)
			buf_put_fmt(&text, "%s# %.*s\n%.*s", text.n > 0 ? "\n\n" : "", STR_ARG(name),
				    STR_ARG(shelf->offer->instructions));
	}
	view->instructions = arena_str(arena, buf_str(&text));
}

void view_write(struct arena *arena, const struct catalog *catalog, enum toolset_mode mode, struct catalog_view *view)
{
	struct catalog_list *tools = &view->list[OFFER_TOOLS];

	for (int kind = 0; kind < OFFER_KINDS; kind++)
		if (kind != OFFER_TOOLS || mode == TOOLSET_LIST)
			list_write(arena, &view->list[kind], kind, catalog->page_items);
	if (mode == TOOLSET_SEARCH) {
		listing_write(arena, tools);
		view->search = search_build(arena, tools->items, tools->count);
	}
	view_describe(arena, catalog, view);
}

void view_build(struct catalog *catalog, const struct catalog_spec *spec, const struct toolset_spec *toolset,
		struct catalog_view *ret_view)
{
	const struct toolset_spec everything = {.name = STR(""), .mode = spec->mode};

	if (toolset == NULL)
		toolset = &everything;
	*ret_view = (struct catalog_view){
		.name = arena_str(catalog->arena, toolset->name),
		.owner = arena_str(catalog->arena, toolset->owner),
		.include = keep_globs(catalog->arena, toolset->include, toolset->include_count),
		.include_count = toolset->include_count,
		.exclude = keep_globs(catalog->arena, toolset->exclude, toolset->exclude_count),
		.exclude_count = toolset->exclude_count,
	};
	for (int kind = 0; kind < OFFER_KINDS; kind++)
		view_select(catalog, spec, toolset, ret_view, kind);
	view_link_apps(catalog, ret_view);
	view_write(catalog->arena, catalog, toolset->mode, ret_view);
	view_open_doors(catalog, spec, ret_view);
}

void view_free(struct catalog_view *view)
{
	map_free(&view->held);
	for (int kind = 0; kind < OFFER_KINDS; kind++) {
		struct catalog_list *list = &view->list[kind];

		map_free(&view->by_name[kind]);
		for (size_t p = 0; p < list->pages; p++) {
			blob_unref(list->page[CATALOG_LEGACY][p]);
			blob_unref(list->page[CATALOG_MODERN][p]);
		}
	}
}
