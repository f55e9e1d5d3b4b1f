/* What the files of this room share: the upstream, one loop's lane of it, its instances and
 * what a call needs to know of a ready one. */
#ifndef GATEHOUSE_UPSTREAM_PRIVATE_H
#define GATEHOUSE_UPSTREAM_PRIVATE_H

#include <pthread.h>

#include "http/client.h"
#include "upstream/breaker.h"
#include "upstream/fair.h"
#include "upstream/upstream.h"

#define UPSTREAM_MAGIC 0x55505301u
#define INSTANCE_MAGIC 0x494e5301u
#define OFFER_MAGIC 0x4f464601u

#define UPSTREAM_START_MS 120000 /* a child's first answer: npx may have to download it */
#define UPSTREAM_BACKOFF_MIN_MS 250
#define UPSTREAM_BACKOFF_MAX_MS 30000
#define UPSTREAM_VERDICT_MS 3600000 /* an era verdict is asked for anew after it */
#define UPSTREAM_INSTANCES_MAX 4096 /* per upstream */
#define UPSTREAM_EVENT_BYTES_SMALL 4096
#define UPSTREAM_LOG_LEVELS 8 /* also: none is wanted */

/* What a call must know of a ready instance. Immutable but for `stale`; reference-counted
 * across loops. */
struct facts {
	uint32_t magic;
	atomic_uint refs;
	atomic_bool stale; /* its session is gone: ask for new ones */
	enum mcp_revision revision;
	uint64_t serial; /* tells two facts apart after one is gone */
	bool has_session;
	bool channeled;			    /* asked through a channel, not by this head */
	struct str head;		    /* header lines of every request; in the same block */
	_Alignas(64) atomic_uint in_flight; /* these two only for instances that are reaped */
	atomic_llong used_ms;
};

/* Buffers of one call, kept by the lane for the next one. */
struct scratch {
	struct scratch *next;
	struct buf head, body;
};

/* One loop's share of an upstream: only that loop writes it, health reads the counters. */
struct lane {
	_Alignas(64) struct loop *loop;
	struct http_pool *pool; /* NULL before the first call here and after the stop */
	struct facts *facts;	/* of the shared instance, one reference; NULL: not known here */
	struct fair fair;	/* this loop's places, when they are divided */
	struct scratch *scratch;
	unsigned scratch_count;
	uint64_t calls_made;  /* for ids */
	struct list askables; /* calls whose clients can be asked; this loop's alone */
	atomic_ullong calls, failures;
	atomic_llong latency_us;
	atomic_uint in_flight;
};

/* What a server said of itself. */
struct hello {
	enum mcp_revision revision;
	struct str server_info, instructions, capabilities; /* as in struct offer */
	bool tools, prompts, resources, completions, logging, subscribe;
	bool list_changed;   /* it announces changes of some of its lists */
	bool lists_silent;   /* ... but not of all */
	unsigned extensions; /* bits of enum mcp_extension */
};

/* Whose instance it is, as far as the isolation asks. All empty: the shared one. */
struct instance_owner {
	struct str tenant, principal, session;
	uint16_t capabilities; /* of the session's client; no part of the key */
};

/* One child, or one session with an HTTP server, under its isolation key. Home loop only.
 *   (new) --> RESTING --wanted, rest over--> STARTING --ok--> READY
 *               ^  ^                            |               |
 *               |  +----------- failed ---------+               |
 *               +------- crashed, session lost -----------------+
 *   any of them --idle, forgotten, upstream stopped--> STOPPING --> freed */
enum instance_state { INSTANCE_RESTING, INSTANCE_STARTING, INSTANCE_READY, INSTANCE_STOPPING, INSTANCE_STATES };

struct instance {
	uint32_t magic;
	enum instance_state state;
	struct upstream *upstream;
	struct str key; /* empty: the shared one; made of: */
	struct instance_owner owner;
	struct facts *facts; /* READY */
	struct arena *arena; /* of `hello`; replaced at each start */
	struct hello hello;
	bool channeled;		   /* it is asked through a channel; fixed by the last start */
	struct channel *channel;   /* NULL none at the moment */
	struct fiber *listener;	   /* hears its GET stream; NULL none, or the shared one's */
	struct fiber *starter;	   /* STARTING */
	struct wait *channel_wait; /* the starter waits for the end of the channel */
	struct list waiters;	   /* for the end of the start, or of the stop */
	enum err start_error;
	unsigned failures; /* starts in a row that failed or did not last */
	unsigned pins;	   /* fibers that use it across an await */
	unsigned in_flight;
	int64_t not_before_ms, ready_since_ms, used_ms;
	uint64_t first_caller; /* hash of tenant and principal */
	bool many_callers;     /* calls of others came too */
	unsigned log_level;    /* that it was told; UPSTREAM_LOG_LEVELS: none */
	unsigned noise_lines;  /* of stdout since the last warning */
	int64_t noise_logged_ms;
};

enum keeper_wish {
	KEEPER_CONNECT = 1 << 0, /* the shared instance was lost or has started anew */
	KEEPER_LISTS = 1 << 1,	 /* what it offers has changed */
	KEEPER_REPORT = 1 << 2,	 /* the state has changed elsewhere */
	KEEPER_LEVEL = 1 << 3,	 /* a lower log level is wanted */
	KEEPER_ACCOUNT = 1 << 4, /* there may be an account to read lists with, where there was none */
};

struct upstream {
	uint32_t magic;
	atomic_uint refs;
	struct arena *arena; /* the spec's strings */
	struct upstream_spec spec;
	struct upstream_events events;
	struct url url;
	struct tls *tls;
	struct str config_lines, own_lines; /* the configured headers; those that only our own requests have */
	struct loop *home;
	struct lane *lane;
	unsigned lanes;
	bool divided; /* the places are divided over the lanes; else all are at home */
	/* any thread */
	atomic_bool stopped;
	_Atomic(enum upstream_state) state;
	_Atomic(enum mcp_revision) revision;
	atomic_bool channeled;	 /* how its instances were asked last: through channels, or by exchanges */
	atomic_bool renegotiate; /* a call learned that the known era is not right any more */
	atomic_bool troubled;	 /* the breaker is not closed and clean: look at it */
	atomic_uint log_level;	 /* the lowest that anybody wanted; UPSTREAM_LOG_LEVELS: none */
	atomic_uint keeper_wishes;
	atomic_bool keeper_posted;
	struct task keeper_task;
	atomic_uint instance_count, children, helpers; /* helpers: fibers that still use it */
	atomic_ullong restarts;
	pthread_mutex_t lock; /* guards these four, for moments */
	struct breaker breaker;
	enum err last_error;
	char last_error_text[160];
	int64_t since_ms;
	/* home loop */
	struct fair fair; /* all places, or a channel's */
	struct map instances, pending;
	struct timer reaper;
	enum mcp_revision verdict; /* of the last probe */
	int64_t verdict_at_ms;
	struct fiber *keeper;	     /* NULL: not running */
	struct listening *listening; /* the stream that is heard; NULL none */
	struct listening *opening;   /* the one that will replace it; NULL none */
	unsigned own_streams;	     /* GET streams of instances that are not the shared one */
	bool deaf;		     /* the server offers no such stream */
	struct map watches;
	size_t watch_bytes;
	uint64_t watch_opening; /* counts the streams that named them */
	struct fiber *teller;	/* NULL: not running */
	int64_t lists_ttl_ms;	/* after which a modern server's lists are read again, unless changes are announced */
	bool lists_silent;	/* it does not announce all */
	struct wait *keeper_wait;
	struct timer keeper_timer;
	unsigned keeper_failures; /* in a row */
	uint64_t heard_serial;	  /* of the facts that the listener listens to */
	struct offer *offer;	  /* one reference; NULL none yet */
};

/* lane.c */
struct lane *lane_here(struct upstream *upstream);
/* What any connection to this server needs; connections_max is the caller's. */
struct http_pool_spec lane_pool_spec(const struct upstream *upstream);
struct http_pool *lane_pool(struct upstream *upstream, struct lane *lane);
uint64_t lane_next_id(struct upstream *upstream, struct lane *lane);
struct scratch *lane_scratch(struct lane *lane);
void lane_scratch_back(struct lane *lane, struct scratch *scratch);
void lane_free_scratch(struct lane *lane);
/* Start a helper fiber of the upstream's on the calling loop; it must end with upstream_helper_end. */
NODISCARD enum err upstream_helper(struct upstream *upstream, const char *name, fiber_main *main, void *arg,
				   int64_t timeout_ms, struct fiber **ret_fiber);
void upstream_helper_end(struct upstream *upstream);

/* health.c. A verdict on the server, from a call or from the keeper. Any loop. */
void upstream_set_state(struct upstream *upstream, enum upstream_state to);
void upstream_note_error(struct upstream *upstream, enum err err, struct str text);
NODISCARD enum err upstream_admit(struct upstream *upstream);
void upstream_judge(struct upstream *upstream, enum err err);
void upstream_well(struct upstream *upstream);

/* keeper.c. Any loop. */
void keeper_wish(struct upstream *upstream, unsigned wishes);
void keeper_main(void *arg) AWAITS;

#endif
