/* Running a piece of work on another loop and waiting for it. The call lies on the caller's
 * stack; what travels are tasks:
 *
 *   caller's loop                     the other loop
 *   loop_call     --- begin ------>   call_begin: a fiber runs the work
 *   canceled      --- cancel ----->   call_cancel: cancels the fiber, if it still runs
 *   on_returned   <-- returned ----   when the fiber ends, and one for the cancel
 *
 * The caller goes on when every task it sent has returned, so none points to a stack that is
 * gone. Tasks between two loops keep their order: a cancel never overtakes its call. */
#include "base/check.h"
#include "rt/loop_private.h"

struct call {
	struct loop *from, *to;
	const char *name;
	struct str label;
	enum err (*work)(void *arg);
	void *arg;
	int64_t deadline_ms;

	/* the other loop's */
	struct fiber *fiber; /* while it runs */
	enum err result;

	/* the caller's */
	unsigned outstanding; /* tasks that have not returned */
	struct wait wait;
	struct task begin, ended, cancel, canceled;
};

static void return_one(struct call *call)
{
	if (--call->outstanding == 0)
		wait_done(&call->wait, OK);
}

static void on_ended(struct task *task)
{
	return_one(CONTAINER_OF(task, struct call, ended));
}

static void on_canceled(struct task *task)
{
	return_one(CONTAINER_OF(task, struct call, canceled));
}

AWAITS static void call_main(void *arg)
{
	struct call *call = arg;

	fiber_label(call->label);
	call->result = call->work(call->arg);
	call->fiber = NULL;
	loop_post(call->from, &call->ended);
}

static void call_begin(struct task *task)
{
	struct call *call = CONTAINER_OF(task, struct call, begin);

	call->result = fiber_spawn(call->to, call->name, call_main, call, call->deadline_ms, &call->fiber);
	if (call->result != OK)
		loop_post(call->from, &call->ended);
}

static void call_cancel(struct task *task)
{
	struct call *call = CONTAINER_OF(task, struct call, cancel);

	if (call->fiber != NULL)
		fiber_cancel(call->fiber);
	loop_post(call->from, &call->canceled);
}

static bool send_cancel(void *arg)
{
	struct call *call = arg;

	if (fiber_status() == ERR_TIMEOUT)
		return false; /* the fiber over there has the same deadline */
	call->outstanding++;
	loop_post(call->to, &call->cancel);
	return false;
}

/* A canceled caller sends its work all the same: it may be the one that releases something over
 * there, and it runs as a canceled fiber, just as a plain call would on the own loop. */
AWAITS enum err loop_call(struct loop *loop, const char *name, enum err (*work)(void *arg), void *arg)
{
	struct fiber *self = fiber_self();
	struct call call = {
		.from = loop_current,
		.to = loop,
		.name = name,
		.work = work,
		.arg = arg,
		.outstanding = 1,
		.wait = WAIT_INIT,
		.begin = {.run = call_begin},
		.ended = {.run = on_ended},
		.cancel = {.run = call_cancel},
		.canceled = {.run = on_canceled},
	};

	CHECK(self != NULL);
	if (loop == call.from)
		return work(arg);
	call.label = self->label;
	call.deadline_ms = self->deadline_ms;
	loop_post(loop, &call.begin);
	(void)!wait_for(&call.wait, send_cancel, &call);
	return call.result;
}
