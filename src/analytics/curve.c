/* Concave curves. The logarithm has two parameters and an answer to every question; a platform's simulation has some
 * points, of which only those on the upper convex hull can be reached by dividing a budget well: between two of them
 * spending so much on some days and so much on others brings the straight line. */
#include "analytics/curve.h"

#include <math.h>

#define SIMULATION_DAYS 7 /* a simulation's points are sums of a week */

/* The line on which `spend` lies: the index of its right end, point_count behind the last. */
static size_t segment_of(const struct curve *curve, double spend)
{
	size_t at = 1;

	while (at < curve->point_count && spend >= curve->points[at].spend)
		at++;
	return at;
}

static double segment_slope(const struct curve *curve, size_t right)
{
	const struct curve_point *a, *b;

	if (right >= curve->point_count)
		return 0;
	a = &curve->points[right - 1];
	b = &curve->points[right];
	return curve->scale * (b->value - a->value) / (b->spend - a->spend);
}

double curve_value(const struct curve *curve, double spend)
{
	const struct curve_point *from;
	size_t right;

	if (curve->points == NULL)
		return curve->a * log1p(spend / curve->k);
	right = segment_of(curve, spend);
	from = &curve->points[right - 1];
	return curve->scale * from->value + segment_slope(curve, right) * (spend - from->spend);
}

double curve_slope(const struct curve *curve, double spend)
{
	if (curve->points == NULL)
		return curve->a / (spend + curve->k);
	return segment_slope(curve, segment_of(curve, spend));
}

double curve_reach(const struct curve *curve, double slope)
{
	size_t right = 1;

	if (curve->points == NULL)
		return curve->a / slope - curve->k;
	while (right < curve->point_count && segment_slope(curve, right) > slope)
		right++;
	return curve->points[right - 1].spend;
}

/* Whether `b` lies on or below the line from `a` to `c`, so that it is no corner of the hull. */
static bool below_line(struct curve_point a, struct curve_point b, struct curve_point c)
{
	return (b.value - a.value) * (c.spend - a.spend) <= (c.value - a.value) * (b.spend - a.spend);
}

enum err curve_envelope(struct arena *arena, const struct simulation *simulation, bool conversions,
			struct curve *ret_curve)
{
	size_t count = simulation->point_count < CURVE_POINTS_MAX ? simulation->point_count : CURVE_POINTS_MAX;
	struct curve_point *hull = arena_try_alloc(arena, (count + 1) * sizeof(*hull));
	size_t n = 1;

	if (hull == NULL)
		return ERR_LIMIT;
	hull[0] = (struct curve_point){0, 0};
	for (size_t i = 0; i < count; i++) {
		const struct simulation_point *point = &simulation->points[i];
		double value = conversions ? point->conversions : (double)point->value_micros / MICROS;
		struct curve_point next = {.spend = (double)point->cost_micros / MICROS / SIMULATION_DAYS,
					   .value = value / SIMULATION_DAYS};

		/* One that costs more and brings no more is never worth it; nor is one out of order. */
		if (next.spend <= hull[n - 1].spend || next.value <= hull[n - 1].value)
			continue;
		while (n > 1 && below_line(hull[n - 2], hull[n - 1], next))
			n--;
		hull[n++] = next;
	}
	if (n < 2)
		return ERR_NOT_FOUND;
	*ret_curve = (struct curve){.points = hull, .point_count = n, .scale = 1};
	return OK;
}
