/* Results that servers allow to be kept: resources, for as long as their ttlMs says. One cache for the
 * process, bounded in entries and bytes; what was not used for the longest time goes first.
 *   Source     MCP 2026-07-28 server/utilities/caching (SEP-2549) */
#ifndef GATEHOUSE_GATEWAY_RESULT_CACHE_H
#define GATEHOUSE_GATEWAY_RESULT_CACHE_H

#include "base/arena.h"

struct result_cache;

/* What a result belongs to. */
struct result_key {
	struct str upstream;  /* its name */
	struct str uri;	      /* as the upstream knows it */
	struct str principal; /* p NULL: anybody's */
};

/* A JSON-RPC answer, and where in it the value of ttlMs stands. */
struct result_kept {
	struct str text;
	size_t ttl_at, ttl_bytes;
	int64_t ttl_ms; /* counted from when it is put in */
};

/* An empty cache with these bounds; free it when nobody uses it any more (NULL is fine). */
struct result_cache *result_cache_new(size_t entries_max, size_t bytes_max);
/* Release it and all it keeps. */
void result_cache_free(struct result_cache *cache);

/* Find what may be shown to the key's principal: its own, or anybody's.
 *   ret_text   a copy in `arena`, its ttlMs less the time it was kept
 *   Runs on    any thread; `now_ms` is monotonic */
bool result_cache_get(struct result_cache *cache, const struct result_key *key, int64_t now_ms, struct arena *arena,
		      struct str *ret_text);

/* A mark to take before a result is asked for. */
uint64_t result_cache_mark(struct result_cache *cache);

/* Keep a copy, unless it is larger than RESULT_CACHE_ENTRY_BYTES_MAX, has no time left, or something was
 * forgotten since the mark was taken: then it may be older than that. */
void result_cache_put(struct result_cache *cache, const struct result_key *key, const struct result_kept *kept,
		      int64_t now_ms, uint64_t mark);

/* Drop what is kept of an upstream: all (uri p NULL), or the resource and those it is a part of.
 *   Runs on    any thread */
void result_cache_forget(struct result_cache *cache, struct str upstream, struct str uri);

struct result_cache_stats {
	uint64_t hits, misses;
	size_t entries, bytes;
};
/* Counted since the start; what is kept now.
 *   Runs on    any thread */
struct result_cache_stats result_cache_stats(struct result_cache *cache);

#endif
