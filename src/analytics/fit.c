/* The profile fit. A day's value is its weekday's index times the curve at its spend. For a given k the best a follows
 * from two sums, so the search is over k alone: 81 values, each tried, the best kept. No solver, no starting point, no
 * way to fail to converge; the same days always give the same curve.
 *
 * A replicate of the bootstrap is the same days counted differently often. The logarithms stay, so that it costs two
 * multiplications a day and k; days not drawn cost nothing. */
#include "analytics/fit.h"

#include <math.h>
#include <stdlib.h>

#define WEEKDAYS 7
/* Bounds of a weekday's index: beyond, it is noise of a few conversions. */
#define WEEKDAY_INDEX_MIN 0.5
#define WEEKDAY_INDEX_MAX 2.0
/* Where k is looked for, as parts of the median and the largest spend. */
#define GRID_MEDIANS_MIN 0.05
#define GRID_LARGEST_MAX 20.0

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void fit_table_fill(struct fit_table *table, const struct series *series)
{
	double spends[FIT_DAYS_MAX], median, low, step;
	size_t n = series->count;

	for (size_t i = 0; i < n; i++)
		spends[i] = series->days[i].spend;
	qsort(spends, n, sizeof(*spends), compare_doubles);
	median = n == 0 ? 1 : (spends[(n - 1) / 2] + spends[n / 2]) / 2;
	low = GRID_MEDIANS_MIN * median;
	step = n == 0 ? 0 : log(GRID_LARGEST_MAX * spends[n - 1] / low) / (FIT_GRID - 1);
	for (size_t j = 0; j < FIT_GRID_ROOM; j++)
		table->k[j] = low * exp(step * (double)(j < FIT_GRID ? j : FIT_GRID - 1));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < FIT_GRID_ROOM; j++)
			table->log[i][j] = log1p(series->days[i].spend / table->k[j]);
}

static double weight_of(const struct series_day *day, const uint8_t *weights)
{
	return weights == NULL ? 1 : weights[day->slot];
}

/* What a weekday brings beside what any day does. */
static void weekday_indexes(const struct series *series, const uint8_t *weights, double out[WEEKDAYS])
{
	double sum[WEEKDAYS] = {0}, n[WEEKDAYS] = {0}, all = 0, count = 0;

	for (size_t i = 0; i < series->count; i++) {
		const struct series_day *day = &series->days[i];
		double weight = weight_of(day, weights);

		sum[day->weekday] += weight * day->value;
		n[day->weekday] += weight;
		all += weight * day->value;
		count += weight;
	}
	for (int i = 0; i < WEEKDAYS; i++) {
		double index = n[i] > 0 && all > 0 ? sum[i] / n[i] * count / all : 1;

		out[i] = index < WEEKDAY_INDEX_MIN   ? WEEKDAY_INDEX_MIN
			 : index > WEEKDAY_INDEX_MAX ? WEEKDAY_INDEX_MAX
						     : index;
	}
}

/* What the best a and the sums of squares follow from. */
struct sums {
	double zz[FIT_GRID_ROOM], zy[FIT_GRID_ROOM]; /* by k */
	double yy, y, n;
};

static void sums_fill(struct sums *sums, const struct series *series, const struct fit_table *table,
		      const uint8_t *weights)
{
	double index[WEEKDAYS];

	weekday_indexes(series, weights, index);
	for (size_t i = 0; i < series->count; i++) {
		const struct series_day *day = &series->days[i];
		const double *z = table->log[i];
		double weight = weight_of(day, weights), y = day->value / index[day->weekday];
		double weighted = weight * y;

		if (weight == 0)
			continue;
		for (size_t j = 0; j < FIT_GRID_ROOM; j++) {
			sums->zz[j] += weight * z[j] * z[j];
			sums->zy[j] += weighted * z[j];
		}
		sums->yy += weighted * y;
		sums->y += weighted;
		sums->n += weight;
	}
}

void fit_curve(const struct series *series, const struct fit_table *table, const uint8_t *weights, struct fit *ret_fit)
{
	struct sums sums = {.n = 0};
	double explained = 0, spread;
	size_t best = 0;

	sums_fill(&sums, series, table, weights);
	for (size_t j = 0; j < FIT_GRID; j++) {
		double part = sums.zy[j] > 0 ? sums.zy[j] * sums.zy[j] / sums.zz[j] : 0;

		if (part > explained) {
			explained = part;
			best = j;
		}
	}
	spread = sums.n > 0 ? sums.yy - sums.y * sums.y / sums.n : 0;
	*ret_fit = (struct fit){
		.curve = curve_log(explained > 0 ? sums.zy[best] / sums.zz[best] : 0, table->k[best]),
		.r2 = spread > sums.yy * 1e-12 ? 1 - (sums.yy - explained) / spread : NAN,
		.saturating = best < FIT_GRID - 1,
	};
}

size_t fit_level(const struct series *series, const uint8_t *weights, double *ret_spend, double *ret_value)
{
	size_t first = series->count > FIT_RECENT_DAYS ? series->count - FIT_RECENT_DAYS : 0;
	double spend = 0, value = 0, n = 0;

	for (size_t i = first; i < series->count; i++) {
		double weight = weight_of(&series->days[i], weights);

		spend += weight * series->days[i].spend;
		value += weight * series->days[i].value;
		n += weight;
	}
	if (n > 0) {
		*ret_spend = spend / n;
		*ret_value = value / n;
	}
	return (size_t)n;
}

bool fit_calibrate(struct curve *curve, double spend, double value)
{
	double there = curve_value(curve, spend);

	if (!(there > 0) || !(value >= 0))
		return false;
	curve->a *= value / there;
	curve->scale *= value / there;
	return true;
}
