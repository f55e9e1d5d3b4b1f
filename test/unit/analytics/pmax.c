/* Performance Max from within: shares, comparison with the campaign, and no cost where none is told. */
#include "history.h"

#define UNITS(n) ((int64_t)(n)*MICROS)

static struct asset_group group(const char *campaign, const char *id, int cost, int value)
{
	return (struct asset_group){
		.campaign_id = str_of(campaign),
		.campaign_name = str_of(campaign),
		.id = str_of(id),
		.name = str_of(id),
		.status = STR("ENABLED"),
		.primary_status = STR("ELIGIBLE"),
		.ad_strength = STR("GOOD"),
		.figures = {.cost_micros = UNITS(cost), .value_micros = UNITS(value), .conversions = 2}};
}

static struct search_category category(const char *label, int clicks)
{
	return (struct search_category){.campaign_id = STR("c1"),
					.label = str_of(label),
					.figures = {.clicks = clicks, .impressions = 1000},
					.volume_min = clicks > 50 ? 100 : -1,
					.volume_max = clicks > 50 ? 1000 : -1};
}

static struct term term(const char *text, int cost)
{
	return (struct term){.text = str_of(text),
			     .campaign_id = STR("c1"),
			     .figures = {.cost_micros = UNITS(cost), .clicks = cost}};
}

START_TEST(breakdown)
{
	const struct asset_group groups[] = {group("c1", "a", 50, 100), group("c1", "b", 150, 700),
					     group("c2", "c", 200, 0)};
	const struct search_category categories[] = {category("shoes", 60), category("", 30), category("boots", 10)};
	const struct term terms[] = {term("shoes", 5), term("boots", 7), term("shoes", 4)};
	struct pmax_input input = {.groups = groups,
				   .group_count = 3,
				   .categories = categories,
				   .category_count = 3,
				   .terms = terms,
				   .term_count = 3};
	struct made *made = made_new();

	ck_ok(pmax_analyse(made_begin(made), &input));
	made_end(made);
	made_has(made, "asset_groups.0.id", "\"c\"");
	made_has(made, "asset_groups.0.spend_share_pct", "50");
	made_has(made, "asset_groups.0.vs_campaign_roas_pct", "null"); /* its campaign has no value at all */
	made_has(made, "asset_groups.1.roas_ratio", "4.6667");
	made_has(made, "asset_groups.1.vs_campaign_roas_pct", "16.67"); /* 4.6667 against 800 / 200 */
	made_has(made, "asset_groups.2.vs_campaign_roas_pct", "-50");
	made_has(made, "asset_groups.2.cpa_amount", "25");
	made_has(made, "search_categories.0.category", "\"shoes\"");
	made_has(made, "search_categories.0.click_share_pct", "60");
	made_has(made, "search_categories.0.ctr_ratio", "0.06");
	made_has(made, "search_categories.0.search_volume", "{\"min\":100,\"max\":1000}");
	made_has(made, "search_categories.1.category", "\"uncategorized\"");
	made_has(made, "search_categories.1.search_volume", "{\"min\":null,\"max\":null}");
	made_has(made, "cost_available", "false");
	made_has(made, "hidden_share_pct", "30");
	ck_assert_ptr_null(json_get(made_at(made, "search_categories.0"), "cost_amount"));
	made_has(made, "top_search_terms.0.term", "\"shoes\"");
	made_has(made, "top_search_terms.0.cost_amount", "9");
	ck_assert_uint_eq(yyjson_arr_size(made_at(made, "top_search_terms")), 2);
	made_free(made);
}
END_TEST

START_TEST(none)
{
	struct pmax_input input = {.group_count = 0};
	struct made *made = made_new();

	ck_ok(pmax_analyse(made_begin(made), &input));
	made_end(made);
	ck_assert(made->analysis.no_data);
	made_has(made, "hidden_share_pct", "null");
	made_has(made, "top_search_terms", "[]");
	made_free(made);
}
END_TEST

UNIT_MAIN("pmax", breakdown, none)
