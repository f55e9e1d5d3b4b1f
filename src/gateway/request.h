/* One request on its way through the corridor: what each room has found out so far. It lives
 * in the exchange's arena and on one fiber. */
#ifndef GATEHOUSE_GATEWAY_REQUEST_H
#define GATEHOUSE_GATEWAY_REQUEST_H

#include "gateway/event_log.h"
#include "gateway/gateway.h"
#include "mcp/era.h"
#include "mcp/session.h"
#include "policy/policy.h"

/* Where the answer to a request goes. Only answer.c looks at it. */
enum answer_door {
	DOOR_EXCHANGE, /* the HTTP exchange that it came in: JSON, or an event stream */
	DOOR_LOG,      /* its session's stream (HTTP+SSE); the exchange is over */
	DOOR_BATCH,    /* its place among the answers to the batch that it is an element of */
};

struct allowance;

struct request {
	uint32_t magic;
	struct gateway *gateway;
	struct gateway_loop *here;
	struct http_exchange *exchange;
	struct arena *arena;
	struct config *config;	 /* held while the request runs */
	struct catalog *catalog; /* held while the request runs */
	const struct catalog_view *view;
	struct list running;	 /* in gateway_loop.running: see running.h */
	struct visible *visible; /* held while the request runs; NULL: the view is the whole one, and nobody judges */

	/* who: admission.c */
	struct str id; /* X-Request-Id */
	char ip[ADDRESS_TEXT_MAX];
	struct str ip_text;
	struct caller caller;
	struct access_class *access; /* whose class it is in, held while the request runs; NULL: not admitted */
	struct allowance *allowance; /* held while the request runs; NULL: of no tenant */

	/* what: the message and its era */
	struct str body; /* the exchange's, or an element of it */
	struct mcp_message message;
	struct mcp_verdict verdict;
	enum mcp_method method;
	bool modern;
	enum mcp_revision revision;
	struct mcp_session session; /* legacy */
	bool has_session;
	bool accepts_json, accepts_sse;

	/* how it is answered: answer.c's */
	enum answer_door door;
	bool streaming;	       /* the answer is an event stream already, or is becoming one */
	bool away;	       /* the client's connection is gone; the stream goes on in the log */
	bool said_all;	       /* the answer is complete: events come too late */
	struct gate speaking;  /* one fiber at a time writes on the stream */
	struct event_log *log; /* of the stream; NULL when nothing of it is kept */
	struct request *whole; /* DOOR_BATCH: the request that this one is an element of */
	bool counts;	       /* an element that the rates have still to see */
	bool forwarded;	       /* another replica sent it: it is served here */
	bool counted;	       /* the rates have seen it already, there */
	struct str *answers;   /* of a batch's elements so far */
	size_t answer_count;
	struct asker *asker; /* of a legacy client's running call; NULL: it can be asked nothing */

	/* how it ends */
	int64_t started_ns;
	struct str target, upstream; /* for log and audit */
	struct str outcome;	     /* "ok", "tool_error" or an error's name */
	struct str problem;	     /* a text for this error that says more than the table's */
	struct str problem_link;     /* goes behind it for the caller alone: a secret, never logged */
	struct str problem_data;     /* JSON for error.data; not logged either */
	uint64_t bytes_in, bytes_out;
};

/* admission.c: who is asking, and are they within their limits?
 *   Errors     ERR_HTTP_ORIGIN, ERR_BLOCKED, ERR_RATE_LIMITED, ERR_UNAUTHENTICATED, ERR_KEY_INVALID, ERR_DB ... */
NODISCARD enum err request_admit(struct request *req) AWAITS;

/* The same where tools are called: the operator's key is none for that.
 *   Errors     also ERR_FORBIDDEN, with req->problem */
NODISCARD enum err request_admit_client(struct request *req) AWAITS;

/* session.c: the legacy session this request belongs to.
 *   Errors     ERR_MCP_SESSION_NEEDED, ERR_MCP_SESSION_UNKNOWN, ERR_MCP_VERSION_HEADER */
NODISCARD enum err request_session(struct request *req) AWAITS;

/* session.c: answer initialize with a new session; end one (DELETE). */
NODISCARD enum err request_initialize(struct request *req) AWAITS;
NODISCARD enum err request_end_session(struct request *req) AWAITS;

/* methods.c: run the message's method. It answers, or returns why not. */
NODISCARD enum err request_run_method(struct request *req) AWAITS;

/* answer.c: the ways to answer. Each writes the whole answer.
 *   Errors     ERR_CLOSED, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err answer_json(struct request *req, int status, struct str headers, const struct piece *pieces,
			       size_t count) AWAITS;
NODISCARD enum err answer_result(struct request *req, struct str result) AWAITS;
NODISCARD enum err answer_accepted(struct request *req) AWAITS;
NODISCARD enum err answer_pieces(struct request *req, const struct piece *pieces, size_t count) AWAITS;
NODISCARD enum err answer_message(struct request *req, struct str message) AWAITS; /* JSON, or the last event */
NODISCARD enum err answer_batch(struct request *req) AWAITS; /* the elements' answers, or 202 when there are none */
void answer_error(struct request *req, enum err err) AWAITS; /* answer_error.c */

/* answer.c: start the event stream if it has not begun, and send one message on it. A session's client
 * that has gone can come back for it: then this is no error.
 *   Errors     ERR_CLOSED: nobody can ever read it; ERR_CANCELED, ERR_TIMEOUT, ERR_BUSY
 *   Runs on    any fiber of the request's loop, while the request runs */
NODISCARD enum err answer_event(struct request *req, struct str message) AWAITS;

/* answer.c: whether its client can hear something, and be asked something, before the answer. */
bool answer_can_stream(const struct request *req);

/* answer.c: ready to answer; nothing will be said any more. */
void answer_begin(struct request *req);
void answer_finish(struct request *req);

/* relay.c: calls that an upstream answers. */
NODISCARD enum err relay_tool(struct request *req) AWAITS;
NODISCARD enum err relay_prompt(struct request *req) AWAITS;
NODISCARD enum err relay_resource(struct request *req) AWAITS;
NODISCARD enum err relay_completion(struct request *req) AWAITS;

/* stream_session.c: the session's GET stream; a stream that the client lost, with Last-Event-ID.
 *   Errors     ERR_HTTP_ACCEPT, ERR_MCP_SECOND_STREAM, ERR_MCP_EVENT_ID, ERR_LIMIT ... */
NODISCARD enum err stream_open_session(struct request *req) AWAITS;

/* stream_session.c: end the GET stream of the request's session, wherever it is served, and all that
 * is kept of its streams. */
void streams_end_session(struct request *req) AWAITS;

/* stream_listen.c: subscriptions/listen.
 *   Errors     ERR_RPC_PARAMS, ERR_HTTP_ACCEPT, ERR_LIMIT ... */
NODISCARD enum err stream_open_listen(struct request *req) AWAITS;

/* stream_resource.c: resources/subscribe and unsubscribe of a session.
 *   Errors     ERR_RPC_PARAMS, ERR_MCP_NO_RESOURCE, ERR_RPC_METHOD (the server tells nothing), ERR_LIMIT,
 *              those of upstream_watch */
NODISCARD enum err resource_subscribe(struct request *req) AWAITS;
NODISCARD enum err resource_unsubscribe(struct request *req) AWAITS;

/* streams.c: tell every stream of this loop that lists have changed; the first loop and the last also
 * tell sessions that are away.
 *   Runs on    the loop, callback or fiber */
void streams_lists_changed(struct gateway_loop *here, const struct catalog *before, const struct catalog *after);

/* log_level.c: tell a legacy server that somebody wants messages from this level on (p NULL: from none);
 * keep the level a session asked for; which one holds for this request (p NULL: none was named); whether a message of
 * level `text` may go to its client. Errors     ERR_RPC_PARAMS: no such level */
void log_level_want(const struct catalog_item *item, struct str text);
NODISCARD enum err log_level_set(struct request *req, struct str text) AWAITS;
struct str log_level_of(struct request *req) AWAITS;
bool log_level_admits(struct request *req, struct str text) AWAITS;

/* in_flight.c: legacy calls that notifications/cancelled may end. `slot` is the caller's. */
struct in_flight {
	struct str key;
	struct fiber *fiber;
	struct gateway_loop *here;
};
void in_flight_begin(struct request *req, struct in_flight *slot);
void in_flight_end(struct in_flight *slot);
void in_flight_cancel(struct request *req, struct str id_lexeme) AWAITS;

#endif
