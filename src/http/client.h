/* The HTTP/1.1 client of the hot path: a keep-alive pool per loop and upstream, LIFO. A call
 * is made from a fiber and reads top to bottom. (libcurl serves everything rare; it is not
 * here.) */
#ifndef GATEHOUSE_HTTP_CLIENT_H
#define GATEHOUSE_HTTP_CLIENT_H

#include "http/header.h"
#include "net/stream.h"

struct url {
	bool tls;
	struct str host; /* without brackets */
	uint16_t port;
	struct str path; /* path and query, at least "/" */
	struct str text; /* the whole as given */
};

/* http:// and https:// only; no user info, no fragment.
 *   ret_url    slices of `text`
 *   Errors     ERR_CONFIG */
NODISCARD enum err url_parse(struct str text, struct url *ret_url);

#define URL_BYTES_MAX 2048

/* Whether a stranger's text is a URL that may be asked: of at most URL_BYTES_MAX printable characters.
 *   plain      http will do
 *   ret_url    as url_parse's; set when it is one */
bool url_is_usable(struct str text, bool plain, struct url *ret_url);

/* Whether scheme, host and port are the same. Source     RFC 6454 section 5 */
bool url_same_origin(const struct url *a, const struct url *b);

struct http_pool; /* one loop's connections to one host */

#define HTTP_POOL_CONNECTIONS_MAX 4096 /* of one pool: event streams hold one each */

struct http_pool_spec {
	struct url url;	 /* the host is copied, other strings must outlive the calls */
	struct tls *tls; /* referenced; NULL for plain */
	struct address_guard guard;
	unsigned connections_max; /* callers beyond it queue, UPSTREAM_QUEUE_MAX at most */
	int64_t idle_ms;	  /* an idle connection is closed after this */
	int64_t connect_timeout_ms;
};

/*   Runs on    the loop that will use it */
struct http_pool *http_pool_new(struct loop *loop, const struct http_pool_spec *spec);

/* Close idle connections now, the others when their call ends; then the pool frees itself. */
void http_pool_free(struct http_pool *pool);

struct http_call {
	struct str method;	  /* "POST" */
	struct str path;	  /* path and query */
	struct str headers;	  /* full lines without Host and Content-Length, which are added */
	const struct piece *body; /* pieces, may be NULL */
	size_t body_count;	  /* at most 4 */
	/* Instead of `body`: gives its next bytes, at least one, which stay until it is asked again; body_bytes in all.
	 * AWAITS. Never sent twice; an error of it ends the call. An answer that comes before the end ends the body. */
	enum err (*body_next)(void *arg, struct str *ret_piece);
	void *body_arg;
	uint64_t body_bytes;
	bool fresh;	 /* on a new connection: an idle one may be dead, and it must be known whether this went out */
	bool idempotent; /* may be sent again when a reused connection turns out to be dead before
			  * any byte of an answer; otherwise only when nothing was written */
	bool *sent;	 /* set when the request has gone out, or may have; NULL: nobody asks */
	int64_t timeout_ms; /* for the whole answer, from sending on: ERR_UPSTREAM_TIMEOUT; 0 none. Anew with
			     * each piece of body_next */
	/* Its time is over: how many ms more it gets; 0 none. Until the answer is done with. May be NULL. */
	int64_t (*more_ms)(void *arg);
	void *more_arg;
};

struct http_answer {
	int status;
	struct http_fields fields; /* in the call's arena */
	/* private to client.c from here */
	struct http_client_conn *conn;
	struct arena *arena;
};

/* Send and wait for the head of the answer (1xx skipped).
 *   arena      takes the head; a whole body too
 *   ret_answer in `arena`; http_answer_end must be called on it
 *   Errors     ERR_UPSTREAM_DOWN (connect, reset, TLS, DNS), ERR_UPSTREAM_GARBAGE (not HTTP),
 *              ERR_UPSTREAM_BUSY (queue full), ERR_UPSTREAM_TIMEOUT (the call's own),
 *              ERR_REFUSED_ADDRESS, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err http_call(struct http_pool *pool, struct arena *arena, const struct http_call *call,
			     struct http_answer **ret_answer) AWAITS;

/* The whole body, at most `bytes_max`.
 *   ret_body   in the answer's arena (or a heap block that the arena frees)
 *   Errors     ERR_UPSTREAM_TOO_LARGE, ERR_UPSTREAM_DOWN (cut short), ERR_UPSTREAM_GARBAGE, ERR_CANCELED, ERR_TIMEOUT
 */
NODISCARD enum err http_answer_body(struct http_answer *answer, size_t bytes_max, struct str *ret_body) AWAITS;

/* The next piece of the body, as it arrives; n 0 at the end. Valid until the next call.
 *   Errors     as http_answer_body */
NODISCARD enum err http_answer_read(struct http_answer *answer, struct str *ret_piece) AWAITS;

/* Give the rest of the answer so much time from now on; 0 for as long as it likes. */
void http_answer_timeout(struct http_answer *answer, int64_t timeout_ms);

/* Done with it: a body read to its end gives the connection back, else it is closed (which is
 * how a modern upstream learns of a cancel). NULL is fine. */
void http_answer_end(struct http_answer *answer);

/* Done with it, though its end has not come: what still comes within `ms` is thrown away, so
 * that the connection can serve again. For event streams, whose end comes a little later. */
void http_answer_drain(struct http_answer *answer, int64_t ms);
/* Done with it and with its connection, even after the body's end. For streams that the server
 * ended: it may close what they ran on at the same moment. NULL is fine. */
void http_answer_close(struct http_answer *answer);
static inline void http_answer_auto(struct http_answer **p)
{
	http_answer_end(*p);
}

struct http_pool_stats {
	unsigned open, busy, waiting;
	uint64_t connects, reuses;
};
/* Its figures at this moment.
 *   Runs on    the pool's loop */
struct http_pool_stats http_pool_stats(const struct http_pool *pool);

#endif
