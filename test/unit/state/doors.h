/* What every backend of state must do, seen from its doors. */
#ifndef GATEHOUSE_TEST_STATE_DOORS_H
#define GATEHOUSE_TEST_STATE_DOORS_H

#include "../unit.h"

#include "base/clock.h"
#include "state/state.h"

AWAITS static inline void doors_values(struct state *state)
{
	AUTO(arena) *arena = arena_new(2 * STATE_VALUE_BYTES_MAX);
	char *large = malloc(STATE_VALUE_BYTES_MAX + 1);
	int64_t begun_ms = clock_ms();
	struct str value;

	ck_ok(state_get(state, arena, STR("v"), &value));
	ck_assert_ptr_null(value.p);
	ck_ok(state_put(state, STR("v"), STR("one\0\r\ntwo"), 60000));
	ck_ok(state_get(state, arena, STR("v"), &value));
	ck_assert(str_eq(value, STR("one\0\r\ntwo")));
	ck_ok(state_put(state, STR("v"), STR(""), 60000)); /* the last one put is what is there */
	ck_ok(state_get(state, arena, STR("v"), &value));
	ck_assert_ptr_nonnull(value.p);
	ck_assert_uint_eq(value.n, 0);
	ck_ok(state_drop(state, STR("v")));
	ck_ok(state_drop(state, STR("v")));
	ck_ok(state_get(state, arena, STR("v"), &value));
	ck_assert_ptr_null(value.p);

	ck_ok(state_put(state, STR("v"), STR("once"), 60000));
	ck_ok(state_claim(state, arena, STR("v"), &value));
	ck_str(value, "once");
	ck_ok(state_claim(state, arena, STR("v"), &value));
	ck_assert_ptr_null(value.p);
	ck_ok(state_get(state, arena, STR("v"), &value));
	ck_assert_ptr_null(value.p);

	memset(large, 'x', STATE_VALUE_BYTES_MAX + 1);
	ck_assert_int_eq(state_put(state, STR("v"), (struct str){large, STATE_VALUE_BYTES_MAX + 1}, 60000), ERR_LIMIT);
	ck_ok(state_put(state, STR("v"), (struct str){large, STATE_VALUE_BYTES_MAX}, 60000));
	ck_ok(state_get(state, arena, STR("v"), &value));
	ck_assert(str_eq(value, (struct str){large, STATE_VALUE_BYTES_MAX}));
	free(large);

	begun_ms = clock_ms();
	ck_ok(state_put(state, STR("v"), STR("short"), 30));
	do {
		ck_ok(state_get(state, arena, STR("v"), &value));
	} while (value.p != NULL);
	ck_assert_int_ge(clock_ms() - begun_ms, 29);
}

AWAITS static inline void doors_leases(struct state *state)
{
	int64_t begun_ms;
	bool held;

	ck_ok(state_lease(state, STR("l"), 1, 60000, &held));
	ck_assert(held);
	ck_ok(state_lease(state, STR("l"), UINT64_MAX, 60000, &held));
	ck_assert(!held);
	ck_ok(state_lease_end(state, STR("l"), UINT64_MAX)); /* not its own */
	ck_ok(state_lease(state, STR("l"), UINT64_MAX, 60000, &held));
	ck_assert(!held);
	ck_ok(state_lease_end(state, STR("l"), 1));
	ck_ok(state_lease(state, STR("l"), UINT64_MAX, 60000, &held));
	ck_assert(held);
	begun_ms = clock_ms();
	ck_ok(state_lease(state, STR("l"), UINT64_MAX, 30, &held)); /* its own once more, with another life */
	ck_assert(held);
	do {
		ck_ok(state_lease(state, STR("l"), 1, 60000, &held));
	} while (!held);
	ck_assert_int_ge(clock_ms() - begun_ms, 29);
	ck_ok(state_lease_end(state, STR("l"), 1));
}

AWAITS static inline void doors_members(struct state *state)
{
	AUTO(arena) *arena = arena_new(64 << 20);
	struct state_member *members;
	int64_t begun_ms;
	size_t count;

	ck_ok(state_members(state, arena, STR("m"), &members, &count));
	ck_assert_uint_eq(count, 0);
	ck_ok(state_join(state, STR("m"), &(struct state_member){UINT64_MAX, STR("last")}, 60000));
	ck_ok(state_join(state, STR("m"), &(struct state_member){7, STR("seven")}, 60000));
	ck_ok(state_join(state, STR("m"), &(struct state_member){UINT64_MAX - 1, STR("")}, 60000));
	ck_ok(state_join(state, STR("m2"), &(struct state_member){8, STR("another set")}, 60000));
	ck_ok(state_join(state, STR("m"), &(struct state_member){7, STR("new words")}, 60000));
	ck_ok(state_members(state, arena, STR("m"), &members, &count));
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(members[0].id, 7);
	ck_assert(str_eq(members[0].words, STR("new words")));
	ck_assert_uint_eq(members[1].id, UINT64_MAX - 1);
	ck_assert_uint_eq(members[1].words.n, 0);
	ck_assert_uint_eq(members[2].id, UINT64_MAX);
	ck_ok(state_leave(state, STR("m"), UINT64_MAX - 1));
	ck_ok(state_leave(state, STR("m"), 12345));
	begun_ms = clock_ms();
	ck_ok(state_join(state, STR("m"), &(struct state_member){7, STR("going")}, 30));
	do {
		ck_ok(fiber_sleep(5));
		ck_ok(state_members(state, arena, STR("m"), &members, &count));
	} while (count > 1);
	ck_assert_int_ge(clock_ms() - begun_ms, 29);
	ck_assert_uint_eq(members[0].id, UINT64_MAX);
	ck_ok(state_leave(state, STR("m"), UINT64_MAX));
	ck_ok(state_leave(state, STR("m2"), 8));
}

AWAITS static inline void doors_member_bound(struct state *state)
{
	AUTO(arena) *arena = arena_new(4 << 20);
	struct state_member *members;
	size_t count;

	for (uint64_t id = 1; id <= STATE_MEMBERS_MAX; id++)
		ck_ok(state_join(state, STR("mb"), &(struct state_member){id, STR("x")}, 60000));
	ck_assert_int_eq(state_join(state, STR("mb"), &(struct state_member){1000, STR("x")}, 60000), ERR_LIMIT);
	ck_ok(state_join(state, STR("mb"), &(struct state_member){5, STR("still in")}, 60000));
	ck_ok(state_members(state, arena, STR("mb"), &members, &count));
	ck_assert_uint_eq(count, STATE_MEMBERS_MAX);
	for (uint64_t id = 1; id <= STATE_MEMBERS_MAX; id++)
		ck_ok(state_leave(state, STR("mb"), id));
}

/* Wait until *seen is at least `count`. */
AWAITS static inline void doors_await(const unsigned *seen, unsigned count)
{
	int64_t until_ms = clock_ms() + 20000;

	while (*(const volatile unsigned *)seen < count) {
		ck_assert_int_lt(clock_ms(), until_ms);
		ck_ok(fiber_sleep(5));
	}
}

#endif
