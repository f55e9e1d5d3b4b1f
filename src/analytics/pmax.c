/* What is inside of Performance Max: asset groups against their campaign, what people searched by category (the
 * platform tells clicks and sales of these, never cost, and none is invented here), and single searches where it tells
 * those. */
#include "analytics/analytics.h"

#include <math.h>
#include <stdlib.h>

#include "analytics/chart.h"
#include "analytics/put.h"

#define GROUPS_TOLD 100
#define CATEGORIES_TOLD 50
#define TERMS_TOLD 25

static int compare_int64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_spend(const void *a, const void *b)
{
	const struct asset_group *x = *(const struct asset_group *const *)a;
	const struct asset_group *y = *(const struct asset_group *const *)b;
	int order = compare_int64(y->figures.cost_micros, x->figures.cost_micros);

	return order != 0 ? order : str_cmp(x->id, y->id);
}

static int by_clicks(const void *a, const void *b)
{
	const struct search_category *x = *(const struct search_category *const *)a;
	const struct search_category *y = *(const struct search_category *const *)b;
	int order = compare_int64(y->figures.clicks, x->figures.clicks);

	order = order != 0 ? order : str_cmp(x->label, y->label);
	return order != 0 ? order : str_cmp(x->campaign_id, y->campaign_id);
}

static int by_text(const void *a, const void *b)
{
	const struct term *x = a, *y = b;
	int order = str_cmp(x->campaign_id, y->campaign_id);

	return order != 0 ? order : str_cmp(x->text, y->text);
}

static int by_cost(const void *a, const void *b)
{
	const struct term *x = a, *y = b;
	int order = compare_int64(y->figures.cost_micros, x->figures.cost_micros);

	return order != 0 ? order : by_text(a, b);
}

static void put_figures(struct buf *out, const struct figures *of)
{
	put_number(out, "impressions", (uint64_t)of->impressions);
	put_number(out, "clicks", (uint64_t)of->clicks);
	put_name(out, "conversions");
	put_count(out, of->conversions);
	put_name(out, "conversion_value_amount");
	put_amount(out, of->value_micros);
}

static void put_returns(struct buf *out, const struct figures *of)
{
	put_name(out, "roas_ratio");
	put_ratio(out, figures_roas(of));
	put_name(out, "cpa_amount");
	put_amount_of(out, figures_cpa(of));
}

/* ---- asset groups ---- */

static struct figures campaign_sum(const struct pmax_input *input, struct str campaign_id)
{
	struct figures sum = {0};

	for (size_t i = 0; i < input->group_count; i++)
		if (str_eq(input->groups[i].campaign_id, campaign_id))
			figures_add(&sum, &input->groups[i].figures);
	return sum;
}

static void put_group(struct buf *out, const struct pmax_input *input, const struct asset_group *group,
		      const struct figures *all)
{
	struct figures campaign = campaign_sum(input, group->campaign_id);

	put_text(out, "campaign_id", group->campaign_id);
	put_text(out, "campaign_name", group->campaign_name);
	put_text(out, "id", group->id);
	put_text(out, "name", group->name);
	put_text(out, "status", group->status);
	put_text(out, "primary_status", group->primary_status);
	put_text(out, "ad_strength", group->ad_strength);
	put_name(out, "spend_amount");
	put_amount(out, group->figures.cost_micros);
	put_name(out, "spend_share_pct");
	put_pct(out, 100 * ratio((double)group->figures.cost_micros, (double)all->cost_micros));
	put_figures(out, &group->figures);
	put_returns(out, &group->figures);
	put_name(out, "vs_campaign_roas_pct");
	put_pct(out, 100 * (ratio(figures_roas(&group->figures), figures_roas(&campaign)) - 1));
	buf_put_byte(out, '}');
}

static void draw(struct analysis *analysis, const struct asset_group *const *sorted, size_t count)
{
	struct chart_bar bars[CHART_BARS_MAX];
	size_t n = 0;

	for (; n < count && n < ARRAY_LEN(bars); n++)
		bars[n] = (struct chart_bar){.name = sorted[n]->name,
					     .value = (double)sorted[n]->figures.cost_micros / MICROS,
					     .other = (double)sorted[n]->figures.value_micros / MICROS};
	chart_bars(analysis->svg, STR("Asset groups: spend, and value beside it"), analysis->currency, bars, n);
}

static enum err groups_put(struct analysis *analysis, const struct pmax_input *input)
{
	size_t count = input->group_count;
	const struct asset_group **sorted =
		arena_try_alloc(analysis->arena, (count + 1) * sizeof(struct asset_group *));
	struct figures all = {0};

	if (sorted == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		sorted[i] = &input->groups[i];
		figures_add(&all, &input->groups[i].figures);
	}
	qsort(sorted, count, sizeof(struct asset_group *), by_spend);
	put_open(analysis->data, "asset_groups", '[');
	for (size_t i = 0; i < count && i < GROUPS_TOLD; i++) {
		put_item(analysis->data, i);
		put_group(analysis->data, input, sorted[i], &all);
	}
	buf_put_byte(analysis->data, ']');
	if (count > GROUPS_TOLD)
		analysis_warn(analysis, "groups_left_out", "only the 100 asset groups with the most spend are told");
	if (analysis->chart && count > 0)
		draw(analysis, sorted, count);
	return OK;
}

/* ---- categories ---- */

static void put_volume(struct buf *out, const char *name, int64_t volume)
{
	put_name(out, name);
	put_count(out, volume >= 0 ? (double)volume : NAN);
}

static void put_category(struct buf *out, const struct search_category *category, int64_t clicks)
{
	put_text(out, "campaign_id", category->campaign_id);
	put_text(out, "category", category->label.n > 0 ? category->label : STR("uncategorized"));
	put_figures(out, &category->figures);
	put_name(out, "ctr_ratio");
	put_ratio(out, figures_ctr(&category->figures));
	put_name(out, "click_share_pct");
	put_pct(out, 100 * ratio((double)category->figures.clicks, (double)clicks));
	put_open(out, "search_volume", '{');
	put_volume(out, "min", category->volume_min);
	put_volume(out, "max", category->volume_max);
	buf_put(out, STR("}}"));
}

static enum err categories_put(struct analysis *analysis, const struct pmax_input *input)
{
	size_t count = input->category_count;
	const struct search_category **sorted =
		arena_try_alloc(analysis->arena, (count + 1) * sizeof(struct search_category *));
	int64_t clicks = 0, hidden = 0;

	if (sorted == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		sorted[i] = &input->categories[i];
		clicks += input->categories[i].figures.clicks;
		hidden += input->categories[i].label.n == 0 ? input->categories[i].figures.clicks : 0;
	}
	qsort(sorted, count, sizeof(struct search_category *), by_clicks);
	put_open(analysis->data, "search_categories", '[');
	for (size_t i = 0; i < count && i < CATEGORIES_TOLD; i++) {
		put_item(analysis->data, i);
		put_category(analysis->data, sorted[i], clicks);
	}
	buf_put_byte(analysis->data, ']');
	put_bool(analysis->data, "cost_available", false);
	put_name(analysis->data, "hidden_share_pct");
	put_pct(analysis->data, 100 * ratio((double)hidden, (double)clicks));
	return OK;
}

/* ---- searches ---- */

static void put_term(struct buf *out, const struct term *term)
{
	put_text(out, "term", term->text);
	put_text(out, "campaign_id", term->campaign_id);
	put_name(out, "cost_amount");
	put_amount(out, term->figures.cost_micros);
	put_figures(out, &term->figures);
	put_returns(out, &term->figures);
	buf_put_byte(out, '}');
}

/* Rows of one text in one campaign are one, whatever else tells them apart. */
static enum err terms_put(struct analysis *analysis, const struct pmax_input *input)
{
	struct term *terms = arena_try_alloc(analysis->arena, (input->term_count + 1) * sizeof(*terms));
	size_t count = 0;

	if (terms == NULL)
		return ERR_LIMIT;
	if (input->term_count > 0)
		memcpy(terms, input->terms, input->term_count * sizeof(*terms));
	qsort(terms, input->term_count, sizeof(*terms), by_text);
	for (size_t i = 0; i < input->term_count; i++) {
		if (count > 0 && by_text(&terms[count - 1], &terms[i]) == 0)
			figures_add(&terms[count - 1].figures, &terms[i].figures);
		else
			terms[count++] = terms[i];
	}
	qsort(terms, count, sizeof(*terms), by_cost);
	put_open(analysis->data, "top_search_terms", '[');
	for (size_t i = 0; i < count && i < TERMS_TOLD; i++) {
		put_item(analysis->data, i);
		put_term(analysis->data, &terms[i]);
	}
	buf_put_byte(analysis->data, ']');
	return OK;
}

enum err pmax_analyse(struct analysis *analysis, const struct pmax_input *input)
{
	buf_put_byte(analysis->data, '{');
	TRY(groups_put(analysis, input));
	TRY(categories_put(analysis, input));
	TRY(terms_put(analysis, input));
	buf_put_byte(analysis->data, '}');
	analysis->no_data = input->group_count == 0;
	return OK;
}
