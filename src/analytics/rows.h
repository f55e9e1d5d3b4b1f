/* What the computations read: rows of platforms' reports in one form for all platforms. Money is int64 micros
 * (millionths of the account's currency), a day is a number, ratios are never rows but computed from sums. Texts and
 * arrays are borrowed from whoever read the report; nothing here owns memory. Pure data, any thread.
 *
 *   Source     doc/decisions/0018-ad-analytics.md */
#ifndef GATEHOUSE_ANALYTICS_ROWS_H
#define GATEHOUSE_ANALYTICS_ROWS_H

#include "base/str.h"

#define MICROS 1000000 /* in one unit of a currency */

/* A civil date as days since 1970-01-01, in the time zone of the account. */
typedef int32_t civil_day;

/* What is summed. Conversions may be fractions (attribution). */
struct figures {
	int64_t cost_micros, value_micros;
	int64_t impressions, clicks;
	double conversions;
};

enum campaign_status { CAMPAIGN_ACTIVE, CAMPAIGN_PAUSED, CAMPAIGN_REMOVED, CAMPAIGN_UNKNOWN };

/* Both ends included. */
struct day_range {
	civil_day start, end;
};

/* ---- campaign_days: what each campaign did each day ---- */

struct campaign {
	struct str id, name;
	struct str channel; /* the platform's word ("SEARCH", "PERFORMANCE_MAX"); empty: none */
	enum campaign_status status;
	/* From the report `campaigns`, as far as that is there: */
	struct str budget_id;  /* empty: none; campaigns that share one have the same */
	int64_t budget_micros; /* a day; -1: not known */
	bool budget_is_lifetime, budget_is_shared;
	double lost_to_budget; /* share of impressions lost to it, 0 to 1; below 0: not known */
};

struct campaign_day {
	uint32_t campaign; /* index */
	civil_day day;
	struct figures figures;
};

/* Days without a row had nothing. Rows are ordered by campaign, then day; at most one for both. */
struct history {
	const struct campaign *campaigns;
	size_t campaign_count;
	const struct campaign_day *days;
	size_t day_count;
	struct day_range range; /* that was asked for */
	bool range_is_all;	/* true: what was before is not known (previous windows outside it are null) */
};

/* ---- search_terms and placements (Meta) ---- */

enum term_status { TERM_NONE, TERM_ADDED, TERM_EXCLUDED };

struct term {
	struct str text; /* of a placement: "publisher_platform/platform_position" */
	struct str campaign_id, ad_group_id, match_type;
	bool performance_max; /* the campaign is one: negatives go to the campaign */
	bool learning;	      /* Meta: an ad set is in its learning phase, which a change would begin anew */
	enum term_status status;
	struct figures figures;
};

/* ---- keywords ---- */

enum rank { RANK_UNKNOWN, RANK_BELOW_AVERAGE, RANK_AVERAGE, RANK_ABOVE_AVERAGE };

struct keyword {
	struct str campaign_id, ad_group_id, criterion_id, text, match_type;
	int quality; /* 1 to 10; 0: the platform has none */
	enum rank expected_ctr, ad_relevance, landing_page;
	struct figures figures;
};

/* ---- asset_groups, search_categories (Performance Max) ---- */

struct asset_group {
	struct str campaign_id, campaign_name, id, name, status, primary_status, ad_strength;
	struct figures figures;
};

struct search_category {
	struct str campaign_id, label;	/* empty: uncategorised */
	struct figures figures;		/* cost_micros is 0: the platform tells none */
	int64_t volume_min, volume_max; /* -1: not known */
};

/* ---- auction: own shares by campaign and week; competitors ---- */

/* Shares are 0 to 1; below 0: absent. 0.0999 means "less than 0.1", lost shares of 0.9001 "more than 0.9". */
struct auction_week {
	struct str campaign_id, campaign_name;
	civil_day week; /* its Monday */
	int64_t impressions;
	double share, top, absolute_top, click_share, exact_match, lost_budget, lost_rank;
};

struct competitor {
	struct str domain;
	double share, overlap, outranking, position_above, top, absolute_top;
};

/* ---- relevance and pressure (Meta's stand-ins) ---- */

struct ranked_ad {
	struct str id, name, campaign_id;
	enum rank quality, engagement, conversion;
	int64_t impressions, cost_micros;
	double frequency;
};

struct pressure_week {
	civil_day week;
	int64_t cost_micros, impressions, reach;
};

/* ---- simulations (Google): what a campaign's budget would bring, of seven days ---- */

struct simulation_point {
	int64_t cost_micros, value_micros;
	double conversions;
};

struct simulation {
	struct str campaign_id;
	const struct simulation_point *points; /* by cost, ascending */
	size_t point_count;
};

#endif
