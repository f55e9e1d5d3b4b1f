/* What platforms have told, kept for the tools that ask for it: see store/event.h for the rows. */
#ifndef GATEHOUSE_EVENTS_EVENTS_H
#define GATEHOUSE_EVENTS_EVENTS_H

#include "store/event.h"

struct events; /* a process's */

struct events_spec {
	struct db *db;
};

/*   Ownership  the caller frees it, after all calls */
struct events *events_new(const struct events_spec *spec);
void events_free(struct events *events);

/* Keep what came; id and arrival are made here. Once more of the same is OK, and nothing.
 *   event      its `id` and `at_ms` do not count
 *   ret_new    whether it was not there before
 *   Errors     ERR_LIMIT: its body is larger than EVENT_BYTES_MAX; ERR_DB ... */
NODISCARD enum err events_keep(struct events *events, const struct platform_event *event, bool *ret_new) AWAITS;

/* See event_list. */
NODISCARD enum err events_list(struct events *events, struct arena *arena, const struct event_query *query,
			       struct platform_event **ret_events, size_t *ret_count) AWAITS;

/* An event as callers read it: {id, kind, route?, subject?, at, body}. */
void event_put(const struct platform_event *event, struct buf *out);

/* What an upstream's platform told a tenant last, in the order in which it came, as much as stays within both bounds:
 * {"events":[...],"older":BOOL}. One event is there however large it is.
 *   ret_json   in `arena`
 *   Errors     ERR_DB ... */
#define EVENTS_NEWEST_MAX 50
#define EVENTS_NEWEST_BYTES_MAX (256 * 1024) /* of their bodies: it is read as a whole, by a model at worst */
NODISCARD enum err events_newest(struct events *events, struct arena *arena, struct str tenant_id, struct str upstream,
				 struct str *ret_json) AWAITS;

/* How many were kept, and how many had been told before.
 *   Runs on    any thread */
struct events_stats {
	uint64_t kept, repeated;
};
struct events_stats events_stats(const struct events *events);

#endif
