/* The catalog: every tool, prompt and resource of every upstream under names that do not
 * collide, cut into views (all, and one per toolset), with the lists as ready-made bytes.
 *
 * A catalog is an immutable snapshot, reference-counted and replaced whole whenever an
 * upstream's offer changes. Building one is a pure function, run on a worker thread; what
 * belongs to one upstream alone (compiled schemas, names) is kept in a shelf, which later
 * catalogs share. */
#ifndef GATEHOUSE_CATALOG_CATALOG_H
#define GATEHOUSE_CATALOG_CATALOG_H

#include <stdatomic.h>

#include "base/blob.h"
#include "base/map.h"
#include "catalog/param_header.h"
#include "schema/schema.h"
#include "upstream/upstream.h"

/* How a view's tools reach a client: as a list, or two tools with which it finds and runs them. */
enum toolset_mode { TOOLSET_LIST, TOOLSET_SEARCH };

struct toolset_spec {
	struct str name;		     /* [a-z0-9-]{1,63}: the last part of /mcp/{name} */
	struct str owner;		     /* the tenant whose callers alone have it, by id; empty: everybody */
	const struct str *include, *exclude; /* globs over "{upstream}.{item}" */
	size_t include_count, exclude_count; /* no include: everything */
	bool plain;			     /* names as the upstream has them: for toolsets of one upstream */
	enum toolset_mode mode;
};

/* How a tool's definition stands to the one that was accepted. */
enum tool_standing { TOOL_ACCEPTED, TOOL_NEW, TOOL_CHANGED };

/* What is known against a tool. The first two are the shelf's; who keeps the pins decides the others. */
struct tool_mark {
	uint8_t digest[32];  /* of its canonical definition: see definition.h */
	unsigned suspicions; /* bits of SUSPICION(): see suspicion.h */
	unsigned open;	     /* those that nobody has accepted */
	enum tool_standing standing;
	bool held; /* not shown and not called until it is accepted */
};

/* One thing a client can name. */
struct catalog_item {
	struct str name;     /* as clients see it (uri of a resource) */
	struct str original; /* as the upstream knows it */
	struct str label;    /* "upstream.original": what globs, logs and metrics say */
	struct str json;     /* the upstream's own description of it */
	struct upstream *upstream;
	const struct offer *offer;
	struct schema *input;		    /* tools: NULL when it has none or it does not compile (then unchecked) */
	struct str app_uri;		    /* tools: the ui:// resource of its app as clients read it; p NULL none */
	struct param_headers param_headers; /* tools: arguments that are repeated as headers */
	bool read_only, idempotent;	    /* from its annotations */
	bool wraps_output;		    /* tools: clients of the sessions era get its structured content wrapped */
	bool unfit;			    /* on the shelf only: no view shows it */
	struct tool_mark mark;		    /* tools only */
	unsigned metric;		    /* slot for counters, stable over snapshots */
	unsigned at;			    /* its place in its view's list */
};

/* One upstream's offer, prepared. */
struct shelf;

/* Compile an offer's schemas and names.
 *   ret_shelf  one reference; holds the offer and the upstream
 *   Runs on    any thread; takes a while for large offers */
struct shelf *shelf_new(struct upstream *upstream, struct offer *offer, struct str separator);
struct shelf *shelf_ref(struct shelf *shelf);
void shelf_unref(struct shelf *shelf);

/* A shelf's tools, to be marked: catalogs that are built later see it.
 *   Runs on    one thread at a time, not while a catalog is built */
struct catalog_item *shelf_tools(struct shelf *shelf, size_t *ret_count);

/* Look for tools of different upstreams whose names look alike, and set or clear SUSPICION(LOOKALIKE) in
 * their marks.
 *   ret_changed  parallel to the shelves: true where a mark has changed
 *   Runs on      as shelf_tools */
void shelves_compare_names(struct shelf *const *shelves, size_t count, bool *ret_changed);

enum catalog_era { CATALOG_LEGACY, CATALOG_MODERN, CATALOG_ERAS };

/* A list as clients get it: pages of "[item,item]" with their names as this view has them. */
struct catalog_list {
	struct catalog_item **items;
	size_t count, pages;
	struct blob **page[CATALOG_ERAS]; /* the same blobs where the eras do not differ */
};

struct search;

struct catalog_view {
	struct str name;  /* of the toolset; empty: all */
	struct str owner; /* as toolset_spec */
	struct catalog_list list[OFFER_KINDS];
	struct map by_name[OFFER_KINDS];      /* to struct catalog_item */
	struct map held;		      /* tools that are held back, by the names they would have */
	const struct search *search;	      /* over the tools; NULL: they are listed */
	struct str instructions;	      /* of all upstreams in the view; empty none */
	bool completions, logging, subscribe; /* some upstream of the view has it */
	unsigned extensions;		      /* bits of enum mcp_extension that some upstream of the view offers */
	const struct str *include, *exclude;  /* its toolset's globs */
	size_t include_count, exclude_count;
	struct catalog_item *doors; /* one per upstream of the view: for calls that name no item */
	size_t door_count;
};

struct catalog {
	uint32_t magic;
	atomic_uint refs;
	uint64_t version; /* grows with each snapshot */
	struct arena *arena;
	struct shelf **shelves;
	size_t shelf_count;
	struct catalog_view *views; /* [0] is all */
	size_t view_count;
	bool owned; /* some shelf's upstream has an owner: not every caller may see all of every view */
	size_t page_items;
	struct {
		size_t new, changed, suspicious, held; /* tools of all shelves by their marks */
	} marked;
};

struct catalog_spec {
	struct shelf **shelves; /* in config order: the first wins a name */
	size_t shelf_count;
	const struct toolset_spec *toolsets;
	size_t toolset_count;
	enum toolset_mode mode; /* of the view that shows everything */
	size_t page_items;
	uint64_t version;
};

/*   ret_catalog  one reference; takes its own references of the shelves
 *   Runs on      any thread */
struct catalog *catalog_build(const struct catalog_spec *spec);
struct catalog *catalog_ref(struct catalog *catalog);
void catalog_unref(struct catalog *catalog);
DEFINE_AUTO(catalog, catalog_unref);

/* A part of a view, with lists of its own: for callers who may not see the whole. Its items are those of the
 * whole, under the same names. */
struct catalog_narrowed {
	struct catalog *catalog; /* with a reference */
	struct arena *arena;
	struct catalog_view view;
};

/*   whole      a view of the catalog
 *   shows      whether an item is part of it; tools that are held back are asked for too
 *   returns    owned by the caller
 *   Runs on    any thread; takes a while for large views */
struct catalog_narrowed *catalog_narrow(struct catalog *catalog, const struct catalog_view *whole,
					bool (*shows)(void *arg, enum offer_kind kind, const struct catalog_item *item),
					void *arg);
void catalog_narrowed_free(struct catalog_narrowed *narrowed); /* NULL is fine */

/* The view of a toolset (empty name: all); NULL when there is none. */
const struct catalog_view *catalog_view(const struct catalog *catalog, struct str toolset);

/* By the name a client uses; NULL when unknown. */
const struct catalog_item *catalog_find(const struct catalog_view *view, enum offer_kind kind, struct str name);

/* Whether the view's globs choose a label, be it listed or not. */
bool catalog_includes(const struct catalog_view *view, struct str label);

/* Whether that name would be a tool's that is held back. */
bool catalog_holds(const struct catalog_view *view, struct str name);

/* A tool by its upstream's own name, which apps call it by: NULL when none or several of the view have it.
 * Walks the list: for names that catalog_find does not know. */
const struct catalog_item *catalog_find_original(const struct catalog_view *view, struct str name);

/* Which upstream reads a URI: a listed resource, else the template with the longest literal
 * beginning, else the only upstream with resources of that scheme, else whose skill it is a part of.
 *   ret_uri    the URI as the upstream knows it
 *   returns    an item of that upstream (for its upstream and label), NULL when nobody does */
const struct catalog_item *catalog_route(const struct catalog_view *view, struct str uri, struct str *ret_uri);

/* The door to an upstream of the view, for what concerns the upstream as a whole; its name, original and
 * label are the upstream's. NULL when the view shows nothing of it. */
const struct catalog_item *catalog_door(const struct catalog_view *view, struct str upstream);

/* Check arguments (raw JSON text, p NULL: absent) against the tool's input schema.
 *   problem    what a model needs to correct itself: "/amount: must be at most 100"
 *   Errors     ERR_MCP_ARGUMENTS, ERR_LIMIT, ERR_JSON_* */
NODISCARD enum err catalog_check_arguments(const struct catalog_item *tool, struct str arguments, struct arena *arena,
					   struct str *ret_problem);

/* The page a cursor (p NULL: the first) means.
 *   Errors     ERR_MCP_CURSOR */
NODISCARD enum err catalog_page(const struct catalog_list *list, struct str cursor, size_t *ret_page);

/* "{upstream}{separator}{tool}" within TOOL_NAME_BYTES_MAX of [A-Za-z0-9_-]: foreign characters
 * become _, and a name that had to change gets a hash of the original at its end.
 *   out        TOOL_NAME_BYTES_MAX + 1 bytes */
struct str catalog_name(struct str upstream, struct str separator, struct str tool, char *out);

#endif
