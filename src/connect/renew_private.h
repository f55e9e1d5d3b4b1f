/* What the two halves of a renewal share: who may (renew.c), and what they do then (renew_held.c). Private to them. */
#ifndef GATEHOUSE_CONNECT_RENEW_PRIVATE_H
#define GATEHOUSE_CONNECT_RENEW_PRIVATE_H

#include "connect/connect_private.h"
#include "connect/renew.h"

#define RENEW_ARENA_BYTES (4 * 1024 * 1024) /* a row, its grant, and all of a discovery's documents */
#define RENEW_ASK_MS 20000		    /* what a service may take: discovery is up to five requests */
#define RENEW_LEASE_MS 30000		    /* asking, and keeping what was answered */
#define RENEW_MARGIN_MS 5000 /* before a lease's end nobody is asked any more: clocks of machines differ */
#define RENEW_KEEP_MS 60000  /* how long a database may be away with a new token in our hands */

struct renewal {
	struct connect *connect;
	struct arena *arena; /* this lies in it */
	struct connect_at at;
	int64_t old_ms;
	bool refused;
};

/* With the lease: ask, and write what came of it.
 *   arena      for what is secret
 *   until_ms   the lease's end; wall time */
NODISCARD enum err renew_held(struct renewal *renewal, struct arena *arena, const struct grant *grant,
			      const struct credential_row *row, struct str by, int64_t until_ms) AWAITS;

#endif
