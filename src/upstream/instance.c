/* Instances and their states. Whoever wants an instance that is not ready starts it, in a
 * fiber of its own, so that a caller who gives up does not spoil it for the others; all that
 * come meanwhile wait for the same start. An instance that fails rests, longer each time;
 * calls fail at once meanwhile instead of queueing up.
 *
 * Nothing depends on clients saying goodbye: what is idle is reaped by a timer, and a tenant
 * at its cap loses its own longest idle instance, never another tenant's. */
#include "upstream/instance.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "upstream/channel.h"
#include "upstream/listen.h"

#define REST_WORTH_WAITING_MS 1000 /* a caller waits out so short a rest */
#define REAP_MS_MIN 50
#define REAP_MS_MAX 30000
#define STEADY_MS 10000	   /* who lived so long starts again at once */
#define EVICT_IDLE_MS 2000 /* not in the middle of somebody's conversation */

static const char *const state_names[INSTANCE_STATES] = {"resting", "starting", "ready", "stopping"};

static void instance_set_state(struct instance *instance, enum instance_state to)
{
	static const unsigned allowed[INSTANCE_STATES] = {
		[INSTANCE_RESTING] = 1u << INSTANCE_STARTING | 1u << INSTANCE_STOPPING,
		[INSTANCE_STARTING] = 1u << INSTANCE_READY | 1u << INSTANCE_RESTING | 1u << INSTANCE_STOPPING,
		[INSTANCE_READY] = 1u << INSTANCE_RESTING | 1u << INSTANCE_STOPPING,
	};

	CHECK_OBJ(instance, INSTANCE_MAGIC);
	CHECK((allowed[instance->state] & 1u << to) != 0);
	log_debug("upstream.instance", LOG_STR("upstream", instance->upstream->spec.name),
		  LOG_CSTR("from", state_names[instance->state]), LOG_CSTR("to", state_names[to]));
	instance->state = to;
}

static int64_t now_of(const struct upstream *upstream)
{
	return loop_now(upstream->home);
}

struct instance_owner instance_owner_of(const struct upstream *upstream, const struct upstream_call *call)
{
	enum upstream_isolation isolation = upstream->spec.isolation;
	struct instance_owner owner = {0};

	/* Each kind of isolation is the one before it and something more. */
	if (isolation >= ISOLATION_TENANT)
		owner.tenant = call->tenant_id;
	if (isolation >= ISOLATION_USER)
		owner.principal = call->principal;
	if (isolation >= ISOLATION_SESSION)
		owner.session = call->session;
	if (owner.session.n > 0)
		owner.capabilities = call->client_capabilities;
	return owner;
}

/* Lengths in front, so that no choice of names makes two owners one. */
static void put_key(struct buf *out, const struct instance_owner *owner)
{
	const struct str part[] = {owner->tenant, owner->principal, owner->session};

	if (part[0].n + part[1].n + part[2].n == 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		buf_put_u64(out, part[i].n);
		buf_put_byte(out, ':');
		buf_put(out, part[i]);
	}
}

static bool is_shared(const struct instance *instance)
{
	return instance->key.n == 0;
}

/* Free it once it is out of the table and nobody uses it. */
static void instance_settle(struct instance *instance)
{
	if (instance->state != INSTANCE_STOPPING || instance->pins > 0 || instance->channel != NULL)
		return;
	CHECK(list_empty(&instance->waiters));
	atomic_fetch_sub(&instance->upstream->instance_count, 1);
	facts_unref(instance->facts);
	arena_free(instance->arena);
	instance->magic = 0;
	free(instance);
}

void instance_unpin(struct instance *instance)
{
	CHECK_OBJ(instance, INSTANCE_MAGIC);
	CHECK(instance->pins > 0);
	instance->pins--;
	instance_settle(instance);
}

static unsigned calls_in_flight(const struct instance *instance)
{
	unsigned n = instance->in_flight;

	return instance->facts == NULL ? n : n + atomic_load(&instance->facts->in_flight);
}

static int64_t idle_ms_of(const struct instance *instance)
{
	int64_t used = instance->used_ms;

	if (instance->facts != NULL && atomic_load(&instance->facts->used_ms) > used)
		used = atomic_load(&instance->facts->used_ms);
	return now_of(instance->upstream) - used;
}

static void wake_waiters(struct instance *instance, enum err err)
{
	struct list *link;

	while ((link = list_pop(&instance->waiters)) != NULL)
		wait_done(LIST_OBJ(link, struct wait, link), err);
}

static int64_t backoff_ms(unsigned failures)
{
	int64_t ms = UPSTREAM_BACKOFF_MIN_MS;
	uint8_t jitter;

	if (failures == 0)
		return 0;
	for (unsigned i = 1; i < failures && ms < UPSTREAM_BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > UPSTREAM_BACKOFF_MAX_MS)
		ms = UPSTREAM_BACKOFF_MAX_MS;
	random_bytes(&jitter, 1); /* many replicas shall not come back all at once */
	return ms - ms * jitter / 1024;
}

static void drop_facts(struct instance *instance)
{
	if (instance->facts == NULL)
		return;
	atomic_store(&instance->facts->stale, true);
	facts_unref(instance->facts);
	instance->facts = NULL;
}

void instance_lost(struct instance *instance, bool crashed)
{
	struct upstream *upstream = instance->upstream;
	int64_t now = now_of(upstream);

	CHECK_OBJ(instance, INSTANCE_MAGIC);
	if (instance->state != INSTANCE_READY)
		return;
	drop_facts(instance);
	listen_own_end(instance);
	instance_set_state(instance, INSTANCE_RESTING);
	if (crashed)
		instance->failures = now - instance->ready_since_ms >= STEADY_MS ? 0 : instance->failures + 1;
	instance->not_before_ms = now + (crashed ? backoff_ms(instance->failures) : 0);
	instance->start_error = ERR_UPSTREAM_DOWN;
	atomic_fetch_add(&upstream->restarts, 1);
	if (is_shared(instance))
		keeper_wish(upstream, KEEPER_CONNECT);
}

void instance_channel_gone(struct instance *instance)
{
	struct wait *wait = instance->channel_wait;

	CHECK_OBJ(instance, INSTANCE_MAGIC);
	instance->channel = NULL;
	instance->channel_wait = NULL;
	if (wait != NULL)
		wait_done(wait, OK);
	if (instance->state == INSTANCE_READY)
		instance_lost(instance, true);
	instance_settle(instance);
}

void instance_stop(struct instance *instance)
{
	struct upstream *upstream = instance->upstream;

	CHECK_OBJ(instance, INSTANCE_MAGIC);
	if (instance->state == INSTANCE_STOPPING)
		return;
	CHECK(map_remove(&upstream->instances, instance->key) == instance);
	/* spec: 2025-11-25 basic/transports#session-management: DELETE when it is no longer needed */
	if (instance->state == INSTANCE_READY && instance->facts != NULL && instance->facts->has_session)
		errand_delete(instance);
	drop_facts(instance);
	instance_set_state(instance, INSTANCE_STOPPING);
	instance->pins++; /* over what follows */
	listen_own_end(instance);
	if (instance->starter != NULL)
		fiber_cancel(instance->starter);
	wake_waiters(instance, ERR_UPSTREAM_DOWN);
	if (instance->channel != NULL)
		channel_stop(instance->channel);
	instance_unpin(instance);
}

static void on_reap(struct timer *timer)
{
	struct upstream *upstream = CONTAINER_OF(timer, struct upstream, reaper);
	struct instance *instance;
	size_t cursor = 0;

	while ((instance = map_next(&upstream->instances, &cursor)) != NULL) {
		bool kept = is_shared(instance) &&
			    (upstream->spec.kind != UPSTREAM_STDIO || upstream->spec.warm || !watch_is_empty(upstream));

		if (kept || instance->state == INSTANCE_STARTING || calls_in_flight(instance) > 0 ||
		    idle_ms_of(instance) < upstream->spec.idle_ms)
			continue;
		log_debug("upstream.reaped", LOG_STR("upstream", upstream->spec.name),
			  LOG_STR("tenant", instance->owner.tenant));
		instance_stop(instance);
	}
	instances_watch(upstream);
}

void instances_watch(struct upstream *upstream)
{
	int64_t ms = upstream->spec.idle_ms / 4;

	ms = ms < REAP_MS_MIN ? REAP_MS_MIN : ms > REAP_MS_MAX ? REAP_MS_MAX : ms;
	timer_set(upstream->home, &upstream->reaper, ms, on_reap);
}

void instances_stop(struct upstream *upstream)
{
	struct instance *instance;
	size_t cursor = 0;

	if (upstream->reaper.at_ms != 0)
		timer_stop(&upstream->reaper);
	while ((instance = map_next(&upstream->instances, &cursor)) != NULL)
		instance_stop(instance);
}

void instances_forget(struct upstream *upstream, struct str owner)
{
	struct instance *instance;
	size_t cursor = 0;

	while ((instance = map_next(&upstream->instances, &cursor)) != NULL)
		if (str_eq(instance->owner.session, owner) || str_eq(instance->owner.principal, owner) ||
		    str_eq(instance->owner.tenant, owner))
			instance_stop(instance);
}

void instances_tell_session(struct upstream *upstream, struct str session, struct str text)
{
	struct instance *instance;
	size_t cursor = 0;

	while ((instance = map_next(&upstream->instances, &cursor)) != NULL) {
		if (!str_eq(instance->owner.session, session) || instance->state != INSTANCE_READY ||
		    mcp_is_modern(instance->hello.revision))
			continue;
		if (instance->channel != NULL)
			channel_send(instance->channel, text);
		else if (!instance->channeled)
			errand_tell(instance, text);
	}
}

/* Make room under a cap by ending the tenant's own longest idle instance.
 *   returns    false when all of them are busy */
static bool evict_one(struct upstream *upstream, struct str tenant)
{
	struct instance *instance, *oldest = NULL;
	size_t cursor = 0;

	while ((instance = map_next(&upstream->instances, &cursor)) != NULL) {
		if (!str_eq(instance->owner.tenant, tenant) || calls_in_flight(instance) > 0 ||
		    instance->state == INSTANCE_STARTING || idle_ms_of(instance) < EVICT_IDLE_MS)
			continue;
		if (oldest == NULL || idle_ms_of(instance) > idle_ms_of(oldest))
			oldest = instance;
	}
	if (oldest == NULL)
		return false;
	instance_stop(oldest);
	return true;
}

/* The caps. One that is just ending counts while its child lives, but not against the
 * successor it was ended for. */
static enum err check_caps(struct upstream *upstream, struct str tenant)
{
	unsigned all_max = upstream->spec.children_max, tenant_max = upstream->spec.children_per_tenant_max;
	unsigned own = 0;
	struct instance *instance;
	size_t cursor = 0;

	if (upstream->spec.kind != UPSTREAM_STDIO || all_max == 0 || all_max > UPSTREAM_INSTANCES_MAX)
		all_max = UPSTREAM_INSTANCES_MAX;
	if (upstream->spec.kind != UPSTREAM_STDIO && atomic_load(&upstream->channeled))
		all_max = UPSTREAM_STREAMS_MAX;
	while ((instance = map_next(&upstream->instances, &cursor)) != NULL)
		own += !is_shared(instance) && str_eq(instance->owner.tenant, tenant);
	if (tenant_max > 0 && own >= tenant_max)
		return evict_one(upstream, tenant) ? OK : ERR_LIMIT;
	if (atomic_load(&upstream->instance_count) >= all_max)
		return evict_one(upstream, tenant) ? OK : ERR_LIMIT;
	return OK;
}

static struct str keep_text(char **at, struct str s)
{
	struct str kept = {*at, s.n};

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

static enum err instance_new(struct upstream *upstream, const struct instance_owner *owner, struct str key,
			     struct instance **ret_instance)
{
	struct instance *instance;
	char *at;

	if (key.n > 0)
		TRY(check_caps(upstream, owner->tenant));
	instance = calloc(1, sizeof(*instance) + key.n + owner->tenant.n + owner->principal.n + owner->session.n + 1);
	CHECK(instance != NULL);
	at = (char *)(instance + 1);
	instance->magic = INSTANCE_MAGIC;
	instance->state = INSTANCE_RESTING;
	instance->upstream = upstream;
	instance->key = keep_text(&at, key);
	instance->owner.tenant = keep_text(&at, owner->tenant);
	instance->owner.principal = keep_text(&at, owner->principal);
	instance->owner.session = keep_text(&at, owner->session);
	instance->owner.capabilities = owner->capabilities;
	instance->used_ms = now_of(upstream);
	list_init(&instance->waiters);
	CHECK(map_put(&upstream->instances, instance->key, instance) == NULL);
	atomic_fetch_add(&upstream->instance_count, 1);
	*ret_instance = instance;
	return OK;
}

/* The start, in its own fiber; it holds a pin. */
/* Whether another start may go well at any moment: as soon as somebody connects an account. */
static bool wants_account(const struct instance *instance, enum err err)
{
	return err_is_unasked(err) || (err == ERR_UPSTREAM_AUTH && is_shared(instance) &&
				       instance->upstream->spec.auth.kind != UPSTREAM_AUTH_NONE);
}

AWAITS static void start_main(void *arg)
{
	struct instance *instance = arg;
	struct upstream *upstream = instance->upstream;
	enum err err;

	CHECK_OBJ(instance, INSTANCE_MAGIC);
	arena_free(instance->arena);
	instance->arena = arena_new(upstream->spec.answer_bytes_max + 1024 * 1024);
	instance->hello = (struct hello){0};
	instance->log_level = UPSTREAM_LOG_LEVELS;
	err = instance_start(instance);
	instance->starter = NULL;
	if (err == ERR_TIMEOUT) /* ours, not that of those who wait for it */
		err = ERR_UPSTREAM_TIMEOUT;
	if (instance->state == INSTANCE_STARTING) {
		int64_t now = now_of(upstream);

		instance->start_error = err;
		instance->used_ms = now;
		if (err == OK) {
			instance->ready_since_ms = now;
			instance_set_state(instance, INSTANCE_READY);
			listen_own_begin(instance);
			if (is_shared(instance)) { /* it may offer something else than before */
				keeper_wish(upstream, KEEPER_LISTS);
				watch_tell_again(upstream);
			}
		} else {
			drop_facts(instance);
			if (!wants_account(instance, err))
				instance->not_before_ms = now + backoff_ms(++instance->failures);
			instance_set_state(instance, INSTANCE_RESTING);
		}
		wake_waiters(instance, err);
	}
	instance_unpin(instance);
	upstream_helper_end(upstream);
}

static bool forget_waiter(void *arg)
{
	struct wait *wait = arg;

	list_remove(&wait->link);
	return true;
}

AWAITS static enum err wait_start(struct instance *instance)
{
	struct wait wait = WAIT_INIT;

	list_add_tail(&instance->waiters, &wait.link);
	return wait_for(&wait, forget_waiter, &wait);
}

/* Start it, or say why not now. */
AWAITS static enum err begin_start(struct instance *instance)
{
	struct upstream *upstream = instance->upstream;
	int64_t rest = instance->not_before_ms - now_of(upstream);
	enum err err;

	if (rest > REST_WORTH_WAITING_MS)
		return instance->start_error == OK ? ERR_UPSTREAM_DOWN : instance->start_error;
	if (rest > 0)
		return fiber_sleep(rest);
	instance->pins++;
	err = upstream_helper(upstream, "upstream start", start_main, instance, UPSTREAM_START_MS, &instance->starter);
	if (err != OK) {
		instance_unpin(instance);
		return ERR_UPSTREAM_BUSY;
	}
	instance_set_state(instance, INSTANCE_STARTING);
	return OK;
}

AWAITS static enum err make_ready(struct instance *instance)
{
	for (;;) {
		switch (instance->state) {
		case INSTANCE_READY:
			if (!atomic_load(&instance->facts->stale)) {
				instance->used_ms = now_of(instance->upstream);
				return OK;
			}
			instance_lost(instance, false);
			break;
		case INSTANCE_RESTING:
			TRY(begin_start(instance));
			break;
		case INSTANCE_STARTING:
			TRY(wait_start(instance));
			break;
		default:
			return ERR_UPSTREAM_DOWN;
		}
	}
}

AWAITS enum err instance_get(struct upstream *upstream, const struct instance_owner *owner,
			     struct instance **ret_instance)
{
	struct instance *instance;
	AUTO_BUF key = {0};
	enum err err;

	CHECK(loop_self() == upstream->home);
	put_key(&key, owner);
	if (atomic_load(&upstream->stopped))
		return ERR_UPSTREAM_DOWN;
	instance = map_get(&upstream->instances, buf_str(&key));
	if (instance == NULL)
		TRY(instance_new(upstream, owner, buf_str(&key), &instance));
	instance->pins++;
	err = make_ready(instance);
	if (err != OK) {
		instance_unpin(instance);
		return err;
	}
	*ret_instance = instance;
	return OK;
}

int64_t instance_rest_ms(struct upstream *upstream)
{
	struct instance *shared = map_get(&upstream->instances, STR(""));
	int64_t rest;

	if (shared == NULL || shared->state != INSTANCE_RESTING)
		return 0;
	rest = shared->not_before_ms - now_of(upstream);
	return rest > 0 ? rest : 0;
}
