/* The fields of rows, by kind and platform. Names are those of the connectors' tools and of kept documents alike: one
 * table reads both and writes the second. A new field is a line here and a member of its struct; rows.c knows how each
 * kind of field is read. */
#include <stddef.h>

#include "ads/rows.h"

#define NEEDED true
#define FREE false

static const struct field_word statuses[] = {{"unknown", CAMPAIGN_UNKNOWN},
					     {"active", CAMPAIGN_ACTIVE},
					     {"paused", CAMPAIGN_PAUSED},
					     {"removed", CAMPAIGN_REMOVED},
					     {NULL, 0}};
static const struct field_word term_statuses[] = {{"NONE", TERM_NONE},
						  {"ADDED", TERM_ADDED},
						  {"EXCLUDED", TERM_EXCLUDED},
						  {"ADDED_EXCLUDED", TERM_EXCLUDED},
						  {NULL, 0}};
static const struct field_word ranks[] = {{"UNKNOWN", RANK_UNKNOWN},
					  {"BELOW_AVERAGE", RANK_BELOW_AVERAGE},
					  {"AVERAGE", RANK_AVERAGE},
					  {"ABOVE_AVERAGE", RANK_ABOVE_AVERAGE},
					  {"BELOW_AVERAGE_10", RANK_BELOW_AVERAGE},
					  {"BELOW_AVERAGE_20", RANK_BELOW_AVERAGE},
					  {"BELOW_AVERAGE_35", RANK_BELOW_AVERAGE},
					  {NULL, 0}};

#define FIELD(name, kind, needed, type, member)                                                                        \
	{                                                                                                              \
		name, kind, needed, offsetof(struct type, member), NULL                                                \
	}
#define WORD(name, words, type, member)                                                                                \
	{                                                                                                              \
		name, FIELD_WORD, FREE, offsetof(struct type, member), words                                           \
	}
#define END                                                                                                            \
	{                                                                                                              \
		NULL, FIELD_TEXT, FREE, 0, NULL                                                                        \
	}
/* Conversions and their value are free: a platform may tell them as actions instead. */
#define FIGURES(type, prefix)                                                                                          \
	FIELD("cost_micros", FIELD_WHOLE, NEEDED, type, prefix.cost_micros),                                           \
		FIELD("impressions", FIELD_WHOLE, NEEDED, type, prefix.impressions),                                   \
		FIELD("clicks", FIELD_WHOLE, NEEDED, type, prefix.clicks),                                             \
		FIELD("conversions", FIELD_NUMBER, FREE, type, prefix.conversions),                                    \
		FIELD("value_micros", FIELD_SIGNED, FREE, type, prefix.value_micros)

static const struct report_field account_fields[] = {
	FIELD("id", FIELD_TEXT, NEEDED, ad_account, id),
	FIELD("name", FIELD_TEXT, FREE, ad_account, name),
	FIELD("currency", FIELD_TEXT, NEEDED, ad_account, currency),
	FIELD("time_zone", FIELD_TEXT, FREE, ad_account, time_zone),
	FIELD("status", FIELD_TEXT, FREE, ad_account, status),
	FIELD("login_id", FIELD_TEXT, FREE, ad_account, login_id),
	END,
};
static const struct report_field day_fields[] = {
	FIELD("campaign_id", FIELD_TEXT, NEEDED, day_row, campaign_id),
	FIELD("date", FIELD_DATE, NEEDED, day_row, day),
	FIELD("name", FIELD_TEXT, FREE, day_row, name),
	FIELD("channel", FIELD_TEXT, FREE, day_row, channel),
	WORD("status", statuses, day_row, status),
	FIGURES(day_row, figures),
	END,
};
static const struct report_field campaign_fields[] = {
	FIELD("campaign_id", FIELD_TEXT, NEEDED, campaign_row, campaign_id),
	FIELD("name", FIELD_TEXT, FREE, campaign_row, name),
	FIELD("channel", FIELD_TEXT, FREE, campaign_row, channel),
	WORD("status", statuses, campaign_row, status),
	FIELD("budget_id", FIELD_TEXT, FREE, campaign_row, budget_id),
	FIELD("budget_micros", FIELD_MAYBE, FREE, campaign_row, budget_micros),
	FIELD("budget_minor", FIELD_MAYBE, FREE, campaign_row, budget_minor),
	FIELD("lifetime", FIELD_TRUTH, FREE, campaign_row, lifetime),
	FIELD("shared", FIELD_TRUTH, FREE, campaign_row, shared),
	FIELD("learning", FIELD_TRUTH, FREE, campaign_row, learning),
	END,
};
static const struct report_field term_fields[] = {
	FIELD("term", FIELD_TEXT, NEEDED, term_row, term.text),
	FIELD("campaign_id", FIELD_TEXT, NEEDED, term_row, term.campaign_id),
	FIELD("ad_group_id", FIELD_TEXT, FREE, term_row, term.ad_group_id),
	FIELD("match_type", FIELD_TEXT, FREE, term_row, term.match_type),
	FIELD("performance_max", FIELD_TRUTH, FREE, term_row, term.performance_max),
	WORD("status", term_statuses, term_row, term.status),
	FIGURES(term_row, term.figures),
	END,
};
static const struct report_field placement_fields[] = {
	FIELD("publisher_platform", FIELD_TEXT, NEEDED, term_row, publisher),
	FIELD("platform_position", FIELD_TEXT, NEEDED, term_row, position),
	FIELD("campaign_id", FIELD_TEXT, NEEDED, term_row, term.campaign_id),
	FIELD("learning", FIELD_TRUTH, FREE, term_row, term.learning),
	FIGURES(term_row, term.figures),
	END,
};
static const struct report_field keyword_fields[] = {
	FIELD("campaign_id", FIELD_TEXT, NEEDED, keyword, campaign_id),
	FIELD("ad_group_id", FIELD_TEXT, NEEDED, keyword, ad_group_id),
	FIELD("criterion_id", FIELD_TEXT, NEEDED, keyword, criterion_id),
	FIELD("text", FIELD_TEXT, NEEDED, keyword, text),
	FIELD("match_type", FIELD_TEXT, FREE, keyword, match_type),
	FIELD("quality", FIELD_SMALL, FREE, keyword, quality),
	WORD("expected_ctr", ranks, keyword, expected_ctr),
	WORD("ad_relevance", ranks, keyword, ad_relevance),
	WORD("landing_page", ranks, keyword, landing_page),
	FIGURES(keyword, figures),
	END,
};
static const struct report_field week_fields[] = {
	FIELD("campaign_id", FIELD_TEXT, NEEDED, auction_week, campaign_id),
	FIELD("campaign_name", FIELD_TEXT, FREE, auction_week, campaign_name),
	FIELD("week", FIELD_DATE, NEEDED, auction_week, week),
	FIELD("impressions", FIELD_WHOLE, NEEDED, auction_week, impressions),
	FIELD("share", FIELD_SHARE, FREE, auction_week, share),
	FIELD("top", FIELD_SHARE, FREE, auction_week, top),
	FIELD("absolute_top", FIELD_SHARE, FREE, auction_week, absolute_top),
	FIELD("click_share", FIELD_SHARE, FREE, auction_week, click_share),
	FIELD("exact_match", FIELD_SHARE, FREE, auction_week, exact_match),
	FIELD("lost_budget", FIELD_SHARE, FREE, auction_week, lost_budget),
	FIELD("lost_rank", FIELD_SHARE, FREE, auction_week, lost_rank),
	END,
};
static const struct report_field ad_fields[] = {
	FIELD("ad_id", FIELD_TEXT, NEEDED, ranked_ad, id),
	FIELD("ad_name", FIELD_TEXT, FREE, ranked_ad, name),
	FIELD("campaign_id", FIELD_TEXT, NEEDED, ranked_ad, campaign_id),
	FIELD("impressions", FIELD_WHOLE, NEEDED, ranked_ad, impressions),
	FIELD("cost_micros", FIELD_WHOLE, NEEDED, ranked_ad, cost_micros),
	FIELD("frequency", FIELD_NUMBER, FREE, ranked_ad, frequency),
	WORD("quality", ranks, ranked_ad, quality),
	WORD("engagement", ranks, ranked_ad, engagement),
	WORD("conversion", ranks, ranked_ad, conversion),
	END,
};
static const struct report_field pressure_fields[] = {
	FIELD("week", FIELD_DATE, NEEDED, pressure_week, week),
	FIELD("cost_micros", FIELD_WHOLE, NEEDED, pressure_week, cost_micros),
	FIELD("impressions", FIELD_WHOLE, NEEDED, pressure_week, impressions),
	FIELD("reach", FIELD_WHOLE, FREE, pressure_week, reach),
	END,
};
static const struct report_field competitor_fields[] = {
	FIELD("domain", FIELD_TEXT, NEEDED, competitor, domain),
	FIELD("share", FIELD_SHARE, FREE, competitor, share),
	FIELD("overlap", FIELD_SHARE, FREE, competitor, overlap),
	FIELD("outranking", FIELD_SHARE, FREE, competitor, outranking),
	FIELD("position_above", FIELD_SHARE, FREE, competitor, position_above),
	FIELD("top", FIELD_SHARE, FREE, competitor, top),
	FIELD("absolute_top", FIELD_SHARE, FREE, competitor, absolute_top),
	END,
};
static const struct report_field group_fields[] = {
	FIELD("campaign_id", FIELD_TEXT, NEEDED, asset_group, campaign_id),
	FIELD("campaign_name", FIELD_TEXT, FREE, asset_group, campaign_name),
	FIELD("id", FIELD_TEXT, NEEDED, asset_group, id),
	FIELD("name", FIELD_TEXT, FREE, asset_group, name),
	FIELD("status", FIELD_TEXT, FREE, asset_group, status),
	FIELD("primary_status", FIELD_TEXT, FREE, asset_group, primary_status),
	FIELD("ad_strength", FIELD_TEXT, FREE, asset_group, ad_strength),
	FIGURES(asset_group, figures),
	END,
};
static const struct report_field category_fields[] = {
	FIELD("campaign_id", FIELD_TEXT, NEEDED, search_category, campaign_id),
	FIELD("label", FIELD_TEXT, FREE, search_category, label),
	FIELD("impressions", FIELD_WHOLE, NEEDED, search_category, figures.impressions),
	FIELD("clicks", FIELD_WHOLE, NEEDED, search_category, figures.clicks),
	FIELD("conversions", FIELD_NUMBER, FREE, search_category, figures.conversions),
	FIELD("value_micros", FIELD_SIGNED, FREE, search_category, figures.value_micros),
	FIELD("volume_min", FIELD_MAYBE, FREE, search_category, volume_min),
	FIELD("volume_max", FIELD_MAYBE, FREE, search_category, volume_max),
	END,
};
static const struct report_field simulation_fields[] = {
	FIELD("campaign_id", FIELD_TEXT, NEEDED, simulation, campaign_id),
	FIELD("points", FIELD_POINTS, NEEDED, simulation, points),
	END,
};

#define SHAPE(fields, type)                                                                                            \
	{                                                                                                              \
		fields, sizeof(struct type), -1                                                                        \
	}
#define SHAPE_WITH(fields, type, figures)                                                                              \
	{                                                                                                              \
		fields, sizeof(struct type), offsetof(struct type, figures)                                            \
	}

const struct report_shape *report_shape(enum report_kind kind, enum ads_platform platform)
{
	static const struct report_shape shapes[REPORT_KINDS] = {
		[REPORT_ACCOUNTS] = SHAPE(account_fields, ad_account),
		[REPORT_CAMPAIGN_DAYS] = SHAPE_WITH(day_fields, day_row, figures),
		[REPORT_CAMPAIGNS] = SHAPE(campaign_fields, campaign_row),
		[REPORT_BUDGETS_BELOW] = SHAPE(campaign_fields, campaign_row),
		[REPORT_SEARCH_TERMS] = SHAPE_WITH(term_fields, term_row, term.figures),
		[REPORT_PMAX_TERMS] = SHAPE_WITH(term_fields, term_row, term.figures),
		[REPORT_KEYWORDS] = SHAPE_WITH(keyword_fields, keyword, figures),
		[REPORT_AUCTION] = SHAPE(week_fields, auction_week),
		[REPORT_PRESSURE] = SHAPE(pressure_fields, pressure_week),
		[REPORT_COMPETITORS] = SHAPE(competitor_fields, competitor),
		[REPORT_ASSET_GROUPS] = SHAPE_WITH(group_fields, asset_group, figures),
		[REPORT_CATEGORIES] = SHAPE(category_fields, search_category),
		[REPORT_SIMULATIONS] = SHAPE(simulation_fields, simulation),
	};
	static const struct report_shape ads = SHAPE(ad_fields, ranked_ad);
	static const struct report_shape placements = SHAPE_WITH(placement_fields, term_row, term.figures);

	if (platform == ADS_META && kind == REPORT_AUCTION)
		return &ads;
	if (platform == ADS_META && kind == REPORT_SEARCH_TERMS)
		return &placements;
	return &shapes[kind];
}
