/* What a day's spend brings: a concave curve, fitted or told by the platform. Spend and value are in major units (or
 * conversions) a day. Pure, any thread. */
#ifndef GATEHOUSE_ANALYTICS_CURVE_H
#define GATEHOUSE_ANALYTICS_CURVE_H

#include "analytics/rows.h"
#include "base/arena.h"
#include "base/err.h"

#define CURVE_POINTS_MAX 64 /* of a simulation; platforms tell some ten */

struct curve_point {
	double spend, value;
};

/* a * ln(1 + spend / k); or, with points, straight lines between them, flat behind the last. */
struct curve {
	double a, k;
	const struct curve_point *points; /* NULL: the logarithm. The first is {0, 0}, slopes fall and are above 0 */
	size_t point_count;
	double scale; /* of the value of `points` */
};

/* The logarithmic curve. */
static inline struct curve curve_log(double a, double k)
{
	return (struct curve){.a = a, .k = k};
}

/* What so much a day brings a day. */
double curve_value(const struct curve *curve, double spend);
/* What one more unit of spend brings there; at a corner, to its right. */
double curve_slope(const struct curve *curve, double spend);
/* Up to which spend the slope is above `slope` (itself above 0); may be below 0 or infinite. */
double curve_reach(const struct curve *curve, double slope);

/* The smallest concave, never falling curve above a simulation's points and {0, 0}.
 *   conversions  count them instead of their value
 *   ret_curve    its points are in `arena`
 *   Errors       ERR_NOT_FOUND: nothing in it brings anything; ERR_LIMIT (arena)
 *   Limits       points behind CURVE_POINTS_MAX are left out */
NODISCARD enum err curve_envelope(struct arena *arena, const struct simulation *simulation, bool conversions,
				  struct curve *ret_curve);

#endif
