/* Fibers: birth, running, suspension, end.
 *
 *            spawn              loop's turn                wait
 *   (none) --------> READY ------------------> RUNNING ---------> WAITING
 *                      ^                          |                  |
 *                      +---- wait_done, cancel, deadline ------------+
 *                                                 | main returned
 *                                                 v
 *                                               ENDED -> stack back to the pool
 *
 * A fiber runs only from its loop's turn (fibers_run), never from inside a callback that
 * woke it. */
#include "base/check.h"
#include "base/limits.h"
#include "rt/private.h"

#define FIBER_MAGIC 0x46494252u /* "FIBR" */
#define ROUNDS_PER_TURN 8	/* fibers waking fibers, before sockets get their turn again */

struct fiber_role fiber_role;

static void fiber_set_state(struct fiber *fiber, enum fiber_state state)
{
	static const uint8_t allowed[] = {
		[FIBER_READY] = 1 << FIBER_RUNNING,
		[FIBER_RUNNING] = 1 << FIBER_WAITING | 1 << FIBER_ENDED,
		[FIBER_WAITING] = 1 << FIBER_READY,
		[FIBER_ENDED] = 0,
	};

	CHECK(allowed[fiber->state] >> state & 1);
	fiber->state = state;
}

struct fiber *fiber_self(void)
{
	struct loop *loop = loop_self();

	return loop == NULL ? NULL : loop->running;
}

void fiber_label(struct str label)
{
	fiber_self()->label = label;
}

/* Leave the running fiber for the loop. */
static void fiber_leave(struct fiber *fiber, bool last)
{
	struct loop *loop = fiber->loop;
	struct fcontext_transfer back;

	sanitizer_leave(&fiber->sanitizer, &loop->sanitizer, last);
	back = jump_fcontext(loop->context, fiber);
	loop->context = back.from;
	sanitizer_arrive(&fiber->sanitizer, &loop->sanitizer);
}

/* The first frame of every fiber; here the role that AWAITS asks for is true by construction. */
AWAITS_ENTRY static void fiber_entry(struct fcontext_transfer from)
{
	struct fiber *fiber = from.value;

	fiber->loop->context = from.from;
	sanitizer_arrive(&fiber->sanitizer, &fiber->loop->sanitizer);
	fiber->main(fiber->arg);
	fiber_set_state(fiber, FIBER_ENDED);
	fiber_leave(fiber, true);
	CHECK(!"an ended fiber ran");
}

enum err fiber_spawn(struct loop *loop, const char *name, fiber_main *main, void *arg, int64_t deadline_ms,
		     struct fiber **ret_fiber)
{
	struct stack *stack;
	struct fiber *fiber;
	uint64_t live = atomic_load_explicit(&loop->fibers_live, memory_order_relaxed);
	size_t head;

	CHECK(loop == loop_self());
	if (live >= FIBERS_MAX)
		return ERR_BUSY;
	stack = stack_take(&loop->stacks);
	if (stack == NULL)
		return ERR_BUSY;
	/* The fiber lies at the top of its own stack: one piece of memory, warm when it starts. */
	head = (sizeof(struct fiber) + 63) & ~(size_t)63;
	fiber = (struct fiber *)(stack->base + stack->bytes - head);
	*fiber = (struct fiber){
		.magic = FIBER_MAGIC,
		.state = FIBER_READY,
		.loop = loop,
		.stack = stack,
		.name = name,
		.main = main,
		.arg = arg,
		.deadline_ms = deadline_ms,
	};
	list_init(&fiber->group_link);
	list_init(&fiber->timer.link);
	fiber->context = make_fcontext(fiber, stack->bytes - head, fiber_entry);
	sanitizer_born(&fiber->sanitizer, stack->base, stack->bytes - head);
	list_add_tail(&loop->fibers, &fiber->all_link);
	list_add_tail(&loop->ready, &fiber->ready_link);

	atomic_store_explicit(&loop->fibers_live, live + 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&loop->fibers_spawned, 1, memory_order_relaxed);
	if (live + 1 > atomic_load_explicit(&loop->fibers_peak, memory_order_relaxed))
		atomic_store_explicit(&loop->fibers_peak, live + 1, memory_order_relaxed);
	if (ret_fiber != NULL)
		*ret_fiber = fiber;
	return OK;
}

static void group_left(struct fiber *fiber)
{
	struct group *group = fiber->group;

	if (group == NULL)
		return;
	list_remove(&fiber->group_link);
	group->count--;
	if (group->count == 0 && group->waiter != NULL) {
		struct wait *waiter = group->waiter;

		group->waiter = NULL;
		wait_done(waiter, OK);
	}
}

static void fiber_end(struct fiber *fiber)
{
	struct loop *loop = fiber->loop;

	timer_stop(&fiber->timer);
	list_remove(&fiber->all_link);
	group_left(fiber);
	sanitizer_gone(&fiber->sanitizer);
	fiber->magic = 0;
	stack_give(&loop->stacks, fiber->stack);
	atomic_fetch_sub_explicit(&loop->fibers_live, 1, memory_order_relaxed);
	loop_maybe_end(loop);
}

static void fiber_run(struct fiber *fiber)
{
	struct loop *loop = fiber->loop;
	struct fcontext_transfer back;

	CHECK_OBJ(fiber, FIBER_MAGIC);
	fiber_set_state(fiber, FIBER_RUNNING);
	loop->running = fiber;
	sanitizer_leave(&loop->sanitizer, &fiber->sanitizer, false);
	back = jump_fcontext(fiber->context, fiber);
	sanitizer_arrive(&loop->sanitizer, &fiber->sanitizer);
	fiber->context = back.from;
	loop->running = NULL;
	if (fiber->state == FIBER_ENDED)
		fiber_end(fiber);
}

bool fibers_run(struct loop *loop)
{
	for (int round = 0; round < ROUNDS_PER_TURN && !list_empty(&loop->ready); round++) {
		struct list batch, *link;

		/* Only those ready now: one that wakes itself again waits for the next round. */
		batch = loop->ready;
		batch.next->prev = batch.prev->next = &batch;
		list_init(&loop->ready);
		while ((link = list_pop(&batch)) != NULL)
			fiber_run(LIST_OBJ(link, struct fiber, ready_link));
	}
	return !list_empty(&loop->ready);
}

AWAITS void fiber_suspend(void)
{
	struct fiber *fiber = fiber_self();

	fiber_set_state(fiber, FIBER_WAITING);
	fiber_leave(fiber, false);
}

AWAITS void fiber_suspend_ready(void)
{
	struct fiber *fiber = fiber_self();

	fiber_set_state(fiber, FIBER_WAITING);
	fiber_wake(fiber);
	fiber_leave(fiber, false);
}

void fiber_wake(struct fiber *fiber)
{
	CHECK_OBJ(fiber, FIBER_MAGIC);
	CHECK(fiber->loop == loop_self());
	if (fiber->state != FIBER_WAITING)
		return;
	fiber_set_state(fiber, FIBER_READY);
	list_add_tail(&fiber->loop->ready, &fiber->ready_link);
}

void fiber_cancel(struct fiber *fiber)
{
	CHECK_OBJ(fiber, FIBER_MAGIC);
	fiber->canceled = true;
	fiber_wake(fiber);
}

enum err fiber_status(void)
{
	struct fiber *fiber = fiber_self();

	if (fiber->canceled && !fiber->shielded)
		return ERR_CANCELED;
	if (fiber->deadline_ms != 0 && loop_now(fiber->loop) >= fiber->deadline_ms)
		return ERR_TIMEOUT;
	return OK;
}

int64_t fiber_deadline(void)
{
	return fiber_self()->deadline_ms;
}

void fiber_deadline_set(int64_t deadline_ms)
{
	struct fiber *fiber = fiber_self();

	if (fiber->deadline_ms == 0 || deadline_ms < fiber->deadline_ms)
		fiber->deadline_ms = deadline_ms;
}

struct fiber_shield fiber_shield_begin(int64_t ms)
{
	struct fiber *fiber = fiber_self();
	struct fiber_shield shield = {fiber->shielded, fiber->deadline_ms};

	fiber->shielded = true;
	fiber->deadline_ms = loop_now(fiber->loop) + ms;
	return shield;
}

void fiber_shield_end(struct fiber_shield shield)
{
	struct fiber *fiber = fiber_self();

	fiber->shielded = shield.was_shielded;
	fiber->deadline_ms = shield.was_deadline_ms;
}
