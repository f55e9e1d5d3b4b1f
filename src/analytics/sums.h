/* Sums over windows of a history, within the room. All pure, any thread. */
#ifndef GATEHOUSE_ANALYTICS_SUMS_H
#define GATEHOUSE_ANALYTICS_SUMS_H

#include "analytics/analytics.h"
#include "analytics/civil.h"

/* How many days; as many just before. */
int days_of(struct day_range range);
struct day_range days_before(struct day_range range);

/* Whether what happened in a window is known, so that no row means nothing happened. */
bool history_knows(const struct history *history, struct day_range window);

/* Whether nothing happened. */
bool figures_are_none(const struct figures *figures);

/* What each campaign did in a window, and all together.
 *   ret_sums   in `arena`, by the index of the campaign
 *   Errors     ERR_LIMIT: the arena is over */
NODISCARD enum err sums_by_campaign(struct arena *arena, const struct history *history, struct day_range window,
				    struct figures *ret_total, struct figures **ret_sums);

/* What happened each day of a window; days without rows are zero. The same otherwise. */
NODISCARD enum err sums_by_day(struct arena *arena, const struct history *history, struct day_range window,
			       struct figures **ret_sums);

#endif
