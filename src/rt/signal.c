/* Signals, through libuv's handles on loop 0. libuv's handler only writes to a pipe, so `on` runs
 * as an ordinary callback of the loop. */
#include "rt/signal.h"

#include <stdlib.h>

#include "base/check.h"
#include "rt/loop_private.h"

struct watch {
	struct list link; /* in loop->signals */
	uv_signal_t handle;
	void (*on)(void *arg);
	void *arg;
};

static void on_signal(uv_signal_t *handle, int signum)
{
	struct watch *watch = handle->data;

	watch->on(watch->arg);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void watch_end(struct watch *watch)
{
	list_remove(&watch->link);
	uv_close((uv_handle_t *)&watch->handle, on_closed);
}

enum err signal_watch(int signum, void (*on)(void *arg), void *arg)
{
	struct loop *loop = loop_current;
	struct watch *watch = calloc(1, sizeof(*watch));

	CHECK(watch != NULL && loop != NULL && loop->index == 0);
	watch->on = on;
	watch->arg = arg;
	if (uv_signal_init(&loop->uv, &watch->handle) != 0) {
		free(watch);
		return ERR_SYSTEM;
	}
	watch->handle.data = watch;
	list_add_tail(&loop->signals, &watch->link);
	if (uv_signal_start(&watch->handle, on_signal, signum) != 0) {
		watch_end(watch);
		return ERR_SYSTEM;
	}
	uv_unref((uv_handle_t *)&watch->handle);
	return OK;
}

void signals_end(struct loop *loop)
{
	while (!list_empty(&loop->signals))
		watch_end(LIST_OBJ(loop->signals.next, struct watch, link));
}
