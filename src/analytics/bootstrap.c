/* A moving-block bootstrap. A replicate draws whole weeks, with repetition, beginning at any day, until the window is
 * full; all units share the draw, so that what moved them together stays together. Each unit's curve is fitted and
 * calibrated anew to the days as often as they were drawn, and the recommendation, which stays as it is, is measured
 * against the current division by those curves.
 *
 * Unit by unit, all replicates of one after the other: its table of logarithms is the only large piece, and stays in
 * the cache of the processor. */
#include "analytics/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"

#define BETTER_PCT_MIN 1e-9 /* less is rounding */

/* splitmix64: Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014). */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

/* How often each day is drawn, and what the divisions bring. */
struct replicate {
	uint8_t weights[FIT_DAYS_MAX];
	double current, recommended;
};

static void draw_days(struct replicate *replicate, size_t days, uint64_t *random)
{
	size_t left = days;

	while (left > 0) {
		size_t first = draw(random) % (days - BOOTSTRAP_BLOCK_DAYS + 1);
		size_t n = left < BOOTSTRAP_BLOCK_DAYS ? left : BOOTSTRAP_BLOCK_DAYS;

		for (size_t i = 0; i < n; i++)
			replicate->weights[first + i]++;
		left -= n;
	}
}

static void add_flat(struct replicate *replicate, double value)
{
	replicate->current += value;
	replicate->recommended += value;
}

/* One unit in one replicate. Where the days drawn show no response, its value is what it was at any spend. */
static void replay(struct replicate *replicate, const struct bootstrap_unit *unit, const struct fit_table *table)
{
	double spend = unit->current, value = 0, usual_spend, usual = 0;
	struct curve curve = unit->curve;

	if (fit_level(unit->series, replicate->weights, &spend, &value) == 0) {
		spend = unit->current;
		value = curve_value(&curve, spend);
	}
	if (curve.points != NULL) {
		(void)fit_level(unit->series, NULL, &usual_spend, &usual);
		curve.scale *= usual > 0 ? value / usual : 1;
	} else {
		struct fit fit;

		fit_curve(unit->series, table, replicate->weights, &fit);
		curve = fit.curve;
		if (!fit_calibrate(&curve, spend, value)) {
			add_flat(replicate, value);
			return;
		}
	}
	replicate->current += curve_value(&curve, unit->current);
	replicate->recommended += curve_value(&curve, unit->recommended);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The nearest rank. */
static double percentile(const double *sorted, size_t n, double part)
{
	return sorted[(size_t)ceil(part * (double)n) - 1];
}

static void summarise(const struct replicate *replicates, struct confidence *ret_confidence)
{
	double won_pct[BOOTSTRAP_REPLICATES];
	size_t better = 0;

	for (size_t i = 0; i < BOOTSTRAP_REPLICATES; i++) {
		const struct replicate *one = &replicates[i];

		won_pct[i] = one->current > 0 ? 100 * (one->recommended - one->current) / one->current : 0;
		better += won_pct[i] > BETTER_PCT_MIN;
	}
	qsort(won_pct, BOOTSTRAP_REPLICATES, sizeof(*won_pct), compare_doubles);
	*ret_confidence = (struct confidence){
		.low_pct = percentile(won_pct, BOOTSTRAP_REPLICATES, 0.1),
		.high_pct = percentile(won_pct, BOOTSTRAP_REPLICATES, 0.9),
		.better = (double)better / BOOTSTRAP_REPLICATES,
	};
}

enum err bootstrap_try(struct arena *arena, const struct bootstrap_unit *units, size_t count, size_t window_days,
		       uint64_t seed, struct confidence *ret_confidence)
{
	struct replicate *replicates = arena_try_alloc(arena, BOOTSTRAP_REPLICATES * sizeof(*replicates));
	struct fit_table *table = arena_try_alloc(arena, sizeof(*table));

	CHECK(window_days >= BOOTSTRAP_BLOCK_DAYS && window_days <= FIT_DAYS_MAX);
	if (replicates == NULL || table == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < BOOTSTRAP_REPLICATES; i++) {
		replicates[i] = (struct replicate){.current = 0};
		draw_days(&replicates[i], window_days, &seed);
	}
	for (size_t u = 0; u < count; u++) {
		if (units[u].curve.points == NULL)
			fit_table_fill(table, units[u].series);
		for (size_t i = 0; i < BOOTSTRAP_REPLICATES; i++)
			replay(&replicates[i], &units[u], table);
	}
	summarise(replicates, ret_confidence);
	return OK;
}
