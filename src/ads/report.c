/* What reports there are. How long each is fresh is a matter of what it costs to ask and of how fast it changes:
 * figures of days each hour, what people searched for every two, shares of auctions every four, what an account is
 * every six. TikTok tells daily figures of 30 days at most in a request. */
#include "ads/report.h"

#define HOURS 3600
#define EVERYWHERE(hours)                                                                                              \
	{                                                                                                              \
		(hours) * HOURS, (hours)*HOURS, (hours)*HOURS                                                          \
	}
#define GOOGLE(hours)                                                                                                  \
	{                                                                                                              \
		(hours) * HOURS, 0, 0                                                                                  \
	}
#define GOOGLE_META(hours)                                                                                             \
	{                                                                                                              \
		(hours) * HOURS, (hours)*HOURS, 0                                                                      \
	}

const struct report_type report_types[REPORT_KINDS] = {
	[REPORT_ACCOUNTS] = {"accounts", false, {0}, EVERYWHERE(6)},
	[REPORT_CAMPAIGN_DAYS] = {"campaign_days", true, {0, 0, 30}, {1 * HOURS, 1 * HOURS, 2 * HOURS}},
	[REPORT_CAMPAIGNS] = {"campaigns", false, {0}, {1 * HOURS, 1 * HOURS, 2 * HOURS}},
	[REPORT_BUDGETS_BELOW] = {"budgets_below", false, {0}, {0, 1 * HOURS, 2 * HOURS}},
	[REPORT_SEARCH_TERMS] = {"search_terms", true, {0}, GOOGLE_META(2)},
	[REPORT_PMAX_TERMS] = {"pmax_terms", true, {0}, GOOGLE(2)},
	[REPORT_KEYWORDS] = {"keywords", true, {0}, GOOGLE(4)},
	[REPORT_AUCTION] = {"auction", true, {0}, GOOGLE_META(4)},
	[REPORT_PRESSURE] = {"pressure", true, {0}, {0, 4 * HOURS, 0}},
	[REPORT_COMPETITORS] = {"competitors", true, {0}, GOOGLE(4)},
	[REPORT_ASSET_GROUPS] = {"asset_groups", true, {0}, GOOGLE(2)},
	[REPORT_CATEGORIES] = {"categories", true, {0}, GOOGLE(4)},
	[REPORT_SIMULATIONS] = {"simulations", false, {0}, GOOGLE(4)},
};

static const struct {
	const char *name;
	unsigned days;
} ranges[REPORT_RANGES] = {
	[RANGE_NONE] = {"", 0},
	[RANGE_7_DAYS] = {"last_7_days", 7},
	[RANGE_30_DAYS] = {"last_30_days", 30},
	[RANGE_90_DAYS] = {"last_90_days", 90},
};

const char *report_range_name(enum report_range range)
{
	return ranges[range].name;
}

unsigned report_range_days(enum report_range range)
{
	return ranges[range].days;
}

enum report_range report_range_named(struct str name)
{
	int range = RANGE_7_DAYS;

	while (range < REPORT_RANGES && !str_eq(name, str_of(ranges[range].name)))
		range++;
	return range;
}
