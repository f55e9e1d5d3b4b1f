/* One loop's cache of credentials, indexed by their MAC. A MAC is a uniform hash by itself, so some
 * of its bits pick the set; an outsider who sends some can't steer them without the server's key.
 *
 * Entries carry the epoch in which they were proved; whether that is still good
 * enough is the asker's decision. Belongs to its loop: no locks. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "identity/identity_private.h"

static struct str mac_str(const uint8_t mac[KEY_MAC_BYTES])
{
	return (struct str){(const char *)mac, KEY_MAC_BYTES};
}

static uint32_t mac_bits(const uint8_t mac[KEY_MAC_BYTES])
{
	uint32_t bits;

	memcpy(&bits, mac, sizeof(bits));
	return bits;
}

static struct cached_key **set_of(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES])
{
	return cache->sets[mac_bits(mac) % CACHE_SETS];
}

struct cached_key *cache_find(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES])
{
	struct cached_key **set = set_of(cache, mac);

	for (size_t i = 0; i < CACHE_WAYS && set[i] != NULL; i++) {
		if (str_eq_secret(mac_str(set[i]->mac), mac_str(mac))) {
			set[i]->age = ++cache->uses;
			return set[i];
		}
	}
	return NULL;
}

/* The set's entry for a new key: a free place, else the one used longest ago. Its pending
 * last-used note is lost with it, which a busy cache may do. */
static struct cached_key *place_for(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES])
{
	struct cached_key **set = set_of(cache, mac);
	struct cached_key *oldest = set[0];

	for (size_t i = 0; i < CACHE_WAYS; i++) {
		if (set[i] == NULL) {
			set[i] = malloc(sizeof(*set[i]));
			CHECK(set[i] != NULL);
			return set[i];
		}
		if (cache->uses - set[i]->age > cache->uses - oldest->age)
			oldest = set[i];
	}
	return oldest;
}

void cache_put(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES], int64_t epoch, const struct caller *caller)
{
	struct cached_key *entry = cache_find(cache, mac);
	bool used = entry != NULL && entry->used;

	if (entry == NULL)
		entry = place_for(cache, mac);
	*entry = (struct cached_key){.epoch = epoch, .caller = *caller, .age = ++cache->uses, .used = used};
	memcpy(entry->mac, mac, KEY_MAC_BYTES);
}

void cache_remove(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES])
{
	struct cached_key **set = set_of(cache, mac), *entry = cache_find(cache, mac);
	size_t last = CACHE_WAYS - 1;

	if (entry == NULL)
		return;
	while (set[last] == NULL)
		last--;
	for (size_t i = 0; i < last; i++) { /* no holes: cache_find stops at the first */
		if (set[i] == entry)
			set[i] = set[last];
	}
	set[last] = NULL;
	free(entry);
}

void cache_refuse(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES], int64_t epoch, enum err err)
{
	struct refused_key *refused;

	if (cache->refused == NULL) {
		cache->refused = calloc(CACHE_REFUSALS, sizeof(*cache->refused));
		CHECK(cache->refused != NULL);
	}
	refused = &cache->refused[mac_bits(mac) % CACHE_REFUSALS];
	memcpy(refused->mac, mac, KEY_MAC_BYTES);
	refused->epoch = epoch;
	refused->err = err;
	refused->until_ms = clock_ms() + CACHE_REFUSAL_MS;
}

enum err cache_refused(const struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES], int64_t epoch)
{
	const struct refused_key *refused;

	if (cache->refused == NULL)
		return OK;
	refused = &cache->refused[mac_bits(mac) % CACHE_REFUSALS];
	if (refused->epoch != epoch || !str_eq_secret(mac_str(refused->mac), mac_str(mac)) ||
	    clock_ms() >= refused->until_ms)
		return OK;
	return refused->err;
}

size_t cache_collect(struct key_cache *cache, int64_t used_ms, struct api_key_use *uses, size_t cap)
{
	size_t count = 0;

	for (size_t i = 0; i < CACHE_SETS * CACHE_WAYS && count < cap; i++) {
		struct cached_key *entry = cache->sets[i / CACHE_WAYS][i % CACHE_WAYS];

		if (entry == NULL || !entry->used)
			continue;
		entry->used = false;
		if (entry->caller.credential != CREDENTIAL_KEY)
			continue;
		memcpy(uses[count].id, entry->caller.grant_id, sizeof(uses[count].id));
		uses[count++].used_ms = used_ms;
	}
	return count;
}

void cache_clear(struct key_cache *cache)
{
	for (size_t i = 0; i < CACHE_SETS * CACHE_WAYS; i++)
		free(cache->sets[i / CACHE_WAYS][i % CACHE_WAYS]);
	free(cache->refused);
	memset(cache, 0, sizeof(*cache));
}
