/* Bisection on the slope. At the best division one more unit brings the same everywhere, except where a bound forbids
 * it; the sum of what all take at a slope never rises with the slope, so the right one is found by halving. A curve of
 * straight lines takes a whole line at one slope: what remains is then divided between what all take just above the
 * slope and just below it, which is as good as any other division. */
#include "analytics/allocate.h"

#include <math.h>

#include "base/check.h"

#define HALVINGS 200 /* more than doubles can tell apart */

static double clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

/* What one takes at this slope, in micros. */
static double taken(const struct portion *portion, double slope)
{
	return clamp(curve_reach(&portion->curve, slope) * MICROS, (double)portion->low_micros,
		     (double)portion->high_micros);
}

static double all_taken(const struct portion *portions, size_t count, double slope)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += taken(&portions[i], slope);
	return sum;
}

/* Between which slopes the right one lies: above the first all take too much or as much, at the second too little. */
struct bracket {
	double flat, steep;
};

static struct bracket bracket_of(const struct portion *portions, size_t count)
{
	struct bracket all = {.flat = INFINITY, .steep = 0};

	for (size_t i = 0; i < count; i++) {
		const struct portion *one = &portions[i];

		all.flat = fmin(all.flat, curve_slope(&one->curve, (double)one->high_micros / MICROS));
		all.steep = fmax(all.steep, curve_slope(&one->curve, (double)one->low_micros / MICROS));
	}
	return all;
}

/* Rounding has left some micros over, or has given too many: to or from whoever has the most room. */
static void settle(struct portion *portions, size_t count, int64_t left)
{
	while (left != 0) {
		struct portion *best = NULL;
		int64_t room_best = 0;

		for (size_t i = 0; i < count; i++) {
			struct portion *one = &portions[i];
			int64_t room = left > 0 ? one->high_micros - one->micros : one->micros - one->low_micros;

			if (room > room_best) {
				room_best = room;
				best = one;
			}
		}
		CHECK(best != NULL); /* the total is within the sums of the bounds */
		room_best = left > 0 ? (left < room_best ? left : room_best) : (-left < room_best ? left : -room_best);
		best->micros += room_best;
		left -= room_best;
	}
}

void allocate(struct portion *portions, size_t count, int64_t total_micros)
{
	struct bracket slopes = bracket_of(portions, count);
	double total = (double)total_micros, more = 0, less = 0, part;
	int64_t left = total_micros;

	for (int i = 0; i < HALVINGS && slopes.flat < slopes.steep; i++) {
		double middle = (slopes.flat + slopes.steep) / 2;

		if (middle <= slopes.flat || middle >= slopes.steep)
			break;
		if (all_taken(portions, count, middle) > total)
			slopes.flat = middle;
		else
			slopes.steep = middle;
	}
	for (size_t i = 0; i < count; i++) {
		more += slopes.flat > 0 ? taken(&portions[i], slopes.flat) : (double)portions[i].high_micros;
		less += slopes.steep > 0 ? taken(&portions[i], slopes.steep) : (double)portions[i].low_micros;
	}
	part = more > less ? clamp((total - less) / (more - less), 0, 1) : 0;
	for (size_t i = 0; i < count; i++) {
		struct portion *one = &portions[i];
		double high = slopes.flat > 0 ? taken(one, slopes.flat) : (double)one->high_micros;
		double low = slopes.steep > 0 ? taken(one, slopes.steep) : (double)one->low_micros;

		one->micros =
			llround(clamp(low + part * (high - low), (double)one->low_micros, (double)one->high_micros));
		left -= one->micros;
	}
	settle(portions, count, left);
}
