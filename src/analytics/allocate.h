/* A total divided among curves, so that it brings the most. Step 7 of the optimizer. Pure, any thread. */
#ifndef GATEHOUSE_ANALYTICS_ALLOCATE_H
#define GATEHOUSE_ANALYTICS_ALLOCATE_H

#include "analytics/curve.h"

struct portion {
	struct curve curve;
	int64_t low_micros, high_micros; /* bounds, 0 <= low <= high */
	int64_t micros;			 /* out: its part */
};

/* Give each its part: within its bounds, all together exactly `total_micros`, which is not below the sum of `low` nor
 * above that of `high`. Where it can, every part is at the same slope; those at their upper bound are steeper, those at
 * the lower one flatter. */
void allocate(struct portion *portions, size_t count, int64_t total_micros);

#endif
