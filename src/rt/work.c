/* Blocking work on libuv's worker threads, awaited by a fiber. libuv's queue has no bound, so the
 * work that waits in it is counted here, over all loops, as the threads are shared too. */
#include "base/check.h"
#include "rt/loop_private.h"

struct work {
	uv_work_t request;
	enum err (*run)(void *arg);
	void *arg;
	enum err result;
	struct wait wait;
};

static atomic_uint queued; /* the process's, like libuv's queue */

static void on_worker(uv_work_t *request)
{
	struct work *work = request->data;

	atomic_fetch_sub_explicit(&queued, 1, memory_order_relaxed);
	work->result = work->run(work->arg);
}

static void on_finished(uv_work_t *request, int status)
{
	struct work *work = request->data;

	CHECK(status == 0); /* nobody cancels it: see work_run */
	wait_done(&work->wait, work->result);
}

/* What has been accepted runs, even if the caller is canceled: half of all work releases
 * something, and the other half is short. So nothing is abandoned, and the result counts. */
AWAITS enum err work_run(enum err (*run)(void *arg), void *arg)
{
	struct work work = {.run = run, .arg = arg, .wait = WAIT_INIT};

	TRY(fiber_status());
	if (atomic_fetch_add_explicit(&queued, 1, memory_order_relaxed) >= WORK_QUEUE_MAX) {
		atomic_fetch_sub_explicit(&queued, 1, memory_order_relaxed);
		return ERR_BUSY;
	}
	work.request.data = &work;
	CHECK(uv_queue_work(&loop_current->uv, &work.request, on_worker, on_finished) == 0);
	(void)!wait_for(&work.wait, NULL, NULL);
	return work.result;
}
