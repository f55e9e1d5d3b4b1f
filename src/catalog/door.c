/* Doors: how calls that name no item (tasks, skills) find the upstream they mean. Each upstream of a view
 * has one, which looks like an item so that calls are made, counted and audited like all others.
 *
 * The view of everything has a door to each upstream, also where nothing is listed; a toolset's only to
 * those it shows something of. */
#include "catalog/metric_slot.h"
#include "catalog/shelf.h"

/* What a server offers counts only in the era that has it. */
static unsigned offered_extensions(const struct offer *offer)
{
	unsigned foreign = mcp_is_modern(offer->revision) ? MCP_EXT_CORE_TASKS : MCP_EXT_TASKS;

	return offer->extensions & ~foreign;
}

static void open_door(struct catalog_view *view, const struct shelf *shelf)
{
	struct str name = upstream_name(shelf->upstream);

	view->extensions |= offered_extensions(shelf->offer);
	view->doors[view->door_count++] = (struct catalog_item){
		.name = name,
		.original = name,
		.label = name,
		.upstream = shelf->upstream,
		.offer = shelf->offer,
		.metric = catalog_metric_slot(name),
	};
}

void view_open_doors(struct catalog *catalog, const struct catalog_spec *spec, struct catalog_view *view)
{
	view->doors = arena_alloc(catalog->arena, (spec->shelf_count + 1) * sizeof(*view->doors));
	for (size_t s = 0; s < spec->shelf_count; s++)
		if (view->name.n == 0 || view_uses(view, spec->shelves[s]))
			open_door(view, spec->shelves[s]);
}

void view_narrow_doors(struct arena *arena, const struct catalog *catalog, const struct catalog_view *whole,
		       struct catalog_view *view)
{
	view->doors = arena_alloc(arena, (whole->door_count + 1) * sizeof(*view->doors));
	for (size_t s = 0; s < catalog->shelf_count; s++)
		if (view_uses(view, catalog->shelves[s]) &&
		    catalog_door(whole, upstream_name(catalog->shelves[s]->upstream)) != NULL)
			open_door(view, catalog->shelves[s]);
}

const struct catalog_item *catalog_door(const struct catalog_view *view, struct str upstream)
{
	for (size_t i = 0; i < view->door_count; i++)
		if (str_eq(view->doors[i].name, upstream))
			return &view->doors[i];
	return NULL;
}
