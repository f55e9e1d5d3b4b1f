/* Work elsewhere, awaited: on another loop as a fiber, or on a worker thread.
 *
 * A call to another loop lies on the caller's stack. Two messages may be under way, the call
 * itself and a cancel; the caller leaves only when both have come back. */
#include "base/check.h"
#include "rt/private.h"

struct loop_call {
	struct task to, back; /* the call, there and back */
	struct task cancel_to, cancel_back;
	struct loop *caller_loop, *loop;
	const char *name;
	enum err (*work)(void *arg);
	void *arg;
	int64_t deadline_ms;
	struct fiber *fiber; /* over there, NULL before and after */
	bool canceled;	     /* before it started */
	unsigned under_way;
	enum err result;
	struct wait wait;
};

static void call_came_back(struct loop_call *call)
{
	if (--call->under_way == 0)
		wait_done(&call->wait, call->result);
}

static void call_ended(struct task *task)
{
	call_came_back(CONTAINER_OF(task, struct loop_call, back));
}

static void cancel_ended(struct task *task)
{
	call_came_back(CONTAINER_OF(task, struct loop_call, cancel_back));
}

AWAITS_ENTRY static void call_main(void *arg)
{
	struct loop_call *call = arg;

	call->result = call->work(call->arg);
	call->fiber = NULL;
	loop_post(call->caller_loop, &call->back);
}

static void call_begin(struct task *task)
{
	struct loop_call *call = CONTAINER_OF(task, struct loop_call, to);

	call->result = call->canceled
			       ? ERR_CANCELED
			       : fiber_spawn(call->loop, call->name, call_main, call, call->deadline_ms, &call->fiber);
	if (call->result != OK)
		loop_post(call->caller_loop, &call->back);
}

static void cancel_begin(struct task *task)
{
	struct loop_call *call = CONTAINER_OF(task, struct loop_call, cancel_to);

	call->canceled = true;
	if (call->fiber != NULL)
		fiber_cancel(call->fiber);
	loop_post(call->caller_loop, &call->cancel_back);
}

static bool abandon_call(void *arg)
{
	struct loop_call *call = arg;

	call->under_way++;
	call->cancel_to.run = cancel_begin;
	call->cancel_back.run = cancel_ended;
	loop_post(call->loop, &call->cancel_to);
	return false;
}

AWAITS enum err loop_call(struct loop *loop, const char *name, enum err (*work)(void *arg), void *arg)
{
	struct loop_call call = {
		.to = {.run = call_begin},
		.back = {.run = call_ended},
		.caller_loop = loop_self(),
		.loop = loop,
		.name = name,
		.work = work,
		.arg = arg,
		.deadline_ms = fiber_deadline(),
		.under_way = 1,
		.wait = WAIT_INIT,
	};
	enum err interrupted;

	if (loop == call.caller_loop)
		return work(arg);
	loop_post(loop, &call.to);
	interrupted = wait_for(&call.wait, abandon_call, &call);
	/* The work may have finished all the same: then its result is what counts. */
	return call.result == OK || interrupted == OK ? call.result : interrupted;
}

struct work {
	uv_work_t request;
	enum err (*run)(void *arg);
	void *arg;
	enum err result;
	struct wait wait;
};

static atomic_uint work_waiting; /* over all loops: libuv's pool is the process's */

static void work_there(uv_work_t *request)
{
	struct work *work = CONTAINER_OF(request, struct work, request);

	work->result = work->run(work->arg);
}

static void work_done(uv_work_t *request, int status)
{
	struct work *work = CONTAINER_OF(request, struct work, request);

	atomic_fetch_sub(&work_waiting, 1);
	wait_done(&work->wait, status == 0 ? work->result : ERR_CANCELED);
}

AWAITS enum err work_run(enum err (*run)(void *arg), void *arg)
{
	struct work work = {.run = run, .arg = arg, .wait = WAIT_INIT};

	if (atomic_fetch_add(&work_waiting, 1) >= WORK_QUEUE_MAX) {
		atomic_fetch_sub(&work_waiting, 1);
		return ERR_BUSY;
	}
	CHECK(uv_queue_work(loop_uv(loop_self()), &work.request, work_there, work_done) == 0);
	return wait_for(&work.wait, NULL, NULL);
}
