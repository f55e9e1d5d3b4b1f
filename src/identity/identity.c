/* The identity room's life: what credentials are checked with (lookup.c does that), and a poller that hears of changes.
 *
 * A fiber on loop 0 reads the store's generation every IDENTITY_POLL_MS (one row on one page: some 20 us on a worker
 * thread), or when it is asked to, and once a minute writes when keys were last used. Each change begins a new epoch:
 * entries of the caches that are older are read again at their next use. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "identity/identity_private.h"
#include "identity/issuers.h"
#include "store/certificate.h"
#include "store/oauth_grant.h"
#include "store/store.h"
#include "store/tenant.h"
#include "store/user.h"

#define TOUCH_MS 60000

AWAITS static enum err check_key(struct identity *identity, struct arena *arena, const struct caller_mark *mark)
{
	struct caller caller;
	struct api_key key;
	enum err err = api_key_get(identity->db, str_of(mark->tenant_id), arena, str_of(mark->grant_id), &key);

	return err == ERR_NOT_FOUND || (err == OK && !key_caller(&key, &caller)) ? ERR_KEY_INVALID : err;
}

AWAITS static enum err check_certificate(struct identity *identity, struct arena *arena, const struct caller_mark *mark)
{
	struct certificate certificate;
	struct caller caller;
	enum err err = certificate_find_hint(identity->db, str_of(mark->tenant_id), arena, str_of(mark->user_id),
					     str_of(mark->grant_id), &certificate);

	return err == ERR_NOT_FOUND || (err == OK && !certificate_caller(&certificate, &caller)) ? ERR_KEY_INVALID
												 : err;
}

AWAITS static enum err check_token(struct identity *identity, struct arena *arena, const struct caller_mark *mark)
{
	struct oauth_grant grant;
	enum err err = oauth_grant_get(identity->db, str_of(mark->tenant_id), arena, str_of(mark->grant_id), &grant);

	return err == ERR_NOT_FOUND || (err == OK && !grant_is_live(&grant)) ? ERR_KEY_INVALID : err;
}

/* No row stands for a foreign token: its tenant and, if it has one, its account do. */
AWAITS static enum err check_foreign(struct identity *identity, struct arena *arena, const struct caller_mark *mark)
{
	struct tenant tenant;
	struct user user;
	enum err err = tenant_get(identity->db, arena, str_of(mark->tenant_id), &tenant);

	if (err == OK && tenant.disabled)
		return ERR_KEY_INVALID;
	if (err == OK && mark->user_id[0] != '\0')
		err = user_get(identity->db, str_of(mark->tenant_id), arena, str_of(mark->user_id), &user);
	else if (err == OK)
		return OK;
	return err == ERR_NOT_FOUND || (err == OK && user.disabled) ? ERR_KEY_INVALID : err;
}

void caller_mark_of(const struct caller *caller, struct caller_mark *ret_mark)
{
	memset(ret_mark, 0, sizeof(*ret_mark)); /* they are compared as bytes */
	ret_mark->credential = caller->credential;
	ret_mark->expires_ms = caller->expires_ms;
	memcpy(ret_mark->grant_id, caller->grant_id, strlen(caller->grant_id));
	memcpy(ret_mark->tenant_id, caller->tenant_id, strlen(caller->tenant_id));
	memcpy(ret_mark->user_id, caller->user_id, strlen(caller->user_id));
}

AWAITS enum err identity_check(struct identity *identity, const struct caller_mark *mark)
{
	AUTO(arena) *arena = arena_new(LOOKUP_ARENA_BYTES);

	CHECK_OBJ(identity, IDENTITY_MAGIC);
	if (mark->expires_ms != 0 && clock_wall_ms() >= mark->expires_ms)
		return ERR_KEY_INVALID;
	switch (mark->credential) {
	case CREDENTIAL_KEY:
		return check_key(identity, arena, mark);
	case CREDENTIAL_CERTIFICATE:
		return check_certificate(identity, arena, mark);
	case CREDENTIAL_TOKEN:
		return check_token(identity, arena, mark);
	case CREDENTIAL_JWT:
		return check_foreign(identity, arena, mark);
	default:
		return OK;
	}
}

void identity_trust(struct identity *identity, struct signing *signing)
{
	CHECK_OBJ(identity, IDENTITY_MAGIC);
	identity->signing = signing;
}

struct issuers *identity_issuers(struct identity *identity)
{
	struct issuers *issuers = NULL;

	CHECK_OBJ(identity, IDENTITY_MAGIC);
	pthread_mutex_lock(&identity->lock);
	if (identity->issuers != NULL)
		issuers = issuers_ref(identity->issuers);
	pthread_mutex_unlock(&identity->lock);
	return issuers;
}

int64_t identity_generation(const struct identity *identity)
{
	return atomic_load_explicit(&identity->generation, memory_order_relaxed);
}

int64_t identity_store_generation(const struct identity *identity)
{
	return identity->store_generation;
}

void identity_listen(struct identity *identity, void (*moved)(void *arg, int64_t generation), void *arg)
{
	CHECK_OBJ(identity, IDENTITY_MAGIC);
	CHECK(identity->moved == NULL);
	identity->moved_arg = arg;
	identity->moved = moved;
}

/* --- the poller --- */

struct collection {
	struct identity *identity;
	struct api_key_use *uses;
	size_t count, cap;
};

static enum err collect_here(void *arg)
{
	struct collection *all = arg;
	struct key_cache *cache = all->identity->caches[loop_index(loop_self())];

	if (cache != NULL)
		all->count += cache_collect(cache, clock_wall_ms(), all->uses + all->count, all->cap - all->count);
	return OK;
}

/* Write last use for every key used since the last time. Losing a round is harmless. */
AWAITS static void touch_used(struct identity *identity)
{
	struct collection all = {.identity = identity, .cap = identity->cache_count * CACHE_SETS * CACHE_WAYS};

	all.uses = malloc(all.cap * sizeof(*all.uses));
	CHECK(all.uses != NULL);
	for (unsigned i = 0; i < identity->cache_count; i++) {
		if (loop_call(loop_at(i), "identity-collect", collect_here, &all) != OK)
			break;
	}
	if (all.count > 0 && api_key_touch(identity->db, all.uses, all.count) != OK)
		log_warn("identity.last_used_lost", LOG_INT("keys", (int64_t)all.count));
	free(all.uses);
}

/* Everything that was believed is asked about again. */
static void begin_epoch(void *arg)
{
	struct identity *identity = arg;

	atomic_fetch_add(&identity->epoch, 1);
	atomic_fetch_add(&identity->generation, 1);
}

AWAITS static void poll_store(struct identity *identity)
{
	int64_t generation;
	enum err err = store_generation(identity->db, &generation);

	if (err == ERR_CANCELED)
		return;
	if ((err != OK) != identity->poll_failed) {
		identity->poll_failed = err != OK;
		if (err != OK)
			log_error("identity.poll_failed", LOG_ERR(err));
		else
			log_info("identity.poll_recovered", LOG_INT("generation", generation));
	}
	if (err != OK || generation == identity->store_generation)
		return;
	identity->store_generation = generation;
	begin_epoch(identity);
	naps_end(identity);
	if (identity->moved != NULL)
		identity->moved(identity->moved_arg, generation);
}

static AWAITS void poller_main(void *arg)
{
	struct identity *identity = arg;

	while (nap_until_poll(identity) == OK) {
		poll_store(identity);
		if (clock_ms() < identity->touch_ms)
			continue;
		identity->touch_ms = clock_ms() + TOUCH_MS;
		touch_used(identity);
		/* Whoever keeps a caller asks again, so that its next use is seen too. */
		atomic_fetch_add(&identity->generation, 1);
	}
}

AWAITS enum err identity_start(struct db *db, struct secret *key, struct identity **ret_identity)
{
	size_t loops = loop_count();
	struct identity *identity = calloc(1, sizeof(*identity) + loops * sizeof(identity->caches[0]));
	int64_t generation;
	enum err err = store_generation(db, &generation);

	CHECK(identity != NULL && loop_index(loop_self()) == 0);
	identity->magic = IDENTITY_MAGIC;
	identity->db = db;
	identity->key = key;
	identity->cache_count = loops;
	identity->touch_ms = clock_ms() + TOUCH_MS;
	naps_init(identity);
	group_init(&identity->poller, loop_self());
	pthread_mutex_init(&identity->lock, NULL);
	if (err == OK) {
		identity->store_generation = generation;
		err = group_spawn(&identity->poller, "identity-poll", poller_main, identity);
	}
	if (err != OK) {
		free(identity); /* the key stays the caller's */
		return err;
	}
	*ret_identity = identity;
	return OK;
}

/* Nobody else changes it, so that loop 0 may read it without the lock. */
static struct issuers *issuers_swap(struct identity *identity, struct issuers *issuers)
{
	struct issuers *before;

	pthread_mutex_lock(&identity->lock);
	before = identity->issuers;
	identity->issuers = issuers;
	pthread_mutex_unlock(&identity->lock);
	return before;
}

AWAITS void identity_configure(struct identity *identity, const struct identity_settings *settings,
			       void (*release)(void *owner), void *owner)
{
	const struct issuers_spec spec = {
		.settings = settings, .release = release, .owner = owner, .changed = begin_epoch, .arg = identity};
	struct issuers *before;

	CHECK_OBJ(identity, IDENTITY_MAGIC);
	before = issuers_swap(identity, issuers_new(&spec, identity->issuers));
	if (before != NULL)
		issuers_stop(before);
	issuers_unref(before);
	begin_epoch(identity);
}

AWAITS void identity_stop(struct identity *identity)
{
	struct fiber_shield shield = fiber_shield_begin(5000);

	CHECK_OBJ(identity, IDENTITY_MAGIC);
	group_cancel(&identity->poller);
	if (group_join(&identity->poller) != OK)
		log_warn("identity.slow_stop", LOG_BOOL("failing", identity->poll_failed));
	naps_drain(identity);
	touch_used(identity);
	fiber_shield_end(shield);
	for (size_t i = 0; i < identity->cache_count; i++) {
		if (identity->caches[i] != NULL)
			cache_clear(identity->caches[i]);
		free(identity->caches[i]);
	}
	if (identity->issuers != NULL)
		issuers_stop(identity->issuers);
	issuers_unref(identity->issuers);
	pthread_mutex_destroy(&identity->lock);
	secret_free(identity->key);
	identity->magic = 0;
	free(identity);
}
