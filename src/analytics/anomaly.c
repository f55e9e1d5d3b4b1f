/* What changed in the last seven days against the seven before, for the account and for each campaign.
 *
 * A change is worth telling when it is more than THRESHOLD_PCT, or something began or ended, and when there is enough
 * behind it: small campaigns and ratios of few events only count as suppressed. Percentages are compared with a little
 * slack, so that 15 % told by doubles is still not more than 15 %. */
#include "analytics/analytics.h"

#include <math.h>
#include <stdlib.h>

#include "analytics/chart.h"
#include "analytics/figures.h"
#include "analytics/metric.h"
#include "analytics/put.h"
#include "analytics/sums.h"

#define WINDOW_DAYS 7
#define THRESHOLD_PCT 15
#define MODERATE_PCT 30
#define MAJOR_PCT 50
#define SLACK_PCT 1e-9
#define CAMPAIGN_SHARE 0.01 /* of the spend of both weeks a campaign must have */
#define MAJOR_SHARE 0.05    /* of it, for a beginning or an end to be major */
#define SIGNIFICANT_Z 1.96  /* two-sided, 95 % */
#define ANOMALIES_LISTED 200
#define CHART_ANOMALIES 10

enum severity { SEVERITY_NONE, SEVERITY_MINOR, SEVERITY_MODERATE, SEVERITY_MAJOR };

/* The account, or one campaign. */
struct scope {
	const struct campaign *campaign; /* NULL: the account */
	struct figures now, before;
	double spend_share; /* of both weeks of the account */
};

struct anomaly {
	const struct scope *scope;
	enum metric metric;
	struct delta delta;
	enum severity severity;
};

struct search {
	struct analysis *analysis;
	struct scope *scopes;
	size_t scope_count;
	struct anomaly *anomalies;
	size_t count, suppressed;
};

static bool is_above(double pct, double bound)
{
	return fabs(pct) > bound + SLACK_PCT;
}

static enum severity severity_of(struct delta delta, double spend_share)
{
	if (delta.direction == DIRECTION_NEW || delta.direction == DIRECTION_STOPPED)
		return spend_share >= MAJOR_SHARE ? SEVERITY_MAJOR : SEVERITY_MODERATE;
	if (delta.direction != DIRECTION_UP && delta.direction != DIRECTION_DOWN)
		return SEVERITY_NONE;
	if (is_above(delta.pct, MAJOR_PCT))
		return SEVERITY_MAJOR;
	if (is_above(delta.pct, MODERATE_PCT))
		return SEVERITY_MODERATE;
	return is_above(delta.pct, THRESHOLD_PCT) ? SEVERITY_MINOR : SEVERITY_NONE;
}

/* Whether one of two weeks has enough events for a ratio to mean something. */
static bool has_volume(enum metric metric, const struct figures *week)
{
	switch (metric) {
	case METRIC_CTR:
	case METRIC_CPM:
		return week->impressions >= 100;
	case METRIC_CPC:
	case METRIC_CVR:
		return week->clicks >= 20;
	case METRIC_CPA:
	case METRIC_ROAS:
		return week->conversions >= 5;
	default:
		return true;
	}
}

static void look_at(struct search *search, const struct scope *scope, enum metric metric)
{
	struct delta delta = delta_of(metric_of(&scope->now, metric), metric_of(&scope->before, metric));
	enum severity severity = severity_of(delta, scope->spend_share);

	if (severity == SEVERITY_NONE)
		return;
	if ((scope->campaign != NULL && scope->spend_share < CAMPAIGN_SHARE) ||
	    (!has_volume(metric, &scope->now) && !has_volume(metric, &scope->before)))
		search->suppressed++;
	else
		search->anomalies[search->count++] = (struct anomaly){scope, metric, delta, severity};
}

static int64_t spend_impact(const struct anomaly *anomaly)
{
	return anomaly->scope->now.cost_micros - anomaly->scope->before.cost_micros;
}

/* The worst first; what no money tells apart has a fixed order: the account, campaigns by id, the table of metrics. */
static int by_weight(const void *a, const void *b)
{
	const struct anomaly *x = a, *y = b;
	int64_t x_impact = llabs(spend_impact(x)), y_impact = llabs(spend_impact(y));

	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x_impact != y_impact)
		return x_impact > y_impact ? -1 : 1;
	if (x->scope != y->scope) {
		if (x->scope->campaign == NULL || y->scope->campaign == NULL)
			return x->scope->campaign == NULL ? -1 : 1;
		return str_cmp(x->scope->campaign->id, y->scope->campaign->id);
	}
	return x->metric < y->metric ? -1 : x->metric > y->metric;
}

/* ---- chance ---- */

static double z_of_counts(double now, double before)
{
	return (now - before) / sqrt(now + before);
}

static double z_of_rates(double hits_now, double tries_now, double hits_before, double tries_before)
{
	double pooled = ratio(hits_now + hits_before, tries_now + tries_before);
	double variance = pooled * (1 - pooled) * (1 / tries_now + 1 / tries_before);

	/* Conversions may be more than clicks (views convert, too): then it is no share. */
	return variance > 0 ? (hits_now / tries_now - hits_before / tries_before) / sqrt(variance) : NAN;
}

/* How many standard deviations a change is; NaN where nothing is known of the spread: money. */
static double z_of(const struct anomaly *anomaly)
{
	const struct figures *now = &anomaly->scope->now, *before = &anomaly->scope->before;

	switch (anomaly->metric) {
	case METRIC_IMPRESSIONS:
	case METRIC_CLICKS:
	case METRIC_CONVERSIONS:
		return z_of_counts(metric_of(now, anomaly->metric), metric_of(before, anomaly->metric));
	case METRIC_CTR:
		return z_of_rates((double)now->clicks, (double)now->impressions, (double)before->clicks,
				  (double)before->impressions);
	case METRIC_CVR:
		return z_of_rates(now->conversions, (double)now->clicks, before->conversions, (double)before->clicks);
	default:
		return NAN;
	}
}

/* ---- in words ---- */

static const char *polarity_of(const struct anomaly *anomaly)
{
	bool up = anomaly->delta.direction == DIRECTION_UP || anomaly->delta.direction == DIRECTION_NEW;
	int good = metric_types[anomaly->metric].good;

	return good == 0 ? "neutral" : (good > 0) == up ? "good" : "bad";
}

static void put_scope(struct buf *out, const struct campaign *campaign)
{
	put_text(out, "scope", campaign == NULL ? STR("account") : STR("campaign"));
	if (campaign == NULL) {
		buf_put(out, STR(",\"campaign_id\":null,\"campaign_name\":null"));
		return;
	}
	put_text(out, "campaign_id", campaign->id);
	put_text(out, "campaign_name", campaign->name);
}

static void put_anomaly(struct buf *out, const struct anomaly *anomaly)
{
	static const char *const severities[] = {"none", "minor", "moderate", "major"};
	const struct metric_type *type = &metric_types[anomaly->metric];
	double z = z_of(anomaly);

	buf_put_byte(out, '{');
	put_scope(out, anomaly->scope->campaign);
	put_text(out, "metric", str_of(type->name));
	put_text(out, "unit", str_of(metric_unit_name(type->unit)));
	put_name(out, "current");
	put_metric_value(out, &anomaly->scope->now, anomaly->metric);
	put_name(out, "previous");
	put_metric_value(out, &anomaly->scope->before, anomaly->metric);
	put_name(out, "delta_pct");
	put_pct(out, anomaly->delta.pct);
	put_text(out, "direction", str_of(direction_name(anomaly->delta.direction)));
	put_text(out, "polarity", str_of(polarity_of(anomaly)));
	put_text(out, "severity", str_of(severities[anomaly->severity]));
	put_name(out, "significant");
	buf_put(out, isnan(z) ? STR("null") : fabs(z) >= SIGNIFICANT_Z ? STR("true") : STR("false"));
	put_name(out, "spend_change_amount");
	put_amount(out, spend_impact(anomaly));
	buf_put_byte(out, '}');
}

static void put_window(struct buf *out, const char *name, struct day_range window)
{
	put_name(out, name);
	buf_put_byte(out, '{');
	put_day(out, "start", window.start);
	put_day(out, "end", window.end);
	buf_put_byte(out, '}');
}

static void put_answer(struct search *search, struct day_range now, struct day_range before)
{
	struct buf *out = search->analysis->data;

	put_window(out, "current_window", now);
	put_window(out, "previous_window", before);
	put_name(out, "anomalies");
	buf_put_byte(out, '[');
	for (size_t i = 0; i < search->count && i < ANOMALIES_LISTED; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		put_anomaly(out, &search->anomalies[i]);
	}
	buf_put_byte(out, ']');
	put_name(out, "anomaly_count");
	buf_put_u64(out, search->count);
	put_name(out, "suppressed_low_volume");
	buf_put_u64(out, search->suppressed);
	put_name(out, "all_clear");
	buf_put(out, search->count == 0 && !search->analysis->no_data ? STR("true") : STR("false"));
}

static void draw(struct search *search)
{
	struct chart_bar bars[CHART_ANOMALIES];
	AUTO_BUF names = {0};
	size_t starts[CHART_ANOMALIES + 1], count = 0;

	for (size_t i = 0; i < search->count && count < CHART_ANOMALIES; i++) {
		const struct anomaly *anomaly = &search->anomalies[i];
		const struct campaign *campaign = anomaly->scope->campaign;

		if (isnan(anomaly->delta.pct))
			continue;
		starts[count] = names.n;
		buf_put(&names, str_of(metric_types[anomaly->metric].name));
		buf_put(&names, STR(", "));
		buf_put(&names, campaign == NULL ? STR("account") : campaign->name);
		bars[count++] = (struct chart_bar){.value = anomaly->delta.pct, .other = NAN};
	}
	starts[count] = names.n;
	for (size_t i = 0; i < count; i++)
		bars[i].name = (struct str){names.p + starts[i], starts[i + 1] - starts[i]};
	if (count > 0)
		chart_bars(search->analysis->svg, STR("Seven days against the seven before"), STR("%"), bars, count);
}

/* ---- the search ---- */

/* Sum both windows, for the account and each campaign. */
static enum err scopes_fill(struct search *search, const struct history *history, struct day_range now,
			    struct day_range before)
{
	struct arena *arena = search->analysis->arena;
	struct figures total_now, total_before, *sums_now, *sums_before;
	double both;

	TRY(sums_by_campaign(arena, history, now, &total_now, &sums_now));
	TRY(sums_by_campaign(arena, history, before, &total_before, &sums_before));
	search->scope_count = history->campaign_count + 1;
	search->scopes = arena_try_alloc(arena, search->scope_count * sizeof(*search->scopes));
	search->anomalies = arena_try_alloc(arena, search->scope_count * METRICS * sizeof(*search->anomalies));
	if (search->scopes == NULL || search->anomalies == NULL)
		return ERR_LIMIT;
	both = (double)total_now.cost_micros + (double)total_before.cost_micros;
	search->scopes[0] = (struct scope){NULL, total_now, total_before, 1};
	for (size_t i = 0; i < history->campaign_count; i++) {
		double share = ratio((double)sums_now[i].cost_micros + (double)sums_before[i].cost_micros, both);

		search->scopes[i + 1] =
			(struct scope){&history->campaigns[i], sums_now[i], sums_before[i], isnan(share) ? 1 : share};
	}
	search->analysis->no_data = figures_are_none(&total_now) && figures_are_none(&total_before);
	return OK;
}

enum err anomaly_analyse(struct analysis *analysis, const struct history *history)
{
	struct day_range now = {history->range.end - WINDOW_DAYS + 1, history->range.end}, before = days_before(now);
	struct search search = {.analysis = analysis};

	TRY(scopes_fill(&search, history, now, before));
	if (!history_knows(history, before)) {
		analysis->no_data = true;
		analysis_warn(analysis, "no_previous_week", "what was before these seven days is not known");
	}
	for (size_t i = 0; i < search.scope_count && !analysis->no_data; i++)
		for (enum metric metric = 0; metric < METRICS; metric++)
			look_at(&search, &search.scopes[i], metric);
	qsort(search.anomalies, search.count, sizeof(*search.anomalies), by_weight);
	analysis_warn(analysis, "conversions_incomplete", "last 3 days");
	if (search.count > ANOMALIES_LISTED)
		analysis_warn(analysis, "anomalies_not_all_listed", "the 200 gravest are");
	buf_put_byte(analysis->data, '{');
	put_answer(&search, now, before);
	buf_put_byte(analysis->data, '}');
	if (analysis->chart)
		draw(&search);
	return OK;
}
