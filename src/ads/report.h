/* Kinds of reports: which platform has them, how long each is fresh, how its rows are read and checked. */
#ifndef GATEHOUSE_ADS_REPORT_H
#define GATEHOUSE_ADS_REPORT_H

#include "ads/source.h"
#include "analytics/rows.h"

enum report_kind {
	REPORT_ACCOUNTS,      /* ad accounts that the credential reaches: no range, no ad account */
	REPORT_CAMPAIGN_DAYS, /* fetch_account_health; always of 90 days: shorter ranges are cut from it */
	REPORT_CAMPAIGNS,     /* fetch_campaigns: no range */
	REPORT_BUDGETS_BELOW, /* Meta, TikTok: budgets that campaigns leave to what is below them */
	REPORT_SEARCH_TERMS,  /* fetch_search_terms; Meta: placements */
	REPORT_PMAX_TERMS,    /* search terms of Performance Max */
	REPORT_KEYWORDS,      /* fetch_keyword_quality */
	REPORT_AUCTION,	      /* fetch_auction_insights; Meta: relevance of ads */
	REPORT_PRESSURE,      /* Meta: prices by week */
	REPORT_COMPETITORS,   /* allow-listed at Google */
	REPORT_ASSET_GROUPS,  /* fetch_asset_groups */
	REPORT_CATEGORIES,    /* of searches, Performance Max */
	REPORT_SIMULATIONS,
	REPORT_KINDS
};

enum report_range { RANGE_NONE, RANGE_7_DAYS, RANGE_30_DAYS, RANGE_90_DAYS, REPORT_RANGES };

struct report_type {
	const char *name; /* "campaign_days": the tool of the connector */
	bool ranged;
	unsigned chunk_days[ADS_PLATFORMS]; /* a request covers so many; 0: the whole range. TikTok: 30 */
	int64_t fresh_s[ADS_PLATFORMS];	    /* 0: the platform has no such report */
};
extern const struct report_type report_types[REPORT_KINDS];

static inline bool report_is_offered(enum report_kind kind, enum ads_platform platform)
{
	return report_types[kind].fresh_s[platform] > 0;
}

/* "last_30_days"; static. RANGE_NONE: "". Days in it; 0. By its name: REPORT_RANGES: none has it. */
const char *report_range_name(enum report_range range);
unsigned report_range_days(enum report_range range);
enum report_range report_range_named(struct str name);

/* Of REPORT_ACCOUNTS. */
struct ad_account {
	struct str id, name, currency, time_zone, status;
	struct str login_id; /* Google: the manager that it is reached through; empty: none */
};

#endif
