/* Quality scores, weighed with money: a low score matters where much is spent. Keywords without a score are counted
 * and left out of every mean; which of a score's three parts is below average is what to mend. */
#include "analytics/analytics.h"

#include <math.h>
#include <stdlib.h>

#include "analytics/chart.h"
#include "analytics/put.h"

#define TOLD_WORST 25
#define TOLD_ALL 100
#define SCORE_MAX 10
#define SCORE_FINE 7  /* from here on there is nothing to mend */
#define SCORE_WORST 4 /* an offender's at most */
#define SCORE_LOW 5   /* below it spend is told apart */
#define COST_PERCENTILE 0.75

static const char *const rank_names[] = {
	[RANK_BELOW_AVERAGE] = "BELOW_AVERAGE",
	[RANK_AVERAGE] = "AVERAGE",
	[RANK_ABOVE_AVERAGE] = "ABOVE_AVERAGE",
};

struct component {
	const char *name;
	size_t offset;
};
static const struct component components[] = {
	{"expected_ctr", offsetof(struct keyword, expected_ctr)},
	{"ad_relevance", offsetof(struct keyword, ad_relevance)},
	{"landing_page", offsetof(struct keyword, landing_page)},
};
static const struct band {
	const char *name;
	int first, last;
} bands[] = {{"1-3", 1, 3}, {"4-6", 4, 6}, {"7-10", 7, 10}};

struct summary {
	size_t scored, count[SCORE_MAX + 1];
	int64_t cost_micros[SCORE_MAX + 1]; /* by score; 0: without one */
	double score_cost, score_impressions, impressions;
	int64_t dear_micros; /* what a dear keyword costs at least */
};

static enum rank component_of(const struct keyword *keyword, const struct component *component)
{
	return *(const enum rank *)((const char *)keyword + component->offset);
}

static int score_of(const struct keyword *keyword)
{
	return keyword->quality >= 1 && keyword->quality <= SCORE_MAX ? keyword->quality : 0;
}

static int compare_cost(const void *a, const void *b)
{
	int64_t x = (*(const struct keyword *const *)a)->figures.cost_micros;
	int64_t y = (*(const struct keyword *const *)b)->figures.cost_micros;

	return (x > y) - (x < y);
}

/* What mending it could win: below 0 for those that are fine, nothing for those without a score. */
static double stake(const struct keyword *keyword)
{
	int score = score_of(keyword);

	return score == 0 ? 0 : (double)keyword->figures.cost_micros * (SCORE_FINE - score);
}

static int compare_stake(const void *a, const void *b)
{
	const struct keyword *x = *(const struct keyword *const *)a, *y = *(const struct keyword *const *)b;
	int order = (stake(x) < stake(y)) - (stake(x) > stake(y));

	order = order != 0 ? order : compare_cost(b, a);
	order = order != 0 ? order : str_cmp(x->ad_group_id, y->ad_group_id);
	return order != 0 ? order : str_cmp(x->criterion_id, y->criterion_id);
}

/* `sorted` has room for all. */
static struct summary summarise(const struct keyword *keywords, size_t count, const struct keyword **sorted)
{
	struct summary summary = {.scored = 0};

	for (size_t i = 0; i < count; i++) {
		const struct keyword *one = &keywords[i];
		int score = score_of(one);

		summary.count[score]++;
		summary.cost_micros[score] += one->figures.cost_micros;
		if (score == 0)
			continue;
		sorted[summary.scored++] = one;
		summary.score_cost += (double)one->figures.cost_micros * score;
		summary.score_impressions += (double)one->figures.impressions * score;
		summary.impressions += (double)one->figures.impressions;
	}
	if (summary.scored > 0) {
		qsort(sorted, summary.scored, sizeof(*sorted), compare_cost);
		summary.dear_micros =
			sorted[(size_t)ceil(COST_PERCENTILE * (double)summary.scored) - 1]->figures.cost_micros;
	}
	return summary;
}

static int64_t cost_between(const struct summary *summary, int first, int last)
{
	int64_t sum = 0;

	for (int score = first; score <= last; score++)
		sum += summary->cost_micros[score];
	return sum;
}

static void put_summary(struct buf *out, const struct summary *summary)
{
	double cost = (double)cost_between(summary, 1, SCORE_MAX);

	put_open(out, "summary", '{');
	put_number(out, "scored_keywords", summary->scored);
	put_number(out, "unscored_keywords", summary->count[0]);
	put_name(out, "spend_weighted_qs");
	put_ratio(out, ratio(summary->score_cost, cost));
	put_name(out, "impression_weighted_qs");
	put_ratio(out, ratio(summary->score_impressions, summary->impressions));
	put_open(out, "distribution", '{');
	for (size_t i = 0; i < ARRAY_LEN(bands); i++) {
		size_t n = 0;

		for (int score = bands[i].first; score <= bands[i].last; score++)
			n += summary->count[score];
		put_open(out, bands[i].name, '{');
		put_number(out, "n", n);
		put_name(out, "spend_amount");
		put_amount(out, cost_between(summary, bands[i].first, bands[i].last));
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, '}');
	put_name(out, "spend_below_5_pct");
	put_pct(out, 100 * ratio((double)cost_between(summary, 1, SCORE_LOW - 1), cost));
	buf_put_byte(out, '}');
}

static void put_components(struct buf *out, const struct keyword *keyword)
{
	size_t n = 0;

	put_open(out, "components", '{');
	for (size_t i = 0; i < ARRAY_LEN(components); i++) {
		const char *name = rank_names[component_of(keyword, &components[i])];

		put_name(out, components[i].name);
		if (name != NULL)
			buf_put_json(out, str_of(name));
		else
			buf_put(out, STR("null"));
	}
	buf_put_byte(out, '}');
	put_open(out, "fix", '[');
	for (size_t i = 0; i < ARRAY_LEN(components); i++) {
		if (component_of(keyword, &components[i]) != RANK_BELOW_AVERAGE)
			continue;
		if (n++ > 0)
			buf_put_byte(out, ',');
		buf_put_json(out, str_of(components[i].name));
	}
	buf_put_byte(out, ']');
}

static void put_keyword(struct buf *out, const struct keyword *keyword, const struct summary *summary)
{
	const struct figures *of = &keyword->figures;
	int score = score_of(keyword);
	bool worst =
		score > 0 && score <= SCORE_WORST && of->cost_micros > 0 && of->cost_micros >= summary->dear_micros;

	put_text(out, "campaign_id", keyword->campaign_id);
	put_text(out, "ad_group_id", keyword->ad_group_id);
	put_text(out, "criterion_id", keyword->criterion_id);
	put_text(out, "text", keyword->text);
	put_text(out, "match_type", keyword->match_type);
	put_name(out, "quality_score");
	put_count(out, score > 0 ? score : NAN);
	put_components(out, keyword);
	put_name(out, "spend_amount");
	put_amount(out, of->cost_micros);
	put_number(out, "impressions", (uint64_t)of->impressions);
	put_number(out, "clicks", (uint64_t)of->clicks);
	put_name(out, "conversions");
	put_count(out, of->conversions);
	put_name(out, "cpa_amount");
	put_amount_of(out, figures_cpa(of));
	put_name(out, "flag");
	buf_put(out, worst ? STR("\"worst_offender\"") : STR("null"));
	buf_put_byte(out, '}');
}

static void put_keywords(struct buf *out, const struct keyword *const *sorted, size_t count, bool worst_only,
			 const struct summary *summary)
{
	size_t max = worst_only ? TOLD_WORST : TOLD_ALL;

	put_open(out, "keywords", '[');
	for (size_t i = 0; i < count && i < max; i++) {
		if (worst_only && stake(sorted[i]) <= 0)
			break;
		put_item(out, i);
		put_keyword(out, sorted[i], summary);
	}
	buf_put_byte(out, ']');
}

static void draw(struct analysis *analysis, const struct summary *summary)
{
	static const char *const names[] = {"none", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"};
	struct chart_bar bars[SCORE_MAX + 1];

	for (int score = 0; score <= SCORE_MAX; score++)
		bars[score] = (struct chart_bar){.name = str_of(names[score]),
						 .value = (double)summary->cost_micros[score] / MICROS,
						 .other = NAN};
	chart_bars(analysis->svg, STR("Spend by quality score"), analysis->currency, bars, ARRAY_LEN(bars));
}

enum err quality_analyse(struct analysis *analysis, const struct keyword *keywords, size_t count, bool worst_only)
{
	const struct keyword **sorted = arena_try_alloc(analysis->arena, (count + 1) * sizeof(struct keyword *));
	struct summary summary;

	if (sorted == NULL)
		return ERR_LIMIT;
	summary = summarise(keywords, count, sorted);
	for (size_t i = 0; i < count; i++)
		sorted[i] = &keywords[i];
	qsort(sorted, count, sizeof(struct keyword *), compare_stake);
	buf_put_byte(analysis->data, '{');
	put_summary(analysis->data, &summary);
	put_keywords(analysis->data, sorted, count, worst_only, &summary);
	buf_put_byte(analysis->data, '}');
	analysis->no_data = count == 0;
	if (analysis->chart && count > 0)
		draw(analysis, &summary);
	return OK;
}
