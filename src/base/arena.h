/* Arenas: memory with the lifetime of one request, freed as a whole.
 *
 * An arena grows in chunks and has a cap; going over it is a limit the request meets
 * (arena_try_alloc), not an abort. In sanitizer builds every piece is its own malloc, so
 * that an overrun is seen. */
#ifndef GATEHOUSE_BASE_ARENA_H
#define GATEHOUSE_BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct arena;

/* A new arena that may hold at most `bytes_max` bytes.
 *   Ownership  the caller frees it
 *   Runs on    any thread; one thread at a time uses it */
struct arena *arena_new(size_t bytes_max);

/* Free the arena and everything in it; NULL is fine. Chunks of the usual size go back to a
 * thread-local pool. */
void arena_free(struct arena *arena);
DEFINE_AUTO(arena, arena_free);

/* Zeroed? No: alloc is raw, zalloc zeroes. 16-byte aligned. Abort when over the cap: use
 * these only for sizes that the program decides. */
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_zalloc(struct arena *arena, size_t bytes);

/* As arena_alloc, for sizes that an outsider decides: NULL when over the cap. */
NODISCARD void *arena_try_alloc(struct arena *arena, size_t bytes);

/* Grow a piece to `bytes`, in place where that is possible; the old one is gone afterwards.
 * NULL when over the cap: the old piece then stays as it was. */
NODISCARD void *arena_try_grow(struct arena *arena, void *piece, size_t bytes_old, size_t bytes);

/* A copy of s, NUL-terminated after its n bytes; arena_try_str for texts whose length an outsider decides: p is NULL
 * when over the cap. */
struct str arena_str(struct arena *arena, struct str s);
NODISCARD struct str arena_try_str(struct arena *arena, struct str s);

/* printf into the arena, NUL-terminated. */
struct str arena_fmt(struct arena *arena, const char *fmt, ...) PRINTF(2, 3);

/* Run `destroy(object)` when the arena is freed, last registered first. */
void arena_defer(struct arena *arena, void (*destroy)(void *object), void *object);

/* Bytes handed out so far. */
size_t arena_used(const struct arena *arena);

#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))

#endif
