/* What Meta has in the place of auction insights: how its ads rank among others that compete for the same people, and
 * how dear and how often these people are reached. Stand-ins, which the answer says; there are no competitors. */
#include "analytics/analytics.h"

#include <math.h>
#include <stdlib.h>

#include "analytics/chart.h"
#include "analytics/put.h"

#define WORST_TOLD 10
#define WEEKS_TOLD 20

enum { RANKS = RANK_ABOVE_AVERAGE + 1 };

static const char *const rank_names[RANKS] = {
	[RANK_UNKNOWN] = "unknown",
	[RANK_BELOW_AVERAGE] = "below_average",
	[RANK_AVERAGE] = "average",
	[RANK_ABOVE_AVERAGE] = "above_average",
};
static const enum rank rank_order[RANKS] = {RANK_BELOW_AVERAGE, RANK_AVERAGE, RANK_ABOVE_AVERAGE, RANK_UNKNOWN};
static const char *const rank_members[RANKS] = {
	[RANK_UNKNOWN] = "unknown_ratio",
	[RANK_BELOW_AVERAGE] = "below_average_ratio",
	[RANK_AVERAGE] = "average_ratio",
	[RANK_ABOVE_AVERAGE] = "above_average_ratio",
};

static const struct ranking {
	const char *name;
	size_t offset;
} rankings[] = {
	{"quality", offsetof(struct ranked_ad, quality)},
	{"engagement", offsetof(struct ranked_ad, engagement)},
	{"conversion", offsetof(struct ranked_ad, conversion)},
};

static enum rank rank_of(const struct ranked_ad *ad, const struct ranking *ranking)
{
	return *(const enum rank *)((const char *)ad + ranking->offset);
}

/* Shares of the impressions that ads of each rank had. */
static void put_relevance(struct buf *out, const struct relevance_input *input)
{
	put_open(out, "relevance", '{');
	for (size_t i = 0; i < ARRAY_LEN(rankings); i++) {
		int64_t seen[RANKS] = {0}, all = 0;

		for (size_t j = 0; j < input->ad_count; j++) {
			seen[rank_of(&input->ads[j], &rankings[i])] += input->ads[j].impressions;
			all += input->ads[j].impressions;
		}
		put_open(out, rankings[i].name, '{');
		for (size_t j = 0; j < RANKS; j++) {
			put_name(out, rank_members[rank_order[j]]);
			put_ratio(out, ratio((double)seen[rank_order[j]], (double)all));
		}
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, '}');
}

static int by_week(const void *a, const void *b)
{
	const struct pressure_week *x = *(const struct pressure_week *const *)a;
	const struct pressure_week *y = *(const struct pressure_week *const *)b;

	return (x->week > y->week) - (x->week < y->week);
}

static double cpm_of(const struct pressure_week *week)
{
	return ratio(1000 * (double)week->cost_micros, (double)week->impressions);
}

static void draw(struct analysis *analysis, const struct pressure_week *const *weeks, size_t count)
{
	double cpms[WEEKS_TOLD], often[WEEKS_TOLD];
	const struct chart_line lines[] = {{STR("CPM"), cpms}, {STR("frequency"), often}};
	AUTO_BUF first = {0};
	AUTO_BUF last = {0};

	for (size_t i = 0; i < count; i++) {
		cpms[i] = cpm_of(weeks[i]) / MICROS;
		often[i] = ratio((double)weeks[i]->impressions, (double)weeks[i]->reach);
	}
	civil_put(&first, weeks[0]->week);
	civil_put(&last, weeks[count - 1]->week);
	chart_lines(analysis->svg, STR("Cost of a thousand impressions, and times a person was reached"),
		    buf_str(&first), buf_str(&last), count, lines, ARRAY_LEN(lines));
}

static void put_week(struct buf *out, const struct pressure_week *week, const struct pressure_week *before)
{
	put_day(out, "week_start", week->week);
	put_name(out, "spend_amount");
	put_amount(out, week->cost_micros);
	put_number(out, "impressions", (uint64_t)week->impressions);
	put_number(out, "reach", (uint64_t)week->reach);
	put_name(out, "cpm_amount");
	put_amount_of(out, cpm_of(week));
	put_name(out, "frequency_ratio");
	put_ratio(out, ratio((double)week->impressions, (double)week->reach));
	put_name(out, "cpm_delta_pct");
	put_pct(out, before == NULL ? NAN : delta_of(cpm_of(week), cpm_of(before)).pct);
	buf_put_byte(out, '}');
}

static enum err weeks_put(struct analysis *analysis, const struct relevance_input *input)
{
	size_t count = input->week_count, first;
	const struct pressure_week **sorted =
		arena_try_alloc(analysis->arena, (count + 1) * sizeof(struct pressure_week *));

	if (sorted == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &input->weeks[i];
	qsort(sorted, count, sizeof(struct pressure_week *), by_week);
	first = count > WEEKS_TOLD ? count - WEEKS_TOLD : 0;
	put_open(analysis->data, "pressure_weekly", '[');
	for (size_t i = first; i < count; i++) {
		put_item(analysis->data, i - first);
		put_week(analysis->data, sorted[i], i > 0 ? sorted[i - 1] : NULL);
	}
	buf_put_byte(analysis->data, ']');
	if (analysis->chart && count > 0)
		draw(analysis, sorted + first, count - first);
	return OK;
}

static bool is_below(const struct ranked_ad *ad)
{
	for (size_t i = 0; i < ARRAY_LEN(rankings); i++)
		if (rank_of(ad, &rankings[i]) == RANK_BELOW_AVERAGE)
			return true;
	return false;
}

static int by_spend(const void *a, const void *b)
{
	const struct ranked_ad *x = *(const struct ranked_ad *const *)a, *y = *(const struct ranked_ad *const *)b;
	int order = (x->cost_micros < y->cost_micros) - (x->cost_micros > y->cost_micros);

	return order != 0 ? order : str_cmp(x->id, y->id);
}

static void put_ad(struct buf *out, const struct ranked_ad *ad)
{
	put_text(out, "id", ad->id);
	put_text(out, "name", ad->name);
	put_text(out, "campaign_id", ad->campaign_id);
	for (size_t i = 0; i < ARRAY_LEN(rankings); i++)
		put_text(out, rankings[i].name, str_of(rank_names[rank_of(ad, &rankings[i])]));
	put_number(out, "impressions", (uint64_t)ad->impressions);
	put_name(out, "spend_amount");
	put_amount(out, ad->cost_micros);
	put_name(out, "frequency_ratio");
	put_ratio(out, ad->frequency);
	buf_put_byte(out, '}');
}

static enum err worst_put(struct analysis *analysis, const struct relevance_input *input)
{
	const struct ranked_ad **worst =
		arena_try_alloc(analysis->arena, (input->ad_count + 1) * sizeof(struct ranked_ad *));
	size_t count = 0;

	if (worst == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < input->ad_count; i++)
		if (is_below(&input->ads[i]))
			worst[count++] = &input->ads[i];
	qsort(worst, count, sizeof(struct ranked_ad *), by_spend);
	put_open(analysis->data, "worst_ads", '[');
	for (size_t i = 0; i < count && i < WORST_TOLD; i++) {
		put_item(analysis->data, i);
		put_ad(analysis->data, worst[i]);
	}
	buf_put_byte(analysis->data, ']');
	return OK;
}

enum err relevance_analyse(struct analysis *analysis, const struct relevance_input *input)
{
	buf_put_byte(analysis->data, '{');
	put_text(analysis->data, "competitor_data", STR("not_offered_by_platform"));
	put_open(analysis->data, "competitors", '[');
	buf_put_byte(analysis->data, ']');
	put_relevance(analysis->data, input);
	TRY(weeks_put(analysis, input));
	TRY(worst_put(analysis, input));
	buf_put_byte(analysis->data, '}');
	analysis->no_data = input->ad_count == 0 && input->week_count == 0;
	return OK;
}
