/* The snapshot: built from shelves, looked up by name, released when the last request that
 * holds it ends. */
#include "catalog/catalog.h"

#include <pthread.h>

#include "base/check.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "catalog/shelf.h"

#define CATALOG_MAGIC 0x43544c47u	     /* "CTLG" */
#define CATALOG_ENTRIES_MAX 8000000	     /* items times views: some 250 bytes each, if all views show all */
#define CATALOG_ARENA_BYTES_MAX (4ull << 30) /* never reached by so many */

static void count_marks(struct catalog *catalog)
{
	for (size_t s = 0; s < catalog->shelf_count; s++) {
		size_t count;
		const struct catalog_item *tools = shelf_tools(catalog->shelves[s], &count);

		for (size_t i = 0; i < count; i++) {
			const struct tool_mark *mark = &tools[i].mark;

			catalog->marked.new += mark->standing == TOOL_NEW;
			catalog->marked.changed += mark->standing == TOOL_CHANGED;
			catalog->marked.suspicious += mark->open != 0;
			catalog->marked.held += mark->held;
		}
	}
}

/* The shelves that there is room for, in the config's order: servers may offer what they like, and the
 * last of them is left out rather than the gateway's memory used up.
 *   ret_shelves  room for all
 *   returns      how many */
static size_t shelves_that_fit(const struct catalog_spec *spec, struct shelf **ret_shelves)
{
	size_t room = CATALOG_ENTRIES_MAX / (spec->toolset_count + 1), kept = 0;

	for (size_t i = 0; i < spec->shelf_count; i++) {
		struct shelf *shelf = spec->shelves[i];
		size_t items = 0;

		for (int kind = 0; kind < OFFER_KINDS; kind++)
			items += shelf->offer->list[kind].count;
		if (items > room) {
			log_error("catalog.full", LOG_STR("upstream", upstream_name(shelf->upstream)),
				  LOG_INT("items", (int64_t)items), LOG_INT("room", (int64_t)room),
				  LOG_CSTR("advice",
					   "it is left out; serve fewer upstreams or toolsets from one process"));
			continue;
		}
		room -= items;
		ret_shelves[kept++] = shelf;
	}
	return kept;
}

struct catalog *catalog_build(const struct catalog_spec *asked)
{
	struct arena *arena = arena_new(CATALOG_ARENA_BYTES_MAX);
	struct catalog *catalog = ARENA_NEW(arena, struct catalog);
	struct catalog_spec fitting = *asked, *spec = &fitting;

	catalog->magic = CATALOG_MAGIC;
	atomic_init(&catalog->refs, 1);
	catalog->arena = arena;
	catalog->version = spec->version;
	catalog->page_items = spec->page_items;
	catalog->shelves = spec->shelves = arena_alloc(arena, (asked->shelf_count + 1) * sizeof(struct shelf *));
	catalog->shelf_count = spec->shelf_count = shelves_that_fit(asked, spec->shelves);
	for (size_t i = 0; i < catalog->shelf_count; i++)
		catalog->owned |= upstream_owner(shelf_ref(catalog->shelves[i])->upstream).n > 0;
	catalog->view_count = spec->toolset_count + 1;
	catalog->views = arena_zalloc(arena, catalog->view_count * sizeof(struct catalog_view));
	count_marks(catalog);
	view_build(catalog, spec, NULL, &catalog->views[0]);
	for (size_t i = 0; i < spec->toolset_count; i++)
		view_build(catalog, spec, &spec->toolsets[i], &catalog->views[i + 1]);
	return catalog;
}

struct catalog *catalog_ref(struct catalog *catalog)
{
	CHECK_OBJ(catalog, CATALOG_MAGIC);
	atomic_fetch_add_explicit(&catalog->refs, 1, memory_order_relaxed);
	return catalog;
}

void catalog_unref(struct catalog *catalog)
{
	if (catalog == NULL)
		return;
	CHECK_OBJ(catalog, CATALOG_MAGIC);
	if (atomic_fetch_sub_explicit(&catalog->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < catalog->view_count; i++)
		view_free(&catalog->views[i]);
	for (size_t i = 0; i < catalog->shelf_count; i++)
		shelf_unref(catalog->shelves[i]);
	catalog->magic = 0;
	arena_free(catalog->arena);
}

const struct catalog_view *catalog_view(const struct catalog *catalog, struct str toolset)
{
	for (size_t i = 0; i < catalog->view_count; i++)
		if (str_eq(catalog->views[i].name, toolset))
			return &catalog->views[i];
	return NULL;
}

const struct catalog_item *catalog_find(const struct catalog_view *view, enum offer_kind kind, struct str name)
{
	return map_get(&view->by_name[kind], name);
}

bool catalog_holds(const struct catalog_view *view, struct str name)
{
	return map_get(&view->held, name) != NULL;
}

/* Whether a tool that is held back has that name at its upstream. */
static bool holds_original(const struct catalog_view *view, struct str name)
{
	const struct catalog_item *item;
	size_t cursor = 0;

	while ((item = map_next(&view->held, &cursor)) != NULL)
		if (str_eq(item->original, name))
			return true;
	return false;
}

const struct catalog_item *catalog_find_original(const struct catalog_view *view, struct str name)
{
	const struct catalog_list *list = &view->list[OFFER_TOOLS];
	const struct catalog_item *found = NULL;

	if (catalog_holds(view, name) || holds_original(view, name))
		return NULL; /* nobody takes the place of a tool that is held back */
	for (size_t i = 0; i < list->count; i++) {
		if (!str_eq(list->items[i]->original, name))
			continue;
		if (found != NULL)
			return NULL;
		found = list->items[i];
	}
	return found;
}

/* The bytes of a template before its first variable. */
static struct str template_literal(struct str uri_template)
{
	const char *brace = uri_template.n == 0 ? NULL : memchr(uri_template.p, '{', uri_template.n);

	return brace == NULL ? uri_template : (struct str){uri_template.p, (size_t)(brace - uri_template.p)};
}

static const struct catalog_item *route_by_template(const struct catalog_view *view, struct str uri)
{
	const struct catalog_list *list = &view->list[OFFER_TEMPLATES];
	const struct catalog_item *best = NULL;
	size_t best_n = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct str literal = template_literal(list->items[i]->original);

		if (literal.n > best_n && str_starts(uri, literal)) {
			best = list->items[i];
			best_n = literal.n;
		}
	}
	return best;
}

/* The one upstream whose listed resources share the URI's scheme; NULL when there are several. */
static const struct catalog_item *route_by_scheme(const struct catalog_view *view, struct str uri)
{
	const struct catalog_list *list = &view->list[OFFER_RESOURCES];
	const struct catalog_item *found = NULL;
	struct str scheme, rest;

	if (!str_cut(uri, ':', &scheme, &rest))
		return NULL;
	for (size_t i = 0; i < list->count; i++) {
		struct str other;

		if (!str_cut(list->items[i]->original, ':', &other, &rest) || !str_eq_nocase(scheme, other))
			continue;
		if (found != NULL && found->upstream != list->items[i]->upstream)
			return NULL;
		found = list->items[i];
	}
	return found;
}

/* Bytes up to the last '/' that both begin with. */
static size_t common_directory(struct str a, struct str b)
{
	size_t n = 0;

	for (size_t i = 0; i < a.n && i < b.n && a.p[i] == b.p[i]; i++)
		if (a.p[i] == '/')
			n = i + 1;
	return n;
}

/* Who reads a file of a skill, which need not be listed: the only server with skills, else the one that
 * lists something in the same directory or the nearest above it. */
static const struct catalog_item *route_by_skill(const struct catalog_view *view, struct str uri)
{
	const struct str scheme = STR("skill://");
	const struct catalog_list *list = &view->list[OFFER_RESOURCES];
	const struct catalog_item *only = NULL, *best = NULL;
	size_t servers = 0, best_n = scheme.n;

	if (!str_starts(uri, scheme))
		return NULL;
	for (size_t i = 0; i < view->door_count; i++) {
		if (view->doors[i].offer->extensions & MCP_EXT_SKILLS) {
			only = &view->doors[i];
			servers++;
		}
	}
	for (size_t i = 0; servers > 1 && i < list->count; i++) {
		size_t n = common_directory(list->items[i]->original, uri);

		if (n > best_n) {
			best = list->items[i];
			best_n = n;
		}
	}
	return servers == 1 ? only : best;
}

const struct catalog_item *catalog_route(const struct catalog_view *view, struct str uri, struct str *ret_uri)
{
	const struct catalog_item *item = catalog_find(view, OFFER_RESOURCES, uri);

	if (item != NULL) {
		*ret_uri = item->original;
		return item;
	}
	*ret_uri = uri;
	item = route_by_template(view, uri);
	if (item == NULL)
		item = route_by_scheme(view, uri);
	return item != NULL ? item : route_by_skill(view, uri);
}

static enum err check_text(const struct catalog_item *tool, struct str arguments, struct arena *arena,
			   struct schema_failure *ret_failure)
{
	yyjson_val *value;

	TRY(json_read(arena, arguments, &value));
	return schema_validate(tool->input, value, arena, ret_failure);
}

enum err catalog_check_arguments(const struct catalog_item *tool, struct str arguments, struct arena *arena,
				 struct str *ret_problem)
{
	struct schema_failure failure;
	enum err err;

	*ret_problem = STR_NONE;
	if (tool->input == NULL)
		return OK;
	if (arguments.p == NULL)
		arguments = STR("{}");
	err = check_text(tool, arguments, arena, &failure);
	if (err == ERR_MCP_ARGUMENTS && tool->param_headers.count > 0 &&
	    param_headers_without_nulls(&tool->param_headers, arguments, arena, &arguments))
		err = check_text(tool, arguments, arena, &failure);
	if (err == ERR_MCP_ARGUMENTS)
		*ret_problem = failure.message;
	return err;
}

enum err catalog_page(const struct catalog_list *list, struct str cursor, size_t *ret_page)
{
	uint64_t page;

	if (cursor.p == NULL) {
		*ret_page = 0;
		return OK;
	}
	if (cursor.n < 2 || cursor.p[0] != 'p' || str_to_u64(str_skip(cursor, 1), &page) != OK || page >= list->pages)
		return ERR_MCP_CURSOR;
	*ret_page = (size_t)page;
	return OK;
}
