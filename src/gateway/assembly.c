/* The builder of catalogs.
 *
 *   upstream's keeper --(loop_post)--> member.offer, dirty --> builder fiber:
 *       wait for a change, let a burst pass, make shelves of new offers (worker thread),
 *       build the catalog (worker thread), publish it to all loops
 *
 * The list of members changes only on loop 0, under a lock, so that other loops may copy it. */
#include "gateway/assembly.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"

#define ASSEMBLY_MAGIC 0x4153534du /* "ASSM" */
#define BURST_MS 20		   /* changes this close together make one catalog */

struct member {
	struct upstream *upstream;
	const struct upstream_spec *spec; /* in `config` */
	struct config *config;
	struct offer *offer; /* the newest, not yet a shelf; NULL when there is nothing new */
	struct shelf *shelf; /* NULL until it offered something */
	bool reported;	     /* came up or failed at least once */
	bool shown;	     /* the published catalog knows its first report */
};

struct assembly {
	uint32_t magic;
	struct gateway *gateway;
	pthread_mutex_t lock; /* over members and count, for readers on other loops */
	struct member *members;
	size_t count;
	struct config *config; /* whose toolsets the next catalog has */
	uint64_t version;
	bool dirty, stopping, ended;
	struct wait *sleeper; /* the builder, waiting for a change */
	struct wait *stopper; /* assembly_stop, waiting for the builder's end */
	atomic_bool settled;
};

/* ---- news from upstreams --------------------------------------------------------- */

struct news {
	struct task task;
	struct assembly *assembly;
	struct upstream *upstream;
	struct offer *offer; /* NULL: only the state changed */
};

static void assembly_wake(struct assembly *assembly)
{
	struct wait *sleeper = assembly->sleeper;

	assembly->dirty = true;
	assembly->sleeper = NULL;
	if (sleeper != NULL)
		wait_done(sleeper, OK);
}

static struct member *member_of(struct assembly *assembly, const struct upstream *upstream)
{
	for (size_t i = 0; i < assembly->count; i++)
		if (assembly->members[i].upstream == upstream)
			return &assembly->members[i];
	return NULL;
}

static void news_arrived(struct task *task)
{
	struct news *news = CONTAINER_OF(task, struct news, task);
	struct member *member = member_of(news->assembly, news->upstream);
	enum upstream_state state = upstream_health(news->upstream).state;

	if (member != NULL) {
		bool first = !member->reported && state != UPSTREAM_CONNECTING;

		member->reported |= state != UPSTREAM_CONNECTING;
		if (news->offer != NULL) {
			offer_unref(member->offer);
			member->offer = offer_ref(news->offer);
		}
		if (news->offer != NULL || first)
			assembly_wake(news->assembly);
	}
	offer_unref(news->offer);
	upstream_unref(news->upstream);
	free(news);
}

static void on_change(void *arg, struct upstream *upstream, struct offer *offer)
{
	struct news *news = calloc(1, sizeof(*news));

	CHECK(news != NULL);
	news->task.run = news_arrived;
	news->assembly = arg;
	news->upstream = upstream_ref(upstream);
	news->offer = offer == NULL ? NULL : offer_ref(offer);
	loop_post(loop_at(0), &news->task);
}

/* ---- building -------------------------------------------------------------------- */

struct shelf_work {
	struct upstream *upstream;
	struct offer *offer;
	struct str separator;
	struct shelf *shelf;
};

static enum err make_shelf(void *arg)
{
	struct shelf_work *work = arg;

	work->shelf = shelf_new(work->upstream, work->offer, work->separator);
	return OK;
}

struct build_work {
	struct catalog_spec spec;
	struct catalog *catalog;
};

static enum err make_catalog(void *arg)
{
	struct build_work *work = arg;

	work->catalog = catalog_build(&work->spec);
	return OK;
}

/* Turn new offers into shelves. The members may change while a worker thread is busy, so each
 * is looked up again afterwards. */
AWAITS static enum err fill_shelves(struct assembly *assembly)
{
	for (size_t i = 0; i < assembly->count; i++) {
		struct member *member = &assembly->members[i];
		struct shelf_work work = {
			.upstream = member->upstream, .offer = member->offer, .separator = assembly->config->separator};
		enum err err;

		if (member->offer == NULL)
			continue;
		member->offer = NULL;
		upstream_ref(work.upstream);
		err = work_run(make_shelf, &work);
		member = member_of(assembly, work.upstream);
		if (err == OK && member != NULL) {
			shelf_unref(member->shelf);
			member->shelf = work.shelf;
		} else if (err == OK) {
			shelf_unref(work.shelf);
		}
		offer_unref(work.offer);
		upstream_unref(work.upstream);
		TRY(err);
	}
	return OK;
}

/* Count as settled once every member's first report is in the catalog just published. */
static void note_settled(struct assembly *assembly)
{
	bool settled = true;

	for (size_t i = 0; i < assembly->count; i++) {
		assembly->members[i].shown |= assembly->members[i].reported && assembly->members[i].offer == NULL;
		settled = settled && assembly->members[i].shown;
	}
	atomic_store(&assembly->settled, settled);
}

AWAITS static enum err build_and_publish(struct assembly *assembly)
{
	struct config *config = config_ref(assembly->config);
	struct build_work work = {
		.spec = {.toolsets = config->toolsets,
			 .toolset_count = config->toolset_count,
			 .page_items = LIST_PAGE_ITEMS,
			 .version = ++assembly->version},
	};
	struct shelf **shelves = calloc(assembly->count + 1, sizeof(struct shelf *));
	enum err err;

	CHECK(shelves != NULL);
	for (size_t i = 0; i < assembly->count; i++)
		if (assembly->members[i].shelf != NULL)
			shelves[work.spec.shelf_count++] = shelf_ref(assembly->members[i].shelf);
	work.spec.shelves = shelves;
	err = work_run(make_catalog, &work);
	if (err == OK) {
		gateway_publish(assembly->gateway, NULL, work.catalog);
		log_info("catalog.published", LOG_INT("version", (int64_t)assembly->version),
			 LOG_INT("tools", (int64_t)work.catalog->views[0].list[OFFER_TOOLS].count));
		catalog_unref(work.catalog);
		note_settled(assembly);
	}
	for (size_t i = 0; i < work.spec.shelf_count; i++)
		shelf_unref(shelves[i]);
	free(shelves);
	config_unref(config);
	return err;
}

static bool forget_sleeper(void *arg)
{
	struct assembly *assembly = arg;

	assembly->sleeper = NULL;
	return true;
}

AWAITS static enum err await_change(struct assembly *assembly)
{
	struct wait wait = WAIT_INIT;

	if (assembly->dirty)
		return OK;
	assembly->sleeper = &wait;
	return wait_for(&wait, forget_sleeper, assembly);
}

AWAITS_ENTRY static void builder_main(void *arg)
{
	struct assembly *assembly = arg;
	struct wait *stopper;

	while (!assembly->stopping && await_change(assembly) == OK && !assembly->stopping) {
		if (fiber_sleep(BURST_MS) != OK)
			break;
		assembly->dirty = false;
		if (fill_shelves(assembly) != OK || build_and_publish(assembly) != OK)
			log_warn("catalog.build_failed", LOG_CSTR("effect", "the lists stay as they were"));
	}
	assembly->ended = true;
	stopper = assembly->stopper;
	if (stopper != NULL)
		wait_done(stopper, OK);
}

/* ---- members --------------------------------------------------------------------- */

AWAITS static void member_stop(struct member *member, int64_t grace_ms)
{
	upstream_stop(member->upstream, grace_ms);
	upstream_unref(member->upstream);
	shelf_unref(member->shelf);
	offer_unref(member->offer);
	config_unref(member->config);
}

AWAITS static enum err member_start(struct assembly *assembly, struct config *config, const struct upstream_spec *spec,
				    struct buf *problem, struct member *ret_member)
{
	const struct upstream_events events = {.on_change = on_change, .arg = assembly};
	struct upstream *upstream;

	TRY(upstream_new(spec, &events, problem, &upstream));
	*ret_member = (struct member){.upstream = upstream, .spec = spec, .config = config_ref(config)};
	return OK;
}

/* Take the member that already runs exactly this upstream out of the old list. */
static bool member_keep(struct assembly *assembly, const struct upstream_spec *spec, struct member *ret_member)
{
	for (size_t i = 0; i < assembly->count; i++) {
		struct member *old = &assembly->members[i];

		if (old->upstream == NULL || !config_same_upstream(old->spec, spec))
			continue;
		*ret_member = *old;
		*old = (struct member){0};
		return true;
	}
	return false;
}

AWAITS enum err assembly_apply(struct assembly *assembly, struct config *config, struct buf *problem)
{
	struct member *members = calloc(config->upstream_count + 1, sizeof(*members)), *old = assembly->members;
	size_t count = 0, old_count = assembly->count;
	enum err result = OK;

	CHECK_OBJ(assembly, ASSEMBLY_MAGIC);
	CHECK(members != NULL);
	for (size_t i = 0; i < config->upstream_count; i++) {
		const struct upstream_spec *spec = &config->upstreams[i];
		enum err err = OK;

		if (!member_keep(assembly, spec, &members[count]))
			err = member_start(assembly, config, spec, problem, &members[count]);
		if (err == OK)
			count++;
		else
			result = err;
	}
	pthread_mutex_lock(&assembly->lock);
	assembly->members = members;
	assembly->count = count;
	pthread_mutex_unlock(&assembly->lock);

	config_unref(assembly->config);
	assembly->config = config_ref(config);
	assembly_wake(assembly);
	for (size_t i = 0; i < old_count; i++)
		if (old[i].upstream != NULL)
			member_stop(&old[i], config->limits.drain_ms);
	free(old);
	return result;
}

AWAITS enum err assembly_start(struct gateway *gateway, struct assembly **ret_assembly)
{
	struct assembly *assembly = calloc(1, sizeof(*assembly));
	struct catalog *empty;

	CHECK(assembly != NULL);
	assembly->magic = ASSEMBLY_MAGIC;
	assembly->gateway = gateway;
	assembly->config = config_ref(gateway->config);
	pthread_mutex_init(&assembly->lock, NULL);
	empty = catalog_build(&(struct catalog_spec){.toolsets = gateway->config->toolsets,
						     .toolset_count = gateway->config->toolset_count,
						     .page_items = LIST_PAGE_ITEMS});
	gateway_publish(gateway, gateway->config, empty);
	catalog_unref(empty);
	TRY(fiber_spawn(loop_at(0), "catalog", builder_main, assembly, 0, NULL));
	*ret_assembly = assembly;
	return OK;
}

AWAITS void assembly_stop(struct assembly *assembly, int64_t grace_ms)
{
	struct wait ended = WAIT_INIT;

	assembly->stopping = true;
	assembly_wake(assembly);
	assembly->stopper = &ended;
	if (!assembly->ended && wait_for(&ended, NULL, NULL) != OK)
		log_debug("catalog.stop_hurried", LOG_BOOL("ended", assembly->ended));
	for (size_t i = 0; i < assembly->count; i++)
		member_stop(&assembly->members[i], grace_ms);
	config_unref(assembly->config);
	free(assembly->members);
	pthread_mutex_destroy(&assembly->lock);
	assembly->magic = 0;
	free(assembly);
}

size_t assembly_upstreams(struct assembly *assembly, struct upstream ***ret_upstreams)
{
	struct upstream **upstreams;
	size_t count;

	pthread_mutex_lock(&assembly->lock);
	count = assembly->count;
	upstreams = calloc(count + 1, sizeof(struct upstream *));
	CHECK(upstreams != NULL);
	for (size_t i = 0; i < count; i++)
		upstreams[i] = upstream_ref(assembly->members[i].upstream);
	pthread_mutex_unlock(&assembly->lock);
	*ret_upstreams = upstreams;
	return count;
}

void assembly_upstreams_done(struct upstream **upstreams, size_t count)
{
	for (size_t i = 0; i < count; i++)
		upstream_unref(upstreams[i]);
	free(upstreams);
}

bool assembly_settled(struct assembly *assembly)
{
	return atomic_load(&assembly->settled);
}

AWAITS void assembly_forget_session(struct assembly *assembly, struct str session)
{
	struct upstream **upstreams;
	size_t count = assembly_upstreams(assembly, &upstreams);

	for (size_t i = 0; i < count; i++)
		upstream_forget(upstreams[i], session);
	assembly_upstreams_done(upstreams, count);
}
