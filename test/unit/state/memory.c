/* The memory backend: kinds apart, lives that end, bounds, several threads at one key. */
#include "../unit.h"

#include <stdio.h>

#include "base/clock.h"
#include "state/state.h"

static struct str key_of(int number, char out[32])
{
	return (struct str){out, (size_t)snprintf(out, 32, "key %d", number)};
}

static void run(fiber_main *body)
{
	ck_ok(rt_run(1, body, NULL));
}

AWAITS_ENTRY static void kinds_body(void *arg)
{
	struct state *state = state_memory_new(1000);
	struct rate rate = {2, 60000}, none = {0, 60000};
	struct rate_verdict verdict;
	uint32_t count;
	int64_t left;

	ck_ok(state_take(state, STR("a"), &rate, &verdict));
	ck_assert(verdict.allowed);
	ck_assert_uint_eq(verdict.limit, 2);
	ck_assert_uint_eq(verdict.remaining, 1);
	ck_ok(state_take(state, STR("b"), &rate, &verdict));
	ck_assert_uint_eq(verdict.remaining, 1);
	ck_ok(state_take(state, STR("a"), &rate, &verdict));
	ck_ok(state_take(state, STR("a"), &rate, &verdict));
	ck_assert(!verdict.allowed);
	ck_assert_int_gt(verdict.retry_ms, 29000);
	ck_assert_int_le(verdict.retry_ms, 30000);
	for (int i = 0; i < 10; i++) {
		ck_ok(state_take(state, STR("a"), &none, &verdict));
		ck_assert(verdict.allowed);
	}

	ck_ok(state_marked(state, STR("a"), &left));
	ck_assert_int_eq(left, 0);
	for (uint32_t i = 1; i <= 3; i++) {
		ck_ok(state_count(state, STR("a"), 60000, &count));
		ck_assert_uint_eq(count, i);
	}
	ck_ok(state_mark(state, STR("a"), 60000));
	ck_ok(state_marked(state, STR("a"), &left));
	ck_assert_int_gt(left, 59000);
	ck_assert_int_le(left, 60000);
	ck_assert_uint_eq(state_stats(state).entries, 4);
	ck_ok(state_clear(state, STR("a")));
	ck_ok(state_marked(state, STR("a"), &left));
	ck_assert_int_eq(left, 0);
	ck_ok(state_count(state, STR("a"), 60000, &count));
	ck_assert_uint_eq(count, 1);
	ck_ok(state_take(state, STR("a"), &rate, &verdict));
	ck_assert(!verdict.allowed); /* the rate stays */
	ck_ok(state_clear(state, STR("nobody")));
	ck_assert_uint_eq(state_stats(state).entries, 3);
	state_free(state);
	state_free(NULL);
}

START_TEST(kinds_dont_meet)
{
	run(kinds_body);
}
END_TEST

/* Lives of a few ms, watched on the clock that rules them. */
AWAITS_ENTRY static void lives_body(void *arg)
{
	struct state *state = state_memory_new(1000);
	int64_t left, start_ms = clock_ms();
	uint32_t count;

	ck_ok(state_mark(state, STR("a"), 20));
	ck_ok(state_count(state, STR("a"), 20, &count));
	do {
		ck_ok(state_marked(state, STR("a"), &left));
	} while (left > 0);
	ck_assert_int_ge(clock_ms() - start_ms, 20);
	while (clock_ms() - start_ms < 25)
		;
	ck_ok(state_count(state, STR("a"), 60000, &count));
	ck_assert_uint_eq(count, 1); /* forgotten, counted anew */
	ck_ok(state_mark(state, STR("a"), 60000));
	ck_ok(state_mark(state, STR("a"), 1000)); /* a new life, shorter as well */
	ck_ok(state_marked(state, STR("a"), &left));
	ck_assert_int_le(left, 1000);
	state_free(state);
}

START_TEST(lives_end)
{
	run(lives_body);
}
END_TEST

#define FLOOD 200000
#define KEPT 1000

AWAITS_ENTRY static void flood_body(void *arg)
{
	struct state *state = state_memory_new(KEPT);
	struct state_stats stats;
	int64_t left;
	char text[32];

	ck_ok(state_mark(state, STR("blocked"), 3600000));
	for (int i = 0; i < FLOOD; i++)
		ck_ok(state_mark(state, key_of(i, text), 1000 + i / 1000));
	stats = state_stats(state);
	ck_assert_uint_le(stats.entries, 4 * KEPT);
	ck_assert_uint_ge(stats.entries, KEPT);
	ck_ok(state_marked(state, STR("blocked"), &left)); /* a flood of short lives can't push out a long one */
	ck_assert_int_gt(left, 3000000);
	ck_ok(state_marked(state, key_of(FLOOD - 1, text), &left));
	ck_assert_int_gt(left, 0);
	state_free(state);
}

START_TEST(table_is_bounded)
{
	run(flood_body);
}
END_TEST

/* Up to what it was asked to hold, hardly anything is lost. */
AWAITS_ENTRY static void full_body(void *arg)
{
	struct state *state = state_memory_new(20000);
	char text[32];
	int lost = 0;

	for (int i = 0; i < 20000; i++)
		ck_ok(state_mark(state, key_of(i, text), 3600000));
	for (int i = 0; i < 20000; i++) {
		int64_t left;

		ck_ok(state_marked(state, key_of(i, text), &left));
		lost += left == 0;
	}
	ck_assert_int_lt(lost, 200);
	ck_assert_uint_eq(state_stats(state).evicted, (uint64_t)lost);
	ck_assert_uint_eq(state_stats(state).entries, 20000 - (uint64_t)lost);
	state_free(state);
}

START_TEST(asked_size_fits)
{
	run(full_body);
}
END_TEST

/* Memory that is ours alone and there, as the kernel counts it. */
static long anonymous_kb(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];
	long kb = -1;

	ck_assert_ptr_nonnull(status);
	while (kb < 0 && fgets(line, sizeof(line), status) != NULL)
		(void)sscanf(line, "RssAnon: %ld", &kb);
	(void)fclose(status);
	ck_assert_int_ge(kb, 0);
	return kb;
}

/* Room for very many costs no more than those who are there: else a process that runs for weeks looks as
 * if it leaked until every page of it was touched once. */
AWAITS_ENTRY static void few_body(void *arg)
{
	struct state *state = state_memory_new(1000000);
	long before_kb = anonymous_kb();
	char text[32];
	int64_t left;

	for (int i = 0; i < 4000; i++)
		ck_ok(state_mark(state, key_of(i, text), 3600000));
	ck_assert_int_lt(anonymous_kb() - before_kb, 1500);
	for (int i = 0; i < 4000; i++) {
		ck_ok(state_marked(state, key_of(i, text), &left));
		ck_assert_int_gt(left, 0);
	}
	ck_assert_uint_eq(state_stats(state).entries, 4000);
	ck_assert_uint_eq(state_stats(state).evicted, 0);
	state_free(state);
}

START_TEST(memory_follows_entries)
{
	run(few_body);
}
END_TEST

#define LOOPS 3
#define COUNTS 20000

AWAITS_ENTRY static enum err count_work(void *arg)
{
	uint32_t count;

	for (int i = 0; i < COUNTS; i++)
		ck_ok(state_count(arg, STR("shared"), 3600000, &count));
	return OK;
}

struct counting {
	struct state *state;
	unsigned loop;
};

AWAITS_ENTRY static void count_main(void *arg)
{
	struct counting *counting = arg;

	ck_ok(loop_call(loop_at(counting->loop), "count", count_work, counting->state));
}

AWAITS_ENTRY static void shared_body(void *arg)
{
	struct state *state = state_memory_new(1000);
	struct counting countings[LOOPS];
	struct group group;
	uint32_t count;

	group_init(&group, loop_self());
	for (unsigned i = 0; i < LOOPS; i++) {
		countings[i] = (struct counting){state, i};
		ck_ok(group_spawn(&group, "count", count_main, &countings[i]));
	}
	ck_ok(group_join(&group));
	ck_ok(state_count(state, STR("shared"), 3600000, &count));
	ck_assert_uint_eq(count, LOOPS * COUNTS + 1);
	state_free(state);
}

START_TEST(loops_share_it)
{
	ck_ok(rt_run(LOOPS, shared_body, NULL));
}
END_TEST

UNIT_MAIN("memory", kinds_dont_meet, lives_end, table_is_bounded, asked_size_fits, memory_follows_entries,
	  loops_share_it)
