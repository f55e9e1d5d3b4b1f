/* Shares of auctions. A share cannot be averaged: it is impressions over those that could have been had, and the
 * latter follow from both (impressions / share). They are the weight of everything that is told of a campaign's week,
 * so that a sum over weeks or campaigns is what the platform would have said of all of them.
 *
 * The platform says "less than a tenth" and "more than nine tenths" with a number just beyond; a sum with such a part
 * is a bound, and is called one. Who else was there is told to few; without that the answer has the own shares only. */
#include "analytics/analytics.h"

#include <math.h>
#include <stdlib.h>

#include "analytics/chart.h"
#include "analytics/put.h"

#define COMPETITORS_TOLD 5
#define CAMPAIGNS_TOLD 20
#define WEEKS_TOLD 20	 /* 90 days are 13 and a piece at each end */
#define CONSTRAINED 0.20 /* of the impressions, lost to one reason */
#define SAME 1e-9

enum share {
	SHARE_OWN,
	SHARE_TOP,
	SHARE_ABSOLUTE_TOP,
	SHARE_CLICK,
	SHARE_EXACT,
	SHARE_LOST_BUDGET,
	SHARE_LOST_RANK,
	SHARES
};

static const struct share_type {
	const char *member, *bound_member;
	size_t offset;
	double bound; /* that the platform says instead of what is beyond it */
	const char *bound_word;
} share_types[SHARES] = {
	[SHARE_OWN] = {"impression_share_ratio", "impression_share", offsetof(struct auction_week, share), 0.0999,
		       "at_most"},
	[SHARE_TOP] = {"top_is_ratio", "top_is", offsetof(struct auction_week, top), 0.0999, "at_most"},
	[SHARE_ABSOLUTE_TOP] = {"abs_top_is_ratio", "abs_top_is", offsetof(struct auction_week, absolute_top), 0.0999,
				"at_most"},
	[SHARE_CLICK] = {"click_share_ratio", "click_share", offsetof(struct auction_week, click_share), 0.0999,
			 "at_most"},
	[SHARE_EXACT] = {"exact_match_is_ratio", "exact_match_is", offsetof(struct auction_week, exact_match), 0.0999,
			 "at_most"},
	[SHARE_LOST_BUDGET] = {"lost_budget_ratio", "lost_budget", offsetof(struct auction_week, lost_budget), 0.9001,
			       "at_least"},
	[SHARE_LOST_RANK] = {"lost_rank_ratio", "lost_rank", offsetof(struct auction_week, lost_rank), 0.9001,
			     "at_least"},
};

/* Some campaigns' weeks together. */
struct auction_sum {
	const struct auction_week *first;
	int64_t impressions;
	double parts[SHARES], weights[SHARES];
	bool bounded[SHARES];
};

static double share_in(const struct auction_week *week, enum share share)
{
	return *(const double *)((const char *)week + share_types[share].offset);
}

static void sum_add(struct auction_sum *sum, const struct auction_week *week)
{
	double weight = week->share > 0 ? (double)week->impressions / week->share : (double)week->impressions;

	sum->impressions += week->impressions;
	for (enum share i = 0; i < SHARES; i++) {
		double share = share_in(week, i);

		if (share < 0)
			continue;
		sum->parts[i] += weight * share;
		sum->weights[i] += weight;
		sum->bounded[i] |= fabs(share - share_types[i].bound) < SAME;
	}
}

static double share_of(const struct auction_sum *sum, enum share share)
{
	return ratio(sum->parts[share], sum->weights[share]);
}

/* ---- writing ---- */

static void put_shares(struct buf *out, const struct auction_sum *sum)
{
	put_number(out, "impressions", (uint64_t)sum->impressions);
	for (enum share i = 0; i < SHARES; i++) {
		put_name(out, share_types[i].member);
		put_ratio(out, share_of(sum, i));
	}
	put_open(out, "bounds", '{');
	for (enum share i = 0; i < SHARES; i++)
		put_text(out, share_types[i].bound_member,
			 sum->bounded[i] ? str_of(share_types[i].bound_word) : STR("exact"));
	buf_put_byte(out, '}');
}

/* What keeps it from more: money, or what it offers. Unknown: null. */
static void put_diagnosis(struct buf *out, const struct auction_sum *sum)
{
	double budget = share_of(sum, SHARE_LOST_BUDGET), rank = share_of(sum, SHARE_LOST_RANK);

	put_name(out, "diagnosis");
	if (isnan(budget) && isnan(rank))
		buf_put(out, STR("null"));
	else if (budget >= CONSTRAINED && !(budget <= rank))
		buf_put(out, STR("\"budget_constrained\""));
	else if (rank >= CONSTRAINED)
		buf_put(out, STR("\"rank_constrained\""));
	else
		buf_put(out, STR("\"balanced\""));
}

static int by_share(const void *a, const void *b)
{
	const struct competitor *x = *(const struct competitor *const *)a, *y = *(const struct competitor *const *)b;
	int order = (x->share < y->share) - (x->share > y->share);

	return order != 0 ? order : str_cmp(x->domain, y->domain);
}

static double known(double share)
{
	return share < 0 ? NAN : share;
}

static void put_competitor(struct buf *out, const struct competitor *one)
{
	put_text(out, "domain", one->domain);
	put_name(out, "impression_share_ratio");
	put_ratio(out, known(one->share));
	put_name(out, "overlap_ratio");
	put_ratio(out, known(one->overlap));
	put_name(out, "outranking_share_ratio");
	put_ratio(out, known(one->outranking));
	put_name(out, "position_above_ratio");
	put_ratio(out, known(one->position_above));
	put_name(out, "top_impression_pct");
	put_pct(out, 100 * known(one->top));
	put_name(out, "abs_top_impression_pct");
	put_pct(out, 100 * known(one->absolute_top));
	buf_put_byte(out, '}');
}

static enum err competitors_put(struct analysis *analysis, const struct auction_input *input)
{
	size_t count = input->competitors_permitted ? input->competitor_count : 0;
	const struct competitor **sorted = arena_try_alloc(analysis->arena, (count + 1) * sizeof(struct competitor *));

	if (sorted == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &input->competitors[i];
	qsort(sorted, count, sizeof(struct competitor *), by_share);
	put_text(analysis->data, "competitor_data",
		 input->competitors_permitted ? STR("available") : STR("not_permitted"));
	put_open(analysis->data, "competitors", '[');
	for (size_t i = 0; i < count && i < COMPETITORS_TOLD; i++) {
		put_item(analysis->data, i);
		put_competitor(analysis->data, sorted[i]);
	}
	buf_put_byte(analysis->data, ']');
	if (!input->competitors_permitted)
		analysis_warn(analysis, "competitors_not_permitted",
			      "the platform tells competitors to few accounts only");
	return OK;
}

/* ---- sums ---- */

static int by_week(const void *a, const void *b)
{
	const struct auction_week *x = *(const struct auction_week *const *)a;
	const struct auction_week *y = *(const struct auction_week *const *)b;

	return (x->week > y->week) - (x->week < y->week);
}

static int by_campaign(const void *a, const void *b)
{
	const struct auction_week *x = *(const struct auction_week *const *)a;
	const struct auction_week *y = *(const struct auction_week *const *)b;

	return str_cmp(x->campaign_id, y->campaign_id);
}

static int by_impressions(const void *a, const void *b)
{
	const struct auction_sum *x = a, *y = b;
	int order = (x->impressions < y->impressions) - (x->impressions > y->impressions);

	return order != 0 ? order : str_cmp(x->first->campaign_id, y->first->campaign_id);
}

/* Sum the rows that are the same to `compare`, in its order.
 *   Errors     ERR_LIMIT (arena) */
static enum err sums_of(struct arena *arena, const struct auction_input *input,
			int (*compare)(const void *, const void *), struct auction_sum **ret_sums, size_t *ret_count)
{
	size_t n = input->week_count, count = 0;
	const struct auction_week **sorted = arena_try_alloc(arena, (n + 1) * sizeof(struct auction_week *));
	struct auction_sum *sums = arena_try_alloc(arena, (n + 1) * sizeof(*sums));

	if (sorted == NULL || sums == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &input->weeks[i];
	qsort(sorted, n, sizeof(struct auction_week *), compare);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || compare(&sorted[i - 1], &sorted[i]) != 0)
			sums[count++] = (struct auction_sum){.first = sorted[i]};
		sum_add(&sums[count - 1], sorted[i]);
	}
	*ret_sums = sums;
	*ret_count = count;
	return OK;
}

static void draw(struct analysis *analysis, const struct auction_sum *weeks, size_t count)
{
	static const enum share drawn[CHART_LINES_MAX] = {SHARE_OWN, SHARE_LOST_BUDGET, SHARE_LOST_RANK};
	static const char *const names[CHART_LINES_MAX] = {"impression share", "lost to budget", "lost to rank"};
	double values[CHART_LINES_MAX][WEEKS_TOLD];
	struct chart_line lines[CHART_LINES_MAX];
	AUTO_BUF first = {0};
	AUTO_BUF last = {0};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		lines[i] = (struct chart_line){.name = str_of(names[i]), .values = values[i]};
		for (size_t j = 0; j < count; j++)
			values[i][j] = share_of(&weeks[j], drawn[i]);
	}
	civil_put(&first, weeks[0].first->week);
	civil_put(&last, weeks[count - 1].first->week);
	chart_lines(analysis->svg, STR("Shares of the impressions that could be had"), buf_str(&first), buf_str(&last),
		    count, lines, ARRAY_LEN(lines));
}

static enum err weeks_put(struct analysis *analysis, const struct auction_input *input)
{
	struct auction_sum *weeks;
	size_t count;

	TRY(sums_of(analysis->arena, input, by_week, &weeks, &count));
	if (count > WEEKS_TOLD) {
		weeks += count - WEEKS_TOLD;
		count = WEEKS_TOLD;
	}
	put_open(analysis->data, "weekly", '[');
	for (size_t i = 0; i < count; i++) {
		put_item(analysis->data, i);
		put_day(analysis->data, "week_start", weeks[i].first->week);
		put_shares(analysis->data, &weeks[i]);
		buf_put_byte(analysis->data, '}');
	}
	buf_put_byte(analysis->data, ']');
	if (analysis->chart && count > 0)
		draw(analysis, weeks, count);
	return OK;
}

static enum err campaigns_put(struct analysis *analysis, const struct auction_input *input)
{
	struct auction_sum *campaigns;
	size_t count;

	TRY(sums_of(analysis->arena, input, by_campaign, &campaigns, &count));
	qsort(campaigns, count, sizeof(*campaigns), by_impressions);
	put_open(analysis->data, "campaigns", '[');
	for (size_t i = 0; i < count && i < CAMPAIGNS_TOLD; i++) {
		put_item(analysis->data, i);
		put_text(analysis->data, "campaign_id", campaigns[i].first->campaign_id);
		put_text(analysis->data, "campaign_name", campaigns[i].first->campaign_name);
		put_shares(analysis->data, &campaigns[i]);
		put_diagnosis(analysis->data, &campaigns[i]);
		buf_put_byte(analysis->data, '}');
	}
	buf_put_byte(analysis->data, ']');
	return OK;
}

enum err auction_analyse(struct analysis *analysis, const struct auction_input *input)
{
	struct auction_sum own = {.impressions = 0};

	for (size_t i = 0; i < input->week_count; i++)
		sum_add(&own, &input->weeks[i]);
	buf_put_byte(analysis->data, '{');
	TRY(competitors_put(analysis, input));
	put_open(analysis->data, "own", '{');
	put_shares(analysis->data, &own);
	buf_put_byte(analysis->data, '}');
	put_diagnosis(analysis->data, &own);
	TRY(weeks_put(analysis, input));
	TRY(campaigns_put(analysis, input));
	buf_put_byte(analysis->data, '}');
	analysis->no_data = input->week_count == 0;
	return OK;
}
