/* Fibers: birth, running, suspension, end; cancel, deadline, shield.
 *
 *            spawn              fibers_run                wait
 *   (none) --------> READY ------------------> RUNNING ---------> WAITING
 *                      ^                          |                  |
 *                      +---- wait_done, cancel, deadline ------------+
 *                                                 | main returned
 *                                                 v
 *                                               ENDED -> stack back to the pool
 *
 * A fiber runs only from its loop's turn or behind a read callback (loop_read_done), never inside
 * the callback that woke it. How the switch is done is context.c's business, what a fiber waits
 * for is wait.c's. */
#include "base/check.h"
#include "rt/loop_private.h"
#include "rt/testing.h"

#define FIBER_MAGIC 0x46494252u /* "FIBR" */
#define READY_RUNS_MAX 256	/* fibers run before sockets get their turn: well under 1 ms */
#define FIBER_BYTES ((sizeof(struct fiber) + 63) & ~(size_t)63)

struct fiber_role fiber_role;

static void fiber_set_state(struct fiber *fiber, enum fiber_state state)
{
	static const uint8_t allowed[] = {
		[FIBER_READY] = 1 << FIBER_RUNNING,
		[FIBER_RUNNING] = 1 << FIBER_WAITING | 1 << FIBER_READY | 1 << FIBER_ENDED,
		[FIBER_WAITING] = 1 << FIBER_READY,
		[FIBER_ENDED] = 0,
	};

	CHECK(allowed[fiber->state] >> state & 1);
	fiber->state = (uint8_t)state;
}

struct fiber *fiber_self(void)
{
	return loop_current == NULL ? NULL : loop_current->running;
}

/* For those that only a fiber may call. */
static struct fiber *running(void)
{
	struct fiber *fiber = fiber_self();

	CHECK_OBJ(fiber, FIBER_MAGIC);
	return fiber;
}

void fiber_label(struct str label)
{
	running()->label = label;
}

/* ---- the queue ------------------------------------------------------------------- */

static void queue(struct loop *loop, struct fiber *fiber)
{
	if (unlikely(loop->shuffle != 0)) {
		/* Marsaglia's xorshift: any order will do, and the same one for the same seed. */
		loop->shuffle ^= loop->shuffle << 13;
		loop->shuffle ^= loop->shuffle >> 7;
		loop->shuffle ^= loop->shuffle << 17;
		if (loop->shuffle >> 40 & 1) {
			list_add_head(&loop->ready, &fiber->queue_link);
			return;
		}
	}
	list_add_tail(&loop->ready, &fiber->queue_link);
}

void fiber_wake(struct fiber *fiber)
{
	CHECK_OBJ(fiber, FIBER_MAGIC);
	CHECK(fiber->loop == loop_current);
	if (fiber->state != FIBER_WAITING)
		return;
	fiber_set_state(fiber, FIBER_READY);
	queue(fiber->loop, fiber);
}

AWAITS void fiber_suspend(struct fiber *fiber)
{
	fiber_set_state(fiber, FIBER_WAITING);
	context_leave(&fiber->context, false);
}

AWAITS void fiber_suspend_for_turn(struct fiber *fiber)
{
	fiber_set_state(fiber, FIBER_READY);
	list_add_tail(&fiber->loop->yielded, &fiber->queue_link);
	context_leave(&fiber->context, false);
}

/* ---- birth and end --------------------------------------------------------------- */

AWAITS static void fiber_begin(void *arg)
{
	struct fiber *fiber = arg;

	fiber->main(fiber->arg);
	fiber_set_state(fiber, FIBER_ENDED);
	context_leave(&fiber->context, true);
}

static bool clock_stands(const struct fiber *fiber)
{
	return fiber->stops > 0 && !fiber->shielded;
}

static void on_deadline(struct timer *timer)
{
	struct fiber *fiber = CONTAINER_OF(timer, struct fiber, deadline);

	if (!fiber->deaf && !clock_stands(fiber))
		fiber_wake(fiber);
}

static void deadline_change(struct fiber *fiber, int64_t deadline_ms)
{
	fiber->deadline_ms = deadline_ms;
	if (deadline_ms == 0)
		timer_stop(&fiber->deadline);
	else
		timer_set(fiber->loop, &fiber->deadline, deadline_ms - loop_now(fiber->loop), on_deadline);
}

static void count_birth(struct loop *loop)
{
	uint64_t live = ++loop->fiber_count;

	atomic_store_explicit(&loop->fibers_live, live, memory_order_relaxed);
	loop_count_add(&loop->fibers_spawned, 1);
	if (live > atomic_load_explicit(&loop->fibers_peak, memory_order_relaxed))
		atomic_store_explicit(&loop->fibers_peak, live, memory_order_relaxed);
}

enum err fiber_spawn(struct loop *loop, const char *name, fiber_main *main, void *arg, int64_t deadline_ms,
		     struct fiber **ret_fiber)
{
	struct fiber *fiber;
	char *stack;

	CHECK_OBJ(loop, LOOP_MAGIC);
	CHECK(loop == loop_current && name != NULL && main != NULL);
	if (loop->fiber_count >= FIBERS_MAX || (stack = stack_take(&loop->stacks)) == NULL)
		return ERR_BUSY;
	fiber = (struct fiber *)(stack + STACK_BYTES - FIBER_BYTES);
	fiber->magic = FIBER_MAGIC;
	fiber->state = FIBER_READY;
	fiber->canceled = loop->canceling;
	fiber->shielded = fiber->deaf = false;
	fiber->loop = loop;
	fiber->name = name;
	fiber->label = STR_NONE;
	fiber->main = main;
	fiber->arg = arg;
	fiber->stack = stack;
	fiber->awaits = NULL;
	fiber->group = NULL;
	fiber->deadline_ms = fiber->deadline.at_ms = fiber->stood_ms = 0;
	fiber->stops = 0;
	if (deadline_ms != 0)
		deadline_change(fiber, deadline_ms);
	context_init(&fiber->context, stack, fiber, fiber_begin, fiber);
	list_add_tail(&loop->fibers, &fiber->alive_link);
	queue(loop, fiber);
	count_birth(loop);
	if (ret_fiber != NULL)
		*ret_fiber = fiber;
	return OK;
}

static void fiber_end(struct loop *loop, struct fiber *fiber)
{
	void *stack = fiber->stack;

	timer_stop(&fiber->deadline);
	list_remove(&fiber->alive_link);
	if (fiber->group != NULL)
		group_leave(fiber->group, fiber);
	context_end(&fiber->context);
	fiber->magic = 0;
	stack_give(&loop->stacks, stack);
	atomic_store_explicit(&loop->fibers_live, --loop->fiber_count, memory_order_relaxed);
}

void fibers_run(struct loop *loop)
{
	struct list *link;

	CHECK(loop->running == NULL);
	for (int left = READY_RUNS_MAX; left > 0 && (link = list_pop(&loop->ready)) != NULL; left--) {
		struct fiber *fiber = LIST_OBJ(link, struct fiber, queue_link);

		CHECK_OBJ(fiber, FIBER_MAGIC);
		fiber_set_state(fiber, FIBER_RUNNING);
		loop->running = fiber;
		context_enter(&fiber->context);
		loop->running = NULL;
		if (fiber->state == FIBER_ENDED)
			fiber_end(loop, fiber);
	}
}

/* ---- being asked to stop --------------------------------------------------------- */

void fiber_cancel(struct fiber *fiber)
{
	CHECK_OBJ(fiber, FIBER_MAGIC);
	fiber->canceled = true;
	if (!fiber->shielded && !fiber->deaf)
		fiber_wake(fiber);
}

enum err fiber_status(void)
{
	struct fiber *fiber = running();

	if (fiber->canceled && !fiber->shielded)
		return ERR_CANCELED;
	if (fiber->deadline_ms != 0 && fiber->deadline_ms <= loop_now(fiber->loop) && !clock_stands(fiber))
		return ERR_TIMEOUT;
	return OK;
}

int64_t fiber_deadline(void)
{
	return running()->deadline_ms;
}

void fiber_deadline_set(int64_t deadline_ms)
{
	struct fiber *fiber = running();

	if (deadline_ms != 0 && (fiber->deadline_ms == 0 || deadline_ms < fiber->deadline_ms))
		deadline_change(fiber, deadline_ms);
}

void fiber_clock_stop(struct fiber *fiber)
{
	CHECK_OBJ(fiber, FIBER_MAGIC);
	if (fiber->stops++ == 0)
		fiber->stopped_ms = loop_now(fiber->loop);
}

void fiber_clock_go(struct fiber *fiber)
{
	int64_t stood_ms;

	CHECK_OBJ(fiber, FIBER_MAGIC);
	CHECK(fiber->stops > 0);
	if (--fiber->stops > 0)
		return;
	stood_ms = loop_now(fiber->loop) - fiber->stopped_ms;
	fiber->stood_ms += stood_ms;
	/* Within a shield the deadline in force is the shield's; the fiber's own moves when that ends. */
	if (!fiber->shielded && fiber->deadline_ms != 0)
		deadline_change(fiber, fiber->deadline_ms + stood_ms);
}

struct fiber_shield fiber_shield_begin(int64_t ms)
{
	struct fiber *fiber = running();
	struct fiber_shield shield = {
		.was_shielded = fiber->shielded,
		.was_deadline_ms = fiber->deadline_ms,
		.was_stood_ms = fiber->stood_ms,
	};
	int64_t deadline_ms = loop_now(fiber->loop) + ms;

	/* An outer shield's end is the end of all within it. */
	if (fiber->shielded && fiber->deadline_ms != 0 && fiber->deadline_ms < deadline_ms)
		deadline_ms = fiber->deadline_ms;
	fiber->shielded = true;
	deadline_change(fiber, deadline_ms);
	return shield;
}

void fiber_shield_end(struct fiber_shield shield)
{
	struct fiber *fiber = running();

	CHECK(fiber->shielded);
	fiber->shielded = shield.was_shielded;
	if (!fiber->shielded && shield.was_deadline_ms != 0)
		shield.was_deadline_ms += fiber->stood_ms - shield.was_stood_ms;
	deadline_change(fiber, shield.was_deadline_ms);
}
