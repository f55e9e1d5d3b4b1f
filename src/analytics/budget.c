/* The budget optimizer: what the same total would bring, divided otherwise.
 *
 * Units come with curves (unit.c) and get bounds: so many per cent up and down, never far beyond what has been tried,
 * never more for one whose budget does not hold it back. allocate.c divides; a change too small to matter is taken
 * back, and its unit leaves the division, until none is left. bootstrap.c says how often such a recommendation would
 * win. What is told is an estimate from observed days, and says so: nobody has varied these budgets at random. */
#include "analytics/budget.h"

#include <math.h>

#include "analytics/allocate.h"

#define CHANGE_MIN 0.03	   /* of a unit's spend; less is noise */
#define GAIN_MIN 0.01	   /* of the value of all; less is not worth the change */
#define TRIED_MAX 1.2	   /* of the largest day's spend: beyond, nobody knows */
#define CONFIDENCE_MIN 0.6 /* of the bootstrap's histories */

static const int shift_pct[] = {
	[BUDGET_CONSERVATIVE] = 15,
	[BUDGET_MODERATE] = 30,
	[BUDGET_AGGRESSIVE] = 50,
};

static struct portion portion_of(const struct unit *unit, int pct)
{
	double current = (double)unit->current_micros;
	double low = ceil(current * (100 - pct) / 100), high = floor(current * (100 + pct) / 100);
	double known = TRIED_MAX * (double)unit->largest_micros;

	if (unit->curve.points != NULL)
		known = fmin(known, floor(unit->curve.points[unit->curve.point_count - 1].spend * MICROS));
	if (unit->limited == UNIT_LIMITED_NO)
		known = current;
	high = fmax(current, fmin(high, floor(known)));
	return (struct portion){
		.curve = unit->curve,
		.low_micros = (int64_t)fmin(low, current),
		.high_micros = (int64_t)high,
		.micros = unit->current_micros,
	};
}

/* Take small changes back; their units stay where they are. Whether there were some. */
static bool take_back(struct portion *portions, struct unit *const *free_units, size_t count)
{
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		struct portion *one = &portions[i];
		int64_t current = free_units[i]->current_micros, change = one->micros - current;

		if (change == 0 || fabs((double)change) >= CHANGE_MIN * (double)current)
			continue;
		one->low_micros = one->high_micros = one->micros = current;
		found = true;
	}
	return found;
}

static double value_of(const struct unit *unit, int64_t micros)
{
	return curve_value(&unit->curve, (double)micros / MICROS);
}

/* Recommend something for each free unit: perhaps what it spends now. */
static enum err divide(struct arena *arena, struct plan *plan, int pct)
{
	size_t n = plan->free_count;
	struct portion *portions = arena_try_alloc(arena, (n + 1) * sizeof(*portions));
	double won;

	if (portions == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		portions[i] = portion_of(plan->free_units[i], pct);
		plan->total_micros += plan->free_units[i]->current_micros;
		plan->value_current += value_of(plan->free_units[i], plan->free_units[i]->current_micros);
	}
	do
		allocate(portions, n, plan->total_micros);
	while (take_back(portions, plan->free_units, n));
	for (size_t i = 0; i < n; i++)
		plan->value_recommended += value_of(plan->free_units[i], portions[i].micros);
	won = plan->value_recommended - plan->value_current;
	if (!(won >= GAIN_MIN * plan->value_current)) {
		plan->value_recommended = plan->value_current;
		return OK;
	}
	for (size_t i = 0; i < n; i++) {
		plan->free_units[i]->recommended_micros = portions[i].micros;
		plan->changed |= portions[i].micros != plan->free_units[i]->current_micros;
	}
	return OK;
}

static enum err assure(struct arena *arena, struct plan *plan, uint64_t seed)
{
	size_t n = plan->free_count;
	struct bootstrap_unit *tried = arena_try_alloc(arena, n * sizeof(*tried));
	size_t days = (size_t)(plan->list.window.end - plan->list.window.start) + 1 - UNIT_LAG_DAYS;

	if (tried == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		const struct unit *unit = plan->free_units[i];

		tried[i] = (struct bootstrap_unit){
			.series = &unit->series,
			.curve = unit->curve,
			.current = (double)unit->current_micros / MICROS,
			.recommended = (double)unit->recommended_micros / MICROS,
		};
	}
	TRY(bootstrap_try(arena, tried, n, days, seed, &plan->confidence));
	plan->actionable = plan->confidence.better >= CONFIDENCE_MIN;
	return OK;
}

static void warn(struct analysis *analysis, const struct budget_input *input, const struct plan *plan)
{
	bool capped = false, unknown = false;

	for (size_t i = 0; i < plan->free_count; i++) {
		capped |= plan->free_units[i]->limited == UNIT_LIMITED_NO;
		unknown |= plan->free_units[i]->limited == UNIT_LIMITED_UNKNOWN;
	}
	if (plan->list.conversions && !input->conversions)
		analysis_warn(analysis, "no_conversion_value", "no value is told; conversions are counted instead");
	if (plan->list.left_out > 0)
		analysis_warn(analysis, "units_left_out", "only the 50 units with the most spend are looked at");
	if (plan->free_count < 2)
		analysis_warn(analysis, "nothing_to_move", "fewer than two units may be changed; see hold_reason");
	if (capped)
		analysis_warn(analysis, "increase_capped", "units that do not use up their budget are given no more");
	if (unknown)
		analysis_warn(analysis, "budget_unknown", "whether a budget holds some units back is not known");
	if (plan->changed && !plan->actionable)
		analysis_warn(analysis, "low_confidence",
			      "the recommendation wins in fewer than 60 % of the resampled histories");
}

enum err budget_analyse(struct analysis *analysis, const struct budget_input *input)
{
	struct arena *arena = analysis->arena;
	struct plan plan = {.pct = shift_pct[input->shift]};

	TRY(unit_list_make(arena, input, &plan.list));
	plan.free_units = arena_try_alloc(arena, plan.list.count * sizeof(*plan.free_units));
	if (plan.free_units == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < plan.list.count; i++) {
		struct unit *unit = &plan.list.units[i];

		unit->recommended_micros = unit->current_micros;
		if (unit->hold == UNIT_FREE)
			plan.free_units[plan.free_count++] = unit;
	}
	TRY(divide(arena, &plan, plan.pct));
	if (plan.changed)
		TRY(assure(arena, &plan, input->seed));
	warn(analysis, input, &plan);
	analysis->no_data = plan.list.count == 0;
	budget_put(analysis->data, &plan);
	if (analysis->chart && plan.list.count > 0)
		budget_draw(analysis, &plan);
	return OK;
}
