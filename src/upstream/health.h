/* How an upstream is: its state, what it has done, what waits for it. */
#ifndef GATEHOUSE_UPSTREAM_HEALTH_H
#define GATEHOUSE_UPSTREAM_HEALTH_H

#include "mcp/compose.h"

struct upstream;

enum upstream_state { UPSTREAM_CONNECTING, UPSTREAM_UP, UPSTREAM_DOWN, UPSTREAM_RESTING, UPSTREAM_STOPPED };
/* "connecting", "up", ...; static. */
const char *upstream_state_name(enum upstream_state state);

struct upstream_health {
	enum upstream_state state;
	enum mcp_revision revision;
	enum err last_error;
	char last_error_text[160]; /* redacted; empty when fine */
	int64_t latency_us;	   /* of the last good answer */
	int64_t since_ms;	   /* wall time of the last state change */
	unsigned instances, children, in_flight, queued;
	unsigned shed_level; /* ranks below this one may not wait for a place: see fair.h */
	unsigned lines;	     /* tenants with calls that wait for a place */
	uint64_t calls, failures, restarts;
	uint64_t queue_waits, queue_wait_ms,
		queue_refused; /* calls that waited and how long in all; that got no place */
};
/*   Runs on    any thread */
struct upstream_health upstream_health(struct upstream *upstream);

#endif
