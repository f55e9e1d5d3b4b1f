/* Hints to the process's own listener, from any loop. Private to state. */
#ifndef GATEHOUSE_STATE_HINTS_H
#define GATEHOUSE_STATE_HINTS_H

#include <stdatomic.h>

#include "state/state.h"

#define HINTS_UNDER_WAY_MAX 64 /* count: behind that many another one says nothing new */

struct hints {
	void (*on_hint)(void *arg, struct str hint); /* NULL: nobody listens; loop 0's */
	void *arg;
	atomic_uint under_way;
};

/* Tell the listener in a later turn of loop 0; loses it when too many are on their way.
 *   Runs on    any loop; `hints` lives as long as loop 0 runs */
void hints_tell(struct hints *hints, struct str hint);

#endif
