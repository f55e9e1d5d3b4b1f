/* What malloc keeps goes back to the system when the process has come to rest. */
#ifndef GATEHOUSE_RT_REST_H
#define GATEHOUSE_RT_REST_H

#include "rt/fiber.h"

struct rest {
	struct group group; /* of the loop that began it */
};

/* Begin to look: one fiber that sleeps nearly all the time. `rest` stays where it is until rest_end.
 *   Errors     ERR_BUSY, ERR_LIMIT: no fiber
 *   Runs on    a fiber, any loop, both on the same one */
NODISCARD enum err rest_begin(struct rest *rest);
void rest_end(struct rest *rest) AWAITS;

/* What malloc has given out, what its threads keep at hand for the next small pieces included. 0 where it does not
 * tell. Locks each part of the heap for a moment: for who looks, not for each request.
 *   Runs on    any thread */
uint64_t heap_used_bytes(void);

#endif
