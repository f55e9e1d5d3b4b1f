/* Views of access classes: made on a worker thread when a class first meets a view of a catalog, once for all who
 * ask meanwhile, and kept in one table for all loops, since they are as large as the catalog. The table is bounded
 * by count and by items; what was made from an earlier catalog goes when a new one is published. The lock is held
 * for a look-up only, and only requests of callers who may not see everything come here. */
#include "gateway/visible.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"

#define VISIBLE_MAGIC 0x56495342u /* "VISB" */
#define FLIGHT_PREFIX "visible:"

struct visible_views {
	pthread_mutex_t lock; /* guards the rest, for moments */
	struct map by_key;
	struct list by_use; /* the latest first */
	size_t count, items;
	uint64_t version; /* of the catalog that is shown now */
};

struct visible_views *visible_views_new(void)
{
	struct visible_views *views = calloc(1, sizeof(*views));

	CHECK(views != NULL);
	pthread_mutex_init(&views->lock, NULL);
	list_init(&views->by_use);
	return views;
}

void visible_unref(struct visible *visible)
{
	if (visible == NULL)
		return;
	CHECK_OBJ(visible, VISIBLE_MAGIC);
	if (atomic_fetch_sub_explicit(&visible->refs, 1, memory_order_acq_rel) != 1)
		return;
	catalog_narrowed_free(visible->narrowed);
	catalog_unref(visible->catalog);
	policy_unref(visible->policy);
	for (int kind = 0; kind < OFFER_KINDS; kind++)
		free(visible->asks[kind]);
	visible->magic = 0;
	free(visible);
}

struct visible *visible_ref(struct visible *visible)
{
	CHECK_OBJ(visible, VISIBLE_MAGIC);
	atomic_fetch_add_explicit(&visible->refs, 1, memory_order_relaxed);
	return visible;
}

/* Under the lock; what is dropped is freed after it. */
static void drop(struct visible_views *views, struct visible *visible, struct list *dropped)
{
	(void)map_remove(&views->by_key, visible->key);
	list_remove(&visible->by_use);
	list_add_tail(dropped, &visible->by_use);
	views->count--;
	views->items -= visible->items;
}

static void free_dropped(struct list *dropped)
{
	struct list *link;

	while ((link = list_pop(dropped)) != NULL)
		visible_unref(LIST_OBJ(link, struct visible, by_use));
}

void visible_views_keep(struct visible_views *views, uint64_t version)
{
	struct list dropped;

	list_init(&dropped);
	pthread_mutex_lock(&views->lock);
	views->version = version;
	for (struct list *l = views->by_use.next, *next; l != &views->by_use; l = next) {
		struct visible *visible = LIST_OBJ(l, struct visible, by_use);

		next = l->next;
		if (visible->catalog->version != version)
			drop(views, visible, &dropped);
	}
	pthread_mutex_unlock(&views->lock);
	free_dropped(&dropped);
}

void visible_views_free(struct visible_views *views)
{
	visible_views_keep(views, UINT64_MAX);
	map_free(&views->by_key);
	pthread_mutex_destroy(&views->lock);
	free(views);
}

/*   returns    with a reference; NULL: there is none */
static struct visible *views_get(struct visible_views *views, struct str key)
{
	struct visible *visible;

	pthread_mutex_lock(&views->lock);
	visible = map_get(&views->by_key, key);
	if (visible != NULL) {
		list_remove(&visible->by_use);
		list_add_head(&views->by_use, &visible->by_use);
		visible_ref(visible);
	}
	pthread_mutex_unlock(&views->lock);
	return visible;
}

/* Keep it, unless another loop was quicker. One that belongs to a catalog of the past is kept too, until there is a
 * newer one: requests that began with it come back for it.
 *   visible    one reference, taken over */
static void views_put(struct visible_views *views, struct visible *visible)
{
	struct list dropped;

	list_init(&dropped);
	pthread_mutex_lock(&views->lock);
	if (map_get(&views->by_key, visible->key) == NULL) {
		map_put(&views->by_key, visible->key, visible);
		list_add_head(&views->by_use, &visible->by_use);
		views->count++;
		views->items += visible->items;
	} else {
		list_add_tail(&dropped, &visible->by_use);
	}
	while (views->count > 1 && (views->count > VISIBLE_VIEWS_MAX || views->items > VISIBLE_ITEMS_MAX))
		drop(views, LIST_OBJ(views->by_use.prev, struct visible, by_use), &dropped);
	pthread_mutex_unlock(&views->lock);
	free_dropped(&dropped);
}

/* ---- making one ----------------------------------------------------------------- */

struct making {
	const struct access_class *class;
	struct visible *visible;
	struct map toolsets[OFFER_KINDS]; /* labels of what the caller's toolsets show; empty: it is not narrowed */
	bool hides;
};

static enum permission permission_for(enum offer_kind kind)
{
	static const enum permission permissions[OFFER_KINDS] = {
		[OFFER_TOOLS] = PERMISSION_TOOLS_CALL,
		[OFFER_PROMPTS] = PERMISSION_PROMPTS_GET,
		[OFFER_RESOURCES] = PERMISSION_RESOURCES_READ,
		[OFFER_TEMPLATES] = PERMISSION_RESOURCES_READ,
	};

	return permissions[kind];
}

/* For catalog_narrow. */
static bool shows(void *arg, enum offer_kind kind, const struct catalog_item *item)
{
	struct making *making = arg;
	const struct access_class *class = making->class;
	struct str owner = upstream_owner(item->upstream);
	struct policy_verdict verdict;

	if (owner.n > 0 && !str_eq(owner, str_of(class->caller.tenant_id)))
		return false;
	if (class->caller.toolsets[0] != '\0' && map_get(&making->toolsets[kind], item->label) == NULL)
		return false;
	policy_judge(class->policy, &class->caller, &class->match, permission_for(kind), item->label, NULL, &verdict);
	if (verdict.answer == POLICY_REFUSE)
		return false;
	if ((verdict.answer == POLICY_DEPENDS || verdict.shadow.n > 0) && !item->mark.held)
		making->visible->asks[kind][item->at / 64] |= 1ull << (item->at % 64);
	return true;
}

static void add_toolset(struct making *making, struct catalog_view *view)
{
	struct catalog_item *item;

	for (int kind = 0; kind < OFFER_KINDS; kind++) {
		size_t cursor = 0;

		while ((item = map_next(&view->by_name[kind], &cursor)) != NULL)
			map_put(&making->toolsets[kind], item->label, item);
	}
	for (size_t cursor = 0; (item = map_next(&view->held, &cursor)) != NULL;)
		map_put(&making->toolsets[OFFER_TOOLS], item->label, item);
}

static void gather_toolsets(struct making *making)
{
	const struct catalog *catalog = making->visible->catalog;

	for (size_t i = 1; i < catalog->view_count; i++)
		if (making->class->caller.toolsets[0] != '\0' &&
		    access_class_has_toolset(making->class, catalog->views[i].name))
			add_toolset(making, &catalog->views[i]);
}

/* Whether anything of the view is hidden; marks what is to be judged on the way. */
static bool hides_anything(struct making *making)
{
	const struct catalog_view *whole = making->visible->whole;
	struct catalog_item *item;
	bool hides = false;

	for (int kind = 0; kind < OFFER_KINDS; kind++) {
		size_t cursor = 0;

		while ((item = map_next(&whole->by_name[kind], &cursor)) != NULL)
			hides |= !shows(making, (enum offer_kind)kind, item);
	}
	for (size_t cursor = 0; (item = map_next(&whole->held, &cursor)) != NULL;)
		hides |= !shows(making, OFFER_TOOLS, item);
	return hides;
}

static enum err make_work(void *arg)
{
	struct making *making = arg;
	struct visible *visible = making->visible;

	gather_toolsets(making);
	visible->view = visible->whole;
	if (hides_anything(making)) {
		visible->narrowed = catalog_narrow(visible->catalog, visible->whole, shows, making);
		visible->view = &visible->narrowed->view;
	}
	for (int kind = 0; kind < OFFER_KINDS; kind++)
		map_free(&making->toolsets[kind]);
	return OK;
}

static struct visible *visible_new(const struct access_class *class, struct catalog *catalog,
				   const struct catalog_view *whole, struct str key)
{
	struct visible *visible = calloc(1, sizeof(*visible) + key.n);

	CHECK(visible != NULL);
	visible->magic = VISIBLE_MAGIC;
	atomic_init(&visible->refs, 1);
	list_init(&visible->by_use);
	memcpy(visible + 1, key.p, key.n);
	visible->key = (struct str){(const char *)(visible + 1), key.n};
	visible->policy = policy_ref(class->policy);
	visible->catalog = catalog_ref(catalog);
	visible->whole = whole;
	for (int kind = 0; kind < OFFER_KINDS; kind++) {
		size_t count = whole->list[kind].count;

		visible->asks[kind] = calloc(count / 64 + 1, sizeof(uint64_t));
		CHECK(visible->asks[kind] != NULL);
		visible->items += count;
	}
	return visible;
}

/* ---- the flight ----------------------------------------------------------------- */

struct flight_order {
	struct visible_views *views;
	struct access_class *class; /* with a reference */
	struct visible *visible;    /* to be made; NULL: it was handed on */
	struct buf key;
};

static void order_free(void *arg)
{
	struct flight_order *order = arg;

	access_class_unref(order->class);
	visible_unref(order->visible);
	buf_free(&order->key);
	free(order);
}

static AWAITS enum err order_work(void *arg)
{
	struct flight_order *order = arg;
	struct making making = {.class = order->class, .visible = order->visible};

	TRY(work_run(make_work, &making));
	views_put(order->views, order->visible);
	order->visible = NULL;
	return OK;
}

static void put_key(const struct request *req, struct buf *out)
{
	buf_put_fmt(out, FLIGHT_PREFIX "%llu:%.*s:", (unsigned long long)req->catalog->version,
		    STR_ARG(req->view->name));
	buf_put(out, req->access->key);
}

AWAITS static enum err make(struct request *req, struct str key)
{
	struct flight_order *order = calloc(1, sizeof(*order));

	CHECK(order != NULL);
	order->views = req->gateway->visible_views;
	order->class = access_class_ref(req->access);
	order->visible = visible_new(req->access, req->catalog, req->view, key);
	buf_put(&order->key, key);
	return flight_join(buf_str(&order->key), order_work, order, order_free);
}

static enum err refuse_toolset(struct request *req)
{
	req->problem = arena_fmt(req->arena, "no such toolset: %.*s; the config's `toolsets` names them",
				 STR_ARG(req->view->name));
	return ERR_MCP_TOOLSET;
}

/* The class's view of the request's, from the table or made now.
 *   ret_visible with a reference */
AWAITS static enum err find(struct request *req, struct visible **ret_visible)
{
	struct visible_views *views = req->gateway->visible_views;
	AUTO_BUF key = {0};

	put_key(req, &key);
	*ret_visible = views_get(views, buf_str(&key));
	if (*ret_visible != NULL)
		return OK;
	TRY(make(req, buf_str(&key)));
	*ret_visible = views_get(views, buf_str(&key));
	return *ret_visible == NULL ? ERR_BUSY : OK; /* pushed out by others already */
}

/* The class remembers the last one, which is the one that is wanted as long as neither catalog nor endpoint change. */
AWAITS static enum err find_for_class(struct request *req, struct visible **ret_visible)
{
	struct access_class *class = req->access;
	struct visible *last = class->visible;

	if (last != NULL && last->catalog == req->catalog && last->whole == req->view) {
		*ret_visible = visible_ref(last);
		return OK;
	}
	TRY(find(req, ret_visible));
	if (class->table == NULL || req->catalog != req->here->catalog)
		return OK;
	visible_unref(class->visible);
	class->visible = visible_ref(*ret_visible);
	return OK;
}

AWAITS enum err visible_narrow(struct request *req)
{
	struct str owner = req->view->owner;

	if (owner.n > 0 && !str_eq(owner, str_of(req->caller.tenant_id)))
		return refuse_toolset(req);
	if (likely(req->access == NULL || (req->access->everything && !req->catalog->owned)))
		return OK;
	if (!access_class_has_toolset(req->access, req->view->name))
		return refuse_toolset(req);
	TRY(find_for_class(req, &req->visible));
	req->view = req->visible->view;
	return OK;
}

void visible_release(struct request *req)
{
	visible_unref(req->visible);
	access_class_unref(req->access);
	req->visible = NULL;
	req->access = NULL;
}
