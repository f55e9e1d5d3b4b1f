/* The layout of one loop's counters, shared by the file that counts and the one that prints. */
#ifndef GATEHOUSE_GATEWAY_METRICS_PRIVATE_H
#define GATEHOUSE_GATEWAY_METRICS_PRIVATE_H

#include <stdatomic.h>

#include "catalog/metric_slot.h"
#include "gateway/metrics.h"
#include "gateway/shed.h"

#define METRIC_BUCKETS 16 /* the last one is +Inf */

typedef _Atomic(uint64_t) metric_number;

struct metric_histogram {
	metric_number bucket[METRIC_BUCKETS]; /* not cumulative here */
	metric_number sum_us;
};

struct metric_item {
	struct metric_histogram latency;
	metric_number failures;
};

struct metrics {
	metric_number status_class[6]; /* by the first digit of the status; [0]: none was written */
	metric_number error[ERR_COUNT];
	metric_number limited[METRIC_LIMITS];
	metric_number policy[METRIC_POLICIES];
	metric_number forward[METRIC_FORWARDS];
	metric_number shed[WORKS][RANKS];
	metric_number auth_failures;
	metric_number refused;
	struct metric_histogram request;
	struct metric_item item[METRIC_SLOTS_MAX];
};

/* Upper bounds of all buckets but the last, in us. */
extern const int64_t metric_bucket_us[METRIC_BUCKETS - 1];

#endif
