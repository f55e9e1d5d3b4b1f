/* What the budget optimizer has decided, and how it is told. */
#ifndef GATEHOUSE_ANALYTICS_BUDGET_H
#define GATEHOUSE_ANALYTICS_BUDGET_H

#include "analytics/bootstrap.h"
#include "analytics/unit.h"

struct plan {
	struct unit_list list;
	struct unit **free_units; /* those that may be changed */
	size_t free_count;
	int pct;				 /* up and down, of each */
	int64_t total_micros;			 /* a day, of the free ones: the same before and after */
	double value_current, value_recommended; /* a day, by the curves */
	bool changed;
	struct confidence confidence; /* if changed */
	bool actionable;
};

/* Append the tool's `data`. */
void budget_put(struct buf *out, const struct plan *plan);
/* Draw current and recommended spend of the largest units. */
void budget_draw(struct analysis *analysis, const struct plan *plan);

#endif
