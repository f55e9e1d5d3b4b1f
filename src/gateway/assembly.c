/* The builder of catalogs.
 *
 *   upstream's keeper --(loop_post)--> member.offer, dirty --> builder fiber:
 *       wait for a change, let a burst pass, make shelves of new offers (worker thread),
 *       build the catalog (worker thread), publish it to all loops
 *
 * The list of members changes only on loop 0, under a lock, so that other loops may copy it. */
#include "gateway/assembly.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "gateway/assembly_private.h"
#include "gateway/fleet_results.h"
#include "gateway/local.h"
#include "gateway/outbound.h"
#include "gateway/running.h"
#include "gateway/subscription.h"

#define ASSEMBLY_MAGIC 0x4153534du   /* "ASSM" */
#define RETRY_MS 1000		     /* when there was no thread to build on */
#define NOTIFICATION_BYTES_MAX 65536 /* of what is read of one: a URI */

/* ---- news from upstreams --------------------------------------------------------- */

struct news {
	struct task task;
	struct list link; /* in assembly.early */
	struct assembly *assembly;
	struct upstream *upstream;
	struct offer *offer; /* NULL: only the state changed */
};

void assembly_wake(struct assembly *assembly)
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

static void news_take(struct news *news)
{
	struct member *member = member_of(news->assembly, news->upstream);
	enum upstream_state state = upstream_health(news->upstream).state;

	if (member != NULL) {
		bool first = !member->reported && state != UPSTREAM_CONNECTING;
		bool changed = news->offer != NULL && news->offer != member->offer;

		member->reported |= state != UPSTREAM_CONNECTING;
		if (changed) {
			offer_unref(member->offer);
			member->offer = offer_ref(news->offer);
			member->fresh = true;
		}
		if (changed || first)
			assembly_wake(news->assembly);
	}
	offer_unref(news->offer);
	upstream_unref(news->upstream);
	free(news);
}

static void news_arrived(struct task *task)
{
	struct news *news = CONTAINER_OF(task, struct news, task);

	if (news->assembly->applying)
		list_add_tail(&news->assembly->early, &news->link);
	else
		news_take(news);
}

static void on_change(void *arg, struct upstream *upstream, struct offer *offer)
{
	struct assembly *assembly = arg;
	struct news *news = calloc(1, sizeof(*news));

	CHECK(news != NULL);
	/* Its lists have changed, or it was away and changes of resources were missed. */
	result_cache_forget(assembly->gateway->results, upstream_name(upstream), STR_NONE);
	fleet_results_forget(assembly->gateway->fleet_results, upstream_name(upstream));
	news->task.run = news_arrived;
	news->assembly = assembly;
	news->upstream = upstream_ref(upstream);
	news->offer = offer == NULL ? NULL : offer_ref(offer);
	loop_post(loop_at(0), &news->task);
}

/* What an upstream says of its own accord, on its home loop. Log messages of a server that all share
 * are nobody's: they are left out. */
static void on_notification(void *arg, struct upstream *upstream, const struct mcp_message *message)
{
	AUTO(arena) *arena = arena_new(NOTIFICATION_BYTES_MAX);
	struct assembly *assembly = arg;
	struct str uri;

	if (mcp_method_of(message->method) == MCP_M_N_TASKS)
		subscriptions_task(upstream, message);
	if (mcp_method_of(message->method) != MCP_M_N_RESOURCES_UPDATED)
		return;
	uri = mcp_param(arena, message, STR("uri"));
	if (uri.p == NULL)
		return;
	result_cache_forget(assembly->gateway->results, upstream_name(upstream), uri);
	fleet_results_forget(assembly->gateway->fleet_results, upstream_name(upstream));
	subscriptions_updated(upstream, STR(""), uri);
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

		if (!member->fresh)
			continue;
		member->fresh = false;
		upstream_ref(work.upstream);
		offer_ref(work.offer);
		err = work_run(make_shelf, &work);
		member = member_of(assembly, work.upstream);
		if (err == OK && member != NULL) {
			shelf_unref(member->shelf);
			member->shelf = work.shelf;
			member->unjudged = true;
		} else if (err == OK) {
			shelf_unref(work.shelf);
		} else if (member != NULL) {
			member->fresh = true; /* next time */
		}
		offer_unref(work.offer);
		upstream_unref(work.upstream);
		TRY(err);
	}
	return OK;
}

/* Count as settled once every member's first report is in the catalog just published. What is made at run time does not
 * count: nobody may take the gateway out of service by naming a slow server. */
static void note_settled(struct assembly *assembly)
{
	bool settled = true;

	for (size_t i = 0; i < assembly->count; i++) {
		assembly->members[i].shown |= assembly->members[i].reported && !assembly->members[i].fresh;
		settled = settled && (assembly->members[i].shown || assembly->members[i].spec->stored);
	}
	atomic_store(&assembly->settled, settled);
}

AWAITS_ENTRY static void follow_main(void *arg)
{
	subscriptions_follow(arg);
	catalog_unref(arg);
}

/* Servers are asked on a fiber of its own: the next catalog does not wait for them. */
static void follow_subscriptions(struct catalog *catalog)
{
	if (fiber_spawn(loop_self(), "subscriptions", follow_main, catalog_ref(catalog), 0, NULL) != OK)
		catalog_unref(catalog); /* with the next one */
}

AWAITS static enum err build_and_publish(struct assembly *assembly)
{
	struct config *config = config_ref(assembly->config);
	struct build_work work = {
		.spec = {.toolsets = config->toolsets,
			 .toolset_count = config->toolset_count,
			 .mode = config->mode,
			 .page_items = LIST_PAGE_ITEMS,
			 .version = ++assembly->version},
	};
	struct shelf **shelves = calloc(assembly->count + 1, sizeof(struct shelf *));
	uint64_t applied = assembly->applied, asked = assembly->asked;
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
		follow_subscriptions(work.catalog);
		catalog_unref(work.catalog);
		assembly->shown = applied;
		assembly->judged = asked;
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
		if (fill_shelves(assembly) == OK && assembly_judge(assembly) == OK && build_and_publish(assembly) == OK)
			continue;
		log_warn("catalog.build_failed", LOG_CSTR("effect", "the lists stay as they were for now"));
		assembly->dirty = true;
		if (fiber_sleep(RETRY_MS) != OK)
			break;
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

void assembly_accounts_changed(struct assembly *assembly)
{
	for (size_t i = 0; i < assembly->count; i++)
		upstream_accounts_changed(assembly->members[i].upstream);
}

AWAITS static enum err member_start(struct assembly *assembly, struct config *config, const struct upstream_spec *spec,
				    struct buf *problem, struct member *ret_member)
{
	const struct upstream_events events = {.on_change = on_change,
					       .on_notification = on_notification,
					       .arg = assembly,
					       .credentials = outbound_source(assembly->gateway),
					       .locals = local_service(assembly->gateway)};
	struct upstream *upstream;

	TRY(upstream_new(spec, &events, problem, &upstream));
	*ret_member = (struct member){.upstream = upstream, .spec = spec, .config = config_ref(config)};
	return OK;
}

/* The member that already runs exactly this upstream; its place in the list, or the list's end. */
static size_t member_running(const struct assembly *assembly, const struct upstream_spec *spec)
{
	size_t i = 0;

	while (i < assembly->count && !config_same_upstream(assembly->members[i].spec, spec))
		i++;
	return i;
}

/* Start what does not run yet; the others stay where they are, since requests look at them meanwhile.
 *   ret_members  as the config has them: new ones, and empty places for those that stay */
AWAITS static enum err start_missing(struct assembly *assembly, struct config *config, struct buf *problem,
				     struct member *ret_members)
{
	for (size_t i = 0; i < config->upstream_count; i++) {
		const struct upstream_spec *spec = &config->upstreams[i];
		enum err err;

		if (member_running(assembly, spec) < assembly->count)
			continue;
		err = member_start(assembly, config, spec, problem, &ret_members[i]);
		if (err == OK)
			continue;
		buf_put_fmt(problem, " (upstream %.*s)", STR_ARG(spec->name));
		for (size_t k = 0; k < i; k++)
			if (ret_members[k].upstream != NULL)
				member_stop(&ret_members[k], 0);
		return err;
	}
	return OK;
}

/* Put the new list in place of the old one, without a pause in between. What stays moves over, what
 * does not is left in `leaving`. */
static void members_swap(struct assembly *assembly, struct config *config, struct member *members)
{
	bool renamed = !str_eq(assembly->config->separator, config->separator);

	for (size_t i = 0; i < config->upstream_count; i++) {
		struct member *old;

		if (members[i].upstream != NULL)
			continue;
		old = &assembly->members[member_running(assembly, &config->upstreams[i])];
		members[i] = *old;
		members[i].fresh |= renamed && old->offer != NULL;
		members[i].unjudged = true; /* the policy may be another */
		old->upstream = NULL;
	}
	assembly->leaving = assembly->members;
	assembly->leaving_count = assembly->count;
	pthread_mutex_lock(&assembly->lock);
	assembly->members = members;
	assembly->count = config->upstream_count;
	pthread_mutex_unlock(&assembly->lock);
	config_unref(assembly->config);
	assembly->config = config_ref(config);
	assembly->applied++;
}

static void take_early_news(struct assembly *assembly)
{
	struct list *link;

	assembly->applying = false;
	while ((link = list_pop(&assembly->early)) != NULL)
		news_take(LIST_OBJ(link, struct news, link));
}

AWAITS enum err assembly_apply(struct assembly *assembly, struct config *config, struct buf *problem)
{
	struct member *members = calloc(config->upstream_count + 1, sizeof(*members));
	enum err err;

	CHECK_OBJ(assembly, ASSEMBLY_MAGIC);
	CHECK(members != NULL && !assembly->applying && assembly->leaving == NULL);
	assembly->applying = true;
	err = start_missing(assembly, config, problem, members);
	if (err == OK)
		members_swap(assembly, config, members);
	else
		free(members);
	take_early_news(assembly);
	if (err == OK)
		assembly_wake(assembly);
	return err;
}

/* ---- those who leave ------------------------------------------------------------- */

/* Until no catalog names them. */
AWAITS static void await_catalog(struct assembly *assembly)
{
	int64_t until_ms = loop_now(loop_self()) + CATALOG_WAIT_MS;

	while (assembly->shown != assembly->applied && !assembly->stopping && loop_now(loop_self()) < until_ms)
		if (fiber_sleep(BURST_MS) != OK)
			break;
}

/* Until nobody who knows them from an earlier catalog is on the way to them. Who has not chosen an upstream yet
 * will soon; who waits for something else is not waited for. */
AWAITS static void await_requests(struct assembly *assembly, const struct str *names, size_t count, int64_t until_ms)
{
	int64_t choice_ms = loop_now(loop_self()) + CHOICE_WAIT_MS;
	struct running running;

	while (!assembly->stopping && loop_now(loop_self()) < until_ms) {
		if (running_count(assembly->gateway, names, count, &running) == OK && running.bound == 0 &&
		    (running.undecided == 0 || loop_now(loop_self()) >= choice_ms))
			return;
		if (fiber_sleep(BURST_MS) != OK)
			return;
	}
}

AWAITS static void await_leave(struct assembly *assembly, int64_t until_ms)
{
	struct str *names = calloc(assembly->leaving_count + 1, sizeof(*names));
	size_t count = 0;

	CHECK(names != NULL);
	for (size_t i = 0; i < assembly->leaving_count; i++)
		if (assembly->leaving[i].upstream != NULL)
			names[count++] = upstream_name(assembly->leaving[i].upstream);
	if (count > 0)
		await_requests(assembly, names, count, until_ms);
	free(names);
}

AWAITS void assembly_retire(struct assembly *assembly, int64_t grace_ms)
{
	struct fiber_shield shield = fiber_shield_begin(CATALOG_WAIT_MS + grace_ms);
	int64_t until_ms, left_ms;

	await_catalog(assembly);
	until_ms = loop_now(loop_self()) + grace_ms;
	await_leave(assembly, until_ms);
	fiber_shield_end(shield);
	left_ms = until_ms - loop_now(loop_self());
	for (size_t i = 0; i < assembly->leaving_count; i++)
		if (assembly->leaving[i].upstream != NULL)
			member_stop(&assembly->leaving[i], left_ms > 0 ? left_ms : 0);
	free(assembly->leaving);
	assembly->leaving = NULL;
	assembly->leaving_count = 0;
}

AWAITS enum err assembly_start(struct gateway *gateway, struct assembly **ret_assembly)
{
	struct assembly *assembly = calloc(1, sizeof(*assembly));
	struct catalog *empty;

	CHECK(assembly != NULL);
	assembly->magic = ASSEMBLY_MAGIC;
	assembly->gateway = gateway;
	assembly->config = config_ref(gateway->config);
	list_init(&assembly->early);
	pthread_mutex_init(&assembly->lock, NULL);
	empty = catalog_build(&(struct catalog_spec){.toolsets = gateway->config->toolsets,
						     .toolset_count = gateway->config->toolset_count,
						     .mode = gateway->config->mode,
						     .page_items = LIST_PAGE_ITEMS});
	gateway_publish(gateway, gateway->config, empty);
	catalog_unref(empty);
	TRY(fiber_spawn(loop_at(0), "catalog", builder_main, assembly, 0, NULL));
	*ret_assembly = assembly;
	return OK;
}

struct turn {
	struct task task;
	struct wait wait;
};

static void turn_over(struct task *task)
{
	wait_done(&CONTAINER_OF(task, struct turn, task)->wait, OK);
}

/* Let news that upstreams posted before they ended arrive: they name the assembly. */
AWAITS static void take_last_news(void)
{
	struct turn turn = {.task = {.run = turn_over}, .wait = WAIT_INIT};

	loop_post(loop_self(), &turn.task);
	(void)!wait_for(&turn.wait, NULL, NULL);
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
	take_last_news();
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

bool assembly_complete(const struct assembly *assembly)
{
	for (size_t i = 0; i < assembly->count; i++)
		if (!assembly->members[i].shown)
			return false;
	return true;
}

AWAITS static void tell_each(struct assembly *assembly, struct str session,
			     void (*tell)(struct upstream *upstream, struct str session))
{
	struct upstream **upstreams;
	size_t count = assembly_upstreams(assembly, &upstreams);

	for (size_t i = 0; i < count; i++)
		tell(upstreams[i], session);
	assembly_upstreams_done(upstreams, count);
}

AWAITS void assembly_forget_session(struct assembly *assembly, struct str session)
{
	tell_each(assembly, session, upstream_forget);
}

AWAITS void assembly_roots_changed(struct assembly *assembly, struct str session)
{
	tell_each(assembly, session, upstream_roots_changed);
}
