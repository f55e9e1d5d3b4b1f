/* How much work to refuse, from how long work waits: CoDel's control law with a level in place of a drop. Pure: the
 * clock and the waits are the caller's.
 *
 * A short queue at work is good; one that stands is only delay. So what counts is not how long a wait is but how
 * long all waits are: the level rises by one when every wait of a whole interval was over the target, again sooner and
 * sooner while that does not help, and falls by one for each interval that was not. */
#ifndef GATEHOUSE_BASE_CODEL_H
#define GATEHOUSE_BASE_CODEL_H

#include <stdbool.h>
#include <stdint.h>

#define CODEL_MEMORY 16 /* intervals at rest, after which a new rise is as slow as the first */

struct codel_law {
	int64_t target_ms; /* 0: there is none, the level stays 0 */
	int64_t interval_ms;
	unsigned level_max; /* it rises no further; it may be above */
};

/* All zero at first. */
struct codel {
	unsigned level;
	unsigned rises;	 /* of late: each makes the next one come sooner */
	bool above;	 /* the latest wait was over the target */
	int64_t last_ms; /* when it was seen */
	int64_t next_ms; /* when the level moves, if all waits until then are like it */
};

/* Something that has waited `delay_ms` is served now. A clock that goes back stands still.
 *   returns    the level from now on
 *   Source     RFC 8289 s4 (the interval, and its shortening with the square root of the count) */
unsigned codel_take(struct codel *codel, const struct codel_law *law, int64_t now_ms, int64_t delay_ms);

/* The level now, when nothing waits: more than an interval without a wait is time below the target. */
unsigned codel_rest(struct codel *codel, const struct codel_law *law, int64_t now_ms);

/* When the level will be 0 if nothing waits any more. */
int64_t codel_rest_at_ms(const struct codel *codel, const struct codel_law *law);

#endif
