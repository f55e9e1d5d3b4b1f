/* Event logs: what a stream of a session has said, kept for a client that loses its connection
 * and comes back. One log stands behind the GET stream of a session, behind each POST of a
 * session whose answer became a stream, and behind the stream of the HTTP+SSE transport.
 *
 * A log is written from any loop and read by at most one connection, on any loop. Everything is
 * bounded, and the oldest goes first: bytes and events of a log, logs of a session and of the
 * process, bytes of all, and the time a log lives that nobody reads.
 *   Source     transports, "Resumability and Redelivery" (2025-03-26 and later) */
#ifndef GATEHOUSE_GATEWAY_EVENT_LOG_H
#define GATEHOUSE_GATEWAY_EVENT_LOG_H

#include "base/blob.h"
#include "rt/loop.h"

#define EVENT_LOG_EVENTS_MAX 256	  /* count: more than a client can sensibly have missed */
#define EVENT_LOG_BYTES_MAX (1 << 20)	  /* of one log: an answer of that size still survives */
#define EVENT_CHANNEL_EVENTS_MAX 1024	  /* count, not read yet */
#define EVENT_CHANNEL_BYTES_MAX (4 << 20) /* not read yet, beside one answer of any size */
#define EVENT_LOGS_PER_SESSION_MAX 64	  /* count: streamed calls that a session has under way */
#define EVENT_LOGS_MAX 8192		  /* count, in the process */
#define EVENT_LOGS_BYTES_MAX (64 << 20)	  /* of all logs */
#define EVENT_LOG_AGE_MS (5 * 60 * 1000)  /* since nobody reads it: clients come back within seconds */
#define EVENT_LOGS_SWEEP_MS (15 * 1000)	  /* how late an old log may go */

struct event_log;
struct event_reader;

enum event_log_kind {
	EVENT_LOG_SESSION = 's', /* what belongs to no call: one in a session */
	EVENT_LOG_REQUEST = 'r', /* the answer to one POST */
	/* Nobody can come back to these: what was read is gone at once. */
	EVENT_LOG_CHANNEL = 'c', /* HTTP+SSE: nothing may be left out; one that is not read in time ends */
	EVENT_LOG_LISTEN = 'l',	 /* subscriptions/listen */
};

struct event_log_spec {
	enum event_log_kind kind;
	struct str session;    /* its number: MCP_SESSION_NUMBER_LEN bytes */
	struct str request_id; /* JSON-RPC lexeme of the POST's request; p NULL none */
	/* What else lives as long as the log: released with it, on any thread. May be NULL. */
	void *attachment;
	void (*attachment_free)(void *attachment);
};

/* Begin a log; one more reference is the table's, which lets go of it by age or for want of room. A
 * session has one log of its own: when there is one already, it is that, and the caller keeps the
 * attachment.
 *   returns    with a reference; NULL when the bounds leave no room (the stream then has no ids)
 *   Runs on    any loop */
struct event_log *event_log_new(const struct event_log_spec *spec);

/* The log of this session with this serial; 0: the session's own, whatever its serial is.
 *   returns    with a reference, or NULL: never was, is gone, or is another session's
 *   Runs on    any loop */
struct event_log *event_log_find(enum event_log_kind kind, struct str session, uint64_t serial);

/* One reference more, and less; the last one frees. unref(NULL) is fine.
 *   Runs on    any thread */
struct event_log *event_log_ref(struct event_log *log);
void event_log_unref(struct event_log *log);

/* What the spec attached; lives as long as the log. The number that tells the log from the session's
 * others, never 0. */
void *event_log_attachment(const struct event_log *log);
uint64_t event_log_serial(const struct event_log *log);

/* Add an event and wake the reader.
 *   once       leave it out when the same text is there already and was not read yet
 *   returns    its number, from 1 on; 0 when it was left out or the log has ended
 *   Runs on    any loop, fiber or callback */
uint64_t event_log_append(struct event_log *log, struct str text, bool once);

/* Nothing more will come: the reader ends after the last event. */
void event_log_end(struct event_log *log);

/* Let go of all logs of a session; their readers hear the end.
 *   returns    whether there were any */
bool event_logs_forget_session(struct str session);

#define EVENTS_UNREAD UINT64_MAX /* from where the last reader stopped */

/* Begin to read on the calling loop. `wake(owner)` is called on it whenever something may be there;
 * look at once, too.
 *   after      the number of the last event that the reader has; EVENTS_UNREAD
 *   take_over  a reader that the log has is replaced: it hears EVENTS_TAKEN_OVER
 *   returns    until event_reader_leave; NULL when another reads and `take_over` is not set */
struct event_reader *event_log_read(struct event_log *log, uint64_t after, bool take_over, void (*wake)(void *owner),
				    void *owner);
void event_reader_leave(struct event_reader *reader);

enum event_state {
	EVENTS_NONE,	   /* not yet */
	EVENTS_NEXT,	   /* here is one */
	EVENTS_OVER,	   /* that was the last */
	EVENTS_LOST,	   /* that was the last that is left, but not the last that was written */
	EVENTS_TAKEN_OVER, /* another connection reads now */
};
struct event {
	uint64_t number;
	struct blob *text; /* with a reference for the caller */
};

/* The next event, and that it is with the client now. Dropped ones are passed over.
 *   Runs on    the reader's loop */
enum event_state event_reader_peek(struct event_reader *reader, struct event *ret_event);
void event_reader_took(struct event_reader *reader, uint64_t number);
struct event_log *event_reader_log(const struct event_reader *reader);

/* Whether somebody reads the log: then a POST's own connection must not send its events any more. */
bool event_log_is_read(struct event_log *log);

/* Call for each session's own log that has no reader just now.
 *   visit      must not touch logs other than the one it is given; append to it is allowed */
void event_logs_unread(void (*visit)(struct event_log *log, void *arg), void *arg);

/* Let go of the logs that nobody has read for EVENT_LOG_AGE_MS. */
void event_logs_sweep(int64_t now_ms);

/* Begin to do so now and then, on the calling loop; let go of all. */
void event_logs_start(void);
void event_logs_stop(void);

/* Kept now.
 *   Runs on    any thread */
struct event_log_stats {
	uint64_t logs, bytes;
};
struct event_log_stats event_logs_stats(void);

#endif
