/* Open event streams that no request stands behind any more: what the files about them share.
 *
 *     streams.c         their life on a loop, what is said on them, changed lists
 *     stream_session.c  GET: a session's own stream, and streams that clients resume
 *     stream_listen.c   subscriptions/listen
 *     stream_resource.c subscriptions to resources, of either era
 *
 * While idle a stream is this struct and a connection; a log it has only from its first event on. */
#ifndef GATEHOUSE_GATEWAY_STREAMS_H
#define GATEHOUSE_GATEWAY_STREAMS_H

#include "gateway/event_log.h"
#include "gateway/request.h"
#include "gateway/subscription.h"

enum stream_kind {
	STREAM_SESSION, /* the GET stream of a session: events have ids */
	STREAM_RESUMED, /* the rest of a POST's stream: events have ids */
	STREAM_LISTEN,	/* subscriptions/listen: none, and no replay */
	STREAM_CHANNEL, /* the stream of HTTP+SSE, which is its session */
};

/* What lives as long as the log of a session or of a listen stream: attached to it. */
struct session_notes {
	struct str view;     /* in the same allocation */
	atomic_uint said;    /* HTTP+SSE: what initialize said: revision << 16 | capabilities; 0 nothing yet */
	atomic_uint running; /* HTTP+SSE: messages that are being worked on */
	struct subscription_set subscriptions;
};

struct open_stream {
	uint32_t magic;
	uint8_t kind; /* enum stream_kind */
	bool wants[OFFER_KINDS];
	struct list link; /* in gateway_loop.streams */
	struct gateway_loop *here;
	struct http_stream *stream;
	struct event_reader *reader;		  /* of its log; NULL as long as it has none */
	char session[MCP_SESSION_NUMBER_LEN + 1]; /* empty for STREAM_LISTEN */
	struct caller_mark mark;		  /* whose it is: see stream_watch.c */
	struct policy *policy;	     /* of the tenant, when its lists were last read or told to have changed */
	struct str view, request_id; /* in the same allocation; the id's lexeme */
};

/* A new one for the request; free it as long as stream_keep has not taken it. */
struct open_stream *open_stream_new(struct request *req, enum stream_kind kind, struct str request_id);
void open_stream_free(struct open_stream *open);

/* Let the exchange, whose event stream has begun, go on without its request.
 *   open       taken over, on every path
 *   log        to read from (NULL: none yet), from the event after `after` on, in place of any other reader
 *   Errors     ERR_CLOSED, ERR_LIMIT */
NODISCARD enum err stream_keep(struct request *req, struct open_stream *open, struct event_log *log, uint64_t after);

/* Say something on a stream; twice the same is said once to a client that does not read.
 *   Runs on    its loop */
void stream_say(struct open_stream *open, struct str message);

/* The log of a session's own stream, made when there is none.
 *   returns    with a reference; NULL when there is no room */
struct event_log *session_log(enum event_log_kind kind, const char *session, struct str view);

/* stream_session.c: the session has no stream here any more. */
void session_release(struct open_stream *open);

/* stream_session.c: the open stream of the request's session, if it has one, reads the session's log from
 * now on. */
void streams_attach(struct request *req) AWAITS;

/* stream_policy.c: tell this loop's streams whose tenants have other rules now. */
void streams_check_policies(struct gateway_loop *here) AWAITS;

/* streams.c: tell the streams of a tenant on this loop that their lists may have changed, unless this is the policy
 * that they know. */
void streams_policy_changed(struct gateway_loop *here, struct str tenant_id, struct policy *policy);

/* streams.c: a session's stream has its log. */
void open_stream_attach(struct open_stream *open);

/* What of a listen request is honoured beside changed lists. */
struct listen_honoured {
	struct event_log *log;	   /* where it is written, with a reference; NULL when nothing is */
	struct buf uris, task_ids; /* JSON lists; empty when there are none */
};

/* stream_resource.c: ask for the resources and tasks that a listen request names.
 *   uris, task_ids  what the client sent as these lists; may be NULL
 *   Errors          ERR_CANCELED, ERR_TIMEOUT, ERR_JSON_*, ERR_LIMIT (ret_honoured->log is set all the same) */
NODISCARD enum err listen_wishes(struct request *req, struct open_stream *open, const struct json_member *uris,
				 const struct json_member *task_ids, struct listen_honoured *ret_honoured) AWAITS;

/* stream_listen.c: the answer to the listen request, which ends its stream. */
void listen_put_answer(const struct open_stream *open, struct buf *out);

#endif
