/* A part of a view as a view: everything that answers from a view (lists, calls by name, search, completion,
 * routes of resources, doors, instructions, capabilities) then agrees about what is there, since nothing else is.
 *
 * Items are borrowed from the whole and keep their names and places, so that a tool is called the same by all who
 * see it. What a rule or role hides is simply absent. Who may see what is not decided here. */
#include "base/check.h"
#include "catalog/search.h"
#include "catalog/shelf.h"

#define NARROWED_ARENA_BYTES_MAX (4ull << 30) /* never reached: a part is smaller than the whole */

typedef bool shows_fn(void *arg, enum offer_kind kind, const struct catalog_item *item);

static void narrow_list(struct arena *arena, const struct catalog_view *whole, enum offer_kind kind, shows_fn *shows,
			void *arg, struct catalog_view *view)
{
	const struct catalog_list *all = &whole->list[kind];
	struct catalog_list *list = &view->list[kind];

	list->items = arena_alloc(arena, (all->count + 1) * sizeof(struct catalog_item *));
	for (size_t i = 0; i < all->count; i++) {
		if (!shows(arg, kind, all->items[i]))
			continue;
		list->items[list->count++] = all->items[i];
		map_put(&view->by_name[kind], all->items[i]->name, all->items[i]);
	}
}

/* Resources of apps have a name and are not listed; held tools have one that nobody else may take. */
static void narrow_unlisted(const struct catalog_view *whole, shows_fn *shows, void *arg, struct catalog_view *view)
{
	struct catalog_item *item;
	size_t cursor = 0;

	while ((item = map_next(&whole->by_name[OFFER_RESOURCES], &cursor)) != NULL)
		if (catalog_find(view, OFFER_RESOURCES, item->name) == NULL && shows(arg, OFFER_RESOURCES, item))
			map_put(&view->by_name[OFFER_RESOURCES], item->name, item);
	cursor = 0;
	while ((item = map_next(&whole->held, &cursor)) != NULL)
		if (shows(arg, OFFER_TOOLS, item))
			map_put(&view->held, item->name, item);
}

struct catalog_narrowed *catalog_narrow(struct catalog *catalog, const struct catalog_view *whole, shows_fn *shows,
					void *arg)
{
	struct arena *arena = arena_new(NARROWED_ARENA_BYTES_MAX);
	struct catalog_narrowed *narrowed = ARENA_NEW(arena, struct catalog_narrowed);
	struct catalog_view *view = &narrowed->view;

	narrowed->catalog = catalog_ref(catalog);
	narrowed->arena = arena;
	view->name = whole->name;
	view->owner = whole->owner;
	for (int kind = 0; kind < OFFER_KINDS; kind++)
		narrow_list(arena, whole, kind, shows, arg, view);
	narrow_unlisted(whole, shows, arg, view);
	view_write(arena, catalog, whole->search == NULL ? TOOLSET_LIST : TOOLSET_SEARCH, view);
	view_narrow_doors(arena, catalog, whole, view);
	return narrowed;
}

void catalog_narrowed_free(struct catalog_narrowed *narrowed)
{
	struct catalog *catalog;

	if (narrowed == NULL)
		return;
	catalog = narrowed->catalog;
	view_free(&narrowed->view);
	arena_free(narrowed->arena);
	catalog_unref(catalog); /* last: the items are its */
}
