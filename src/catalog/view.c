/* One view: which items it shows, under which names, and its lists as bytes. The lists are
 * written once per era and page; where both eras read the same bytes they share one blob. */
#include "catalog/shelf.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"

static bool any_glob(const struct str *globs, size_t count, struct str label)
{
	for (size_t i = 0; i < count; i++)
		if (str_glob(globs[i], label))
			return true;
	return false;
}

static bool view_shows(const struct toolset_spec *toolset, const struct catalog_item *item)
{
	if (item->unfit)
		return false;
	if (toolset == NULL)
		return true;
	if (toolset->include_count > 0 && !any_glob(toolset->include, toolset->include_count, item->label))
		return false;
	return !any_glob(toolset->exclude, toolset->exclude_count, item->label);
}

/* The name an item gets in this view: its usual one, or when that is taken another that is
 * as stable (the order of the config decides who came first). */
static struct str view_name(struct catalog *catalog, const struct catalog_view *view, enum offer_kind kind,
			    const struct toolset_spec *toolset, const struct catalog_item *item, struct str separator)
{
	bool plain = toolset != NULL && toolset->plain;
	struct str upstream = upstream_name(item->upstream);
	struct str name = plain ? item->original : item->name;
	char hashed[TOOL_NAME_BYTES_MAX + 1];

	if (map_get(&view->by_name[kind], name) == NULL)
		return name;
	log_debug("catalog.name_taken", LOG_STR("item", item->label), LOG_STR("name", name));
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

	if (map_get(&view->by_name[kind], name) != NULL)
		return; /* the same upstream named it twice: the offer's reader has said so */
	shown = ARENA_NEW(catalog->arena, struct catalog_item);
	*shown = *item;
	shown->name = name;
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

static void list_write(struct catalog *catalog, struct catalog_list *list, enum offer_kind kind, size_t page_items)
{
	list->pages = list->count == 0 ? 1 : (list->count + page_items - 1) / page_items;
	for (int era = 0; era < CATALOG_ERAS; era++)
		list->page[era] = arena_zalloc(catalog->arena, list->pages * sizeof(struct blob *));
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
static bool view_uses(const struct catalog_view *view, const struct shelf *shelf)
{
	for (int kind = 0; kind < OFFER_KINDS; kind++)
		for (size_t i = 0; i < view->list[kind].count; i++)
			if (view->list[kind].items[i]->upstream == shelf->upstream)
				return true;
	return false;
}

static void view_describe(struct catalog *catalog, const struct catalog_spec *spec, struct catalog_view *view)
{
	AUTO_BUF text = {0};

	for (size_t s = 0; s < spec->shelf_count; s++) {
		const struct shelf *shelf = spec->shelves[s];
		struct str name = upstream_name(shelf->upstream);

		if (!view_uses(view, shelf))
			continue;
		view->completions |= shelf->offer->completions;
		view->logging |= shelf->offer->logging;
		if (shelf->offer->instructions.n > 0)
			buf_put_fmt(&text, "%s# %.*s\n%.*s", text.n > 0 ? "\n\n" : "", STR_ARG(name),
				    STR_ARG(shelf->offer->instructions));
	}
	view->instructions = arena_str(catalog->arena, buf_str(&text));
}

void view_build(struct catalog *catalog, const struct catalog_spec *spec, const struct toolset_spec *toolset,
		struct catalog_view *ret_view)
{
	*ret_view = (struct catalog_view){0};
	if (toolset != NULL)
		ret_view->name = arena_str(catalog->arena, toolset->name);
	for (int kind = 0; kind < OFFER_KINDS; kind++) {
		view_select(catalog, spec, toolset, ret_view, kind);
		list_write(catalog, &ret_view->list[kind], kind, spec->page_items);
	}
	view_describe(catalog, spec, ret_view);
}

void view_free(struct catalog_view *view)
{
	for (int kind = 0; kind < OFFER_KINDS; kind++) {
		struct catalog_list *list = &view->list[kind];

		map_free(&view->by_name[kind]);
		for (size_t p = 0; p < list->pages; p++) {
			blob_unref(list->page[CATALOG_LEGACY][p]);
			blob_unref(list->page[CATALOG_MODERN][p]);
		}
	}
}
