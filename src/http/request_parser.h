/* One HTTP/1.1 request from bytes, without a socket: llhttp with all its leniencies off, our
 * own limits, and the framing rules llhttp leaves to its user. A parser lives in the
 * request's arena and is good for one request. */
#ifndef GATEHOUSE_HTTP_REQUEST_PARSER_H
#define GATEHOUSE_HTTP_REQUEST_PARSER_H

#include "base/arena.h"
#include "http/header.h"

struct request_parser;

struct request_limits {
	size_t head_bytes_max, body_bytes_max;
};

/* What was parsed. The head's part is valid once request_parser_head_done says so, `body` and
 * `keep_alive` once the request is complete. All of it lives in the arena. */
struct request_head {
	struct str method; /* a token, as it came */
	struct str target;
	struct http_fields fields;
	struct str body;
	unsigned minor;	       /* HTTP/1.0 or 1.1 */
	bool expects_continue; /* and there is a body to come */
	bool keep_alive;       /* the client wants the connection to stay */
};

/* A parser for the next request.
 *   Ownership  in `arena`, as everything that is parsed; `limits` is copied
 *   ret_parser NULL never; ERR_LIMIT can't be: the arena is new
 *   Runs on    any thread */
struct request_parser *request_parser_new(struct arena *arena, const struct request_limits *limits);

/* Take bytes from *input (advancing it) until the request is complete or they are used up.
 * What is kept is copied: the input need not outlive the call.
 *   ret_complete  the request is whole; the rest of *input belongs to the next one
 *   Errors     ERR_HTTP_MALFORMED, ERR_HTTP_HEAD_TOO_LARGE, ERR_HTTP_BODY_TOO_LARGE,
 *              ERR_HTTP_METHOD (CONNECT), ERR_HTTP_EXPECT, ERR_LIMIT (arena). The connection
 *              is lost then: nobody knows where the next request would begin
 *   Source     RFC 9112; the smuggling rules of its sections 3.2, 6.1, 6.3 and 11.2 */
NODISCARD enum err request_parser_feed(struct request_parser *parser, struct str *input, bool *ret_complete);

/* Whether the head is complete (and the body may be on its way). */
bool request_parser_head_done(const struct request_parser *parser);

/* What is known so far. */
struct request_head *request_parser_head(struct request_parser *parser);

/* Bytes of body received so far, and bytes of memory the parser holds for them. */
size_t request_parser_body_bytes(const struct request_parser *parser);
size_t request_parser_held(const struct request_parser *parser);

#endif
