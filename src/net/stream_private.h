/* What the files of net share about a stream: its struct, its states, and the doors between
 * stream.c (bytes), connect.c, listener.c (who makes streams) and stream_tls.c (the filter). */
#ifndef GATEHOUSE_NET_STREAM_PRIVATE_H
#define GATEHOUSE_NET_STREAM_PRIVATE_H

#include "net/stream.h"

#define STREAM_MAGIC 0x53545201u

/*   CONNECTING --> OPEN --stream_close--> FLUSHING --queue empty--> LINGERING
 *   ACCEPTED ----^  |                        |                         |
 *                   +------ failure, EOF ----+-- time is up -----------+--> CLOSED
 *
 * LINGERING has sent FIN and throws away what still arrives, so that a peer in the middle of
 * sending reads our last answer instead of a reset. CLOSED waits for libuv's close callback,
 * which frees the stream. */
enum stream_state {
	STREAM_CONNECTING,
	STREAM_ACCEPTED,
	STREAM_OPEN,
	STREAM_FLUSHING,
	STREAM_LINGERING,
	STREAM_CLOSED,
};

struct stream_connect; /* a fiber inside stream_connect */
struct stream_tls;

struct stream {
	uint32_t magic;
	uint8_t state;	  /* enum stream_state */
	uint8_t reason;	  /* enum err, told to on_close */
	bool reading : 1; /* uv_read_start is in force */
	bool paused : 1;  /* by stream_pause */
	bool full : 1;	  /* stream_write said so; on_drain is owed */
	bool eof : 1;	  /* the peer sent its FIN */
	struct loop *loop;
	const struct stream_events *events; /* NULL: nobody wants to hear of it */
	void *owner;
	struct stream_connect *connect; /* until stream_connect returned */
	struct stream_tls *tls;		/* NULL: plain */
	struct address *socket_peer;	/* NULL: the same as peer */
	struct timer timer;		/* of FLUSHING and LINGERING */
	struct address peer;
	union {
		uv_handle_t handle;
		uv_stream_t uv;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	};
};

/* A stream with an initialised but unconnected handle for that address family. */
struct stream *stream_new(struct loop *loop, int family, enum stream_state state);

/* Give up a stream whose owner must not hear of it any more. */
void stream_drop(struct stream *stream);

/* It broke: close, and tell the owner why (or the fiber in stream_connect). */
void stream_fail(struct stream *stream, enum err why);

/* The peer will send no more. */
void stream_eof(struct stream *stream);

/* Begin to read from the socket, unless paused. */
void stream_read_start(struct stream *stream);

/* Bytes for the owner, as if read from the socket now. Only from a loop callback. */
void stream_input(struct stream *stream, struct str bytes);

/* Write to the socket past the TLS filter. */
void stream_write_raw(struct stream *stream, const struct piece *pieces, size_t count);

/* libuv's error as ours. */
enum err stream_err(int uv_status);

/* Called by stream_tls.c when the handshake is done. */
void stream_connect_ready(struct stream *stream);

/* Called by stream.c when a connecting stream broke. */
void stream_connect_failed(struct stream *stream, enum err why);

/* The TLS filter. attach puts it between socket and owner; `server_name` empty: we are the
 * server. input takes what came from the socket, eof that nothing more will.
 *   Errors     ERR_TLS */
NODISCARD enum err stream_tls_attach(struct stream *stream, struct tls *tls, struct str server_name);
void stream_tls_hello(struct stream *stream);
void stream_tls_input(struct stream *stream, struct str bytes);
void stream_tls_write(struct stream *stream, const struct piece *pieces, size_t count);
void stream_tls_bye(struct stream *stream);
void stream_tls_free(struct stream_tls *tls);

#endif
