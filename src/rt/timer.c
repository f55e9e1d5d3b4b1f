/* The timer wheel: six levels of 64 slots, 16 ms the finest. A timer lies in the level of the
 * highest digit (base 64) in which its tick differs from the wheel's; when the wheel gets to that
 * slot, its timers move down. So setting and stopping are O(1), and one timer moves at most five
 * times in its life, in practice once or twice:
 *
 *   level 0: 16 ms a slot, 1 s in all     2: 66 s, 70 min     4: 75 h, 199 days
 *   level 1: 1 s, 66 s                    3: 70 min, 75 h     5: 199 days, 34 years
 *
 * libuv's timer only ends the poll (wheel_arm, before it); firing is done after it (wheel_run).
 * So a timer that was set and stopped again within one turn costs libuv nothing, and an idle
 * loop sleeps until the next slot that really holds a timer. */
#include "base/check.h"
#include "rt/loop_private.h"

#define TICK_SHIFT 4 /* 16 ms */
#define LEVEL_BITS 6
#define TICK_MAX (((int64_t)1 << (WHEEL_LEVELS * LEVEL_BITS)) - 1)
#define TIMERS_PER_TURN_MAX 256 /* thousands of heartbeats in one slot must not stall the loop */

_Static_assert(WHEEL_SLOTS == 1 << LEVEL_BITS, "a slot number is one digit of a tick");

static void place(struct wheel *wheel, struct timer *timer, int64_t tick)
{
	uint64_t differs = (uint64_t)(tick ^ wheel->tick);
	unsigned level = (63 - (unsigned)__builtin_clzll(differs | 1)) / LEVEL_BITS;
	unsigned slot = (unsigned)(tick >> (level * LEVEL_BITS)) % WHEEL_SLOTS;

	list_add_tail(&wheel->slot[level][slot], &timer->link);
	wheel->occupied[level] |= 1ull << slot;
}

/* Rounded up: a timer never fires early. */
static int64_t tick_of(int64_t at_ms)
{
	int64_t tick = (at_ms + (1 << TICK_SHIFT) - 1) >> TICK_SHIFT;

	return tick < TICK_MAX ? tick : TICK_MAX;
}

void timer_set(struct loop *loop, struct timer *timer, int64_t after_ms, void (*fire)(struct timer *timer))
{
	struct wheel *wheel = &loop->wheel;
	int64_t now_ms = loop_now(loop), tick;

	CHECK(loop == loop_current);
	if (timer->at_ms != 0)
		list_remove(&timer->link);
	if (after_ms < 0)
		after_ms = 0;
	timer->at_ms = after_ms < INT64_MAX / 2 ? now_ms + after_ms : INT64_MAX / 2;
	timer->fire = fire;
	tick = tick_of(timer->at_ms);
	place(wheel, timer, tick > wheel->tick ? tick : wheel->tick + 1);
}

void timer_stop(struct timer *timer)
{
	if (timer->at_ms == 0)
		return;
	timer->at_ms = 0;
	/* The slot's bit stays, if this was its last timer, until wheel_next sees it. */
	list_remove(&timer->link);
}

struct next {
	unsigned level, slot;
	int64_t tick; /* at which the wheel gets to that slot */
};

/* The next slot that holds timers. All timers of a level come after those of the level below,
 * and within a level none lies behind the wheel: so it is the lowest bit of the first level that
 * has one. */
static bool wheel_next(struct wheel *wheel, struct next *ret_next)
{
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		unsigned shift = level * LEVEL_BITS;

		while (wheel->occupied[level] != 0) {
			unsigned slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
			int64_t around = wheel->tick >> (shift + LEVEL_BITS) << (shift + LEVEL_BITS);

			if (!list_empty(&wheel->slot[level][slot])) {
				*ret_next = (struct next){level, slot, around | (int64_t)slot << shift};
				return true;
			}
			wheel->occupied[level] &= wheel->occupied[level] - 1;
		}
	}
	return false;
}

/* The wheel has got to a slot: its timers are due or move down. */
static void slot_open(struct wheel *wheel, const struct next *next)
{
	struct list *slot = &wheel->slot[next->level][next->slot], *link;

	CHECK(next->tick > wheel->tick);
	wheel->tick = next->tick;
	wheel->occupied[next->level] &= ~(1ull << next->slot);
	while ((link = list_pop(slot)) != NULL) {
		struct timer *timer = LIST_OBJ(link, struct timer, link);
		int64_t tick = tick_of(timer->at_ms);

		if (tick <= wheel->tick)
			list_add_tail(&wheel->due, link);
		else
			place(wheel, timer, tick);
	}
}

void wheel_run(struct loop *loop)
{
	struct wheel *wheel = &loop->wheel;
	int64_t now_tick = loop_now(loop) >> TICK_SHIFT;
	struct list *link;
	struct next next;

	if (now_tick > wheel->tick) {
		while (wheel_next(wheel, &next) && next.tick <= now_tick)
			slot_open(wheel, &next);
		wheel->tick = now_tick;
	}
	for (int left = TIMERS_PER_TURN_MAX; left > 0 && (link = list_pop(&wheel->due)) != NULL; left--) {
		struct timer *timer = LIST_OBJ(link, struct timer, link);

		timer->at_ms = 0;
		timer->fire(timer);
	}
}

static void on_alarm(uv_timer_t *alarm)
{
	struct loop *loop = alarm->data;

	loop->wheel.armed_ms = -1; /* it has ended the poll: that was all it is for */
}

void wheel_arm(struct loop *loop)
{
	struct wheel *wheel = &loop->wheel;
	struct next next;
	int64_t at_ms = -1, now_ms;

	if (wheel_next(wheel, &next))
		at_ms = next.tick << TICK_SHIFT;
	if (at_ms == wheel->armed_ms)
		return;
	wheel->armed_ms = at_ms;
	if (at_ms < 0) {
		uv_timer_stop(&wheel->alarm);
		return;
	}
	now_ms = loop_now(loop);
	CHECK(uv_timer_start(&wheel->alarm, on_alarm, at_ms > now_ms ? (uint64_t)(at_ms - now_ms) : 0, 0) == 0);
}

void wheel_init(struct loop *loop)
{
	struct wheel *wheel = &loop->wheel;

	for (unsigned level = 0; level < WHEEL_LEVELS; level++)
		for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++)
			list_init(&wheel->slot[level][slot]);
	list_init(&wheel->due);
	wheel->tick = loop_now(loop) >> TICK_SHIFT;
	wheel->armed_ms = -1;
	CHECK(uv_timer_init(&loop->uv, &wheel->alarm) == 0);
	wheel->alarm.data = loop;
	uv_unref((uv_handle_t *)&wheel->alarm);
}
