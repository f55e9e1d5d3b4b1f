/* The pool of stacks: what is in use stays warm, what is not gives its pages back. */
#include "runtime.h"

#include <sys/mman.h>

#include "rt/loop_private.h"

#define BURST 100
#define SWEEPS_MS 6000

static struct loop *here;

static void set_up(void)
{
	here = aligned_alloc(_Alignof(struct loop), sizeof(struct loop));
	CHECK(here != NULL && loop_init(here, 0) == OK);
	loop_current = here;
}

static void tear_down(void)
{
	loop_end(here);
	free(here);
}

/* So many at once, each touched as a fiber would. */
static void burst(size_t count)
{
	void *taken[FIBER_POOL_MAX + 50];

	for (size_t i = 0; i < count; i++) {
		taken[i] = stack_take(&here->stacks);
		ck_assert_ptr_nonnull(taken[i]);
		memset((char *)taken[i] + STACK_BYTES - 10000, 1, 10000);
	}
	while (count > 0)
		stack_give(&here->stacks, taken[--count]);
}

static void time_passes(int64_t ms)
{
	here->uv.time += (uint64_t)ms;
	wheel_run(here);
}

static size_t warm(void)
{
	unsigned char resident[STACK_BYTES / 4096];
	size_t count = 0;

	for (size_t i = 0; i < here->stacks.count; i++) {
		ck_assert_int_eq(mincore(here->stacks.idle[i], STACK_BYTES, resident), 0);
		count += resident[ARRAY_LEN(resident) - 1] & 1;
	}
	return count;
}

START_TEST(unused_stacks_get_cold)
{
	set_up();
	burst(BURST);
	ck_assert_uint_eq(here->stacks.count, BURST);
	ck_assert_uint_eq(warm(), BURST);
	for (int i = 0; i < 4; i++) {
		time_passes(SWEEPS_MS);
		burst(10);
	}
	ck_assert_uint_eq(warm(), 10);
	time_passes(SWEEPS_MS);
	time_passes(SWEEPS_MS);
	ck_assert_uint_eq(warm(), 0);
	ck_assert_int_eq(here->stacks.sweep.at_ms, 0); /* an idle loop is left alone */
	burst(3);
	ck_assert_uint_eq(warm(), 3);
	tear_down();
}
END_TEST

START_TEST(used_stacks_stay_warm)
{
	set_up();
	for (int i = 0; i < 10; i++) {
		burst(BURST);
		time_passes(SWEEPS_MS);
		ck_assert_uint_eq(warm(), BURST);
	}
	tear_down();
}
END_TEST

START_TEST(the_pool_has_a_limit)
{
	set_up();
	burst(FIBER_POOL_MAX + 50);
	ck_assert_uint_eq(here->stacks.count, FIBER_POOL_MAX);
	tear_down();
}
END_TEST

START_TEST(depth_is_measured)
{
	set_up();
	burst(1);
	ck_assert_uint_ge(here->stacks.deepest, 8192);
	ck_assert_uint_le(here->stacks.deepest, 16384);
	tear_down();
}
END_TEST

UNIT_MAIN("stack", unused_stacks_get_cold, used_stacks_stay_warm, the_pool_has_a_limit, depth_is_measured)
