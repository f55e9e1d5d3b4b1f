/* Keeping events: ids that sort by arrival, one row for what is told twice, and a bound on what a tenant has. The bound
 * is looked at now and then, so a tenant may have some more rows than EVENTS_PER_TENANT_MAX for a while. */
#include "events/events.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"

#define EVENTS_MAGIC 0x6576656eu /* "even" */
#define TRIM_EVERY 64		 /* events: rows beyond the bound are at most as many for each loop */

struct events {
	uint32_t magic;
	struct events_spec spec;
	atomic_uint_fast64_t kept, repeated;
	atomic_int_fast64_t last_ms; /* of an id */
};

struct events *events_new(const struct events_spec *spec)
{
	struct events *events = calloc(1, sizeof(*events));

	CHECK(events != NULL);
	events->magic = EVENTS_MAGIC;
	events->spec = *spec;
	return events;
}

void events_free(struct events *events)
{
	if (events == NULL)
		return;
	CHECK_OBJ(events, EVENTS_MAGIC);
	events->magic = 0;
	free(events);
}

/* Each event has a millisecond of its own in its id, a later one if need be: who reads on from an id misses none of
 * those that came with it. */
static void make_id(struct events *events, int64_t now_ms, char out[ID_LEN + 1])
{
	int64_t last_ms = atomic_load(&events->last_ms), at_ms;

	do {
		at_ms = now_ms > last_ms ? now_ms : last_ms + 1;
	} while (!atomic_compare_exchange_weak(&events->last_ms, &last_ms, at_ms));
	random_id_at(at_ms, out);
}

AWAITS enum err events_keep(struct events *events, const struct platform_event *event, bool *ret_new)
{
	char id[ID_LEN + 1];
	struct platform_event made = *event;
	enum err err;

	CHECK_OBJ(events, EVENTS_MAGIC);
	if (event->body.n > EVENT_BYTES_MAX)
		return ERR_LIMIT;
	made.at_ms = clock_wall_ms();
	make_id(events, made.at_ms, id);
	made.id = (struct str){id, ID_LEN};
	err = event_add(events->spec.db, &made, atomic_load(&events->kept) % TRIM_EVERY == 0);
	if (err == ERR_EXISTS) {
		atomic_fetch_add(&events->repeated, 1);
		*ret_new = false;
		return OK;
	}
	TRY(err);
	atomic_fetch_add(&events->kept, 1);
	*ret_new = true;
	return OK;
}

AWAITS enum err events_list(struct events *events, struct arena *arena, const struct event_query *query,
			    struct platform_event **ret_events, size_t *ret_count)
{
	CHECK_OBJ(events, EVENTS_MAGIC);
	return event_list(events->spec.db, arena, query, ret_events, ret_count);
}

struct events_stats events_stats(const struct events *events)
{
	CHECK_OBJ(events, EVENTS_MAGIC);
	return (struct events_stats){.kept = atomic_load(&events->kept), .repeated = atomic_load(&events->repeated)};
}
