/* The hash map: linear probing over a power of two of slots, hashes kept beside the keys so
 * that a probe compares bytes only when it has most likely found its key.
 *
 * A removed entry leaves a gravestone, so that walking may remove; gravestones count towards
 * the load and vanish when the table is rebuilt. The hash is keyed (str_hash), hence long
 * probe runs cannot be made from outside. */
#include "base/map.h"

#include <stdlib.h>

#include "base/check.h"

#define MAP_SLOTS_MIN 8

/* No object's address: a constant of ours might share its place with somebody's "" literal. */
#define MAP_GONE ((const char *)1)

/* A NULL key pointer would read as a free slot; the empty string is a key like any other. */
static inline struct str map_key(struct str key)
{
	return key.p == NULL ? STR("") : key;
}

static struct map_slot *map_find(const struct map *map, struct str key, uint64_t hash)
{
	if (map->used == 0)
		return NULL;
	for (size_t i = hash & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
		struct map_slot *slot = &map->slots[i];

		if (slot->key.p == NULL)
			return NULL; /* there is always one: the load stays below 3/4 */
		if (slot->hash == hash && slot->key.p != MAP_GONE && str_eq(slot->key, key))
			return slot;
	}
}

void *map_get(const struct map *map, struct str key)
{
	struct map_slot *slot;

	if (map->used == 0)
		return NULL;
	slot = map_find(map, map_key(key), str_hash(key));
	return slot == NULL ? NULL : slot->value;
}

static void map_insert(struct map *map, const struct map_slot *entry)
{
	size_t i = entry->hash & (map->cap - 1);

	while (map->slots[i].key.p != NULL)
		i = (i + 1) & (map->cap - 1);
	map->slots[i] = *entry;
	map->used++;
}

/* Rebuild without gravestones, twice as large unless they were what filled it. */
static void map_rebuild(struct map *map)
{
	struct map old = *map;
	size_t cap = old.cap == 0 ? MAP_SLOTS_MIN : old.used >= old.cap / 2 ? old.cap * 2 : old.cap;

	*map = (struct map){.slots = calloc(cap, sizeof(struct map_slot)), .cap = cap};
	CHECK(map->slots != NULL);
	for (size_t i = 0; i < old.cap; i++) {
		if (old.slots[i].key.p != NULL && old.slots[i].key.p != MAP_GONE)
			map_insert(map, &old.slots[i]);
	}
	free(old.slots);
}

void *map_put(struct map *map, struct str key, void *value)
{
	struct map_slot entry = {.key = map_key(key), .hash = str_hash(key), .value = value};
	struct map_slot *slot = map_find(map, entry.key, entry.hash);

	CHECK(value != NULL);
	if (slot != NULL) {
		void *old = slot->value;

		*slot = entry; /* the old key may die with the old value */
		return old;
	}
	if ((map->used + map->gone + 1) * 4 > map->cap * 3)
		map_rebuild(map);
	map_insert(map, &entry);
	return NULL;
}

void *map_remove(struct map *map, struct str key)
{
	struct map_slot *slot = map_find(map, map_key(key), str_hash(key));
	void *value;

	if (slot == NULL)
		return NULL;
	value = slot->value;
	*slot = (struct map_slot){.key = {MAP_GONE, 0}};
	map->used--;
	map->gone++;
	return value;
}

void *map_next(const struct map *map, size_t *cursor)
{
	while (*cursor < map->cap) {
		const struct map_slot *slot = &map->slots[(*cursor)++];

		if (slot->key.p != NULL && slot->key.p != MAP_GONE)
			return slot->value;
	}
	return NULL;
}

void map_free(struct map *map)
{
	free(map->slots);
	*map = (struct map){0};
}

void map_free_values(struct map *map, void (*drop)(void *value))
{
	size_t cursor = 0;
	void *value;

	while ((value = map_next(map, &cursor)) != NULL)
		drop(value);
	map_free(map);
}
