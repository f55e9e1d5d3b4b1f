/* The hashed half of keys_unique: open addressing over indices, half full at most. The hash is
 * keyed per process, so a message cannot be built to make it quadratic. */
#include "base/keyset.h"

enum err keys_unique_hashed(struct arena *arena, const struct str *keys, size_t count)
{
	size_t cap = 2 * KEYSET_PAIRS_MAX;
	uint32_t *slots; /* index + 1, 0 when free */

	if (count > UINT32_MAX / 4)
		return ERR_LIMIT;
	while (cap < 2 * count)
		cap *= 2;
	slots = arena_try_alloc(arena, cap * sizeof(*slots));
	if (slots == NULL)
		return ERR_LIMIT;
	memset(slots, 0, cap * sizeof(*slots));
	for (size_t i = 0; i < count; i++) {
		size_t at = str_hash(keys[i]) & (cap - 1);

		for (; slots[at] != 0; at = (at + 1) & (cap - 1)) {
			if (str_eq(keys[slots[at] - 1], keys[i]))
				return ERR_JSON_DUPLICATE;
		}
		slots[at] = (uint32_t)i + 1;
	}
	return OK;
}
