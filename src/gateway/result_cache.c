/* A hash map over a list in order of use, under one lock for all loops. A cache per loop would hold
 * everything once per core and find it as many times less often; and the lock is held for a look-up
 * only, on a path that tools/call does not take. Copies are made outside it, from counted blobs.
 *
 * A result that was asked for before a change and arrives after it must not be kept. So each
 * change moves a counter, and who puts a result in must have seen it stand still. */
#include "gateway/result_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"

#define RESULT_CACHE_MAGIC 0x52434348u /* "RCCH" */

struct entry {
	struct list by_use; /* in cache->by_use, the latest first */
	struct str key;	    /* in the same block: upstream NUL principal NUL uri */
	size_t upstream_n, uri_at;
	struct blob *text;
	size_t ttl_at, ttl_bytes;
	int64_t ends_ms;
};

struct result_cache {
	uint32_t magic;
	pthread_mutex_t lock; /* guards the rest, for moments */
	struct map entries;
	struct list by_use;
	size_t entries_max, bytes_max, bytes;
	uint64_t mark, hits, misses;
};

struct result_cache *result_cache_new(size_t entries_max, size_t bytes_max)
{
	struct result_cache *cache = calloc(1, sizeof(*cache));

	CHECK(cache != NULL);
	cache->magic = RESULT_CACHE_MAGIC;
	pthread_mutex_init(&cache->lock, NULL);
	list_init(&cache->by_use);
	cache->entries_max = entries_max;
	cache->bytes_max = bytes_max;
	return cache;
}

static size_t entry_bytes(const struct entry *entry)
{
	return sizeof(*entry) + entry->key.n + entry->text->str.n;
}

static void entry_drop(struct result_cache *cache, struct entry *entry)
{
	cache->bytes -= entry_bytes(entry);
	(void)map_remove(&cache->entries, entry->key);
	list_remove(&entry->by_use);
	blob_unref(entry->text);
	free(entry);
}

void result_cache_free(struct result_cache *cache)
{
	if (cache == NULL)
		return;
	CHECK_OBJ(cache, RESULT_CACHE_MAGIC);
	while (!list_empty(&cache->by_use))
		entry_drop(cache, LIST_OBJ(cache->by_use.next, struct entry, by_use));
	map_free(&cache->entries);
	pthread_mutex_destroy(&cache->lock);
	cache->magic = 0;
	free(cache);
}

/* No part but the last can hold a NUL: names and principals are made here. */
static void put_key(const struct result_key *key, struct str principal, struct buf *out)
{
	out->n = 0;
	buf_put(out, key->upstream);
	buf_put_byte(out, '\0');
	buf_put(out, principal);
	buf_put_byte(out, '\0');
	buf_put(out, key->uri);
}

/* The live entry under `key`, now the latest used. */
static struct entry *find(struct result_cache *cache, struct str key, int64_t now_ms)
{
	struct entry *entry = map_get(&cache->entries, key);

	if (entry == NULL)
		return NULL;
	if (now_ms >= entry->ends_ms) {
		entry_drop(cache, entry);
		return NULL;
	}
	list_remove(&entry->by_use);
	list_add_head(&cache->by_use, &entry->by_use);
	return entry;
}

static bool write_text(const struct entry *found, struct str text, int64_t now_ms, struct arena *arena,
		       struct str *ret_text)
{
	AUTO_BUF out = {0};
	struct str copy;

	buf_put(&out, (struct str){text.p, found->ttl_at});
	buf_put_u64(&out, (uint64_t)(found->ends_ms - now_ms));
	buf_put(&out, str_skip(text, found->ttl_at + found->ttl_bytes));
	copy = arena_try_str(arena, buf_str(&out));
	if (copy.p == NULL)
		return false;
	*ret_text = copy;
	return true;
}

bool result_cache_get(struct result_cache *cache, const struct result_key *key, int64_t now_ms, struct arena *arena,
		      struct str *ret_text)
{
	AUTO_BUF own = {0}, anybody = {0};
	AUTO(blob) *text = NULL;
	struct entry *entry, found;

	put_key(key, key->principal, &own);
	put_key(key, STR_NONE, &anybody);
	pthread_mutex_lock(&cache->lock);
	entry = find(cache, buf_str(&own), now_ms);
	if (entry == NULL)
		entry = find(cache, buf_str(&anybody), now_ms);
	if (entry != NULL) {
		found = *entry;
		text = blob_ref(entry->text);
		cache->hits++;
	} else {
		cache->misses++;
	}
	pthread_mutex_unlock(&cache->lock);
	return text != NULL && write_text(&found, text->str, now_ms, arena, ret_text);
}

uint64_t result_cache_mark(struct result_cache *cache)
{
	uint64_t mark;

	pthread_mutex_lock(&cache->lock);
	mark = cache->mark;
	pthread_mutex_unlock(&cache->lock);
	return mark;
}

static struct entry *entry_new(const struct result_key *key, const struct result_kept *kept, int64_t now_ms)
{
	AUTO_BUF text = {0};
	struct entry *entry;

	put_key(key, key->principal, &text);
	entry = malloc(sizeof(*entry) + text.n);
	CHECK(entry != NULL);
	*entry = (struct entry){
		.key = {(char *)(entry + 1), text.n},
		.upstream_n = key->upstream.n,
		.uri_at = text.n - key->uri.n,
		.text = blob_new(kept->text),
		.ttl_at = kept->ttl_at,
		.ttl_bytes = kept->ttl_bytes,
		.ends_ms = now_ms + (kept->ttl_ms < RESULT_CACHE_TTL_MS_MAX ? kept->ttl_ms : RESULT_CACHE_TTL_MS_MAX),
	};
	list_init(&entry->by_use);
	memcpy(entry + 1, text.p, text.n);
	return entry;
}

static void make_room(struct result_cache *cache, size_t bytes)
{
	while (!list_empty(&cache->by_use) &&
	       (cache->entries.used >= cache->entries_max || cache->bytes + bytes > cache->bytes_max))
		entry_drop(cache, LIST_OBJ(cache->by_use.prev, struct entry, by_use));
}

void result_cache_put(struct result_cache *cache, const struct result_key *key, const struct result_kept *kept,
		      int64_t now_ms, uint64_t mark)
{
	struct entry *entry, *old;

	if (kept->ttl_ms <= 0 || kept->text.n + key->uri.n > RESULT_CACHE_ENTRY_BYTES_MAX)
		return;
	entry = entry_new(key, kept, now_ms);
	pthread_mutex_lock(&cache->lock);
	old = map_get(&cache->entries, entry->key);
	if (old != NULL)
		entry_drop(cache, old);
	make_room(cache, entry_bytes(entry));
	if (cache->mark == mark && entry_bytes(entry) <= cache->bytes_max) {
		(void)map_put(&cache->entries, entry->key, entry);
		list_add_head(&cache->by_use, &entry->by_use);
		cache->bytes += entry_bytes(entry);
		entry = NULL;
	}
	pthread_mutex_unlock(&cache->lock);
	if (entry != NULL) {
		blob_unref(entry->text);
		free(entry);
	}
}

/* spec: the uri of resources/updated may be of a part of the resource that was read */
static bool concerns(const struct entry *entry, struct str upstream, struct str uri)
{
	struct str own = str_skip(entry->key, entry->uri_at);

	return str_eq((struct str){entry->key.p, entry->upstream_n}, upstream) &&
	       (uri.p == NULL || str_starts(uri, own));
}

void result_cache_forget(struct result_cache *cache, struct str upstream, struct str uri)
{
	struct list *next;

	pthread_mutex_lock(&cache->lock);
	cache->mark++;
	for (struct list *l = cache->by_use.next; l != &cache->by_use; l = next) {
		struct entry *entry = LIST_OBJ(l, struct entry, by_use);

		next = l->next;
		if (concerns(entry, upstream, uri))
			entry_drop(cache, entry);
	}
	pthread_mutex_unlock(&cache->lock);
}

struct result_cache_stats result_cache_stats(struct result_cache *cache)
{
	struct result_cache_stats stats;

	pthread_mutex_lock(&cache->lock);
	stats = (struct result_cache_stats){
		.hits = cache->hits,
		.misses = cache->misses,
		.entries = cache->entries.used,
		.bytes = cache->bytes,
	};
	pthread_mutex_unlock(&cache->lock);
	return stats;
}
