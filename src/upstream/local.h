/* Servers within the process: upstreams of kind UPSTREAM_LOCAL. Whoever makes the upstream serves it, by a table of
 * functions; this room knows no more of it than that it has tools and resources. Places, breaker, counters and stop are
 * as for any server; there is no session, no instance and no bytes on a wire. */
#ifndef GATEHOUSE_UPSTREAM_LOCAL_H
#define GATEHOUSE_UPSTREAM_LOCAL_H

#include "base/arena.h"

struct offer_item;
struct upstream_call;
struct upstream_spec;
struct upstream_local; /* what is served: reference-counted, immutable, its owner's alone */

struct local_offer {
	struct str server_info;	 /* JSON object */
	struct str instructions; /* plain; p NULL none */
	const struct offer_item *tools;
	const struct offer_item *resources; /* each may be watched: see upstream_watch */
	size_t tool_count, resource_count;  /* at most UPSTREAM_ITEMS_MAX */
};

struct local_request {
	struct str tool;      /* by the name that the offer has */
	struct str arguments; /* a JSON object */
};

struct local_answer {
	struct str result; /* of tools/call, a JSON object; in the call's arena */
	bool sick;	   /* it is an answer, but what stands behind the tool did not work: counts for the breaker */
	uint64_t bytes_out, bytes_in;
};

struct upstream_locals {
	struct upstream_local *(*ref)(struct upstream_local *local);
	void (*unref)(struct upstream_local *local);
	/* What spec->local offers, in `arena`. Must not wait. */
	void (*offer)(const struct upstream_spec *spec, struct arena *arena, struct local_offer *ret_offer);
	/* AWAITS. On the caller's fiber and loop; spec->local is served. */
	enum err (*call)(void *arg, const struct upstream_spec *spec, struct upstream_call *call,
			 const struct local_request *request, struct local_answer *ret_answer);
	/* AWAITS. As `call`: the result of resources/read, a JSON object in the call's arena. ERR_NOT_FOUND: there is
	 * none of this URI. NULL: it offers no resources. */
	enum err (*read)(void *arg, const struct upstream_spec *spec, struct upstream_call *call, struct str uri,
			 struct str *ret_result);
	void *arg;
};

/* Tell the client of a running call how far it is, if it wants to hear that.
 *   total      0: not known
 *   text       may be empty
 *   Errors     what the call's on_notification returned: the client is gone
 *   Runs on    the call's fiber */
NODISCARD enum err upstream_local_progress(const struct upstream_call *call, uint64_t done, uint64_t total,
					   struct str text) AWAITS;

#endif
