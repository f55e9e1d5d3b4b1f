/* Values, leases, members and hints of one process. */
#include "doors.h"

#include <stdlib.h>

#include "state/values.h"

AWAITS_ENTRY static void doors_body(void *arg)
{
	struct state *state = state_memory_new(1000);

	doors_values(state);
	doors_leases(state);
	doors_members(state);
	doors_member_bound(state);
	state_free(state);
}

START_TEST(doors_hold)
{
	ck_ok(rt_run(1, doors_body, NULL));
}
END_TEST

START_TEST(values_are_bounded)
{
	AUTO(arena) *arena = arena_new(64 << 20);
	struct values *values = values_new(100 * 1024);
	char text[1024] = {0};
	struct str value;
	int kept = 0;

	for (int i = 0; i < 1000; i++) {
		memcpy(text, &i, sizeof(i));
		ck_ok(values_put(values, (struct str){text, sizeof(i)}, (struct str){text, sizeof(text)}, 60000));
	}
	for (int i = 0; i < 1000; i++) {
		ck_ok(values_get(values, arena, (struct str){(char *)&i, sizeof(i)}, &value));
		if (value.p != NULL) {
			ck_assert_mem_eq(value.p, &i, sizeof(i));
			kept++;
		} else {
			ck_assert_int_eq(kept, 0); /* the oldest went first */
		}
	}
	ck_assert_int_ge(kept, 80);
	ck_assert_int_lt(kept, 100);
	ck_assert_int_eq(values_put(values, STR("k"), (struct str){text, 1 << 20}, 60000), ERR_LIMIT);
	values_free(values);
	values_free(NULL);
}
END_TEST

struct listener {
	unsigned seen;
	char last[STATE_HINT_BYTES_MAX];
	size_t n;
};

static void on_hint(void *arg, struct str hint)
{
	struct listener *listener = arg;

	ck_assert_ptr_eq(loop_self(), loop_at(0));
	memcpy(listener->last, hint.p, hint.n);
	listener->n = hint.n;
	listener->seen++;
}

AWAITS_ENTRY static enum err hint_work(void *arg)
{
	return state_hint(arg, STR("from there"));
}

AWAITS_ENTRY static void hints_body(void *arg)
{
	struct state *state = state_memory_new(1000);
	struct listener listener = {0};

	ck_ok(state_hint(state, STR("nobody listens")));
	ck_ok(fiber_sleep(20));
	state_listen(state, on_hint, &listener);
	ck_ok(state_hint(state, STR("look")));
	ck_assert_uint_eq(listener.seen, 0); /* never from inside the call */
	doors_await(&listener.seen, 1);
	ck_assert(str_eq((struct str){listener.last, listener.n}, STR("look")));
	ck_ok(loop_call(loop_at(1), "hint", hint_work, state));
	doors_await(&listener.seen, 2);
	ck_assert(str_eq((struct str){listener.last, listener.n}, STR("from there")));
	for (int i = 0; i < 10000; i++)
		ck_ok(state_hint(state, STR("flood")));
	state_free(state); /* with some under way */
	ck_assert_uint_lt(listener.seen, 200);
}

START_TEST(hints_reach_the_listener)
{
	ck_ok(rt_run(2, hints_body, NULL));
}
END_TEST

UNIT_MAIN("local", doors_hold, values_are_bounded, hints_reach_the_listener)
