/* How an account does: sums of a range, the range before it, each day, where it is going, and its campaigns by what
 * they bring.
 *
 * Campaigns that spend next to nothing have ratios that mean nothing; they are not ranked but told in `other`, together
 * with those after CAMPAIGNS_LISTED: campaigns and `other` always add up to the totals. */
#include "analytics/analytics.h"

#include <math.h>
#include <stdlib.h>

#include "analytics/chart.h"
#include "analytics/figures.h"
#include "analytics/metric.h"
#include "analytics/put.h"
#include "analytics/sums.h"

#define CAMPAIGNS_LISTED 50
#define RANKED_SHARE 0.01	 /* of the whole spend a campaign must have to be ranked */
#define RANKED_MICROS_MIN MICROS /* and one unit of the currency */

static const enum metric totals_have[] = {METRIC_SPEND,	      METRIC_IMPRESSIONS, METRIC_CLICKS,
					  METRIC_CONVERSIONS, METRIC_VALUE,	  METRIC_CTR,
					  METRIC_CPC,	      METRIC_CPA,	  METRIC_ROAS};
static const enum metric days_have[] = {METRIC_SPEND, METRIC_IMPRESSIONS, METRIC_CLICKS, METRIC_CONVERSIONS,
					METRIC_VALUE, METRIC_CTR,	  METRIC_CPA,	 METRIC_ROAS};
static const enum metric campaigns_have[] = {METRIC_CONVERSIONS, METRIC_VALUE, METRIC_CTR, METRIC_CPA, METRIC_ROAS};

static void put_metrics(struct buf *out, const struct figures *figures, const enum metric *metrics, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put_metric(out, figures, metrics[i]);
}

static void put_totals(struct buf *out, const char *name, const struct figures *figures)
{
	put_name(out, name);
	buf_put_byte(out, '{');
	put_metrics(out, figures, totals_have, ARRAY_LEN(totals_have));
	buf_put_byte(out, '}');
}

static enum err put_previous(struct analysis *analysis, const struct history *history, const struct figures *now)
{
	struct day_range window = days_before(analysis->range);
	struct buf *out = analysis->data;
	struct figures before, *unused;

	if (!history_knows(history, window)) {
		buf_put(out, STR(",\"previous\":null,\"delta_pct\":null"));
		return OK;
	}
	TRY(sums_by_campaign(analysis->arena, history, window, &before, &unused));
	put_totals(out, "previous", &before);
	put_name(out, "delta_pct");
	buf_put_byte(out, '{');
	for (size_t i = 0; i < ARRAY_LEN(totals_have); i++) {
		enum metric metric = totals_have[i];

		put_name(out, metric_types[metric].name);
		put_pct(out, delta_of(metric_of(now, metric), metric_of(&before, metric)).pct);
	}
	buf_put_byte(out, '}');
	return OK;
}

static void put_daily(struct analysis *analysis, const struct figures *days)
{
	struct buf *out = analysis->data;

	put_name(out, "daily");
	buf_put_byte(out, '[');
	for (int i = 0; i < days_of(analysis->range); i++) {
		buf_put(out, i == 0 ? STR("{") : STR(",{"));
		put_day(out, "date", analysis->range.start + i);
		put_metrics(out, &days[i], days_have, ARRAY_LEN(days_have));
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, ']');
}

/* ---- where it is going ---- */

struct line {
	double slope, mean, r2; /* NaN: undefined */
};

/* Least squares over the days on which the metric is defined; t counts all days. */
static struct line line_through(const struct figures *days, int count, enum metric metric)
{
	double t_sum = 0, y_sum = 0, t_mean, y_mean, tt = 0, ty = 0, yy = 0, slope;
	int n = 0;

	for (int t = 0; t < count; t++) {
		double y = metric_of(&days[t], metric);

		if (isnan(y))
			continue;
		t_sum += t;
		y_sum += y;
		n++;
	}
	if (n < 2)
		return (struct line){NAN, NAN, NAN};
	t_mean = t_sum / n;
	y_mean = y_sum / n;
	for (int t = 0; t < count; t++) {
		double y = metric_of(&days[t], metric);

		if (isnan(y))
			continue;
		tt += (t - t_mean) * (t - t_mean);
		ty += (t - t_mean) * (y - y_mean);
		yy += (y - y_mean) * (y - y_mean);
	}
	slope = ty / tt;
	return (struct line){slope, y_mean, yy > 0 ? slope * ty / yy : NAN};
}

static void put_slope(struct buf *out, enum metric_unit unit, double slope)
{
	static const char *const names[] = {[UNIT_AMOUNT] = "slope_amount_per_day",
					    [UNIT_COUNT] = "slope_per_day",
					    [UNIT_RATIO] = "slope_ratio_per_day"};

	put_name(out, names[unit]);
	if (unit == UNIT_AMOUNT)
		put_amount_of(out, slope);
	else
		put_count(out, slope); /* of a ratio, too: four decimals would be none for most */
}

static void put_trend(struct analysis *analysis, const struct figures *days)
{
	struct buf *out = analysis->data;

	put_name(out, "trend");
	buf_put_byte(out, '{');
	for (size_t i = 0; i < ARRAY_LEN(days_have); i++) {
		const struct metric_type *type = &metric_types[days_have[i]];
		struct line line = line_through(days, days_of(analysis->range), days_have[i]);

		put_name(out, type->name);
		buf_put_byte(out, '{');
		put_slope(out, type->unit, line.slope);
		put_name(out, "change_pct_per_week");
		put_pct(out, line.mean != 0 ? 700 * line.slope / line.mean : NAN);
		put_name(out, "r2_ratio");
		put_ratio(out, line.r2);
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, '}');
}

/* ---- campaigns ---- */

struct place {
	const struct campaign *campaign;
	const struct figures *figures;
	double key; /* the larger, the better; NaN: undefined, last */
};

static int by_key(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (isnan(x->key) != isnan(y->key))
		return isnan(x->key) ? 1 : -1;
	if (!isnan(x->key) && x->key != y->key)
		return x->key > y->key ? -1 : 1;
	if (x->figures->cost_micros != y->figures->cost_micros)
		return x->figures->cost_micros > y->figures->cost_micros ? -1 : 1;
	return str_cmp(x->campaign->id, y->campaign->id);
}

static const char *status_name(enum campaign_status status)
{
	static const char *const names[] = {[CAMPAIGN_ACTIVE] = "active",
					    [CAMPAIGN_PAUSED] = "paused",
					    [CAMPAIGN_REMOVED] = "removed",
					    [CAMPAIGN_UNKNOWN] = "unknown"};

	return names[status];
}

static void put_share(struct buf *out, int64_t cost_micros, const struct figures *total)
{
	put_name(out, "spend_amount");
	put_amount(out, cost_micros);
	put_name(out, "spend_share_pct");
	put_pct(out, 100 * ratio((double)cost_micros, (double)total->cost_micros));
}

static void put_campaign(struct buf *out, const struct place *place, size_t rank, const struct figures *total)
{
	buf_put(out, rank == 1 ? STR("{") : STR(",{"));
	put_name(out, "rank");
	buf_put_u64(out, rank);
	put_text(out, "id", place->campaign->id);
	put_text(out, "name", place->campaign->name);
	put_text(out, "status", str_of(status_name(place->campaign->status)));
	put_share(out, place->figures->cost_micros, total);
	put_metrics(out, place->figures, campaigns_have, ARRAY_LEN(campaigns_have));
	buf_put_byte(out, '}');
}

static void put_other(struct buf *out, const struct figures *other, size_t count, const struct figures *total)
{
	put_name(out, "other");
	if (count == 0) {
		buf_put(out, STR("null"));
		return;
	}
	buf_put_byte(out, '{');
	put_name(out, "campaign_count");
	buf_put_u64(out, count);
	put_share(out, other->cost_micros, total);
	put_metrics(out, other, campaigns_have, ARRAY_LEN(campaigns_have));
	buf_put_byte(out, '}');
}

static bool is_ranked(const struct figures *figures, const struct figures *total)
{
	return figures->cost_micros >= RANKED_MICROS_MIN &&
	       (double)figures->cost_micros >= RANKED_SHARE * (double)total->cost_micros;
}

static enum err put_campaigns(struct analysis *analysis, const struct history *history, const struct figures *sums,
			      const struct figures *total)
{
	bool by_roas = total->value_micros > 0;
	struct place *places = arena_try_alloc(analysis->arena, (history->campaign_count + 1) * sizeof(*places));
	struct figures other = {0};
	size_t count = 0, other_count = 0, unranked_count = 0;
	struct buf *out = analysis->data;

	if (places == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < history->campaign_count; i++) {
		if (is_ranked(&sums[i], total)) {
			places[count++] = (struct place){&history->campaigns[i], &sums[i],
							 by_roas ? figures_roas(&sums[i]) : -figures_cpa(&sums[i])};
		} else if (!figures_are_none(&sums[i])) {
			figures_add(&other, &sums[i]);
			unranked_count++;
		}
	}
	qsort(places, count, sizeof(*places), by_key);
	put_text(out, "ranked_by", by_roas ? STR("roas") : STR("cpa"));
	put_name(out, "campaigns");
	buf_put_byte(out, '[');
	for (size_t i = 0; i < count && i < CAMPAIGNS_LISTED; i++)
		put_campaign(out, &places[i], i + 1, total);
	buf_put_byte(out, ']');
	other_count = unranked_count;
	for (size_t i = CAMPAIGNS_LISTED; i < count; i++, other_count++)
		figures_add(&other, places[i].figures);
	put_name(out, "unranked_count");
	buf_put_u64(out, unranked_count);
	put_other(out, &other, other_count, total);
	return OK;
}

/* ---- the whole ---- */

static enum err draw(struct analysis *analysis, const struct figures *days)
{
	size_t count = (size_t)days_of(analysis->range);
	double *values = arena_try_alloc(analysis->arena, 2 * count * sizeof(*values));
	struct chart_line lines[] = {{STR("Spend"), values}, {STR("Conversion value"), values + count}};
	AUTO_BUF title = {0}, first = {0}, last = {0};

	if (values == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		values[i] = (double)days[i].cost_micros / MICROS;
		values[count + i] = (double)days[i].value_micros / MICROS;
	}
	buf_put(&title, STR("Each day, in "));
	buf_put(&title, analysis->currency);
	civil_put(&first, analysis->range.start);
	civil_put(&last, analysis->range.end);
	chart_lines(analysis->svg, buf_str(&title), buf_str(&first), buf_str(&last), count, lines, ARRAY_LEN(lines));
	return OK;
}

enum err health_analyse(struct analysis *analysis, const struct history *history)
{
	struct figures total, *sums, *days;

	TRY(sums_by_campaign(analysis->arena, history, analysis->range, &total, &sums));
	TRY(sums_by_day(analysis->arena, history, analysis->range, &days));
	analysis->no_data = figures_are_none(&total);
	analysis_warn(analysis, "conversions_incomplete", "last 3 days");
	buf_put_byte(analysis->data, '{');
	put_totals(analysis->data, "totals", &total);
	TRY(put_previous(analysis, history, &total));
	put_daily(analysis, days);
	put_trend(analysis, days);
	TRY(put_campaigns(analysis, history, sums, &total));
	buf_put_byte(analysis->data, '}');
	return analysis->chart ? draw(analysis, days) : OK;
}
