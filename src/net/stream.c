/* Byte streams over libuv's TCP and pipe handles: reading through the loop's one buffer,
 * writing at once what the socket takes, closing in an orderly way.
 *
 * A write first tries the socket, so that a usual answer costs one system call and no
 * memory; only what is left over is copied (or, for blobs, referenced) and queued with libuv.
 * Owners are never called from inside their own calls: a failed write only closes the handle,
 * and libuv's close callback, which comes from the loop, tells them.
 *
 * TLS (stream_tls.c) sits between these bytes and the owner; how streams come to be is the
 * business of connect.c and listener.c. */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "net/stream_private.h"

#define PIECES_MAX 8
#define WRITE_QUEUE_LOW_BYTES (HTTP_WRITE_QUEUE_BYTES_MAX / 4)

/* What the socket did not take at once. */
struct write {
	uv_write_t req;
	struct stream *stream;
	size_t count;
	uv_buf_t buf[PIECES_MAX];
	struct blob *blob[PIECES_MAX];
	char bytes[];
};

static void set_state(struct stream *stream, enum stream_state to)
{
	static const uint8_t allowed[] = {
		[STREAM_CONNECTING] = 1u << STREAM_OPEN | 1u << STREAM_CLOSED,
		[STREAM_ACCEPTED] = 1u << STREAM_OPEN | 1u << STREAM_CLOSED,
		[STREAM_OPEN] = 1u << STREAM_FLUSHING | 1u << STREAM_CLOSED,
		[STREAM_FLUSHING] = 1u << STREAM_LINGERING | 1u << STREAM_CLOSED,
		[STREAM_LINGERING] = 1u << STREAM_CLOSED,
	};

	CHECK(stream->state < STREAM_CLOSED && (allowed[stream->state] & 1u << to) != 0);
	stream->state = (uint8_t)to;
}

enum err stream_err(int uv_status)
{
	switch (uv_status) {
	case UV_EOF:
	case UV_ECONNRESET:
	case UV_EPIPE:
	case UV_ENOTCONN:
		return ERR_CLOSED;
	case UV_ETIMEDOUT:
		return ERR_TIMEOUT;
	case UV_ECANCELED:
		return ERR_CANCELED;
	default:
		return ERR_IO;
	}
}

struct stream *stream_new(struct loop *loop, int family, enum stream_state state)
{
	struct stream *stream = calloc(1, sizeof *stream);
	int status;

	CHECK(stream != NULL);
	stream->magic = STREAM_MAGIC;
	stream->state = (uint8_t)state;
	stream->loop = loop;
	if (family == AF_UNIX)
		status = uv_pipe_init(loop_uv(loop), &stream->pipe, 0);
	else
		status = uv_tcp_init(loop_uv(loop), &stream->tcp);
	CHECK(status == 0); /* without a family libuv only fills in the struct */
	stream->handle.data = stream;
	stream->peer.sa.sa_family = (sa_family_t)family;
	return stream;
}

static void on_uv_close(uv_handle_t *handle)
{
	struct stream *stream = handle->data;

	CHECK_OBJ(stream, STREAM_MAGIC);
	if (stream->events != NULL)
		stream->events->on_close(stream->owner, stream->reason);
	stream_tls_free(stream->tls);
	free(stream->socket_peer);
	stream->magic = 0;
	free(stream);
}

/* Close the handle; the owner hears `reason` from the loop. Harmless when closed already. */
static void shut(struct stream *stream, enum err reason)
{
	if (stream->state == STREAM_CLOSED)
		return;
	set_state(stream, STREAM_CLOSED);
	stream->reason = (uint8_t)reason;
	if (stream->timer.at_ms != 0)
		timer_stop(&stream->timer);
	uv_close(&stream->handle, on_uv_close);
}

void stream_drop(struct stream *stream)
{
	CHECK_OBJ(stream, STREAM_MAGIC);
	stream->events = NULL;
	shut(stream, OK);
}

void stream_fail(struct stream *stream, enum err why)
{
	struct stream_connect *connect = stream->connect;

	if (stream->state == STREAM_CLOSED)
		return;
	if (stream->state >= STREAM_FLUSHING)
		why = OK; /* we ended it; that the peer did not wait for our FIN is no news */
	shut(stream, why);
	if (connect != NULL)
		stream_connect_failed(stream, why);
}

void stream_eof(struct stream *stream)
{
	if (stream->eof && stream->state == STREAM_OPEN)
		return; /* TLS said goodbye before */
	stream->eof = true;
	stream->reading = false; /* libuv stopped by itself */
	if (stream->state == STREAM_FLUSHING)
		return; /* it may still read */
	if (stream->state == STREAM_OPEN && stream->connect == NULL && stream->events != NULL &&
	    stream->events->on_eof != NULL && stream->events->on_eof(stream->owner))
		return;
	stream_fail(stream, OK);
}

static void on_uv_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
	struct stream *stream = handle->data;

	*ret_buf = loop_read_buffer(stream->loop);
}

void stream_input(struct stream *stream, struct str bytes)
{
	if (stream->state == STREAM_CLOSED || bytes.n == 0)
		return;
	if (stream->tls != NULL)
		stream_tls_input(stream, bytes);
	else if (stream->state == STREAM_OPEN)
		stream->events->on_read(stream->owner, bytes);
}

static void on_uv_read(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
	struct stream *stream = uv->data;
	struct loop *loop = stream->loop;

	CHECK_OBJ(stream, STREAM_MAGIC);
	if (n > 0) {
		if (stream->state == STREAM_OPEN || stream->state == STREAM_CONNECTING)
			stream_input(stream, (struct str){buf->base, (size_t)n});
		loop_read_done(loop, (size_t)n);
	} else if (n == UV_EOF) {
		stream_eof(stream);
	} else if (n < 0) {
		stream_fail(stream, stream_err((int)n));
	}
}

void stream_read_start(struct stream *stream)
{
	if (stream->reading || stream->paused || stream->eof || stream->state == STREAM_CLOSED)
		return;
	if (uv_read_start(&stream->uv, on_uv_alloc, on_uv_read) != 0)
		stream_fail(stream, ERR_IO);
	else
		stream->reading = true;
}

void stream_start(struct stream *stream, const struct stream_events *events, void *owner)
{
	CHECK_OBJ(stream, STREAM_MAGIC);
	CHECK(events->on_read != NULL && events->on_close != NULL);
	stream->events = events;
	stream->owner = owner;
	if (stream->state < STREAM_OPEN)
		set_state(stream, STREAM_OPEN);
	stream_read_start(stream);
}

size_t stream_queued(const struct stream *stream)
{
	return stream->state == STREAM_CLOSED ? 0 : uv_stream_get_write_queue_size(&stream->uv);
}

/* All that was queued is with the kernel: send FIN and wait for the peer's. */
static void linger(struct stream *stream)
{
	uv_os_fd_t fd;

	if (stream->eof || uv_fileno(&stream->handle, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
		shut(stream, OK);
		return;
	}
	set_state(stream, STREAM_LINGERING);
	stream->paused = false;
	stream_read_start(stream);
}

static void on_uv_written(uv_write_t *req, int status)
{
	struct write *write = CONTAINER_OF(req, struct write, req);
	struct stream *stream = write->stream;

	for (size_t i = 0; i < write->count; i++)
		blob_unref(write->blob[i]);
	free(write);
	if (stream->state == STREAM_CLOSED)
		return;
	if (status < 0) {
		stream_fail(stream, stream_err(status));
	} else if (stream->state == STREAM_FLUSHING && stream_queued(stream) == 0) {
		linger(stream);
	} else if (stream->full && stream_queued(stream) <= WRITE_QUEUE_LOW_BYTES) {
		stream->full = false;
		if (stream->events != NULL && stream->events->on_drain != NULL)
			stream->events->on_drain(stream->owner);
	}
}

/* Queue what is left of the pieces after their first `taken` bytes. */
static void enqueue(struct stream *stream, const struct piece *pieces, size_t count, size_t taken)
{
	size_t copied = 0;
	struct write *write;
	char *to;
	int status;

	for (size_t i = 0; i < count; i++)
		copied += pieces[i].blob == NULL ? pieces[i].str.n : 0;
	write = malloc(sizeof *write + copied);
	CHECK(write != NULL);
	write->stream = stream;
	write->count = 0;
	to = write->bytes;
	for (size_t i = 0; i < count; i++) {
		struct str rest = str_skip(pieces[i].str, taken);

		taken -= pieces[i].str.n - rest.n;
		if (rest.n == 0)
			continue;
		if (pieces[i].blob == NULL) {
			memcpy(to, rest.p, rest.n);
			rest.p = to;
			to += rest.n;
		}
		write->blob[write->count] = pieces[i].blob == NULL ? NULL : blob_ref(pieces[i].blob);
		write->buf[write->count++] = uv_buf_init((char *)rest.p, (unsigned)rest.n);
	}
	status = uv_write(&write->req, &stream->uv, write->buf, (unsigned)write->count, on_uv_written);
	if (status == 0)
		return;
	for (size_t i = 0; i < write->count; i++)
		blob_unref(write->blob[i]);
	free(write);
	stream_fail(stream, stream_err(status));
}

void stream_write_raw(struct stream *stream, const struct piece *pieces, size_t count)
{
	uv_buf_t buf[PIECES_MAX];
	size_t total = 0;
	int taken = 0;

	CHECK(count <= PIECES_MAX);
	if (stream->state == STREAM_CLOSED || stream->state == STREAM_LINGERING)
		return;
	for (size_t i = 0; i < count; i++) {
		buf[i] = uv_buf_init((char *)pieces[i].str.p, (unsigned)pieces[i].str.n);
		total += pieces[i].str.n;
	}
	if (total == 0)
		return;
	if (uv_stream_get_write_queue_size(&stream->uv) == 0) {
		taken = uv_try_write(&stream->uv, buf, (unsigned)count);
		if (taken == UV_EAGAIN)
			taken = 0;
		if (taken < 0) {
			stream_fail(stream, stream_err(taken));
			return;
		}
	}
	if ((size_t)taken < total)
		enqueue(stream, pieces, count, (size_t)taken);
}

bool stream_write(struct stream *stream, const struct piece *pieces, size_t count)
{
	CHECK_OBJ(stream, STREAM_MAGIC);
	if (stream->state != STREAM_OPEN)
		return true;
	if (stream->tls != NULL)
		stream_tls_write(stream, pieces, count);
	else
		stream_write_raw(stream, pieces, count);
	if (stream_queued(stream) <= HTTP_WRITE_QUEUE_BYTES_MAX)
		return true;
	stream->full = true;
	return false;
}

void stream_await_drain(struct stream *stream)
{
	CHECK_OBJ(stream, STREAM_MAGIC);
	stream->full = true;
}

bool stream_is_open(const struct stream *stream)
{
	CHECK_OBJ(stream, STREAM_MAGIC);
	return stream->state == STREAM_OPEN;
}

void stream_pause(struct stream *stream)
{
	CHECK_OBJ(stream, STREAM_MAGIC);
	stream->paused = true;
	if (!stream->reading)
		return;
	stream->reading = false;
	uv_read_stop(&stream->uv);
}

void stream_resume(struct stream *stream)
{
	CHECK_OBJ(stream, STREAM_MAGIC);
	stream->paused = false;
	stream_read_start(stream);
}

static void on_flush_timeout(struct timer *timer)
{
	shut(CONTAINER_OF(timer, struct stream, timer), OK);
}

void stream_close(struct stream *stream, int64_t flush_ms)
{
	CHECK_OBJ(stream, STREAM_MAGIC);
	if (flush_ms <= 0 || stream->state < STREAM_OPEN) {
		shut(stream, OK);
		return;
	}
	if (stream->state != STREAM_OPEN)
		return;
	if (stream->tls != NULL)
		stream_tls_bye(stream);
	if (stream->state == STREAM_CLOSED) /* the last record met a dead socket */
		return;
	set_state(stream, STREAM_FLUSHING);
	timer_set(stream->loop, &stream->timer, flush_ms, on_flush_timeout);
	stream_resume(stream);
	if (stream->state == STREAM_FLUSHING && stream_queued(stream) == 0)
		linger(stream);
}

const struct address *stream_peer(const struct stream *stream)
{
	return &stream->peer;
}

const struct address *stream_socket_peer(const struct stream *stream)
{
	return stream->socket_peer != NULL ? stream->socket_peer : &stream->peer;
}

bool stream_is_tls(const struct stream *stream)
{
	return stream->tls != NULL;
}
