/* The map against a plain array as its model, and walking while removing. */
#include "../unit.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"

#define KEYS 500

static char key[KEYS][16];
static void *model[KEYS];

static struct str key_at(size_t i)
{
	if (key[i][0] == '\0')
		snprintf(key[i], sizeof(key[i]), "key-%zu", i);
	return str_of(key[i]);
}

static void agree(const struct map *map)
{
	size_t live = 0, walked = 0, cursor = 0;

	for (size_t i = 0; i < KEYS; i++) {
		ck_assert_ptr_eq(map_get(map, key_at(i)), model[i]);
		live += model[i] != NULL;
	}
	while (map_next(map, &cursor) != NULL)
		walked++;
	ck_assert_uint_eq(map->used, live);
	ck_assert_uint_eq(walked, live);
}

START_TEST(follows_a_model)
{
	struct map map = {0};
	static char values[KEYS];
	unsigned random = 1;

	agree(&map);
	for (int step = 0; step < 20000; step++) {
		size_t i;
		void *was;

		random = random * 1103515245 + 12345;
		i = random / 65536 % KEYS;
		was = model[i];
		model[i] = random & 0x40000000 ? &values[(size_t)step % KEYS] : NULL;
		if (model[i] != NULL)
			ck_assert_ptr_eq(map_put(&map, key_at(i), model[i]), was);
		else
			ck_assert_ptr_eq(map_remove(&map, key_at(i)), was);
		if (step % 997 == 0)
			agree(&map);
	}
	agree(&map);
	ck_assert_uint_le(map.cap, 2048); /* gravestones do not make it grow without end */
	map_free(&map);
}
END_TEST

START_TEST(walk_and_remove)
{
	struct map map = {0};
	size_t cursor = 0, seen = 0;
	char *value;

	for (size_t i = 0; i < KEYS; i++)
		ck_assert_ptr_null(map_put(&map, key_at(i), key[i]));
	while ((value = map_next(&map, &cursor)) != NULL) {
		seen++;
		ck_assert_ptr_eq(map_remove(&map, str_of(value)), value);
	}
	ck_assert_uint_eq(seen, KEYS);
	ck_assert_uint_eq(map.used, 0);
	ck_assert_ptr_null(map_get(&map, key_at(3)));
	map_put(&map, key_at(3), key[3]);
	ck_assert_ptr_eq(map_get(&map, key_at(3)), key[3]);
	map_free(&map);
}
END_TEST

/* Each is given to be dropped once; the map is as good as new, although the keys went with the values. */
START_TEST(values_go_with_the_table)
{
	struct map map = {0};

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < KEYS; i++) {
			char *value = strdup(key_at(i).p);

			ck_assert_ptr_nonnull(value);
			map_put(&map, str_of(value), value);
		}
		ck_assert_uint_eq(map.used, KEYS);
		map_free_values(&map, free);
		ck_assert_uint_eq(map.used, 0);
		ck_assert_ptr_null(map_get(&map, key_at(0)));
	}
}
END_TEST

START_TEST(the_empty_key)
{
	struct map map = {0};
	int value;

	ck_assert_ptr_null(map_get(&map, STR_NONE));
	map_put(&map, STR_NONE, &value);
	ck_assert_ptr_eq(map_get(&map, STR("")), &value);
	ck_assert_ptr_eq(map_remove(&map, STR_NONE), &value);
	map_free(&map);
	ck_assert_ptr_null(map_remove(&map, STR("x")));
}
END_TEST

UNIT_MAIN("map", follows_a_model, walk_and_remove, values_go_with_the_table, the_empty_key)
