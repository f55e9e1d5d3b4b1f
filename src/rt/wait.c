/* Waiting: for one completion, for time, for a turn. Cancel and deadline wake the fiber like
 * a completion does; the await then decides whether it may leave. */
#include "base/check.h"
#include "rt/private.h"

static void deadline_fired(struct timer *timer)
{
	fiber_wake(CONTAINER_OF(timer, struct fiber, timer));
}

AWAITS static void suspend_until(struct fiber *fiber, int64_t at_ms)
{
	if (at_ms != 0)
		timer_set(fiber->loop, &fiber->timer, at_ms - loop_now(fiber->loop), deadline_fired);
	fiber_suspend();
	timer_stop(&fiber->timer);
}

AWAITS enum err wait_for(struct wait *wait, bool (*abandon)(void *arg), void *arg)
{
	struct fiber *fiber = fiber_self();
	enum err interrupted = OK;

	CHECK(fiber != NULL);
	wait->fiber = fiber;
	while (!wait->done) {
		if (abandon != NULL && interrupted == OK) {
			interrupted = fiber_status();
			if (interrupted != OK && abandon(arg)) {
				wait->fiber = NULL;
				return interrupted;
			}
			if (wait->done)
				break;
		}
		/* Once interrupted, or when nothing can be abandoned, only the completion counts. */
		suspend_until(fiber, abandon != NULL && interrupted == OK ? fiber->deadline_ms : 0);
	}
	wait->fiber = NULL;
	return interrupted != OK ? interrupted : wait->result;
}

void wait_done(struct wait *wait, enum err result)
{
	CHECK(!wait->done);
	wait->done = true;
	wait->result = result;
	if (wait->fiber != NULL)
		fiber_wake(wait->fiber);
}

AWAITS enum err fiber_sleep(int64_t ms)
{
	struct fiber *fiber = fiber_self();
	int64_t until_ms = loop_now(fiber->loop) + ms;

	for (;;) {
		int64_t wake_ms = until_ms;

		TRY(fiber_status());
		if (loop_now(fiber->loop) >= until_ms)
			return OK;
		if (fiber->deadline_ms != 0 && fiber->deadline_ms < wake_ms)
			wake_ms = fiber->deadline_ms;
		suspend_until(fiber, wake_ms);
	}
}

AWAITS enum err fiber_yield(void)
{
	TRY(fiber_status());
	fiber_suspend_ready();
	return fiber_status();
}
