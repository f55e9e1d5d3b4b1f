/* Which work is refused at which level, and how a loop's lateness becomes one. */
#include "../rt/runtime.h"

#include "gateway/shed.h"

#define LAG_MS 20
#define INTERVAL_MS 250

static const struct config_limits limits = {.shed_lag_ms = LAG_MS, .shed_interval_ms = INTERVAL_MS};

/* In this order, and control work never, nor what is in flight. */
static const struct {
	enum work work;
	unsigned rank, from_level;
} order[] = {
	{WORK_LIST, RANK_LOW, 1},	{WORK_CALL, RANK_LOW, 2},     {WORK_LIST, RANK_NORMAL, 3},
	{WORK_CALL, RANK_NORMAL, 4},	{WORK_LIST, RANK_HIGH, 5},    {WORK_CALL, RANK_HIGH, 6},
	{WORK_CONTROL, RANK_LOW, 7},	{WORK_CONTROL, RANK_HIGH, 7}, {WORK_CALL, RANK_IN_FLIGHT, 7},
	{WORK_LIST, RANK_IN_FLIGHT, 7},
};

START_TEST(the_lowest_goes_first)
{
	for (unsigned level = 0; level <= SHED_LEVEL_MAX; level++)
		for (size_t i = 0; i < ARRAY_LEN(order); i++)
			ck_assert_msg(shed_refuses(level, order[i].work, order[i].rank) ==
					      (level >= order[i].from_level),
				      "level %u, work %d of rank %u", level, order[i].work, order[i].rank);
}
END_TEST

/* Turns of the loop that take this long, each looked at by a request, for about so much time. */
AWAITS static void turns_of(struct shed *shed, int64_t turn_ms, int64_t total_ms)
{
	int64_t end_ms = clock_ms() + total_ms;

	while (clock_ms() < end_ms) {
		int64_t until_ms = clock_ms() + turn_ms;

		while (clock_ms() < until_ms)
			;
		ck_ok(fiber_yield());
		if (loop_now(loop_self()) >= shed->look_ms)
			shed_look(shed, loop_self(), &limits);
	}
}

AWAITS static void lag_body(void *arg)
{
	struct shed *shed = shed_new();

	turns_of(shed, 1, 3 * INTERVAL_MS / 2);
	ck_assert_uint_eq(shed_level(shed), 0);
	turns_of(shed, 2 * LAG_MS, INTERVAL_MS / 2);
	ck_assert_uint_eq(shed_level(shed), 0); /* not for a moment's sake */
	turns_of(shed, 1, INTERVAL_MS);
	turns_of(shed, 2 * LAG_MS, 5 * INTERVAL_MS);
	ck_assert_uint_ge(shed_level(shed), 4);
	/* An idle loop is not late, though no request comes to find that out; the next one does. */
	ck_ok(fiber_sleep((SHED_LEVEL_MAX + 2) * INTERVAL_MS));
	ck_assert_uint_gt(shed->lag.level, 0);
	ck_assert_uint_eq(shed_level(shed), 0);
	shed_look(shed, loop_self(), &limits);
	ck_assert_uint_eq(shed->lag.level, 0);
	shed_free(shed);
}

START_TEST(a_late_loop_refuses_more_and_more)
{
	ck_ok(rt_run(1, lag_body, NULL));
}
END_TEST

UNIT_MAIN("shed", the_lowest_goes_first, a_late_loop_refuses_more_and_more)
