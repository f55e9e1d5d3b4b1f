/* stream_connect: from an address to an open stream, TLS handshake included, awaited by a
 * fiber. The only part of net that suspends, besides opening listeners and resolving names.
 *
 * Until the fiber runs again the stream has no owner that could be told of anything; so the
 * socket is not read between the handshake's end and that moment, and a failure in between
 * becomes stream_connect's own result. */
#include "base/check.h"
#include "net/stream_private.h"

#define KEEPALIVE_S 60 /* of silence, then the peer is asked whether it lives */

struct stream_connect {
	struct wait wait;
	uv_connect_t req;
	struct stream *stream; /* NULL once its closing has begun: it frees itself any moment */
	bool requested;	       /* libuv holds req */
	enum err why;	       /* of a failure after wait was done */
};

static void settle(struct stream_connect *connect, enum err result)
{
	if (!connect->wait.done)
		wait_done(&connect->wait, result);
	else
		connect->why = result;
}

void stream_connect_ready(struct stream *stream)
{
	struct stream_connect *connect = stream->connect;

	if (connect == NULL)
		return;
	stream_pause(stream);
	settle(connect, OK);
}

void stream_connect_failed(struct stream *stream, enum err why)
{
	struct stream_connect *connect = stream->connect;

	connect->stream = NULL;
	if (why == ERR_CLOSED || why == OK)
		why = stream->tls != NULL ? ERR_TLS : ERR_IO;
	settle(connect, why);
}

static void on_uv_connect(uv_connect_t *req, int status)
{
	struct stream_connect *connect = CONTAINER_OF(req, struct stream_connect, req);
	struct stream *stream = connect->stream;

	connect->requested = false; /* after give_up `stream` is NULL and status says canceled */
	if (status < 0) {
		settle(connect, status == UV_ECANCELED ? ERR_CANCELED : ERR_IO);
	} else if (stream->tls == NULL) {
		settle(connect, OK);
	} else {
		stream_read_start(stream);
		stream_tls_hello(stream);
	}
}

/* The fiber gives up: close the socket. libuv then still completes `req`, which lies on the
 * fiber's stack; a handshake has nothing outstanding. */
static bool give_up(void *arg)
{
	struct stream_connect *connect = arg;
	struct stream *stream = connect->stream;

	if (stream != NULL) {
		connect->stream = NULL;
		stream->connect = NULL;
		stream_drop(stream);
	}
	return !connect->requested;
}

static int request(struct stream_connect *connect, const struct address *address)
{
	struct stream *stream = connect->stream;
	int status;

	connect->requested = true;
	if (address->sa.sa_family == AF_UNIX) {
		uv_pipe_connect(&connect->req, &stream->pipe, address->un.sun_path, on_uv_connect);
		return 0;
	}
	(void)uv_tcp_nodelay(&stream->tcp, 1);
	/* A stream that we only listen to has no other way to learn that its peer is gone. */
	(void)uv_tcp_keepalive(&stream->tcp, 1, KEEPALIVE_S);
	status = uv_tcp_connect(&connect->req, &stream->tcp, &address->sa, on_uv_connect);
	connect->requested = status == 0;
	return status;
}

AWAITS enum err stream_connect(const struct address *address, struct tls *tls, struct str server_name,
			       const struct stream_events *events, void *owner, struct stream **ret_stream)
{
	struct stream_connect connect = {.wait = WAIT_INIT};
	struct stream *stream = stream_new(loop_self(), address->sa.sa_family, STREAM_CONNECTING);
	enum err err = OK;

	stream->peer = *address;
	stream->connect = &connect;
	connect.stream = stream;
	if (tls != NULL)
		err = stream_tls_attach(stream, tls, server_name);
	if (err == OK && request(&connect, address) != 0)
		err = ERR_IO;
	if (err == OK) {
		err = wait_for(&connect.wait, give_up, &connect);
		if (err == OK)
			err = connect.why;
	}
	if (connect.stream != NULL)
		stream->connect = NULL;
	if (err != OK) {
		if (connect.stream != NULL)
			stream_drop(stream);
		return err;
	}
	stream->paused = false;
	stream_start(stream, events, owner);
	*ret_stream = stream;
	return OK;
}
