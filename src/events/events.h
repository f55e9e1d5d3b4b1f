/* What platforms have told, kept for the tools that ask for it: see store/event.h for the rows. */
#ifndef GATEHOUSE_EVENTS_EVENTS_H
#define GATEHOUSE_EVENTS_EVENTS_H

#include "store/event.h"

struct events; /* a process's */

struct events_spec {
	struct db *db;
	/* Something new is there for an upstream of a tenant. May be NULL; may not await. */
	void (*told)(void *arg, struct str tenant_id, struct str upstream);
	void *arg;
};

/*   Ownership  the caller frees it, after all calls */
struct events *events_new(const struct events_spec *spec);
void events_free(struct events *events);

/* Keep what came; id and arrival are made here. Once more of the same is OK, and nothing.
 *   event      its `id` and `at_ms` do not count
 *   Errors     ERR_LIMIT: its body is larger than EVENT_BYTES_MAX; ERR_DB ... */
NODISCARD enum err events_keep(struct events *events, const struct platform_event *event) AWAITS;

/* See event_list. */
NODISCARD enum err events_list(struct events *events, struct arena *arena, const struct event_query *query,
			       struct platform_event **ret_events, size_t *ret_count) AWAITS;

/* How many were kept, and how many had been told before.
 *   Runs on    any thread */
struct events_stats {
	uint64_t kept, repeated;
};
struct events_stats events_stats(const struct events *events);

#endif
