/* Waiting: for one completion, for time, for a turn of the loop.
 *
 * Cancel and deadline wake a waiting fiber just as a completion does; the fiber then looks which
 * it was. It leaves early only when whoever would complete the wait has forgotten it: until then
 * somebody holds a pointer into its stack. A completion that comes first always wins, so that
 * nothing that was handed over gets lost. */
#include "base/check.h"
#include "rt/loop_private.h"

AWAITS static void suspend_for(struct fiber *fiber, struct wait *wait, bool deaf)
{
	fiber->awaits = wait;
	fiber->deaf = deaf;
	fiber_suspend(fiber);
	fiber->awaits = NULL;
	fiber->deaf = false;
}

AWAITS enum err wait_for(struct wait *wait, bool (*abandon)(void *arg), void *arg)
{
	struct fiber *fiber = fiber_self();
	enum err interrupted;

	CHECK(fiber != NULL && wait->fiber == NULL);
	if (wait->done)
		return wait->result;
	wait->fiber = fiber;
	/* Woken without a reason: its deadline had come, but then its clock was stopped. */
	while ((interrupted = fiber_status()) == OK) {
		suspend_for(fiber, wait, false);
		if (wait->done)
			return wait->result;
	}
	if (abandon != NULL && abandon(arg))
		return interrupted;
	while (!wait->done)
		suspend_for(fiber, wait, true);
	return interrupted;
}

void wait_done(struct wait *wait, enum err result)
{
	struct fiber *fiber = wait->fiber;

	CHECK(!wait->done);
	wait->done = true;
	wait->result = result;
	/* It may be ready already, woken by a cancel; then it will find the wait done. */
	if (fiber != NULL && fiber->awaits == wait)
		fiber_wake(fiber);
}

/* ---- time ------------------------------------------------------------------------ */

struct sleeper {
	struct timer timer;
	struct wait wait;
};

static void on_wake(struct timer *timer)
{
	wait_done(&CONTAINER_OF(timer, struct sleeper, timer)->wait, OK);
}

static bool forget_sleep(void *arg)
{
	struct sleeper *sleeper = arg;

	timer_stop(&sleeper->timer);
	return true;
}

AWAITS enum err fiber_sleep(int64_t ms)
{
	struct sleeper sleeper = {.wait = WAIT_INIT};

	timer_set(loop_current, &sleeper.timer, ms, on_wake);
	return wait_for(&sleeper.wait, forget_sleep, &sleeper);
}

AWAITS enum err fiber_yield(void)
{
	struct fiber *fiber = fiber_self();

	CHECK(fiber != NULL);
	TRY(fiber_status());
	fiber_suspend_for_turn(fiber);
	return fiber_status();
}
