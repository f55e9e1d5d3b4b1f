/* API keys to callers: format check, MAC, this loop's cache, and behind it the store, asked once
 * for any number of requests that miss at the same time.
 *
 *     raw key -> MAC -> cache of the loop --miss--> single flight --> api_key_find
 *                          ^                                             |
 *                          +----------- caller, or a refusal ------------+
 *
 * A fiber on loop 0 reads the store's generation every IDENTITY_POLL_MS (one row on one page:
 * some 20 us on a worker thread) and once a minute writes when keys were last used. An entry of
 * an older generation is read again at its next use. Expiry is checked at each use. */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "identity/identity_private.h"
#include "store/store.h"

#define IDENTITY_MAGIC 0x6964656eu
#define POLLS_PER_TOUCH (60000 / IDENTITY_POLL_MS)
#define LOOKUPS_MAX 3 /* an entry may be pushed out between the flight's end and our turn */
#define FLIGHT_PREFIX "identity:"

struct identity {
	uint32_t magic;
	struct db *db;
	struct secret *key;
	struct group poller; /* loop 0's */
	unsigned polls;
	bool poll_failed;
	atomic_int_fast64_t store_generation;
	atomic_int_fast64_t generation; /* what callers compare: moves with the store and once a minute */
	size_t cache_count;
	struct key_cache *caches[]; /* by loop_index; each made and used by its loop only */
};

/* One flight's work; freed by rt when nobody needs it any more. */
struct lookup {
	struct identity *identity;
	char key[sizeof(FLIGHT_PREFIX) - 1 + KEY_MAC_BYTES]; /* the flight's: prefix and MAC */
};

static const uint8_t *lookup_mac(const struct lookup *lookup)
{
	return (const uint8_t *)lookup->key + sizeof(FLIGHT_PREFIX) - 1;
}

static struct key_cache *cache_here(struct identity *identity)
{
	struct key_cache **cache = &identity->caches[loop_index(loop_self())];

	if (unlikely(*cache == NULL)) {
		*cache = calloc(1, sizeof(**cache));
		CHECK(*cache != NULL);
	}
	return *cache;
}

/* --- asking --- */

static bool text_is_key(struct str raw)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];
	size_t n;
	bool valid;

	if (raw.n != API_KEY_TEXT_LEN || !str_starts(raw, STR("gh_")))
		return false;
	valid = base64url_get(str_skip(raw, 3), bytes, sizeof(bytes), &n) == OK;
	crypto_wipe(bytes, sizeof(bytes));
	return valid;
}

static bool has_expired(int64_t expires_ms)
{
	return expires_ms != 0 && clock_wall_ms() >= expires_ms;
}

AWAITS static enum err look_up(struct identity *identity, const uint8_t mac[KEY_MAC_BYTES])
{
	AUTO(arena) *arena = arena_new(16 * 1024);
	/* Read before the row: what changes in between only makes the entry look older than it is. */
	int64_t generation = atomic_load(&identity->store_generation);
	struct key_cache *cache = cache_here(identity);
	struct caller caller;
	struct api_key key;
	enum err err = api_key_find(identity->db, arena, mac, &key);

	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	if (err == OK && key_caller(&key, &caller)) {
		cache_put(cache, mac, generation, &caller);
		return OK;
	}
	cache_remove(cache, mac);
	cache_refuse(cache, mac, generation);
	return ERR_KEY_INVALID;
}

static AWAITS enum err lookup_work(void *arg)
{
	struct lookup *lookup = arg;

	return look_up(lookup->identity, lookup_mac(lookup));
}

AWAITS static enum err fly(struct identity *identity, const uint8_t mac[KEY_MAC_BYTES])
{
	struct lookup *lookup = malloc(sizeof(*lookup));

	CHECK(lookup != NULL);
	lookup->identity = identity;
	memcpy(lookup->key, FLIGHT_PREFIX, sizeof(FLIGHT_PREFIX) - 1);
	memcpy(lookup->key + sizeof(FLIGHT_PREFIX) - 1, mac, KEY_MAC_BYTES);
	return flight_join((struct str){lookup->key, sizeof(lookup->key)}, lookup_work, lookup, free);
}

static enum err use(struct cached_key *entry, struct caller *ret_caller)
{
	if (has_expired(entry->caller.expires_ms))
		return ERR_KEY_INVALID;
	entry->used = true;
	*ret_caller = entry->caller;
	return OK;
}

AWAITS enum err identity_of_key(struct identity *identity, struct str raw_key, struct caller *ret_caller)
{
	uint8_t mac[KEY_MAC_BYTES];
	struct key_cache *cache;
	struct cached_key *entry;
	int64_t generation;

	CHECK_OBJ(identity, IDENTITY_MAGIC);
	if (!text_is_key(raw_key))
		return ERR_KEY_INVALID;
	crypto_mac(identity->key, &raw_key, 1, mac);
	cache = cache_here(identity);
	generation = atomic_load_explicit(&identity->store_generation, memory_order_relaxed);
	entry = cache_find(cache, mac);
	if (likely(entry != NULL && entry->generation == generation))
		return use(entry, ret_caller);
	if (cache_refused(cache, mac, generation))
		return ERR_KEY_INVALID;
	for (int i = 0; i < LOOKUPS_MAX; i++) {
		TRY(fly(identity, mac));
		entry = cache_find(cache, mac); /* of any generation: it was read after we were asked */
		if (entry != NULL)
			return use(entry, ret_caller);
	}
	return ERR_BUSY;
}

AWAITS enum err identity_of(struct identity *identity, const struct credential_text *credential,
			    struct caller *ret_caller)
{
	return identity_of_key(identity, credential->text, ret_caller);
}

AWAITS enum err identity_check(struct identity *identity, struct str id)
{
	AUTO(arena) *arena = arena_new(16 * 1024);
	struct caller caller;
	struct api_key key;
	enum err err;

	CHECK_OBJ(identity, IDENTITY_MAGIC);
	err = api_key_get(identity->db, arena, id, &key);
	if (err == ERR_NOT_FOUND || (err == OK && !key_caller(&key, &caller)))
		return ERR_KEY_INVALID;
	return err;
}

int64_t identity_generation(const struct identity *identity)
{
	return atomic_load_explicit(&identity->generation, memory_order_relaxed);
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
	if (err != OK || generation == atomic_load(&identity->store_generation))
		return;
	atomic_store(&identity->store_generation, generation);
	atomic_fetch_add(&identity->generation, 1);
}

static AWAITS void poller_main(void *arg)
{
	struct identity *identity = arg;

	while (fiber_sleep(IDENTITY_POLL_MS) == OK) {
		poll_store(identity);
		if (++identity->polls % POLLS_PER_TOUCH != 0)
			continue;
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
	group_init(&identity->poller, loop_self());
	if (err == OK) {
		atomic_store(&identity->store_generation, generation);
		err = group_spawn(&identity->poller, "identity-poll", poller_main, identity);
	}
	if (err != OK) {
		free(identity); /* the key stays the caller's */
		return err;
	}
	*ret_identity = identity;
	return OK;
}

AWAITS void identity_stop(struct identity *identity)
{
	struct fiber_shield shield = fiber_shield_begin(5000);

	CHECK_OBJ(identity, IDENTITY_MAGIC);
	group_cancel(&identity->poller);
	if (group_join(&identity->poller) != OK)
		log_warn("identity.slow_stop", LOG_INT("polls", identity->polls));
	touch_used(identity);
	fiber_shield_end(shield);
	for (size_t i = 0; i < identity->cache_count; i++) {
		if (identity->caches[i] != NULL)
			cache_clear(identity->caches[i]);
		free(identity->caches[i]);
	}
	secret_free(identity->key);
	identity->magic = 0;
	free(identity);
}
