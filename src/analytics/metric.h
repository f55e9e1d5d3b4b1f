/* The metrics of figures as a table, within the room: their names, units, and which way is good. */
#ifndef GATEHOUSE_ANALYTICS_METRIC_H
#define GATEHOUSE_ANALYTICS_METRIC_H

#include "analytics/rows.h"

enum metric {
	METRIC_SPEND,
	METRIC_IMPRESSIONS,
	METRIC_CLICKS,
	METRIC_CONVERSIONS,
	METRIC_VALUE,
	METRIC_CTR,
	METRIC_CPC,
	METRIC_CPM,
	METRIC_CVR,
	METRIC_CPA,
	METRIC_ROAS,
	METRICS
};

enum metric_unit { UNIT_AMOUNT, UNIT_COUNT, UNIT_RATIO };

struct metric_type {
	const char *name;   /* "ctr" */
	const char *member; /* with its unit: "ctr_ratio" */
	enum metric_unit unit;
	int good; /* 1: more is better, -1: less, 0: neither */
};
extern const struct metric_type metric_types[METRICS];

/* "amount", "count", "ratio"; static. */
const char *metric_unit_name(enum metric_unit unit);

/* In micros where it is an amount; NaN: undefined. */
double metric_of(const struct figures *figures, enum metric metric);

/* Append its value; the whole member. Sums of money are exact. */
void put_metric_value(struct buf *out, const struct figures *figures, enum metric metric);
void put_metric(struct buf *out, const struct figures *figures, enum metric metric);

#endif
