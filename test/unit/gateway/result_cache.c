/* The result cache: whose, how long, how much, and what is forgotten. */
#include "../unit.h"

#include <stdio.h>

#include "base/limits.h"
#include "gateway/result_cache.h"

#define TEXT "{\"result\":{\"ttlMs\":60000,\"contents\":[]}}"
#define TTL_AT 19

static struct arena *arena;

static struct result_key key(const char *upstream, const char *uri, const char *principal)
{
	return (struct result_key){str_of(upstream), str_of(uri), str_of(principal)};
}

static void put_text(struct result_cache *cache, struct result_key k, struct str text, int64_t ttl_ms, int64_t now_ms)
{
	struct result_kept kept = {.text = text, .ttl_at = TTL_AT, .ttl_bytes = 5, .ttl_ms = ttl_ms};

	result_cache_put(cache, &k, &kept, now_ms, result_cache_mark(cache));
}

static void put(struct result_cache *cache, struct result_key k, int64_t ttl_ms, int64_t now_ms)
{
	put_text(cache, k, STR(TEXT), ttl_ms, now_ms);
}

static struct str get(struct result_cache *cache, struct result_key k, int64_t now_ms)
{
	struct str text = STR_NONE;

	if (arena == NULL)
		arena = arena_new(1 << 24);
	return result_cache_get(cache, &k, now_ms, arena, &text) ? text : STR_NONE;
}

START_TEST(age_is_taken_off)
{
	struct result_cache *cache = result_cache_new(8, 4096);

	put(cache, key("u", "x://1", "me"), 60000, 1000);
	ck_str(get(cache, key("u", "x://1", "me"), 1000), TEXT);
	ck_str(get(cache, key("u", "x://1", "me"), 60990), "{\"result\":{\"ttlMs\":10,\"contents\":[]}}");
	ck_assert_ptr_null(get(cache, key("u", "x://1", "me"), 61000).p);
	ck_assert_uint_eq(result_cache_stats(cache).entries, 0);
	ck_assert_uint_eq(result_cache_stats(cache).bytes, 0);
	ck_assert_uint_eq(result_cache_stats(cache).hits, 2);
	ck_assert_uint_eq(result_cache_stats(cache).misses, 1);
	result_cache_free(cache);
}
END_TEST

START_TEST(what_is_private_stays_so)
{
	struct result_cache *cache = result_cache_new(8, 4096);

	put(cache, key("u", "x://1", "me"), 60000, 0);
	ck_assert_ptr_null(get(cache, key("u", "x://1", "you"), 0).p);
	ck_assert_ptr_null(get(cache, key("v", "x://1", "me"), 0).p);
	ck_assert_ptr_null(get(cache, key("u", "x://2", "me"), 0).p);
	put(cache, key("u", "x://2", NULL), 60000, 0);
	ck_assert_ptr_nonnull(get(cache, key("u", "x://2", "me"), 0).p);
	ck_assert_ptr_nonnull(get(cache, key("u", "x://2", "you"), 0).p);
	result_cache_free(cache);
}
END_TEST

START_TEST(nothing_without_time_or_too_large)
{
	struct result_cache *cache = result_cache_new(8, 64 * 1024 * 1024);
	char *large = calloc(1, RESULT_CACHE_ENTRY_BYTES_MAX);

	put(cache, key("u", "x://1", "me"), 0, 0);
	put_text(cache, key("u", "x://2", "me"), (struct str){large, RESULT_CACHE_ENTRY_BYTES_MAX}, 1000, 0);
	put(cache, key("u", "x://3", "me"), INT64_MAX, 0);
	ck_assert_uint_eq(result_cache_stats(cache).entries, 1);
	ck_assert_ptr_null(get(cache, key("u", "x://3", "me"), RESULT_CACHE_TTL_MS_MAX).p);
	free(large);
	result_cache_free(cache);
}
END_TEST

START_TEST(the_least_used_goes_first)
{
	struct result_cache *cache = result_cache_new(2, 4096);

	put(cache, key("u", "x://1", "me"), 60000, 0);
	put(cache, key("u", "x://2", "me"), 60000, 0);
	ck_assert_ptr_nonnull(get(cache, key("u", "x://1", "me"), 0).p);
	put(cache, key("u", "x://3", "me"), 60000, 0);
	ck_assert_ptr_null(get(cache, key("u", "x://2", "me"), 0).p);
	ck_assert_ptr_nonnull(get(cache, key("u", "x://1", "me"), 0).p);
	ck_assert_ptr_nonnull(get(cache, key("u", "x://3", "me"), 0).p);
	result_cache_free(cache);
}
END_TEST

START_TEST(bytes_are_bounded)
{
	struct result_cache *cache = result_cache_new(1000, 2000);
	char uri[32];

	for (int i = 0; i < 100; i++) {
		snprintf(uri, sizeof(uri), "x://%d", i);
		put(cache, key("u", uri, "me"), 60000, 0);
		ck_assert_uint_le(result_cache_stats(cache).bytes, 2000);
	}
	ck_assert_uint_ge(result_cache_stats(cache).entries, 2);
	ck_assert_ptr_nonnull(get(cache, key("u", "x://99", "me"), 0).p);
	result_cache_free(cache);
}
END_TEST

START_TEST(a_put_replaces)
{
	struct result_cache *cache = result_cache_new(8, 4096);

	put(cache, key("u", "x://1", "me"), 60000, 0);
	put_text(cache, key("u", "x://1", "me"), STR("{\"result\":{\"ttlMs\":60000,\"n\":2}}"), 60000, 0);
	ck_str(get(cache, key("u", "x://1", "me"), 0), "{\"result\":{\"ttlMs\":60000,\"n\":2}}");
	ck_assert_uint_eq(result_cache_stats(cache).entries, 1);
	result_cache_free(cache);
}
END_TEST

START_TEST(changes_are_forgotten)
{
	struct result_cache *cache = result_cache_new(8, 4096);

	put(cache, key("u", "x://1", "me"), 60000, 0);
	put(cache, key("u", "x://1", NULL), 60000, 0);
	put(cache, key("u", "x://2", "me"), 60000, 0);
	put(cache, key("uu", "x://1", "me"), 60000, 0);
	result_cache_forget(cache, STR("u"), STR("x://1/part"));
	ck_assert_ptr_null(get(cache, key("u", "x://1", "me"), 0).p);
	ck_assert_ptr_nonnull(get(cache, key("u", "x://2", "me"), 0).p);
	ck_assert_ptr_nonnull(get(cache, key("uu", "x://1", "me"), 0).p);
	result_cache_forget(cache, STR("u"), STR_NONE);
	ck_assert_ptr_null(get(cache, key("u", "x://2", "me"), 0).p);
	ck_assert_uint_eq(result_cache_stats(cache).entries, 1);
	result_cache_free(cache);
}
END_TEST

START_TEST(what_is_older_than_a_change_is_not_kept)
{
	struct result_cache *cache = result_cache_new(8, 4096);
	struct result_key k = key("u", "x://1", "me");
	struct result_kept kept = {.text = STR(TEXT), .ttl_at = TTL_AT, .ttl_bytes = 5, .ttl_ms = 60000};
	uint64_t mark = result_cache_mark(cache);

	result_cache_forget(cache, STR("u"), STR("x://1"));
	result_cache_put(cache, &k, &kept, 0, mark);
	ck_assert_ptr_null(get(cache, k, 0).p);
	result_cache_free(cache);
}
END_TEST

UNIT_MAIN("result_cache", age_is_taken_off, what_is_private_stays_so, nothing_without_time_or_too_large,
	  the_least_used_goes_first, bytes_are_bounded, a_put_replaces, changes_are_forgotten,
	  what_is_older_than_a_change_is_not_kept)
