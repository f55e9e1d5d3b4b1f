/* The pipes of a child: lines from its stdout and stderr, bytes to its stdin.
 *
 * A write goes out at once as far as the pipe takes it; the rest is copied and queued, so the
 * caller's bytes are free when child_write returns. While CHILD_STDIN_BYTES_MAX are queued,
 * writers wait in the order they came. */
#include "rt/child_private.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"

#define ROOM_BYTES (CHILD_STDIN_BYTES_MAX / 2) /* free that much before waking writers */

struct queued_write {
	uv_write_t request;
	struct child *child;
	char bytes[];
};

static void on_pipe_closed(uv_handle_t *handle)
{
	struct child_pipe *pipe = handle->data;

	child_closed(pipe->child);
}

void child_pipe_close(struct child_pipe *pipe)
{
	if (!pipe->open)
		return;
	pipe->open = false;
	uv_close((uv_handle_t *)&pipe->handle, on_pipe_closed);
}

/* ---- reading --------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
	struct child_pipe *pipe = handle->data;

	*ret_buf = loop_read_buffer(pipe->child->loop);
}

static void on_line(void *arg, struct str line)
{
	struct child_pipe *pipe = arg;

	if (pipe->on_line != NULL)
		pipe->on_line(pipe->child->owner, line);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct child_pipe *pipe = stream->data;
	struct child *child = pipe->child;

	if (n == 0)
		return;
	if (n > 0) {
		if (line_take(&pipe->reader, (struct str){buf->base, (size_t)n}, on_line, pipe) == OK)
			return;
		log_warn("child.line_too_long", LOG_INT("pid", child->process.pid),
			 LOG_INT("bytes_max", (int64_t)pipe->reader.bytes_max));
		child_fail(child, ERR_LIMIT);
	} else {
		line_end(&pipe->reader, on_line, pipe);
	}
	child_pipe_close(pipe);
	child_pipe_ended(child);
}

void child_read_start(struct child *child)
{
	CHECK(uv_read_start((uv_stream_t *)&child->out.handle, on_alloc, on_read) == 0);
	CHECK(uv_read_start((uv_stream_t *)&child->err.handle, on_alloc, on_read) == 0);
}

/* ---- writing --------------------------------------------------------------------- */

static size_t queued_bytes(struct child *child)
{
	return uv_stream_get_write_queue_size((uv_stream_t *)&child->in.handle);
}

static void wake_writers(struct child *child, enum err err)
{
	struct list *link;

	while ((link = list_pop(&child->waiting)) != NULL)
		wait_done(LIST_OBJ(link, struct wait, link), err);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
	struct child *child = request->data;

	child_pipe_close(&child->in);
}

void child_stdin_end(struct child *child, enum err reason, bool flush)
{
	if (child->failure == OK) {
		child->failure = reason;
		wake_writers(child, reason);
	}
	if (!child->in.open)
		return;
	if (!flush || queued_bytes(child) == 0) {
		child_pipe_close(&child->in);
	} else if (!child->ending) {
		child->ending = true;
		child->shutdown.data = child;
		if (uv_shutdown(&child->shutdown, (uv_stream_t *)&child->in.handle, on_shutdown) != 0)
			child_pipe_close(&child->in);
	}
}

static void on_written(uv_write_t *request, int status)
{
	struct queued_write *write = request->data;
	struct child *child = write->child;

	free(write);
	if (status < 0)
		child_stdin_end(child, ERR_CLOSED, false);
	else if (queued_bytes(child) <= ROOM_BYTES)
		wake_writers(child, OK);
}

static bool forget_writer(void *arg)
{
	struct wait *wait = arg;

	list_remove(&wait->link);
	return true;
}

AWAITS static enum err await_room(struct child *child)
{
	while (child->failure == OK && queued_bytes(child) >= CHILD_STDIN_BYTES_MAX) {
		struct wait wait = WAIT_INIT;

		list_add_tail(&child->waiting, &wait.link);
		TRY(wait_for(&wait, forget_writer, &wait));
	}
	return child->failure;
}

static void queue_write(struct child *child, struct str bytes)
{
	struct queued_write *write = malloc(sizeof(*write) + bytes.n);
	uv_buf_t buf;

	CHECK(write != NULL);
	write->request.data = write;
	write->child = child;
	memcpy(write->bytes, bytes.p, bytes.n);
	buf = uv_buf_init(write->bytes, (unsigned)bytes.n);
	CHECK(uv_write(&write->request, (uv_stream_t *)&child->in.handle, &buf, 1, on_written) == 0);
}

static enum err stdin_send(struct child *child, struct str bytes)
{
	uv_buf_t buf = uv_buf_init((char *)bytes.p, (unsigned)bytes.n);
	int taken;

	CHECK(bytes.n <= UINT32_MAX);
	if (bytes.n == 0)
		return OK;
	taken = uv_try_write((uv_stream_t *)&child->in.handle, &buf, 1);
	if (taken < 0 && taken != UV_EAGAIN) {
		child_stdin_end(child, ERR_CLOSED, false); /* EPIPE: it has closed its end */
		return ERR_CLOSED;
	}
	bytes = str_skip(bytes, taken < 0 ? 0 : (size_t)taken);
	if (bytes.n > 0)
		queue_write(child, bytes);
	return OK;
}

AWAITS enum err child_write(struct child *child, struct str bytes)
{
	enum err err;

	CHECK_OBJ(child, CHILD_MAGIC);
	CHECK(child->loop == loop_current);
	TRY(fiber_status());
	child->writing++;
	err = await_room(child);
	if (err == OK)
		err = stdin_send(child, bytes);
	child_writer_left(child);
	return err;
}
