/* What platforms have told the gateway of their own accord: rows of a tenant that expire. The same event told twice is
 * one row. */
#ifndef GATEHOUSE_STORE_EVENT_H
#define GATEHOUSE_STORE_EVENT_H

#include "base/random.h"
#include "store/store.h"

#define EVENT_LIFE_MS (7LL * 24 * 3600 * 1000) /* as long as platforms try to tell it */
#define EVENTS_PER_TENANT_MAX 10000	       /* rows; older ones go first */
#define EVENT_BYTES_MAX (64 * 1024)	       /* of a body */

struct platform_event {
	struct str id; /* sortable: later events have greater ones */
	struct str tenant_id, upstream;
	struct str kind;    /* "message", "status", "update" ... */
	struct str route;   /* the platform's id of the account it is about; may be empty */
	struct str subject; /* the id of what it is about; may be empty */
	struct str dedup;   /* unique within the upstream */
	int64_t at_ms;	    /* wall time of its arrival */
	struct str body;    /* JSON object */
};

/* Keep it; what of the tenant has expired goes.
 *   trim       also what is beyond EVENTS_PER_TENANT_MAX goes: costs a walk over the tenant's rows, now and then is
 * enough Errors     ERR_EXISTS: it was told before; ERR_DB ... */
NODISCARD enum err event_add(struct db *db, const struct platform_event *event, bool trim) AWAITS;

/* Which are asked for. Empty texts: any. */
struct event_query {
	struct str tenant_id, upstream, kind, route, subject;
	struct str after; /* greater ids only */
	bool newest;	  /* the last ones, not the first */
	int64_t limit;
};

/* In the order in which they came.
 *   ret_events  in `arena`
 *   Errors      ERR_DB ... */
NODISCARD enum err event_list(struct db *db, struct arena *arena, const struct event_query *query,
			      struct platform_event **ret_events, size_t *ret_count) AWAITS;

#endif
