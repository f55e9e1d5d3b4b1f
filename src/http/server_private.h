/* What the files of the HTTP server share: a server, its part on each loop, a connection, and
 * the request under way on it.
 *
 *     server.c       specs, listeners, drain, statistics
 *     conn.c         a connection's states, what it reads, its time-outs
 *     exchange.c     a parsed request becomes an exchange on a fiber, and ends
 *     answer.c       whole answers
 *     event_stream.c server-sent events from a handler, and the framing of events
 *     stream_idle.c  event streams without a handler
 *     relayed.c      answers that somebody else makes, as they come
 *     conn_caps.c    how many connections, in all and for each peer */
#ifndef GATEHOUSE_HTTP_SERVER_PRIVATE_H
#define GATEHOUSE_HTTP_SERVER_PRIVATE_H

#include <stdatomic.h>

#include "http/conn_caps.h"
#include "http/request_parser.h"
#include "http/server.h"

#define HTTP_SERVER_MAGIC 0x48535201u
#define HTTP_CONN_MAGIC 0x48434e01u
#define HTTP_EXCHANGE_MAGIC 0x48455801u
#define HTTP_STREAM_MAGIC 0x48535401u

#define PIPELINE_BYTES_MAX 65536	/* kept of what a client sends ahead; then it is paused */
#define BODIES_BYTES_MAX (256ull << 20) /* request bodies held by one loop */
#define BODY_BYTES_PER_S_MIN 4096	/* slower on the whole is an attack */
#define LINGER_MS 2000			/* for the client to read the last answer */
#define ANSWER_PIECES_MAX 6		/* of a body; the head makes seven */
#define LISTENERS_MAX 32

#define DATE_LINE_BYTES 37 /* "Date: Sat, 21 Nov 2026 01:02:03 GMT\r\n" */

/* Counted on one loop, read from any. */
typedef _Atomic uint64_t counter;

struct http_counters {
	counter connections, connections_refused, requests, streams, bytes_in, bytes_out;
};

/* A server's part on one loop. Touched by that loop only, but for the counters. */
struct http_home {
	struct http_server *server;
	struct loop *loop;
	struct http_server_spec spec; /* trusted_proxies is our copy */
	struct list conns;
	struct list released; /* requests whose connection goes on without them */
	size_t conn_count;
	uint64_t bodies_bytes;
	bool draining;
	struct wait *empty; /* of the draining fiber */
	int64_t date_until_ms;
	char date[DATE_LINE_BYTES + 1];
	struct http_counters counters;
};

struct http_server {
	uint32_t magic;
	struct conn_caps *caps;
	atomic_uint streams; /* open, in all loops: STREAMS_MAX */
	unsigned home_count, listener_count;
	struct listener *listener[LISTENERS_MAX];
	struct http_home *home[LOOPS_MAX];
};

/* See the drawing in conn.c. */
enum conn_state {
	CONN_IDLE,
	CONN_HEAD,
	CONN_BODY,
	CONN_HANDLING,
	CONN_FLUSHING,
	CONN_STREAMING,
	CONN_CLOSING,
};

/* The request under way, in its own arena. */
struct http_request {
	struct http_exchange exchange;
	struct http_home *home;
	struct list link; /* in home->released */
	struct request_parser *parser;
	struct fiber *fiber; /* once it is handled */
	size_t held;	     /* bytes counted in home->bodies_bytes */
	int64_t body_since_ms;
	bool continued; /* 100 (Continue) was sent */
	bool old;	/* HTTP/1.0 */
	bool keep_alive;
	bool accepts_gzip;
	bool asterisk;	   /* OPTIONS * */
	bool sse, sse_end; /* an answer of unknown end was begun (an event stream, or a relayed one), was ended */
	bool relayed;	   /* somebody else makes it */
	bool chunked;	   /* of a relayed one */
};

struct http_conn {
	uint32_t magic;
	uint8_t state;	 /* enum conn_state */
	bool first : 1;	 /* no request was complete yet: the head's deadline runs since the accept */
	bool eof : 1;	 /* the client sent its FIN and still waits for an answer */
	bool paused : 1; /* more was sent ahead than we keep */
	bool keep : 1;	 /* in FLUSHING: go on with the next request afterwards */
	struct http_home *home;
	struct stream *stream; /* NULL once it is closed */
	struct list link;      /* home->conns */
	struct timer timer;
	int64_t deadline_ms;	      /* on loop_now(); 0 none. The timer may be due earlier */
	size_t queued_then;	      /* stream_queued when the deadline was set: did it move? */
	struct http_request *request; /* NULL between requests */
	struct http_stream *detached;
	struct buf pending; /* sent ahead; its first `parsed` bytes are used up */
	size_t parsed;
	struct list room; /* struct wait: writers waiting for the queue to drain */
	void *memo;
	struct conn_peer *peer; /* this peer's place in the caps; may be NULL */
};

static inline void counter_add(counter *c, uint64_t n)
{
	/* One writer each: a plain addition that others may read. */
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

/* conn.c */
void conn_set_state(struct http_conn *conn, enum conn_state to);
void conn_set_deadline(struct http_conn *conn, int64_t after_ms);
bool conn_on_accept(void *owner, struct stream *stream);
void conn_refuse(struct http_conn *conn, enum err why);
void conn_close(struct http_conn *conn, int64_t flush_ms);
void conn_request_done(struct http_conn *conn);	   /* handled: go on with the next, or close */
void conn_request_release(struct http_conn *conn); /* the same, but the request lives on */
void conn_free(struct http_conn *conn);
void home_check_empty(struct http_home *home); /* wake the drain when nothing is left */

/* Wait until the write queue has room.
 *   Errors     ERR_CLOSED, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err conn_wait_room(struct http_conn *conn) AWAITS;

/* exchange.c */
struct http_request *request_new(struct http_conn *conn);
void request_free(struct http_request *request); /* its arena, and the count of its body */
NODISCARD enum err request_dispatch(struct http_conn *conn);
static inline struct http_request *request_of(struct http_exchange *exchange)
{
	return CONTAINER_OF(exchange, struct http_request, exchange);
}

/* answer.c */
struct str http_date(struct http_home *home);
struct str answer_head(struct arena *arena, const struct str *parts, size_t count);
struct str status_line(struct arena *arena, int status);
void answer_refusal(struct http_conn *conn, enum err why);

/* event_stream.c: write one event, bytes of one, a comment, or the end, as a chunk (or bare, to HTTP/1.0). */
void event_write(struct http_conn *conn, const struct http_event *event, bool chunked);
void bytes_write(struct http_conn *conn, struct str bytes, bool chunked);
void event_comment(struct http_conn *conn, bool chunked);
void event_finish(struct http_conn *conn, bool chunked);

/* stream_idle.c */
struct http_stream;
void stream_idle_closed(struct http_conn *conn);
void stream_idle_drain(struct http_conn *conn);
void stream_idle_room(struct http_conn *conn);
bool stream_idle_is_chunked(const struct http_conn *conn);

#endif
