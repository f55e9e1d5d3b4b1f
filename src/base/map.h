/* A hash map from byte strings to pointers. Keys are borrowed: they must outlive their
 * entry (usually they are a member of the value). Open addressing, keyed hash, grows at
 * 3/4 full. Zero-initialise to start; map_free when done. */
#ifndef GATEHOUSE_BASE_MAP_H
#define GATEHOUSE_BASE_MAP_H

#include "base/str.h"

struct map_slot {
	struct str key; /* p NULL: free; p MAP_GONE: deleted */
	uint64_t hash;
	void *value;
};

struct map {
	struct map_slot *slots;
	size_t cap;  /* power of two, or 0 */
	size_t used; /* live entries */
	size_t gone; /* deleted entries still in the way */
};

/* The value under `key`, or NULL. */
void *map_get(const struct map *map, struct str key);

/* Put `value` (not NULL) under `key`; returns the value it replaces, or NULL. */
void *map_put(struct map *map, struct str key, void *value);

/* Take the entry out; returns its value, or NULL. */
void *map_remove(struct map *map, struct str key);

/* Walk: start with *cursor 0; returns values until NULL. Removing the entry just returned
 * is allowed, adding is not. */
void *map_next(const struct map *map, size_t *cursor);

/* Release the table, not the values; it is empty then. map_free_values: those first, by `drop`. */
void map_free(struct map *map);
void map_free_values(struct map *map, void (*drop)(void *value));

#endif
