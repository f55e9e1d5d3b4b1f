/* One uv_poll handle each. libuv closes handles in its own time, so the watch outlives
 * fd_watch_free by a turn of the loop; its owner no longer knows of it. */
#include "rt/fd_watch.h"

#include <stdlib.h>

#include "base/check.h"
#include "rt/loop.h"

#define FD_WATCH_MAGIC 0x66647761u /* "fdwa" */

struct fd_watch {
	uint32_t magic;
	uv_poll_t poll;
	int events; /* asked for now */
	void (*on_ready)(void *arg, struct fd_ready ready);
	void *arg;
};

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct fd_watch *watch = poll->data;
	bool failed = status < 0;
	struct fd_ready ready = {
		.readable = failed || (events & UV_READABLE) != 0,
		.writable = failed || (events & UV_WRITABLE) != 0,
		.failed = failed,
	};

	CHECK_OBJ(watch, FD_WATCH_MAGIC);
	watch->on_ready(watch->arg, ready);
}

struct fd_watch *fd_watch_new(int fd, void (*on_ready)(void *arg, struct fd_ready ready), void *arg)
{
	struct fd_watch *watch = calloc(1, sizeof(*watch));

	CHECK(watch != NULL);
	watch->magic = FD_WATCH_MAGIC;
	watch->on_ready = on_ready;
	watch->arg = arg;
	watch->poll.data = watch;
	CHECK(uv_poll_init(loop_uv(loop_self()), &watch->poll, fd) == 0);
	return watch;
}

void fd_watch_want(struct fd_watch *watch, bool readable, bool writable)
{
	int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);

	CHECK_OBJ(watch, FD_WATCH_MAGIC);
	if (events == watch->events)
		return;
	watch->events = events;
	if (events == 0)
		CHECK(uv_poll_stop(&watch->poll) == 0);
	else
		CHECK(uv_poll_start(&watch->poll, events, on_poll) == 0);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void fd_watch_free(struct fd_watch *watch)
{
	if (watch == NULL)
		return;
	CHECK_OBJ(watch, FD_WATCH_MAGIC);
	watch->magic = 0;
	(void)uv_poll_stop(&watch->poll);
	uv_close((uv_handle_t *)&watch->poll, on_closed);
}
