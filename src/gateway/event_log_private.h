/* What event_log.c (a log's events and its reader) and event_table.c (where logs are found, and
 * when they go) share. */
#ifndef GATEHOUSE_GATEWAY_EVENT_LOG_PRIVATE_H
#define GATEHOUSE_GATEWAY_EVENT_LOG_PRIVATE_H

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"
#include "gateway/event_log.h"

#define EVENT_LOG_MAGIC 0x45564c47u /* "EVLG" */
#define EVENT_SESSION_BYTES 16	    /* of a session number */
#define EVENT_OVERHEAD_BYTES 64	    /* of an event beside its text: blob and allocator */

/* One of the tables, chosen by the session's hash; its lock is over all that its logs say so. */
struct event_shelf {
	pthread_mutex_t lock;
	struct map by_session; /* of struct session_logs */
	struct list by_age;    /* logs that may go, the longest unread first */
	size_t count;
};

struct session_logs {
	char session[EVENT_SESSION_BYTES];
	struct list logs;
	size_t count;
};

struct event_log {
	uint32_t magic;
	atomic_uint refs;
	struct event_shelf *shelf;
	enum event_log_kind kind;
	uint64_t serial;
	void *attachment;
	void (*attachment_free)(void *attachment);

	/* under the shelf's lock */
	struct session_logs *siblings; /* NULL: not in the table any more */
	struct list link;	       /* in siblings->logs */
	struct list age_link;	       /* in shelf->by_age */
	int64_t unread_since_ms;
	struct event_reader *reader;
	struct blob **ring; /* event n at ring[n % cap], NULL when it was too large; first <= n < next */
	uint64_t first, next, taken;
	size_t cap, bytes;
	bool ended;
};

extern _Atomic uint64_t event_bytes_kept;

/* With the lock held: nothing more will be written; the log may go from now on, if it may at all;
 * take a log out of the table, into a list; do so with old ones until all are within their bytes. */
void event_log_finish(struct event_log *log);
void event_log_note_unread(struct event_log *log);
void event_log_leave(struct event_log *log, struct list *gone);
void event_shelf_relieve(struct event_shelf *shelf, struct list *gone);

/* Without it: let go of those taken out. */
void event_logs_release(struct list *gone);

#endif
