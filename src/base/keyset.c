/* The halves of keys_unique for more than a handful of keys.
 *
 * Up to KEYSET_MARKED_MAX keys each has a mark, made of a few of its bytes: it is compared with those before it that
 * have the same one, which are noted as bits of a word. Marks can be made alike on purpose, which costs what comparing
 * all pairs of so few costs.
 *
 * Beyond that: open addressing over indices, half full at most. The hash is keyed per process, so a message cannot be
 * built to make it quadratic. */
#include "base/keyset.h"

static size_t mark_of(struct str key)
{
	const uint8_t *p = (const uint8_t *)key.p;

	if (key.n == 0)
		return 0;
	return ((p[0] * 31u + p[key.n / 2]) * 31u + p[key.n - 1] + key.n) % KEYSET_MARKED_MAX;
}

static enum err unique_by_mark(const struct str *keys, size_t count)
{
	uint64_t marked[KEYSET_MARKED_MAX] = {0}; /* a bit for each key with this mark */

	for (size_t i = 0; i < count; i++) {
		uint64_t *alike = &marked[mark_of(keys[i])];

		for (uint64_t left = *alike; left != 0; left &= left - 1)
			if (str_eq(keys[__builtin_ctzll(left)], keys[i]))
				return ERR_JSON_DUPLICATE;
		*alike |= (uint64_t)1 << i;
	}
	return OK;
}

static enum err unique_by_hash(struct arena *arena, const struct str *keys, size_t count)
{
	size_t cap = 2 * KEYSET_MARKED_MAX;
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

enum err keys_unique_many(struct arena *arena, const struct str *keys, size_t count)
{
	return count <= KEYSET_MARKED_MAX ? unique_by_mark(keys, count) : unique_by_hash(arena, keys, count);
}
