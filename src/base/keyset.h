/* Finding a key that an object has twice, in linear time whatever the keys are. Shared by the
 * two JSON readers, so that they agree. */
#ifndef GATEHOUSE_BASE_KEYSET_H
#define GATEHOUSE_BASE_KEYSET_H

#include "base/arena.h"

#define KEYSET_PAIRS_MAX 16  /* up to here comparing all pairs is the cheapest */
#define KEYSET_MARKED_MAX 64 /* up to here a bit for each key is cheaper than hashing it */

/* As keys_unique, for more than KEYSET_PAIRS_MAX keys. */
NODISCARD enum err keys_unique_many(struct arena *arena, const struct str *keys, size_t count);

/* Whether all `count` keys (unescaped) differ.
 *   Errors     ERR_JSON_DUPLICATE, ERR_LIMIT (arena cap) */
NODISCARD static inline enum err keys_unique(struct arena *arena, const struct str *keys, size_t count)
{
	if (unlikely(count > KEYSET_PAIRS_MAX))
		return keys_unique_many(arena, keys, count);
	for (size_t i = 1; i < count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (keys[i].n == keys[k].n && memcmp(keys[i].p, keys[k].p, keys[i].n) == 0)
				return ERR_JSON_DUPLICATE;
		}
	}
	return OK;
}

#endif
