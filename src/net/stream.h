/* Byte streams: TCP, Unix or TLS behind one face. Callback machinery, no fibers: the rooms
 * above (http) turn callbacks into waits.
 *
 * A stream lives on one loop. Every callback comes from the loop, never from inside a call
 * made on the stream. on_close comes exactly once and is the last one. */
#ifndef GATEHOUSE_NET_STREAM_H
#define GATEHOUSE_NET_STREAM_H

#include "base/blob.h"
#include "net/address.h"
#include "net/tls.h"

struct stream; /* a plain idle one costs about 400 bytes */

/*   on_read    bytes arrived; valid during the call (they lie in the loop's read buffer)
 *   on_drain   the write queue fell below its low mark after stream_write said "full"
 *   on_close   the stream is over: OK after an orderly end by the peer or by stream_close,
 *              else why. Release the owner's side here; the stream frees itself after it
 *   on_eof     (may be NULL) the peer sent its FIN. True keeps the stream for writing until
 *              stream_close; false, or no such callback, ends it
 * The struct is borrowed until on_close: make it static. */
struct stream_events {
	void (*on_read)(void *owner, struct str bytes);
	void (*on_drain)(void *owner);
	void (*on_close)(void *owner, enum err reason);
	bool (*on_eof)(void *owner);
};

/* Listeners: accepted streams are handed to on_accept on the loop that accepted them, after
 * the PROXY header (if configured) and before the TLS handshake. */
struct listener;

struct listener_spec {
	struct address address; /* TCP (SO_REUSEPORT, one socket per loop) or Unix (one socket,
				 * on which the loops race) */
	const int *inherited;	/* listening already: used as they are, `address` is not looked at; borrowed */
	size_t inherited_count; /* at most LOOPS_MAX. They become the listener's, also when it fails */
	bool foreign_file;	/* the Unix socket's file is not ours to remove */
	bool proxy_protocol;	/* expect a PROXY v2 header (only from trusted_proxies) */
	const struct prefix *trusted_proxies;
	size_t trusted_count;
	struct tls *tls; /* the first settings, NULL for plain; referenced. See listener_set_tls */
	mode_t unix_mode;
	int backlog;
};

/* on_accept returns false to refuse (connection caps): the stream is closed at once. It must
 * call stream_start before it returns true. */
struct listener_events {
	bool (*on_accept)(void *owner, struct stream *stream);
};

/* Take the address: from here on connections wait in its backlog. What can fail comes before listener_accept, so
 * that who needs several listeners, or has sockets of another process, accepts nobody before all is well.
 * Called on loop 0.
 *   ret_listener  until listener_close
 *   ret_bound     may be NULL: the address with the port the kernel chose
 *   Errors     ERR_SYSTEM (address in use, no permission), with a log line */
NODISCARD enum err listener_open(const struct listener_spec *spec, const struct listener_events *events, void *owner,
				 struct listener **ret_listener, struct address *ret_bound) AWAITS;

/* Begin to accept, on all loops. Once, on loop 0.
 *   Errors     ERR_SYSTEM, ERR_BUSY: some loops may accept, others not; close it */
NODISCARD enum err listener_accept(struct listener *listener) AWAITS;

/* Use these settings for TLS from the next connection on; NULL for plain. Called on loop 0. */
void listener_set_tls(struct listener *listener, struct tls *tls);

/* Stop accepting, on all loops. Open streams stay. */
void listener_close(struct listener *listener) AWAITS;

/* Copies of the listener's sockets (without those that are copies themselves), for another process to
 * go on with: what waits in their backlogs is not lost when this process closes its own.
 *   out        room for LOOPS_MAX; the caller's to close
 *   returns    how many; 0 when no descriptor is left
 *   Runs on    loop 0 */
size_t listener_sockets(const struct listener *listener, int out[]);

/* Another process has the sockets: listener_close leaves the Unix socket's file to it. And whether the
 * file was never ours. */
void listener_leave_file(struct listener *listener);
bool listener_has_foreign_file(const struct listener *listener);

/* Take over a stream: set its callbacks and begin to read (and to shake hands, if TLS). */
void stream_start(struct stream *stream, const struct stream_events *events, void *owner);

/* Connect to one address.
 *   tls        NULL for plain; `server_name` is verified and sent as SNI
 *   ret_stream started with `events`, owned until on_close
 *   Errors     ERR_REFUSED_ADDRESS is the caller's to check before; ERR_IO, ERR_TLS, ERR_TIMEOUT,
 *              ERR_CANCELED (on any error no callback comes) */
NODISCARD enum err stream_connect(const struct address *address, struct tls *tls, struct str server_name,
				  const struct stream_events *events, void *owner, struct stream **ret_stream) AWAITS;

/* Write up to 8 pieces in order. What the socket takes at once is not copied; the rest is
 * copied, except blobs (`piece.blob` not NULL), which are referenced.
 *   returns    false when the queue is now above `HTTP_WRITE_QUEUE_BYTES_MAX`: wait for on_drain
 *              (the bytes are accepted all the same) */
struct piece {
	struct str str;
	struct blob *blob; /* NULL, or the blob that `str` is a slice of */
};
bool stream_write(struct stream *stream, const struct piece *pieces, size_t count);

/* Whether writing still has a meaning: false once it failed or is closing. on_close, which comes
 * from the loop, may be a moment away. */
bool stream_is_open(const struct stream *stream);

/* on_drain comes when the queue has fallen below its low mark, as if stream_write had said "full";
 * it comes from the loop, and only while something is queued. */
void stream_await_drain(struct stream *stream);

/* Overwrite what the buffers that all streams of this loop share still hold of past reads and writes: for who has just
 * received a secret.
 *   Runs on    a fiber; not within a stream's callback */
void stream_wipe_shared(void);

/* Bytes queued and not yet taken by the socket. */
size_t stream_queued(const struct stream *stream);

/* Stop and go on reading (backpressure from above). */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* Close after what is queued was written (at most `flush_ms`); 0 closes at once. on_close
 * follows, never from inside this call. */
void stream_close(struct stream *stream, int64_t flush_ms);

/* Who is at the other end: the PROXY header's source if one was accepted, else the socket's
 * peer. The socket's own peer without PROXY: stream_socket_peer. */
const struct address *stream_peer(const struct stream *stream);
const struct address *stream_socket_peer(const struct stream *stream);
bool stream_is_tls(const struct stream *stream);

/* The client's certificate, read once, at the end of the handshake; NULL when there is none.
 *   returns    borrowed from the stream */
const struct tls_client_cert *stream_client_cert(const struct stream *stream);

#endif
