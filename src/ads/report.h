/* Kinds of reports: which platform has them, how long each is fresh, how its rows are read and checked. */
#ifndef GATEHOUSE_ADS_REPORT_H
#define GATEHOUSE_ADS_REPORT_H

#include "ads/source.h"
#include "analytics/rows.h"

enum report_kind {
	REPORT_ACCOUNTS,      /* ad accounts that the credential reaches: no range, no ad account */
	REPORT_CAMPAIGN_DAYS, /* fetch_account_health; always of 90 days: shorter ranges are cut from it */
	REPORT_CAMPAIGNS,     /* fetch_campaigns: no range */
	REPORT_SEARCH_TERMS,  /* fetch_search_terms; Meta: placements */
	REPORT_KEYWORDS,      /* fetch_keyword_quality */
	REPORT_AUCTION,	      /* fetch_auction_insights; Meta: relevance and pressure */
	REPORT_COMPETITORS,   /* allow-listed at Google */
	REPORT_ASSET_GROUPS,  /* fetch_asset_groups */
	REPORT_CATEGORIES,    /* of searches, Performance Max */
	REPORT_SIMULATIONS,
	REPORT_KINDS
};

enum report_range { RANGE_NONE, RANGE_7_DAYS, RANGE_30_DAYS, RANGE_90_DAYS };

struct report_type {
	const char *name; /* "campaign_days": the tool of the connector */
	bool ranged;
	unsigned chunk_days[ADS_PLATFORMS]; /* a request covers so many; 0: the whole range. TikTok: 30 */
	int64_t fresh_s[ADS_PLATFORMS];	    /* 0: the platform has no such report */
};
extern const struct report_type report_types[REPORT_KINDS];

/* A report's document as it is kept: {"rows":[...]} with what its pages had. Read it into rows.
 *   ret_rows   in `arena`, an array of the kind's struct
 *   problem    what is not as it should be: "rows[3].cost_micros: not an integer"
 *   Errors     ERR_UPSTREAM_PROTOCOL: another shape (use the error that exists for this), ERR_LIMIT
 *   Runs on    any thread */
struct ad_account {
	struct str id, name, currency, time_zone, status;
	struct str login_id; /* Google: the manager that it is reached through; empty: none */
};

#endif
