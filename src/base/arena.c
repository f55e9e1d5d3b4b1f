/* Request memory: bump allocation from 8 KB chunks, freed as a whole.
 *
 *   arena --in chunk 1--> chunk 2 --> ...        small pieces, bumped
 *     \------> large <-> large <-> ...           each its own malloc, may grow by realloc
 *
 * Chunks are recycled through a pool that belongs to the thread, so a request that fits one
 * chunk never enters malloc. Pieces above ARENA_LARGE_BYTES get their own allocation, which
 * bounds the waste at a chunk's end and lets a parser's table grow without leaving holes.
 *
 * Under AddressSanitizer every piece is "large", so that an overrun or a use after
 * arena_free is seen by the byte. */
#include "base/arena.h"

#include <assert.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"
#include "base/secret_text.h"

#define ARENA_MAGIC 0x6172656eu
#define ARENA_ALIGN 16
#define ARENA_CHUNK_BYTES 8192
#define ARENA_POOL_CHUNKS_MAX 128 /* per thread: 1 MB, some hundred requests in flight come and go */

#define ARENA_LARGE_BYTES 2048		   /* from here on a piece is its own malloc */
#define ARENA_KEPT_BYTES (4 * 1024 * 1024) /* of freed memory that malloc keeps for them */

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ALL_LARGE true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ALL_LARGE true
#endif
#endif
#ifndef ARENA_ALL_LARGE
#define ARENA_ALL_LARGE false
#endif

struct chunk {
	struct chunk *next;
	void *align;
};

struct large {
	struct list link;
	max_align_t bytes[];
};

struct deferred {
	struct deferred *next;
	void (*destroy)(void *object);
	void *object;
};

struct arena {
	uint32_t magic;
	char *pos, *end;  /* what may still be taken from the newest chunk; never above the cap */
	const char *from; /* pieces from here to pos are not in `used` yet */
	size_t used;
	size_t bytes_max;
	struct chunk *chunks; /* the newest first; the arena itself lies in the oldest */
	struct list large;
	struct deferred *deferred;
};

static inline bool is_large(size_t bytes)
{
	return ARENA_ALL_LARGE || bytes > ARENA_LARGE_BYTES;
}

static_assert(sizeof(struct arena) % ARENA_ALIGN == 0, "pieces start aligned");
static_assert(sizeof(struct chunk) % ARENA_ALIGN == 0, "pieces start aligned");
static_assert(sizeof(struct large) % ARENA_ALIGN == 0, "pieces start aligned");

/* Idle chunks of this thread; per thread because a lock would cost more than malloc. */
static _Thread_local struct {
	struct chunk *idle;
	unsigned count;
	bool watched; /* pool_drain runs when the thread ends */
} pool;

static pthread_key_t pool_key;

static void pool_drain(void *unused)
{
	while (pool.idle != NULL) {
		struct chunk *chunk = pool.idle;

		pool.idle = chunk->next;
		free(chunk);
	}
	pool.count = 0;
	pool.watched = false;
}

/* Large pieces come and go with each request that has a large body. malloc's habit of giving
 * memory back at once would make the next one pay for every page anew. */
static void malloc_keep(void)
{
#if defined(__GLIBC__)
	(void)mallopt(M_TRIM_THRESHOLD, ARENA_KEPT_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, ARENA_KEPT_BYTES / 4);
#endif
}

__attribute__((constructor)) static void pool_key_create(void)
{
	CHECK(pthread_key_create(&pool_key, pool_drain) == 0);
	malloc_keep();
}

static struct chunk *chunk_take(void)
{
	struct chunk *chunk = pool.idle;

	if (likely(chunk != NULL)) {
		pool.idle = chunk->next;
		pool.count--;
		return chunk;
	}
	return malloc(ARENA_CHUNK_BYTES);
}

static void chunk_give(struct chunk *chunk)
{
	if (unlikely(pool.count >= ARENA_POOL_CHUNKS_MAX)) {
		free(chunk);
		return;
	}
	if (unlikely(!pool.watched))
		pool.watched = pthread_setspecific(pool_key, &pool) == 0;
	chunk->next = pool.idle;
	pool.idle = chunk;
	pool.count++;
}

/* Start taking pieces from `start`, in the newest chunk, as far as the cap allows. */
static inline void set_room(struct arena *arena, struct chunk *chunk, char *start)
{
	size_t room = (size_t)((char *)chunk + ARENA_CHUNK_BYTES - start);
	size_t allowed = arena->bytes_max - arena->used;

	arena->pos = start;
	arena->from = start;
	arena->end = start + (allowed < room ? allowed : room);
}

struct arena *arena_new(size_t bytes_max)
{
	struct chunk *chunk = chunk_take();
	struct arena *arena;

	CHECK(chunk != NULL);
	chunk->next = NULL;
	arena = (struct arena *)(chunk + 1);
	arena->magic = ARENA_MAGIC;
	arena->used = 0;
	arena->bytes_max = bytes_max;
	arena->chunks = chunk;
	arena->deferred = NULL;
	list_init(&arena->large);
	set_room(arena, chunk, (char *)(arena + 1));
	return arena;
}

static void run_deferred(struct arena *arena)
{
	while (arena->deferred != NULL) {
		struct deferred *deferred = arena->deferred;

		arena->deferred = deferred->next;
		deferred->destroy(deferred->object);
	}
}

void arena_free(struct arena *arena)
{
	struct list *link;
	struct chunk *chunk;

	if (arena == NULL)
		return;
	CHECK_OBJ(arena, ARENA_MAGIC);
	run_deferred(arena);
	while ((link = list_pop(&arena->large)) != NULL)
		free(LIST_OBJ(link, struct large, link));
	arena->magic = 0;
	chunk = arena->chunks; /* the last one holds the arena: not touched below */
	while (chunk != NULL) {
		struct chunk *next = chunk->next;

		chunk_give(chunk);
		chunk = next;
	}
}

void arena_free_wiped(struct arena *arena)
{
	if (arena == NULL)
		return;
	CHECK_OBJ(arena, ARENA_MAGIC);
	run_deferred(arena);
	for (struct list *link = arena->large.next; link != &arena->large; link = link->next) {
		struct large *large = LIST_OBJ(link, struct large, link);

		crypto_wipe(large->bytes, malloc_usable_size(large) - sizeof(*large));
	}
	for (struct chunk *chunk = arena->chunks; chunk != NULL; chunk = chunk->next) {
		char *start = (char *)(chunk + 1) + (chunk->next == NULL ? sizeof(*arena) : 0);
		/* Of the newest only what was handed out: most arenas have one chunk, and most of it is never touched.
		 */
		char *end = chunk == arena->chunks ? arena->pos : (char *)chunk + ARENA_CHUNK_BYTES;

		crypto_wipe(start, (size_t)(end - start));
	}
	arena_free(arena);
}

size_t arena_used(const struct arena *arena)
{
	CHECK_OBJ(arena, ARENA_MAGIC);
	return arena->used + (size_t)(arena->pos - arena->from);
}

/* Bring `used` up to date; the room left stays as it is. */
static inline void settle_used(struct arena *arena)
{
	arena->used += (size_t)(arena->pos - arena->from);
	arena->from = arena->pos;
}

/* The cap leaves less to the chunk after a large piece has been taken. */
static inline void shrink_room(struct arena *arena)
{
	size_t allowed = arena->bytes_max - arena->used;

	if ((size_t)(arena->end - arena->pos) > allowed)
		arena->end = arena->pos + allowed;
}

static void *large_alloc(struct arena *arena, size_t bytes)
{
	struct large *large;

	if (bytes > SIZE_MAX - sizeof(*large))
		return NULL;
	large = malloc(sizeof(*large) + bytes);
	if (large == NULL)
		return NULL;
	list_add_tail(&arena->large, &large->link);
	arena->used += bytes;
	shrink_room(arena);
	return large->bytes;
}

static inline size_t round_up(size_t bytes)
{
	return (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
}

static __attribute__((noinline)) void *alloc_slow(struct arena *arena, size_t bytes)
{
	struct chunk *chunk;
	char *piece;

	settle_used(arena);
	if (bytes > arena->bytes_max - arena->used)
		return NULL;
	if (is_large(bytes))
		return large_alloc(arena, bytes);
	bytes = round_up(bytes);
	if (bytes > arena->bytes_max - arena->used)
		return NULL;
	chunk = chunk_take();
	if (chunk == NULL)
		return NULL;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	piece = (char *)(chunk + 1);
	set_room(arena, chunk, piece);
	arena->pos += bytes;
	return piece;
}

void *arena_try_alloc(struct arena *arena, size_t bytes)
{
	CHECK_OBJ(arena, ARENA_MAGIC);
	if (likely(!is_large(bytes))) {
		size_t rounded = round_up(bytes);

		if (likely(rounded <= (size_t)(arena->end - arena->pos))) {
			char *piece = arena->pos;

			arena->pos = piece + rounded;
			return piece;
		}
	}
	return alloc_slow(arena, bytes);
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	void *piece = arena_try_alloc(arena, bytes);

	CHECK(piece != NULL);
	return piece;
}

void *arena_zalloc(struct arena *arena, size_t bytes)
{
	return memset(arena_alloc(arena, bytes), 0, bytes);
}

static void *large_grow(struct arena *arena, void *piece, size_t old, size_t bytes)
{
	struct large *large = CONTAINER_OF(piece, struct large, bytes);
	struct list *before = large->link.prev;
	struct large *grown;

	settle_used(arena);
	if (bytes - old > arena->bytes_max - arena->used || bytes > SIZE_MAX - sizeof(*large))
		return NULL;
	list_remove(&large->link);
	grown = realloc(large, sizeof(*large) + bytes);
	list_add_head(before, grown == NULL ? &large->link : &grown->link);
	if (grown == NULL)
		return NULL;
	arena->used += bytes - old;
	shrink_room(arena);
	return grown->bytes;
}

void *arena_try_grow(struct arena *arena, void *piece, size_t bytes_old, size_t bytes)
{
	char *piece_end = (char *)piece + round_up(bytes_old);
	void *moved;

	CHECK_OBJ(arena, ARENA_MAGIC);
	if (bytes <= bytes_old)
		return piece;
	if (is_large(bytes_old))
		return large_grow(arena, piece, bytes_old, bytes);
	if (piece_end == arena->pos && !is_large(bytes) &&
	    round_up(bytes) - round_up(bytes_old) <= (size_t)(arena->end - arena->pos)) {
		arena->pos = (char *)piece + round_up(bytes);
		return piece;
	}
	moved = arena_try_alloc(arena, bytes);
	if (moved != NULL)
		memcpy(moved, piece, bytes_old);
	return moved;
}

struct str arena_try_str(struct arena *arena, struct str s)
{
	char *p;

	CHECK(s.n < SIZE_MAX);
	p = arena_try_alloc(arena, s.n + 1);
	if (p == NULL)
		return STR_NONE;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct str){p, s.n};
}

struct str arena_str(struct arena *arena, struct str s)
{
	struct str copy = arena_try_str(arena, s);

	CHECK(copy.p != NULL);
	return copy;
}

struct str arena_fmt(struct arena *arena, const char *fmt, ...)
{
	char small[256];
	va_list args;
	char *p;
	int n;

	va_start(args, fmt);
	n = vsnprintf(small, sizeof(small), fmt, args);
	va_end(args);
	CHECK(n >= 0);
	if ((size_t)n < sizeof(small))
		return arena_str(arena, (struct str){small, (size_t)n});
	p = arena_alloc(arena, (size_t)n + 1);
	va_start(args, fmt);
	n = vsnprintf(p, (size_t)n + 1, fmt, args);
	va_end(args);
	CHECK(n >= 0);
	return (struct str){p, (size_t)n};
}

void arena_defer(struct arena *arena, void (*destroy)(void *object), void *object)
{
	struct deferred *deferred = arena_alloc(arena, sizeof(*deferred));

	*deferred = (struct deferred){arena->deferred, destroy, object};
	arena->deferred = deferred;
}
