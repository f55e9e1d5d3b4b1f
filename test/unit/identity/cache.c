/* The per-loop cache: bounds, which entry goes, refusals with an end. */
#include "../unit.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/random.h"
#include "identity/identity_private.h"

static void mac_of(uint32_t set, uint32_t number, uint8_t out[KEY_MAC_BYTES])
{
	memset(out, 0, KEY_MAC_BYTES);
	memcpy(out, &set, sizeof(set));
	memcpy(out + 8, &number, sizeof(number));
}

static void put(struct key_cache *cache, uint32_t set, uint32_t number)
{
	struct caller caller = {.credential = CREDENTIAL_KEY, .role = ROLE_MEMBER};
	uint8_t mac[KEY_MAC_BYTES];

	mac_of(set, number, mac);
	(void)snprintf(caller.principal, sizeof(caller.principal), "%u", number);
	cache_put(cache, mac, 7, &caller);
}

static struct cached_key *find(struct key_cache *cache, uint32_t set, uint32_t number)
{
	uint8_t mac[KEY_MAC_BYTES];

	mac_of(set, number, mac);
	return cache_find(cache, mac);
}

START_TEST(oldest_of_a_set_goes)
{
	struct key_cache *cache = calloc(1, sizeof(*cache));

	for (uint32_t i = 1; i <= CACHE_WAYS; i++)
		put(cache, 5, i);
	put(cache, 6, 99);
	ck_assert_ptr_nonnull(find(cache, 5, 1)); /* used: 2 is the oldest now */
	put(cache, 5, 50);
	ck_assert_ptr_null(find(cache, 5, 2));
	ck_assert_ptr_nonnull(find(cache, 5, 1));
	ck_assert_ptr_nonnull(find(cache, 5, 3));
	ck_assert_ptr_nonnull(find(cache, 6, 99));
	ck_assert_str_eq(find(cache, 5, 50)->caller.principal, "50");
	ck_assert_int_eq(find(cache, 5, 50)->epoch, 7);
	ck_assert_ptr_null(find(cache, 5 + CACHE_SETS, 50)); /* the same set, another key */
	cache_clear(cache);
	ck_assert_ptr_null(find(cache, 5, 50));
	free(cache);
}
END_TEST

START_TEST(removing_leaves_no_hole)
{
	struct key_cache *cache = calloc(1, sizeof(*cache));
	uint8_t mac[KEY_MAC_BYTES];

	for (uint32_t gone = 1; gone <= CACHE_WAYS; gone++) {
		for (uint32_t i = 1; i <= CACHE_WAYS; i++)
			put(cache, 5, i);
		mac_of(5, gone, mac);
		cache_remove(cache, mac);
		cache_remove(cache, mac);
		for (uint32_t i = 1; i <= CACHE_WAYS; i++)
			ck_assert_int_eq(find(cache, 5, i) != NULL, i != gone);
	}
	cache_clear(cache);
	free(cache);
}
END_TEST

START_TEST(any_number_of_keys_fits)
{
	struct key_cache *cache = calloc(1, sizeof(*cache));
	struct caller caller = {.credential = CREDENTIAL_KEY, .role = ROLE_MEMBER};
	struct api_key_use *uses = calloc(20000, sizeof(*uses));
	uint8_t mac[KEY_MAC_BYTES];
	size_t count;

	for (int i = 0; i < 20000; i++) {
		random_bytes(mac, sizeof(mac));
		cache_put(cache, mac, 1, &caller);
		cache_find(cache, mac)->used = true;
	}
	count = cache_collect(cache, 42, uses, 100);
	ck_assert_uint_eq(count, 100);
	ck_assert_int_eq(uses[99].used_ms, 42);
	count += cache_collect(cache, 42, uses, 20000);
	ck_assert_uint_le(count, CACHE_SETS * CACHE_WAYS);
	ck_assert_uint_ge(count, CACHE_SETS * CACHE_WAYS * 9 / 10);
	ck_assert_uint_eq(cache_collect(cache, 42, uses, 20000), 0); /* each once */
	free(uses);
	cache_clear(cache);
	free(cache);
}
END_TEST

START_TEST(refusals_end)
{
	struct key_cache *cache = calloc(1, sizeof(*cache));
	uint8_t mac[KEY_MAC_BYTES], other[KEY_MAC_BYTES];
	int64_t start_ms = clock_ms();

	mac_of(5, 1, mac);
	mac_of(5, 2, other);
	ck_ok(cache_refused(cache, mac, 7));
	cache_refuse(cache, mac, 7, ERR_TOKEN_EXPIRED);
	ck_err(cache_refused(cache, mac, 7), ERR_TOKEN_EXPIRED);
	ck_ok(cache_refused(cache, mac, 8)); /* the store has changed since */
	ck_ok(cache_refused(cache, other, 7));
	cache->refused[5].until_ms = start_ms - 1;
	ck_ok(cache_refused(cache, mac, 7));
	cache_refuse(cache, mac, 7, ERR_TOKEN_EXPIRED);
	ck_assert_int_ge(cache->refused[5].until_ms, start_ms + CACHE_REFUSAL_MS);
	cache_refuse(cache, other, 7, ERR_TOKEN_EXPIRED); /* pushes the first one out */
	ck_ok(cache_refused(cache, mac, 7));
	cache_clear(cache);
	free(cache);
}
END_TEST

UNIT_MAIN("cache", oldest_of_a_set_goes, removing_leaves_no_hole, any_number_of_keys_fits, refusals_end)
