/* What the files of the HTTP client share: the reader of answers (client_parse.c), the
 * connections (client_conn.c), the pool they come from (client_pool.c) and the calls made on
 * them (client.c). */
#ifndef GATEHOUSE_HTTP_CLIENT_PRIVATE_H
#define GATEHOUSE_HTTP_CLIENT_PRIVATE_H

#include <llhttp.h>

#include "http/client.h"

#define HTTP_POOL_MAGIC 0x48504c01u
#define HTTP_CONN_MAGIC 0x48434e01u
#define HTTP_HOP_MAGIC 0x48484f01u

/* The reader of one answer after another. The head is gathered in the call's arena; pieces of
 * the body go to `on_body` as they come.
 *
 *   HEAD --end of the head, not 1xx--> BODY --last byte--> DONE
 *    ^ 1xx: once more                                        |
 *    +------------------- reply_reset <----------------------+ */
enum reply_state { REPLY_HEAD, REPLY_BODY, REPLY_DONE };

struct reply_span {
	uint32_t name, name_n, value, value_n; /* offsets in reply.text */
};

struct reply {
	llhttp_t llhttp;
	enum reply_state state;
	enum err err;	 /* why a callback stopped the parser */
	bool keep_alive; /* valid when DONE */
	bool bodiless;	 /* the answer to a HEAD */
	struct arena *arena;
	char *text; /* names and values, one after the other */
	struct reply_span *span;
	uint32_t text_n, text_cap, span_n, span_cap;
	uint32_t head_bytes, interim; /* over all 1xx too */
	struct http_fields fields;    /* these two set when the head is complete */
	int64_t length;		      /* of the body as announced, -1 when it was not */
	enum err (*on_body)(void *owner, struct str piece);
	void *owner;
};

/* Ready for the answer to the next call, whose head goes to `arena`. */
void reply_reset(struct reply *reply, struct arena *arena);

/* Take bytes as they came. Bytes behind a complete answer are an error: nobody asked for them.
 *   Errors     ERR_UPSTREAM_GARBAGE, ERR_UPSTREAM_TOO_LARGE, or what on_body returned */
NODISCARD enum err reply_read(struct reply *reply, struct str bytes);

/* The peer closed: the end of a body without a length, else a cut.
 *   Errors     ERR_UPSTREAM_DOWN */
NODISCARD enum err reply_finish(struct reply *reply);

struct http_hop;

/*   (new) --> IDLE --call--> BUSY --answer read to its end--> IDLE
 *              |              |  +--the end comes a little later--> DRAINING --> IDLE
 *              +--- closed ---+----------------------------------------+--> CLOSING --> freed */
enum http_conn_state { HTTP_CONN_IDLE, HTTP_CONN_BUSY, HTTP_CONN_DRAINING, HTTP_CONN_CLOSING };

struct http_client_conn {
	uint32_t magic;
	enum http_conn_state state;
	struct http_pool *pool;
	struct stream *stream;
	struct list link; /* in pool->idle, newest first */
	int64_t idle_since_ms;
	bool served;	      /* a call before this one */
	struct http_hop *hop; /* NULL unless BUSY */
	struct timer timer;   /* of DRAINING */
	struct reply reply;
};

/* One call and its answer. The answer's fiber and the connection's callbacks take turns. */
struct http_hop {
	struct http_answer answer; /* the public face, first */
	uint32_t magic;
	struct http_pool *pool;
	struct wait *waiter; /* the fiber, when it waits */
	struct timer timer;
	int64_t (*more_ms)(void *arg);
	void *more_arg;
	enum err failure; /* sticky; OK while all is well */
	bool head, done;  /* what has arrived */
	bool any_byte;	  /* of the answer */
	bool cut;	  /* the body was not sent to its end: the connection is of no more use */
	bool streaming;	  /* read piece by piece: the arena is out of it */
	bool paused;
	size_t whole_max; /* http_answer_body's bytes_max, 0 before it was called */
	char *body;	  /* in the arena */
	size_t body_n, body_cap;
	struct buf filling, given; /* pieces of a streaming body: they swap at each read */
};

struct http_pool {
	uint32_t magic;
	bool closing;
	struct loop *loop;
	struct http_pool_spec spec;
	struct buf host;	/* what spec.url.host is a slice of: connectors outlive callers */
	struct buf host_line;	/* "Host: x\r\n" */
	struct buf post_prefix; /* "POST path HTTP/1.1\r\nHost: x\r\n" */
	struct gate gate;
	struct list idle;
	struct timer sweep;
	unsigned open, connecting, hops, draining;
	uint64_t connects, reuses;
	uint64_t taken;		   /* connections that callers got so far */
	struct address address[8]; /* as resolved */
	size_t address_count;
	int64_t resolved_until_ms;
	bool resolving;
	struct list resolvers; /* waits of connectors while another one resolves */
};

/* An idle or a new connection, BUSY; the caller holds a place of the gate, which is left when
 * there is an error.
 *   fresh      an idle one will not do
 *   Errors     ERR_UPSTREAM_DOWN, ERR_REFUSED_ADDRESS, ERR_UPSTREAM_BUSY, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err http_pool_take(struct http_pool *pool, bool fresh, struct http_client_conn **ret_conn) AWAITS;

/* To the idle ones. */
void http_pool_put(struct http_client_conn *conn);

/* Free a closing pool once nothing uses it. */
void http_pool_settle(struct http_pool *pool);

/* Connect to one of the pool's addresses; the connection goes to the idle ones.
 *   Errors     ERR_IO, ERR_DNS, ERR_TLS, ERR_REFUSED_ADDRESS, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err http_conn_open(struct http_pool *pool) AWAITS;

/* Move to another state; a move that cannot be is a bug. */
void http_conn_set_state(struct http_client_conn *conn, enum http_conn_state to);
/* Close at once, without telling its hop. Harmless when it is closing already. */
void http_conn_close(struct http_client_conn *conn);

/* Read an answer to its end without anybody listening, then go idle. */
void http_conn_drain(struct http_client_conn *conn, int64_t ms);

/* What a connection tells its hop (client.c), from callbacks. */
void http_hop_head(struct http_hop *hop);
enum err http_hop_body(void *hop, struct str piece);
void http_hop_done(struct http_hop *hop);
void http_hop_drained(struct http_hop *hop);
void http_hop_fail(struct http_hop *hop, enum err err);

#endif
