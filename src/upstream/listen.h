/* The stream on which a server tells of changes, and what it is asked to tell. Home loop only. */
#ifndef GATEHOUSE_UPSTREAM_LISTEN_H
#define GATEHOUSE_UPSTREAM_LISTEN_H

#include "upstream/ask.h"
#include "upstream/watch.h"

/* listen.c: one stream of the shared instance, opened again when it breaks. */

/* Begin to listen to the shared instance as it is now; a stream to what it was before ends. */
void listen_begin(struct upstream *upstream);
void listen_end(struct upstream *upstream);

/* Another stream with the watches as they are now; the present one ends when the new one is
 * acknowledged, so that nothing is missed.
 *   Errors     ERR_RPC_METHOD (the server offers none), ERR_UPSTREAM_*, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err listen_renew(struct upstream *upstream) AWAITS;

/* The first message of a modern stream has come. */
void listen_acknowledged(struct listening *listening, const struct mcp_message *message);

/* One GET stream of a legacy instance, to its end.
 *   opened      (may be NULL) called when there is one, before anything is heard */
enum listen_end { LISTEN_AGAIN, LISTEN_NOT_OFFERED, LISTEN_LOST };
enum listen_end listen_stream(struct instance *instance, struct http_pool *pool, void (*opened)(void *arg), void *arg)
	AWAITS;

/* listen_own.c: the same for an instance that is not the shared one, from when it is ready to when it is
 * lost or stopped; at most UPSTREAM_OWN_STREAMS_MAX of an upstream's are heard. */
void listen_own_begin(struct instance *instance);
void listen_own_end(struct instance *instance);

/* watch.c: which resources and tasks are watched. */

/* Append the members that name them in subscriptions/listen: ,"resourceSubscriptions":[...]
 *   returns    the number of this opening, for watch_acknowledged */
uint64_t watch_put_wanted(struct upstream *upstream, struct buf *out);
bool watch_is_empty(const struct upstream *upstream);

/* The server has said which of those it honours; `mark` is the instance's. */
void watch_acknowledged(struct upstream *upstream, uint64_t opening, uint64_t mark, const struct mcp_message *message);

/* Changes may have gone by unheard: whoever watches a resource is told that it has changed. */
void watch_missed(struct upstream *upstream);

/* The shared instance is ready anew: a legacy one is told what is watched. */
void watch_tell_again(struct upstream *upstream);
/* The same for one that may be another than before. */
void watch_doubt(struct upstream *upstream);
void watch_stop(struct upstream *upstream);
void watches_free(struct upstream *upstream);

/* Hand a notification to the upstream's events.
 *   Runs on    any loop; elsewhere than at home it is copied and posted */
void watch_notify(struct upstream *upstream, const struct mcp_message *message);

/* Tells one ready instance from all others, also from its own next life; never 0. */
static inline uint64_t watch_mark(const struct instance *instance)
{
	return instance->facts->serial + 1;
}

/* level.c: tell instances from which level on they shall log. */

/* One that is just starting, or ready. */
void level_tell(struct instance *instance) AWAITS;
/* All that are ready. */
void level_tell_all(struct upstream *upstream) AWAITS;

#endif
