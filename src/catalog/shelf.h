/* Shelves as the catalog room sees them: one upstream's items, schemas compiled. Private to
 * the room. */
#ifndef GATEHOUSE_CATALOG_SHELF_H
#define GATEHOUSE_CATALOG_SHELF_H

#include "catalog/catalog.h"

struct shelf {
	uint32_t magic;
	atomic_uint refs;
	struct arena *arena;
	struct upstream *upstream;
	struct offer *offer;
	struct str separator;
	struct catalog_item *items[OFFER_KINDS]; /* parallel to the offer's lists */
};

/* As catalog_name, but always with the hash: for a name that is taken already. */
struct str catalog_name_hashed(struct str upstream, struct str separator, struct str tool, char *out);

/* Append an item's JSON as a client of that era gets it, under the name it has in this view. */
void item_write(const struct catalog_item *item, enum offer_kind kind, struct str name, enum catalog_era era,
		struct buf *out);

/* The member that holds an item's name, by kind: "name", "uri", "uriTemplate". */
struct str item_name_key(enum offer_kind kind);

/* Build one view into the catalog's arena. */
void view_build(struct catalog *catalog, const struct catalog_spec *spec, const struct toolset_spec *toolset,
		struct catalog_view *ret_view);

/* With its items chosen: the lists as bytes (or the index that is searched), instructions, capabilities. */
void view_write(struct arena *arena, const struct catalog *catalog, enum toolset_mode mode, struct catalog_view *view);

/* Whether any item of the view comes from this shelf. */
bool view_uses(const struct catalog_view *view, const struct shelf *shelf);

/* door.c: the view's doors, and which extensions are behind them. */
void view_open_doors(struct catalog *catalog, const struct catalog_spec *spec, struct catalog_view *view);
void view_narrow_doors(struct arena *arena, const struct catalog *catalog, const struct catalog_view *whole,
		       struct catalog_view *view);

/* Release what lies outside the arena. */
void view_free(struct catalog_view *view);

#endif
