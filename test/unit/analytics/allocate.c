/* Curves and their division: the golden vectors, and what must hold for any curves. */
#include "../unit.h"

#include <math.h>

#include "analytics/allocate.h"

#define UNITS 12

static const double golden_a[] = {600, 400, 90}, golden_k[] = {50, 200, 40};
static const int64_t golden_now[] = {200, 150, 250};

static double value_of(const struct portion *portions, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += curve_value(&portions[i].curve, (double)portions[i].micros / MICROS);
	return sum;
}

static int64_t sum_of(const struct portion *portions, size_t n)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += portions[i].micros;
	return sum;
}

static void golden(struct portion portions[3], int low_pct, int high_pct)
{
	for (int i = 0; i < 3; i++)
		portions[i] = (struct portion){
			.curve = curve_log(golden_a[i], golden_k[i]),
			.low_micros = golden_now[i] * MICROS * low_pct / 100,
			.high_micros = golden_now[i] * MICROS * high_pct / 100,
			.micros = golden_now[i] * MICROS,
		};
}

#define ck_near(got, want, by) ck_assert_double_eq_tol((got), (want), (by))
#define ck_part(i, want) ck_near((double)portions[i].micros / MICROS, want, 0.00006)

START_TEST(bounded)
{
	struct portion portions[3];
	double before, after;

	golden(portions, 70, 130);
	before = value_of(portions, 3);
	allocate(portions, 3, (int64_t)600 * MICROS);
	after = value_of(portions, 3);
	ck_part(0, 260);
	ck_part(1, 165);
	ck_part(2, 175);
	ck_near(before, 1367.7992, 0.00006);
	ck_near(after, 1486.7198, 0.00006);
	ck_near(before / 600, 2.279665, 6e-7);
	ck_near(after / 600, 2.477866, 6e-7);
	ck_near(100 * (after / before - 1), 8.6943, 0.00006);
	ck_near(curve_slope(&portions[0].curve, 260), 1.9355, 0.00006);
	ck_near(curve_slope(&portions[1].curve, 165), 1.0959, 0.00006);
	ck_near(curve_slope(&portions[2].curve, 175), 0.4186, 0.00006);
}
END_TEST

START_TEST(unbounded)
{
	struct portion portions[3];

	golden(portions, 0, 100);
	for (int i = 0; i < 3; i++)
		portions[i].high_micros = (int64_t)600 * MICROS;
	allocate(portions, 3, (int64_t)600 * MICROS);
	ck_part(0, 439.9083);
	ck_part(1, 126.6055);
	ck_part(2, 33.4862);
	ck_assert_int_eq(sum_of(portions, 3), (int64_t)600 * MICROS);
	ck_near(value_of(portions, 3) / 600, 2.700385, 6e-7);
	for (int i = 0; i < 3; i++)
		ck_near(curve_slope(&portions[i].curve, (double)portions[i].micros / MICROS), 1.224719, 6e-7);
}
END_TEST

/* ---- any curves ---- */

static uint64_t random_state;

static double random_between(double low, double high)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return low + (high - low) * (double)(random_state >> 11) / 9007199254740992.0;
}

/* Logarithms, straight lines, and some without any response. */
static void any_portions(struct arena *arena, struct portion *portions, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double now = random_between(1, 500);
		struct simulation_point points[5];
		struct simulation simulation = {.points = points, .point_count = 5};

		portions[i] = (struct portion){
			.curve = curve_log(i % 5 == 4 ? 0 : random_between(1, 900), random_between(0.1, 5000)),
			.low_micros = llround(now * 0.7 * MICROS),
			.high_micros = llround(now * 1.3 * MICROS),
			.micros = llround(now * MICROS),
		};
		if (i % 3 != 0)
			continue;
		for (int j = 0; j < 5; j++)
			points[j] = (struct simulation_point){
				.cost_micros = llround(7 * now * (0.6 + 0.2 * j) * MICROS),
				.value_micros = llround(random_between(0, 9000) * (j + 1) * MICROS)};
		if (curve_envelope(arena, &simulation, false, &portions[i].curve) != OK)
			ck_abort_msg("an envelope of points with value");
	}
}

static int64_t bounds_between(const struct portion *portions, size_t n, double part)
{
	int64_t low = 0, high = 0;

	for (size_t i = 0; i < n; i++) {
		low += portions[i].low_micros;
		high += portions[i].high_micros;
	}
	return low + llround(part * (double)(high - low));
}

/* No pair could exchange a little and be better for it. Corners lie between two micros: the last one does not count. */
static void ck_best(const struct portion *portions, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			const struct portion *to = &portions[i], *from = &portions[j];
			double step = 0.001, to_now = (double)(to->micros + 1) / MICROS,
			       from_now = (double)from->micros / MICROS;
			double won, lost;

			if (to->high_micros - to->micros < 2000 || from->micros - from->low_micros < 2000)
				continue;
			won = curve_value(&to->curve, to_now + step) - curve_value(&to->curve, to_now);
			lost = curve_value(&from->curve, from_now) - curve_value(&from->curve, from_now - step);
			ck_assert_msg(won <= lost + 1e-6 * (1 + lost), "seed %lu: %zu could take from %zu: %g > %g",
				      seed, i, j, won, lost);
		}
}

START_TEST(any_curves)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct arena *arena = arena_new(1 << 20);
		struct portion portions[UNITS];
		size_t n = 1 + seed % UNITS;
		int64_t total, before[UNITS] = {0};

		random_state = seed;
		any_portions(arena, portions, n);
		for (int step = 0; step <= 8; step++) {
			total = bounds_between(portions, n, step / 8.0);
			allocate(portions, n, total);
			ck_assert_int_eq(sum_of(portions, n), total);
			for (size_t i = 0; i < n; i++) {
				ck_assert_int_ge(portions[i].micros, portions[i].low_micros);
				ck_assert_int_le(portions[i].micros, portions[i].high_micros);
			}
			ck_best(portions, n, seed);
			/* With more to divide, nobody gets less; curves with flat parts may exchange those. */
			for (size_t i = 0; i < n; i++) {
				if (portions[i].curve.points == NULL && portions[i].curve.a > 0)
					ck_assert_int_ge(portions[i].micros, before[i] - (int64_t)n);
				before[i] = portions[i].micros;
			}
		}
		arena_free(arena);
	}
}
END_TEST

START_TEST(envelope)
{
	/* The third costs more and brings less, the fourth lies below the line from the second to the fifth. */
	const struct simulation_point points[] = {{.cost_micros = 70000000, .value_micros = 700000000},
						  {.cost_micros = 140000000, .value_micros = 1050000000},
						  {.cost_micros = 150000000, .value_micros = 900000000},
						  {.cost_micros = 210000000, .value_micros = 1060000000},
						  {.cost_micros = 280000000, .value_micros = 1190000000}};
	struct simulation simulation = {.points = points, .point_count = 5}, nothing = {.points = points};
	struct arena *arena = arena_new(1 << 16);
	struct curve curve;

	ck_ok(curve_envelope(arena, &simulation, false, &curve));
	ck_assert_uint_eq(curve.point_count, 4); /* with the origin */
	ck_near(curve_value(&curve, 10), 100, 1e-9);
	ck_near(curve_value(&curve, 30), 160, 1e-9);
	ck_near(curve_value(&curve, 99), 170, 1e-9);
	ck_near(curve_slope(&curve, 0), 10, 1e-9);
	ck_near(curve_slope(&curve, 10), 5, 1e-9);
	ck_near(curve_slope(&curve, 39), 1, 1e-9);
	ck_near(curve_slope(&curve, 40), 0, 1e-9);
	ck_near(curve_reach(&curve, 4), 20, 1e-9);
	ck_err(curve_envelope(arena, &nothing, false, &curve), ERR_NOT_FOUND);
	ck_err(curve_envelope(arena, &simulation, true, &curve), ERR_NOT_FOUND); /* it tells no conversions */
	arena_free(arena);
}
END_TEST

UNIT_MAIN("allocate", bounded, unbounded, any_curves, envelope)
