/* Units of the budget optimizer: a campaign, or the campaigns that share a budget; what they spent, whether one may
 * move their spend, and what it brings. Steps 1 to 6 and 11. */
#ifndef GATEHOUSE_ANALYTICS_UNIT_H
#define GATEHOUSE_ANALYTICS_UNIT_H

#include "analytics/analytics.h"
#include "analytics/fit.h"

#define UNITS_MAX 50	/* those with the most spend; the rest is left alone */
#define UNIT_LAG_DAYS 3 /* the last days' conversions are not all there yet */

enum unit_hold {
	UNIT_FREE,
	UNIT_PAUSED,
	UNIT_LIFETIME,
	UNIT_TOO_FEW_DAYS,
	UNIT_TOO_FEW_CONVERSIONS,
	UNIT_NO_VARIATION,
	UNIT_NO_RESPONSE,
};
/* "too_few_days"; NULL: it is free */
const char *unit_hold_name(enum unit_hold hold);

enum unit_limited { UNIT_LIMITED_UNKNOWN, UNIT_LIMITED_NO, UNIT_LIMITED_YES };

struct unit {
	struct str id, name; /* of a shared budget: its first campaign's */
	bool shared;
	/* From its campaigns: */
	bool running, lifetime;
	int64_t budget_micros;	/* a day; -1: not known */
	double lost_to_budget;	/* the most of them; below 0: not known */
	struct figures figures; /* of the window */
	size_t campaigns;
	/* Studied: */
	enum unit_hold hold;
	enum unit_limited limited;
	int64_t current_micros; /* a day, as of late */
	int64_t largest_micros; /* a day's */
	double current_roas;	/* of the same days; NaN */
	struct series series;
	struct curve curve; /* if free: calibrated, or a simulation's */
	struct fit fit;	    /* if it is a logarithm, or was to be one */
	bool fitted;
	/* Decided: */
	int64_t recommended_micros;
};

struct unit_list {
	struct unit *units; /* by spend, descending */
	size_t count, left_out;
	struct day_range window; /* at most FIT_DAYS_MAX; its last UNIT_LAG_DAYS are in no series */
	bool conversions;	 /* what is counted; true though value was asked for: there is none */
};

/* Make and study the units of a history.
 *   ret_list   in the arena, borrows from `input`
 *   Errors     ERR_LIMIT (arena) */
NODISCARD enum err unit_list_make(struct arena *arena, const struct budget_input *input, struct unit_list *ret_list);

#endif
