/* The wheel against a plain array as its model, with a clock that jumps; and on a running loop. */
#include "runtime.h"

#include "rt/loop_private.h"

#define TIMERS 2000
#define STEPS 3000
#define TICK_MS 16

struct probe {
	struct timer timer;
	int64_t due_ms; /* 0 when not set */
	int fired;
};

static struct probe probe[TIMERS];
static struct loop *here;

static void on_fire(struct timer *timer)
{
	struct probe *it = CONTAINER_OF(timer, struct probe, timer);

	ck_assert_int_ne(it->due_ms, 0);
	ck_assert_int_le(it->due_ms, loop_now(here)); /* never early */
	it->due_ms = 0;
	it->fired++;
}

static uint64_t next_random(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* From 0 ms to half a year, all magnitudes alike. */
static int64_t random_span(void)
{
	return (int64_t)(next_random() >> (30 + next_random() % 34));
}

static void loop_set_up(void)
{
	here = aligned_alloc(_Alignof(struct loop), sizeof(struct loop));
	CHECK(here != NULL && loop_init(here, 0) == OK);
	loop_current = here;
}

static void run_due(void)
{
	do
		wheel_run(here);
	while (!list_empty(&here->wheel.due));
}

/* Everything that is due has fired, and the alarm stands at or before what comes next. */
static void agree(void)
{
	int64_t now_ms = loop_now(here), next_ms = INT64_MAX;

	for (size_t i = 0; i < TIMERS; i++) {
		if (probe[i].due_ms == 0)
			continue;
		ck_assert_int_gt(probe[i].due_ms, now_ms - TICK_MS);
		if (probe[i].due_ms < next_ms)
			next_ms = probe[i].due_ms;
	}
	wheel_arm(here);
	if (next_ms == INT64_MAX) {
		ck_assert_int_eq(here->wheel.armed_ms, -1);
	} else {
		ck_assert_int_ge(here->wheel.armed_ms, 0);
		ck_assert_int_lt(here->wheel.armed_ms, next_ms + 2 * TICK_MS);
	}
}

static void step(void)
{
	struct probe *it = &probe[next_random() % TIMERS];
	int64_t span = random_span();

	switch (next_random() % 8) {
	case 0:
		timer_stop(&it->timer);
		it->due_ms = 0;
		break;
	case 1: /* the clock goes on, far or near */
		here->uv.time += (uint64_t)random_span();
		run_due();
		break;
	default:
		timer_set(here, &it->timer, span, on_fire);
		it->due_ms = loop_now(here) + span;
	}
}

START_TEST(follows_a_model)
{
	int fired = 0;

	loop_set_up();
	for (int i = 0; i < STEPS; i++) {
		step();
		agree();
	}
	/* Only the alarm moves the clock now: it must find every timer, without idle rings. */
	for (int rings = 0; here->wheel.armed_ms >= 0; rings++) {
		ck_assert_int_lt(rings, TIMERS * WHEEL_LEVELS);
		here->uv.time = (uint64_t)here->wheel.armed_ms;
		run_due();
		agree();
	}
	for (size_t i = 0; i < TIMERS; i++) {
		ck_assert_int_eq(probe[i].due_ms, 0);
		fired += probe[i].fired;
	}
	ck_assert_int_gt(fired, TIMERS / 2);
	loop_end(here);
	free(here);
}
END_TEST

START_TEST(a_stopped_timer_wakes_nobody)
{
	loop_set_up();
	for (int64_t ms = 1; ms < 1000000000; ms *= 3) {
		timer_set(here, &probe[0].timer, ms, on_fire);
		wheel_arm(here);
		ck_assert_int_ge(here->wheel.armed_ms, 0);
		timer_stop(&probe[0].timer);
		timer_stop(&probe[0].timer);
		wheel_arm(here);
		ck_assert_int_eq(here->wheel.armed_ms, -1);
	}
	loop_end(here);
	free(here);
}
END_TEST

START_TEST(many_of_one_slot_are_spread_over_turns)
{
	int turns = 0;

	loop_set_up();
	for (size_t i = 0; i < TIMERS; i++) {
		timer_set(here, &probe[i].timer, 5000, on_fire);
		probe[i].due_ms = loop_now(here) + 5000;
	}
	here->uv.time += 6000;
	do {
		wheel_run(here);
		turns++;
	} while (!list_empty(&here->wheel.due) && loop_has_more(here));
	ck_assert_int_ge(turns, 4);
	for (size_t i = 0; i < TIMERS; i++)
		ck_assert_int_eq(probe[i].fired, 1);
	loop_end(here);
	free(here);
}
END_TEST

/* ---- on a running loop ----------------------------------------------------------- */

struct beat {
	struct timer timer, other;
	struct wait wait;
	int left, gone;
};

static void on_gone(struct timer *timer)
{
	CONTAINER_OF(timer, struct beat, other)->gone++;
}

/* Stops a timer of its own slot, and sets itself again. */
static void on_beat(struct timer *timer)
{
	struct beat *beat = CONTAINER_OF(timer, struct beat, timer);

	timer_stop(&beat->other);
	if (--beat->left == 0)
		wait_done(&beat->wait, OK);
	else
		timer_set(loop_self(), &beat->timer, 5, on_beat);
}

AWAITS static void beat_body(void *arg)
{
	struct beat beat = {.left = 10};
	int64_t began_ms = clock_ms();

	timer_set(loop_self(), &beat.timer, 10, on_beat);
	timer_set(loop_self(), &beat.other, 10, on_gone);
	ck_ok(wait_for(&beat.wait, NULL, NULL));
	ck_assert_int_eq(beat.gone, 0);
	ck_assert_int_ge(clock_ms() - began_ms, 50);
	ck_assert_int_eq(beat.timer.at_ms, 0);
}

START_TEST(timers_fire_on_a_loop)
{
	run(1, beat_body);
}
END_TEST

UNIT_MAIN("timer", follows_a_model, a_stopped_timer_wakes_nobody, many_of_one_slot_are_spread_over_turns,
	  timers_fire_on_a_loop)
