/* Signals, through libuv's handles on loop 0: libuv writes to a pipe in the handler, and the
 * callback runs in the loop's turn like any other. */
#include "rt/signal.h"

#include "base/check.h"

struct watch {
	uv_signal_t handle;
	void (*on)(void *arg);
	void *arg;
};

static void got_signal(uv_signal_t *handle, int signum)
{
	struct watch *watch = CONTAINER_OF(handle, struct watch, handle);

	watch->on(watch->arg);
}

enum err signal_watch(int signum, void (*on)(void *arg), void *arg)
{
	/* Kept until the process ends: there are three, set once. */
	static struct watch watches[8];
	static unsigned count;
	struct watch *watch = &watches[count];

	CHECK(count < ARRAY_LEN(watches) && loop_self() == loop_at(0));
	watch->on = on;
	watch->arg = arg;
	if (uv_signal_init(loop_uv(loop_self()), &watch->handle) != 0 ||
	    uv_signal_start(&watch->handle, got_signal, signum) != 0)
		return ERR_SYSTEM;
	uv_unref((uv_handle_t *)&watch->handle);
	count++;
	return OK;
}
