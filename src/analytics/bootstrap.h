/* How sure a recommendation is: the same recommendation under many histories that could as well have been. Step 10 of
 * the optimizer. */
#ifndef GATEHOUSE_ANALYTICS_BOOTSTRAP_H
#define GATEHOUSE_ANALYTICS_BOOTSTRAP_H

#include "analytics/fit.h"

#define BOOTSTRAP_REPLICATES 200
#define BOOTSTRAP_BLOCK_DAYS 7 /* a week stays together: weekdays, and what follows from the day before */

struct bootstrap_unit {
	const struct series *series;
	struct curve curve; /* with points: only its level varies */
	double current, recommended;
};

struct confidence {
	double low_pct, high_pct; /* of what is won: 80 % of the histories are between */
	double better;		  /* share of histories in which the recommendation wins */
};

/* Try the recommendation.
 *   window_days  slots of the series, BOOTSTRAP_BLOCK_DAYS to FIT_DAYS_MAX
 *   seed         the same one gives the same answer
 *   Errors       ERR_LIMIT (arena)
 *   Runs on      any thread; some milliseconds a unit */
NODISCARD enum err bootstrap_try(struct arena *arena, const struct bootstrap_unit *units, size_t count,
				 size_t window_days, uint64_t seed, struct confidence *ret_confidence);

#endif
