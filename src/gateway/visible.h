/* What a caller may see and call. Callers who may do the same form an access class; a class and a view of the
 * catalog make a view of their own, with all that is hidden from them left out. Since lists, calls, search,
 * completion and streams all look at the request's view, they cannot disagree.
 *
 *     caller ──▶ access class ──▶ the request's view ──▶ lists, calls, search ...
 *       once per connection   once per class, catalog and view; nothing at all for who may see everything
 *
 * A rule with a condition leaves its items visible; these are marked, and their calls judged one by one. */
#ifndef GATEHOUSE_GATEWAY_VISIBLE_H
#define GATEHOUSE_GATEWAY_VISIBLE_H

#include "gateway/request.h"

#define CLASSES_PER_LOOP_MAX 1024	     /* count of access classes kept; the one used longest ago goes first */
#define VISIBLE_VIEWS_MAX 1024		     /* count of narrowed views kept, in the process */
#define VISIBLE_ITEMS_MAX (2u * 1024 * 1024) /* count of items in all of them: some 300 bytes each */

/* A loop's access classes. */
struct access_classes *access_classes_new(void);
void access_classes_free(struct access_classes *classes);

/* Give back what was made from catalogs of the past.
 *   Runs on    the loop */
void access_classes_forget(struct access_classes *classes);

struct access_class {
	uint32_t magic;
	unsigned refs; /* its loop's */
	struct list by_use;
	struct access_classes *table; /* NULL: it is only held by those who use it */
	struct str key;		      /* in the same block */
	bool everything;	      /* role, scopes and rules hide nothing that belongs to everybody */
	struct policy *policy;
	struct policy_match match;
	struct caller caller;	 /* tenant, role, scopes and toolsets are the class's; the rest is whoever came first */
	struct visible *visible; /* the last one of it, with a reference; NULL none */
};

/* One reference more (returns its argument), one less. Of its loop: they are not counted atomically. */
struct access_class *access_class_ref(struct access_class *class);
void access_class_unref(struct access_class *class); /* NULL is fine */

/* What a connection remembers of its caller's class: part of its memo. Zero-initialise. */
struct seen_class {
	struct access_class *class; /* with a reference; NULL none */
	int64_t generation;
	struct sockaddr_in6 peer;
	struct caller caller;
};
void seen_class_forget(struct seen_class *seen);

/* Set req->access for its caller.
 *   seen       what the connection remembers; may be NULL
 *   Errors     ERR_FORBIDDEN: the tenant's rules cannot be read, with req->problem; ERR_DB ... */
NODISCARD enum err access_class_find(struct request *req, struct seen_class *seen) AWAITS;

/* Whether the caller's credential is good for a toolset (empty: the view of everything). */
bool access_class_has_toolset(const struct access_class *class, struct str toolset);

/* Views of classes, shared by all loops. */
struct visible_views *visible_views_new(void);
void visible_views_free(struct visible_views *views);

/* Forget what was made from other catalogs than this one.
 *   Runs on    any thread */
void visible_views_keep(struct visible_views *views, uint64_t version);

/* A class's part of a view. */
struct visible {
	uint32_t magic;
	atomic_uint refs;
	struct list by_use;
	struct str key; /* in the same block */
	struct policy *policy;
	struct catalog *catalog;
	const struct catalog_view *whole, *view; /* the same when nothing is hidden */
	struct catalog_narrowed *narrowed;	 /* NULL then */
	uint64_t *asks[OFFER_KINDS];		 /* bits by the item's place: its calls are judged one by one */
	size_t items;
};

/* One reference more (returns its argument), one less.
 *   Runs on    any thread */
struct visible *visible_ref(struct visible *visible);
void visible_unref(struct visible *visible); /* NULL is fine */

/* Put the caller's part of it in place of the request's view.
 *   Errors     ERR_MCP_TOOLSET (the credential is narrowed to others), ERR_BUSY, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err visible_narrow(struct request *req) AWAITS;

/* Give back what access_class_find and visible_narrow took. */
void visible_release(struct request *req);

/* ---- visible_call.c: calls ---- */

/* Whether a rule allows the call of an item that the request's view shows. A refusal has its row.
 *   arguments  as JSON; p NULL none
 *   Errors     ERR_POLICY with req->problem, ERR_BUSY, those of policy_judge_call */
NODISCARD enum err visible_judge(struct request *req, enum offer_kind kind, const struct catalog_item *item,
				 struct str arguments) AWAITS;

static inline bool visible_asks(const struct visible *visible, enum offer_kind kind, const struct catalog_item *item)
{
	return (visible->asks[kind][item->at / 64] >> (item->at % 64) & 1) != 0;
}

/* The same for nothing in the common case: a caller whose class has no rules pays one comparison. */
AWAITS static inline enum err visible_permit(struct request *req, enum offer_kind kind, const struct catalog_item *item,
					     struct str arguments)
{
	if (likely(req->visible == NULL) || !visible_asks(req->visible, kind, item))
		return OK;
	return visible_judge(req, kind, item, arguments);
}

/* Whether a name that the request's view does not know is hidden from this caller: it is answered as unknown, and
 * told to the audit trail as what it is.
 *   returns    the event for its row: `event`, or "access.denied" */
struct str visible_event(struct request *req, enum offer_kind kind, struct str name, struct str event);

/* Whether the caller may read skills of a door's server: its list comes from there and is not cut. */
bool visible_has_skills(const struct request *req, const struct catalog_item *door);

/* catalog_route for this caller: a resource that is listed must be visible, one that is not is judged by its URI.
 *   ret_item   NULL: nobody reads it, or it is hidden
 *   Errors     ERR_POLICY with req->problem: a rule's condition; ERR_BUSY ... */
NODISCARD enum err visible_route(struct request *req, struct str uri, const struct catalog_item **ret_item,
				 struct str *ret_uri) AWAITS;

#endif
