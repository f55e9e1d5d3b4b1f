/* The HTTP/1.1 server: connections are callback machinery with a named state, each complete
 * request becomes an exchange handled on its own fiber. The body is whole when the handler
 * starts (bounded); answers are whole, or a stream of server-sent events.
 *
 * Pipelined requests wait in the connection until the one before is answered. When the
 * client goes away, the handler's fiber is canceled if exchange.cancel_on_close says so. A
 * client that only closes its sending side counts as gone then; with cancel_on_close false it
 * still gets its answer. */
#ifndef GATEHOUSE_HTTP_SERVER_H
#define GATEHOUSE_HTTP_SERVER_H

#include "base/blob.h"
#include "http/header.h"
#include "net/stream.h"

struct http_server;
struct http_conn;

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_PATCH,
	HTTP_OPTIONS,
	HTTP_METHOD_OTHER,
};

struct http_exchange {
	uint32_t magic;
	struct arena *arena; /* everything below lives here; freed after the handler returned */
	enum http_method method;
	struct str path;  /* percent-decoded path, always starts with '/', no NUL, no dot segments */
	struct str query; /* raw, without '?' */
	struct http_fields fields;
	struct str body;		    /* whole; stable until the exchange ends */
	struct address peer;		    /* after trusted X-Forwarded-For / PROXY */
	struct tls_client_cert client_cert; /* of who sent this; expires_ms 0: none, as behind a trusted proxy, whose
					     * own it would be */
	bool secure;			    /* TLS here, or X-Forwarded-Proto: https from a trusted proxy */
	bool cancel_on_close;		    /* default true; a legacy session's call sets false */
	bool answered;			    /* a status line was written */
	int status;			    /* of the answer, for logs and metrics */
	uint64_t bytes_out;		    /* of the answer's body */
	void *memo;			    /* the handler's, kept per connection between its requests: see http_memo */
	struct http_conn *conn;
	struct str extra_headers; /* "name: value\r\n" lines added to whatever is answered; in arena */
};

struct http_server_spec {
	/* Called on a fiber for each complete request. It must answer; if it returns without,
	 * the server answers 500. AWAITS */
	void (*handle)(struct http_exchange *exchange, void *arg);
	void *arg;
	/* A request that never became an exchange (malformed, too large, too slow, over a cap):
	 * called for the log and metrics after the answer was queued. May be NULL. */
	void (*on_refused)(const struct address *peer, enum err why, void *arg);
	/* Frees what the handler left in exchange->memo, when the connection ends. */
	void (*memo_free)(void *memo);
	size_t head_bytes_max, body_bytes_max;
	int64_t header_timeout_ms, body_timeout_ms, idle_timeout_ms, keepalive_ms;
	unsigned connections_max, connections_per_ip_max;
	const struct prefix *trusted_proxies; /* for X-Forwarded-For/-Proto */
	size_t trusted_count;
};

/* Create; then attach listeners. On loop 0.
 *   ret_server until http_server_free
 *   Errors     ERR_CONFIG when a limit or time-out is not positive */
NODISCARD enum err http_server_new(const struct http_server_spec *spec, struct http_server **ret_server);

/* Listen; connections wait for http_server_accept. The server closes its listeners when it drains.
 *   Errors     as listener_open; ERR_LIMIT beyond 32 listeners */
NODISCARD enum err http_server_listen(struct http_server *server, const struct listener_spec *spec, struct tls *tls,
				      struct listener **ret_listener, struct address *ret_bound) AWAITS;

/* Begin to accept, on every listener that there is. Once.
 *   Errors     as listener_accept */
NODISCARD enum err http_server_accept(struct http_server *server) AWAITS;

/* Take new limits from the next connection (or request) on; any loop sees them at once. */
void http_server_reconfigure(struct http_server *server, const struct http_server_spec *spec) AWAITS;

/* Drain: stop accepting, close idle connections, answer `Connection: close` from now on, end
 * every open stream through its on_drain callback, wait until all exchanges have ended or
 * `grace_ms` are over, then cancel what is left.
 *   idle_ms    connections on which nothing is asked have this long to ask once more, and are
 *              closed then: a request that is on its way meets no closed door. 0 closes at once
 *   Runs on    a fiber of loop 0 */
void http_server_drain(struct http_server *server, int64_t idle_ms, int64_t grace_ms) AWAITS;

/* After http_server_drain. */
void http_server_free(struct http_server *server);

/* Open now: connections, streams (detached). Since the start: all others; requests counts
 * refused ones too, bytes are without TLS.
 *   Runs on    any thread; approximate while loops run */
struct http_server_stats {
	uint64_t connections, connections_refused, requests, streams, bytes_in, bytes_out;
};
struct http_server_stats http_server_stats(const struct http_server *server);

/* Answer with a whole body. `headers` are full lines ("a: b\r\n"), may be empty; Content-Length,
 * Date, Connection and exchange->extra_headers are added. HEAD sends no body. Bodies of
 * HTTP_GZIP_BYTES_MIN and more are gzipped when `gzip` and the client accepts it.
 * Waits when the connection's queue is full.
 *   Errors     ERR_CLOSED, ERR_CANCELED, ERR_TIMEOUT (nothing more can be answered then) */
struct http_body {
	struct str content_type;
	const struct piece *pieces; /* concatenated; blobs are not copied */
	size_t count;		    /* at most 6 */
	bool gzip;
	struct blob *gzipped; /* NULL, or the whole body already compressed */
};
NODISCARD enum err http_answer(struct http_exchange *exchange, int status, struct str headers,
			       const struct http_body *body) AWAITS;

/* After a whole answer: let the connection go on with its next request while this handler works on.
 * The exchange and its arena live until the handler returns; nothing more can be answered, and
 * exchange->conn and ->memo are NULL. A drain waits for the handler as for any other. */
void http_exchange_release(struct http_exchange *exchange);

/* Server-sent events. Begin writes the head (200, text/event-stream, no-transform, chunked)
 * and a first comment; a keepalive comment follows every keepalive_ms of silence by itself.
 *   Errors     ERR_CLOSED, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err http_sse_begin(struct http_exchange *exchange, struct str headers) AWAITS;

/* One event. Data should be a single line; breaks in it make several `data` lines. A type or id
 * with a line break in it is left out.
 *   Source     the HTML standard, "Server-sent events" */
struct http_event {
	struct str type, id; /* p NULL none */
	struct str data;
	unsigned retry_ms; /* for the client's next connection; 0 none */
	struct blob *blob; /* NULL, or what `data` is a slice of: a long event is not copied then */
};

/* Send one event. Waits for room.
 *   Errors     ERR_CLOSED, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err http_sse_event(struct http_exchange *exchange, const struct http_event *event) AWAITS;

/* The end of the stream and of the answer. */
NODISCARD enum err http_sse_end(struct http_exchange *exchange) AWAITS;

/* An answer that somebody else makes, as it comes: the head, bytes, the end. What was begun and is not ended when the
 * handler returns is cut off. An event stream relayed so gets no keepalive comments of ours.
 *   headers    full lines with Content-Type; Content-Length, Date, Connection and exchange->extra_headers are added
 *   length     of the body, which must have it; -1 when it is not known
 *   Errors     ERR_CLOSED, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err http_relay_begin(struct http_exchange *exchange, int status, struct str headers, int64_t length)
	AWAITS;
NODISCARD enum err http_relay_write(struct http_exchange *exchange, struct str bytes) AWAITS;
NODISCARD enum err http_relay_end(struct http_exchange *exchange) AWAITS;

/* The connection is a replica's, which asks for many clients: it counts no more against its address.
 *   Runs on    the exchange's fiber */
void http_exchange_trust(struct http_exchange *exchange);

/* An idle stream: after http_sse_begin the handler may detach it and return; its fiber,
 * stack and arena go, a small struct stays with the connection. */
struct http_stream;
struct http_stream_events {
	/* The client or the server ended it; the last call. */
	void (*on_close)(void *owner, struct http_stream *stream);
	/* The server drains: say a last word (http_stream_push) and call http_stream_end. NULL: ended at once. */
	void (*on_drain)(void *owner, struct http_stream *stream);
	/* There is room again after http_stream_push refused an event. May be NULL. */
	void (*on_room)(void *owner, struct http_stream *stream);
};
/*   events     borrowed until on_close: make it static
 *   ret_stream until on_close; ERR_LIMIT when STREAMS_MAX are open */
NODISCARD enum err http_sse_detach(struct http_exchange *exchange, const struct http_stream_events *events, void *owner,
				   struct http_stream **ret_stream);

/* Queue one event without waiting; false when the stream's queue is full (not taken; on_room follows)
 * or the stream is ending.
 *   Runs on    the stream's loop */
bool http_stream_push(struct http_stream *stream, const struct http_event *event);
void http_stream_end(struct http_stream *stream);

/* Parsing helpers for handlers: whether Accept (may be empty) allows a media type. */
bool http_accepts(struct str accept, struct str media_type);

/* The reason phrase of a status. */
const char *http_reason(int status);

#endif
