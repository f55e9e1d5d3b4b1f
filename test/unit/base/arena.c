/* Arenas: alignment, the cap, growing pieces, deferred work, recycling. */
#include "../unit.h"

#include "base/arena.h"

START_TEST(pieces_are_apart)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	unsigned char *piece[400];

	for (size_t i = 0; i < ARRAY_LEN(piece); i++) {
		piece[i] = arena_alloc(arena, i * 7 + 1);
		ck_assert_uint_eq((uintptr_t)piece[i] % 16, 0);
		memset(piece[i], (int)i, i * 7 + 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(piece); i++) {
		size_t kept = 0;

		while (kept < i * 7 + 1 && piece[i][kept] == (unsigned char)i)
			kept++;
		ck_assert_uint_eq(kept, i * 7 + 1);
	}
	ck_assert_uint_ge(arena_used(arena), 399 * 400 / 2 * 7 + 400);
}
END_TEST

/* Whatever the mix of sizes, the cap holds and is met within one piece's rounding. */
START_TEST(cap_holds)
{
	static const size_t sizes[] = {1, 100, 2048, 2049, 5000};

	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		AUTO(arena) *arena = arena_new(50000);
		size_t given = 0;

		while (arena_try_alloc(arena, sizes[s]) != NULL) {
			given += sizes[s];
			ck_assert_uint_le(given, 50000);
		}
		ck_assert_uint_le(arena_used(arena), 50000);
		ck_assert_uint_gt(arena_used(arena) + sizes[s] + 16, 50000);
		ck_assert(arena_try_alloc(arena, SIZE_MAX) == NULL);
		ck_assert(arena_try_alloc(arena, SIZE_MAX - 8) == NULL);
	}
}
END_TEST

START_TEST(large_pieces_count_too)
{
	AUTO(arena) *arena = arena_new(10000);

	ck_assert(arena_try_alloc(arena, 9000) != NULL);
	ck_assert(arena_try_alloc(arena, 1001) == NULL);
	ck_assert(arena_try_alloc(arena, 900) != NULL);
	ck_assert(arena_try_alloc(arena, 900) == NULL);
}
END_TEST

START_TEST(pieces_grow)
{
	AUTO(arena) *arena = arena_new(100000);
	char *piece = arena_alloc(arena, 10), *other;

	memcpy(piece, "0123456789", 10);
	for (size_t n = 10; n < 40000; n = n * 3 / 2) {
		piece = arena_try_grow(arena, piece, n, n * 3 / 2);
		ck_assert(piece != NULL);
		memset(piece + n, 'x', n * 3 / 2 - n);
		if (n < 500) {
			other = arena_alloc(arena, 8); /* no longer the newest piece */
			memset(other, 'o', 8);
		}
		ck_assert_int_eq(memcmp(piece, "0123456789", 10), 0);
	}
	ck_assert(arena_try_grow(arena, arena_alloc(arena, 3000), 3000, 200000) == NULL);
}
END_TEST

static int order[3], ran;

static void note(void *object)
{
	order[ran++] = *(int *)object;
}

START_TEST(deferred_run_last_first)
{
	struct arena *arena = arena_new(1000);

	for (int i = 0; i < 3; i++) {
		int *n = ARENA_NEW(arena, int);

		ck_assert_int_eq(*n, 0);
		*n = i;
		arena_defer(arena, note, n);
	}
	arena_free(arena);
	ck_assert_int_eq(ran, 3);
	ck_assert(order[0] == 2 && order[1] == 1 && order[2] == 0);
	arena_free(NULL);
}
END_TEST

START_TEST(strings)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	struct str s = arena_str(arena, STR("a\0b"));

	ck_bytes(s, STR("a\0b"));
	ck_assert(s.p[3] == '\0');
	ck_assert(arena_str(arena, STR_NONE).p[0] == '\0');
	ck_str(arena_fmt(arena, "%d-%s", 7, "x"), "7-x");
	s = arena_fmt(arena, "%0999d", 5);
	ck_assert_uint_eq(s.n, 999);
	ck_assert(s.p[998] == '5' && s.p[999] == '\0');
}
END_TEST

START_TEST(strings_of_strangers)
{
	AUTO(arena) *arena = arena_new(1000);
	char many[2000] = {0};

	ck_bytes(arena_try_str(arena, STR("a\0b")), STR("a\0b"));
	ck_assert(arena_try_str(arena, STR_NONE).p[0] == '\0');
	ck_assert(arena_try_str(arena, (struct str){many, sizeof(many)}).p == NULL);
	ck_bytes(arena_try_str(arena, STR("there is room still")), STR("there is room still"));
}
END_TEST

/* More arenas alive than a thread's pool keeps, freed in another order. */
START_TEST(many_arenas)
{
	struct arena *arenas[400];

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_LEN(arenas); i++) {
			arenas[i] = arena_new(20000);
			memset(arena_alloc(arenas[i], 2000), (int)i, 2000);
			for (int k = 0; k < 5; k++)
				memset(arena_alloc(arenas[i], 2000), (int)i, 2000);
		}
		for (size_t i = 0; i < ARRAY_LEN(arenas); i++)
			arena_free(arenas[i * 7 % ARRAY_LEN(arenas)]);
	}
}
END_TEST

UNIT_MAIN("arena", pieces_are_apart, cap_holds, large_pieces_count_too, pieces_grow, deferred_run_last_first, strings,
	  strings_of_strangers, many_arenas)
