/* The timer wheel: 1024 slots of 16 ms. A timer lies in the slot of its tick; one that is due
 * in a later turn of the wheel stays in its slot until then. Setting and stopping are a few
 * instructions; the loop is woken only for slots that hold something. */
#include "base/check.h"
#include "rt/private.h"

static int64_t tick_of(int64_t at_ms)
{
	return (at_ms + TIMER_TICK_MS - 1) / TIMER_TICK_MS;
}

static void alarm_fired(uv_timer_t *alarm);

static void alarm_set(struct loop *loop, int64_t tick)
{
	int64_t in_ms = tick * TIMER_TICK_MS - loop_now(loop);

	loop->wheel.armed_tick = tick;
	uv_timer_start(&loop->wheel.alarm, alarm_fired, in_ms < 0 ? 0 : (uint64_t)in_ms, 0);
}

/* The first tick after `tick` whose slot may hold something; INT64_MAX when all are empty. */
static int64_t next_used(const struct timer_wheel *wheel, int64_t tick)
{
	for (int64_t ahead = 1; ahead <= TIMER_SLOTS;) {
		unsigned slot = (unsigned)(tick + ahead) % TIMER_SLOTS;
		uint64_t word = wheel->used[slot / 64] >> (slot % 64);

		if (word != 0) {
			ahead += __builtin_ctzll(word);
			return ahead <= TIMER_SLOTS ? tick + ahead : INT64_MAX;
		}
		ahead += 64 - slot % 64;
	}
	return INT64_MAX;
}

/* Fire what is due in one slot; what belongs to a later turn goes back. */
static void slot_fire(struct loop *loop, unsigned slot, int64_t tick)
{
	struct timer_wheel *wheel = &loop->wheel;
	struct list batch, *link;

	wheel->used[slot / 64] &= ~(1ull << (slot % 64));
	if (list_empty(&wheel->slot[slot]))
		return;
	batch = wheel->slot[slot];
	batch.next->prev = batch.prev->next = &batch;
	list_init(&wheel->slot[slot]);
	while ((link = list_pop(&batch)) != NULL) {
		struct timer *timer = LIST_OBJ(link, struct timer, link);

		if (tick_of(timer->at_ms) > tick) {
			list_add_tail(&wheel->slot[slot], link);
			wheel->used[slot / 64] |= 1ull << (slot % 64);
			continue;
		}
		timer->at_ms = 0;
		timer->fire(timer);
	}
}

static void alarm_fired(uv_timer_t *alarm)
{
	struct loop *loop = alarm->data;
	struct timer_wheel *wheel = &loop->wheel;
	int64_t now_tick = loop_now(loop) / TIMER_TICK_MS, next;

	wheel->armed_tick = INT64_MAX;
	/* After a long pause one turn of the wheel sees every slot. */
	if (now_tick - wheel->tick > TIMER_SLOTS)
		wheel->tick = now_tick - TIMER_SLOTS;
	while (wheel->tick < now_tick) {
		wheel->tick++;
		slot_fire(loop, (unsigned)wheel->tick % TIMER_SLOTS, now_tick);
	}
	next = next_used(wheel, wheel->tick);
	if (next != INT64_MAX && next < wheel->armed_tick)
		alarm_set(loop, next);
}

void timers_init(struct loop *loop)
{
	struct timer_wheel *wheel = &loop->wheel;

	for (size_t i = 0; i < TIMER_SLOTS; i++)
		list_init(&wheel->slot[i]);
	wheel->tick = loop_now(loop) / TIMER_TICK_MS;
	wheel->armed_tick = INT64_MAX;
	uv_timer_init(&loop->uv, &wheel->alarm);
	wheel->alarm.data = loop;
	uv_unref((uv_handle_t *)&wheel->alarm);
}

void timer_set(struct loop *loop, struct timer *timer, int64_t after_ms, void (*fire)(struct timer *timer))
{
	struct timer_wheel *wheel = &loop->wheel;
	int64_t tick;
	unsigned slot;

	CHECK(loop == loop_self());
	if (timer->at_ms != 0)
		list_remove(&timer->link);
	timer->at_ms = loop_now(loop) + (after_ms < 1 ? 1 : after_ms);
	timer->fire = fire;
	tick = tick_of(timer->at_ms);
	if (tick <= wheel->tick)
		tick = wheel->tick + 1;
	slot = (unsigned)tick % TIMER_SLOTS;
	list_add_tail(&wheel->slot[slot], &timer->link);
	wheel->used[slot / 64] |= 1ull << (slot % 64);
	if (tick < wheel->armed_tick)
		alarm_set(loop, tick);
}

void timer_stop(struct timer *timer)
{
	if (timer->at_ms == 0)
		return;
	timer->at_ms = 0;
	list_remove(&timer->link);
}
