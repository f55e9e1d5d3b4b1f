/* `ads`: how long reports of ad platforms are fresh. A table a platform, a field for each report that it has; what they
 * are without being set stands beside them, and is what room ads has by itself (report.c). */
#include "gateway/config.h"
#include "gateway/config_tables.h"

#define FRESH_MS_MIN 60000		  /* a minute: platforms count requests by the day */
#define FRESH_MS_MAX (7LL * 24 * 3600000) /* a week: then numbers are history */
#define FRESH(platform, kind, key, hours, what)                                                                        \
	{                                                                                                              \
		key, CONF_MS, offsetof(struct config, ads_fresh_ms[platform][kind]),                                   \
			.low = FRESH_MS_MIN, .high = FRESH_MS_MAX, .fallback = hours, .doc = what                      \
	}
#define TABLE(title, fields)                                                                                           \
	{                                                                                                              \
		title, fields, ARRAY_LEN(fields)                                                                       \
	}

static const struct conf_field google_fields[] = {
	FRESH(ADS_GOOGLE, REPORT_ACCOUNTS, "accounts", "6h", "Which ad accounts are reached."),
	FRESH(ADS_GOOGLE, REPORT_CAMPAIGN_DAYS, "campaign_days", "1h",
	      "What campaigns did by day: account health, anomalies, the optimizer."),
	FRESH(ADS_GOOGLE, REPORT_CAMPAIGNS, "campaigns", "1h", "Campaigns and their budgets."),
	FRESH(ADS_GOOGLE, REPORT_SEARCH_TERMS, "search_terms", "2h", "What people searched for."),
	FRESH(ADS_GOOGLE, REPORT_PMAX_TERMS, "pmax_terms", "2h", "The same of Performance Max."),
	FRESH(ADS_GOOGLE, REPORT_KEYWORDS, "keywords", "4h", "Keywords and their quality scores."),
	FRESH(ADS_GOOGLE, REPORT_AUCTION, "auction", "4h", "Shares of impressions."),
	FRESH(ADS_GOOGLE, REPORT_COMPETITORS, "competitors", "4h", "Competitors, where the platform permits it."),
	FRESH(ADS_GOOGLE, REPORT_ASSET_GROUPS, "asset_groups", "2h", "Asset groups of Performance Max."),
	FRESH(ADS_GOOGLE, REPORT_CATEGORIES, "categories", "4h", "Categories of searches, Performance Max."),
	FRESH(ADS_GOOGLE, REPORT_SIMULATIONS, "simulations", "4h", "What other budgets would bring."),
};

static const struct conf_field meta_fields[] = {
	FRESH(ADS_META, REPORT_ACCOUNTS, "accounts", "6h", "Which ad accounts are reached."),
	FRESH(ADS_META, REPORT_CAMPAIGN_DAYS, "campaign_days", "1h",
	      "What campaigns did by day: account health, anomalies, the optimizer."),
	FRESH(ADS_META, REPORT_CAMPAIGNS, "campaigns", "1h", "Campaigns and their budgets."),
	FRESH(ADS_META, REPORT_BUDGETS_BELOW, "budgets_below", "1h", "Budgets of ad sets."),
	FRESH(ADS_META, REPORT_SEARCH_TERMS, "search_terms", "2h", "Placements."),
	FRESH(ADS_META, REPORT_AUCTION, "auction", "4h", "How relevant ads are."),
	FRESH(ADS_META, REPORT_PRESSURE, "pressure", "4h", "Prices by week."),
};

static const struct conf_field tiktok_fields[] = {
	FRESH(ADS_TIKTOK, REPORT_ACCOUNTS, "accounts", "6h", "Which ad accounts are reached."),
	FRESH(ADS_TIKTOK, REPORT_CAMPAIGN_DAYS, "campaign_days", "2h",
	      "What campaigns did by day: account health, anomalies, the optimizer."),
	FRESH(ADS_TIKTOK, REPORT_CAMPAIGNS, "campaigns", "2h", "Campaigns and their budgets."),
	FRESH(ADS_TIKTOK, REPORT_BUDGETS_BELOW, "budgets_below", "2h", "Budgets of ad groups."),
};

static const struct conf_table google_table = TABLE("ads.google", google_fields);
static const struct conf_table meta_table = TABLE("ads.meta", meta_fields);
static const struct conf_table tiktok_table = TABLE("ads.tiktok", tiktok_fields);

static const struct conf_field ads_fields[] = {
	{"google", CONF_TABLE, 0, .table = &google_table, .doc = "How long Google's reports are fresh."},
	{"meta", CONF_TABLE, 0, .table = &meta_table, .doc = "How long Meta's are."},
	{"tiktok", CONF_TABLE, 0, .table = &tiktok_table, .doc = "How long TikTok's are."},
};
const struct conf_table config_ads_table = TABLE("ads", ads_fields);
