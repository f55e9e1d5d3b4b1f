/* From rows to units. Campaigns that run and share a budget are one: the platform divides it among them anyway. One
 * that is paused is a unit of its own, so that what it once spent is not taken for the others' response. Of the units
 * with the most spend each day is summed, and each is asked in turn whether there is a reason to leave it alone; who
 * has none gets a curve: the platform's own simulation, or a fit.
 *
 * What to recommend is decided in budget.c. */
#include "analytics/unit.h"

#include <math.h>
#include <stdlib.h>

#include "analytics/civil.h"
#include "analytics/figures.h"
#include "base/check.h"

#define USABLE_DAYS_MIN 21
#define CONVERSIONS_MIN 15.0
#define VARIATION_MIN 0.10 /* standard deviation of daily spend, in means */
#define RESPONSE_MIN 0.05  /* r2 */
#define TRIM_MEDIANS 0.05  /* a day with less spend was cut short by something */
#define ALIVE_DAYS 7	   /* without spend for so long: it is paused, whatever its status says */
#define LIMITED_SPEND 0.95 /* of the budget, on LIMITED_DAYS of the days: the budget holds it back */
#define LIMITED_DAYS 0.5
#define LIMITED_LOST 0.10 /* of the impressions */

static const char *const hold_names[] = {
	[UNIT_FREE] = NULL,
	[UNIT_PAUSED] = "paused",
	[UNIT_LIFETIME] = "lifetime_budget",
	[UNIT_TOO_FEW_DAYS] = "too_few_days",
	[UNIT_TOO_FEW_CONVERSIONS] = "too_few_conversions",
	[UNIT_NO_VARIATION] = "no_spend_variation",
	[UNIT_NO_RESPONSE] = "no_response_signal",
};

const char *unit_hold_name(enum unit_hold hold)
{
	return hold_names[hold];
}

/* ---- campaigns into groups ---- */

/* A unit before it is known whether it is one of the large ones. */
struct group {
	const struct campaign *first;
	struct figures figures;
	size_t campaigns, number;
	double lost_to_budget;
	bool shared, lifetime;
};

struct grouping {
	struct group *groups;
	size_t count;
	uint32_t *group_of; /* by campaign: its group's number */
};

static bool campaign_runs(const struct campaign *campaign)
{
	return campaign->status == CAMPAIGN_ACTIVE || campaign->status == CAMPAIGN_UNKNOWN;
}

static bool campaign_shares(const struct campaign *campaign)
{
	return campaign->budget_is_shared && campaign->budget_id.n > 0 && campaign_runs(campaign);
}

/* Those that share come first, side by side; else in their own order. */
static int compare_budgets(const void *a, const void *b)
{
	const struct campaign *x = *(const struct campaign *const *)a, *y = *(const struct campaign *const *)b;
	int order = campaign_shares(y) - campaign_shares(x);

	if (order == 0 && campaign_shares(x))
		order = str_cmp(x->budget_id, y->budget_id);
	return order != 0 ? order : (x > y) - (x < y);
}

static int compare_spend(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int order =
		(x->figures.cost_micros < y->figures.cost_micros) - (x->figures.cost_micros > y->figures.cost_micros);

	return order != 0 ? order : str_cmp(x->first->id, y->first->id);
}

static void group_add(struct group *group, const struct campaign *campaign)
{
	group->campaigns++;
	group->lifetime |= campaign->budget_is_lifetime;
	if (campaign->lost_to_budget > group->lost_to_budget)
		group->lost_to_budget = campaign->lost_to_budget;
}

static enum err grouping_make(struct arena *arena, const struct history *history, struct grouping *ret_grouping)
{
	size_t n = history->campaign_count, count = 0;
	const struct campaign **sorted = arena_try_alloc(arena, n * sizeof(*sorted));
	struct group *groups = arena_try_alloc(arena, n * sizeof(*groups));
	uint32_t *group_of = arena_try_alloc(arena, n * sizeof(*group_of));

	if (sorted == NULL || groups == NULL || group_of == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &history->campaigns[i];
	if (n > 0)
		qsort(sorted, n, sizeof(*sorted), compare_budgets);
	for (size_t i = 0; i < n; i++) {
		const struct campaign *one = sorted[i];
		struct group *last = count > 0 ? &groups[count - 1] : NULL;

		if (last == NULL || !last->shared || !campaign_shares(one) ||
		    !str_eq(last->first->budget_id, one->budget_id)) {
			last = &groups[count];
			*last = (struct group){
				.first = one, .number = count, .shared = campaign_shares(one), .lost_to_budget = -1};
			count++;
		}
		group_add(last, one);
		group_of[one - history->campaigns] = (uint32_t)last->number;
	}
	*ret_grouping = (struct grouping){.groups = groups, .count = count, .group_of = group_of};
	return OK;
}

/* ---- days ---- */

static bool day_within(const struct day_range *range, civil_day day)
{
	return day >= range->start && day <= range->end;
}

/* The days that are known, at most FIT_DAYS_MAX; those before anything was spent are none. */
static struct day_range window_of(const struct history *history)
{
	struct day_range window = {.start = history->range.end - (FIT_DAYS_MAX - 1), .end = history->range.end};
	civil_day first = window.end;

	if (history->range_is_all && history->range.start > window.start)
		window.start = history->range.start;
	for (size_t i = 0; i < history->day_count; i++) {
		const struct campaign_day *row = &history->days[i];

		if (row->figures.cost_micros > 0 && day_within(&window, row->day) && row->day < first)
			first = row->day;
	}
	window.start = first;
	return window;
}

/* What a unit did on each day of the window. */
struct unit_days {
	struct figures of[FIT_DAYS_MAX];
};

/* Days with spend, long enough ago that their conversions are there, without those cut short. */
static void series_fill(struct unit *unit, const struct unit_days *days, const struct unit_list *list)
{
	size_t length = (size_t)(list->window.end - list->window.start) + 1, n = 0;
	size_t settled = length > UNIT_LAG_DAYS ? length - UNIT_LAG_DAYS : 0;
	int64_t spends[FIT_DAYS_MAX];
	double median;

	for (size_t i = 0; i < settled; i++)
		if (days->of[i].cost_micros > 0)
			spends[n++] = days->of[i].cost_micros;
	for (size_t i = 1; i < n; i++)
		for (size_t j = i; j > 0 && spends[j] < spends[j - 1]; j--) {
			int64_t swap = spends[j];

			spends[j] = spends[j - 1];
			spends[j - 1] = swap;
		}
	median = n == 0 ? 0 : ((double)spends[(n - 1) / 2] + (double)spends[n / 2]) / 2;
	for (size_t i = 0; i < settled; i++) {
		const struct figures *of = &days->of[i];

		if (of->cost_micros <= 0 || (double)of->cost_micros < TRIM_MEDIANS * median)
			continue;
		unit->series.days[unit->series.count++] = (struct series_day){
			.spend = (double)of->cost_micros / MICROS,
			.value = list->conversions ? of->conversions : (double)of->value_micros / MICROS,
			.weekday = (uint8_t)civil_weekday(list->window.start + (civil_day)i),
			.slot = (uint8_t)i,
		};
	}
}

/* What it spends a day as of late, by its last usable days; by those too recent to be usable, if it has no others. */
static void unit_measure(struct unit *unit, const struct unit_days *days, size_t length)
{
	size_t first = unit->series.count > FIT_RECENT_DAYS ? unit->series.count - FIT_RECENT_DAYS : 0, n = 0, full = 0;
	struct figures recent = {0};

	for (size_t i = 0; i < length; i++)
		if (days->of[i].cost_micros > unit->largest_micros)
			unit->largest_micros = days->of[i].cost_micros;
	for (size_t i = first; i < unit->series.count; i++) {
		const struct figures *of = &days->of[unit->series.days[i].slot];

		figures_add(&recent, of);
		full += unit->budget_micros > 0 &&
			(double)of->cost_micros >= LIMITED_SPEND * (double)unit->budget_micros;
		n++;
	}
	for (size_t i = 0; i < length && unit->series.count == 0; i++)
		if (days->of[i].cost_micros > 0) {
			figures_add(&recent, &days->of[i]);
			n++;
		}
	unit->current_micros = n > 0 ? llround((double)recent.cost_micros / (double)n) : 0;
	unit->current_roas = figures_roas(&recent);
	if (unit->lost_to_budget >= LIMITED_LOST || (n > 0 && (double)full >= LIMITED_DAYS * (double)n && full > 0))
		unit->limited = UNIT_LIMITED_YES;
	else if (unit->lost_to_budget >= 0 || unit->budget_micros > 0)
		unit->limited = UNIT_LIMITED_NO;
}

/* ---- whether, and what it brings ---- */

static bool has_spent_lately(const struct unit_days *days, size_t length)
{
	for (size_t i = length > ALIVE_DAYS ? length - ALIVE_DAYS : 0; i < length; i++)
		if (days->of[i].cost_micros > 0)
			return true;
	return false;
}

static bool spend_varies(const struct series *series)
{
	double sum = 0, spread = 0, mean, n = (double)series->count;

	for (size_t i = 0; i < series->count; i++)
		sum += series->days[i].spend;
	mean = sum / n;
	for (size_t i = 0; i < series->count; i++)
		spread += (series->days[i].spend - mean) * (series->days[i].spend - mean);
	return sqrt(spread / n) >= VARIATION_MIN * mean;
}

static enum unit_hold hold_of(const struct unit *unit, const struct unit_days *days, size_t length)
{
	double conversions = 0;

	if (!unit->running || !has_spent_lately(days, length))
		return UNIT_PAUSED;
	if (unit->lifetime)
		return UNIT_LIFETIME;
	if (unit->series.count < USABLE_DAYS_MIN)
		return UNIT_TOO_FEW_DAYS;
	for (size_t i = 0; i < unit->series.count; i++)
		conversions += days->of[unit->series.days[i].slot].conversions;
	return conversions < CONVERSIONS_MIN ? UNIT_TOO_FEW_CONVERSIONS : UNIT_FREE;
}

/* The platform's own forecast for this unit, which needs no variation: ERR_NOT_FOUND when there is none. */
static enum err simulated(struct arena *arena, const struct budget_input *input, const struct unit *unit,
			  bool conversions, struct curve *ret_curve)
{
	if (unit->shared)
		return ERR_NOT_FOUND; /* simulations are of one campaign */
	for (size_t i = 0; i < input->simulation_count; i++)
		if (input->simulations[i].point_count > 1 && str_eq(input->simulations[i].campaign_id, unit->id))
			return curve_envelope(arena, &input->simulations[i], conversions, ret_curve);
	return ERR_NOT_FOUND;
}

static void unit_fit(struct unit *unit, struct fit_table *table)
{
	double spend = 0, value = 0;

	if (!spend_varies(&unit->series)) {
		unit->hold = UNIT_NO_VARIATION;
		return;
	}
	fit_table_fill(table, &unit->series);
	fit_curve(&unit->series, table, NULL, &unit->fit);
	unit->fitted = true;
	unit->curve = unit->fit.curve;
	(void)fit_level(&unit->series, NULL, &spend, &value);
	if (!(unit->fit.r2 >= RESPONSE_MIN) || !fit_calibrate(&unit->curve, spend, value))
		unit->hold = UNIT_NO_RESPONSE;
}

static enum err unit_study(struct arena *arena, const struct budget_input *input, const struct unit_list *list,
			   const struct unit_days *days, struct fit_table *table, struct unit *unit)
{
	size_t length = (size_t)(list->window.end - list->window.start) + 1;
	enum err err;

	series_fill(unit, days, list);
	unit_measure(unit, days, length);
	unit->hold = hold_of(unit, days, length);
	if (unit->hold == UNIT_PAUSED)
		unit->current_micros = 0;
	if (unit->hold != UNIT_FREE)
		return OK;
	err = simulated(arena, input, unit, list->conversions, &unit->curve);
	if (err == ERR_NOT_FOUND)
		unit_fit(unit, table);
	return err == ERR_NOT_FOUND ? OK : err;
}

/* ---- the list ---- */

static struct unit unit_of(const struct group *group)
{
	const struct campaign *first = group->first;

	return (struct unit){
		.id = group->shared ? first->budget_id : first->id,
		.name = first->name,
		.shared = group->shared,
		.running = campaign_runs(first),
		.lifetime = group->lifetime,
		.budget_micros = first->budget_micros,
		.lost_to_budget = group->lost_to_budget,
		.figures = group->figures,
		.campaigns = group->campaigns,
	};
}

/* Sum the groups over the window, and order them by what they spent. */
static void grouping_sum(struct grouping *grouping, const struct history *history, struct unit_list *list)
{
	int64_t value_micros = 0;

	for (size_t i = 0; i < history->day_count; i++) {
		const struct campaign_day *row = &history->days[i];

		CHECK(row->campaign < history->campaign_count);
		if (!day_within(&list->window, row->day))
			continue;
		figures_add(&grouping->groups[grouping->group_of[row->campaign]].figures, &row->figures);
		value_micros += row->figures.value_micros;
	}
	if (grouping->count > 0)
		qsort(grouping->groups, grouping->count, sizeof(*grouping->groups), compare_spend);
	while (list->count < grouping->count && grouping->groups[list->count].figures.cost_micros > 0)
		list->count++;
	if (list->count > UNITS_MAX) {
		list->left_out = list->count - UNITS_MAX;
		list->count = UNITS_MAX;
	}
	list->conversions |= value_micros == 0;
}

/* The days of the units that are left, by their place in the order. */
static enum err unit_days_sum(struct arena *arena, const struct grouping *grouping, const struct history *history,
			      const struct unit_list *list, struct unit_days **ret_days)
{
	struct unit_days *days = arena_try_alloc(arena, list->count * sizeof(*days));
	uint32_t *place = arena_try_alloc(arena, grouping->count * sizeof(*place)); /* by group's number */

	if (days == NULL || place == NULL)
		return ERR_LIMIT;
	memset(days, 0, list->count * sizeof(*days));
	for (size_t i = 0; i < grouping->count; i++)
		place[grouping->groups[i].number] = (uint32_t)i;
	for (size_t i = 0; i < history->day_count; i++) {
		const struct campaign_day *row = &history->days[i];
		uint32_t at = place[grouping->group_of[row->campaign]];

		if (at < list->count && day_within(&list->window, row->day))
			figures_add(&days[at].of[row->day - list->window.start], &row->figures);
	}
	*ret_days = days;
	return OK;
}

enum err unit_list_make(struct arena *arena, const struct budget_input *input, struct unit_list *ret_list)
{
	struct unit_list list = {.window = window_of(input->history), .conversions = input->conversions};
	struct fit_table *table = arena_try_alloc(arena, sizeof(*table));
	struct grouping grouping;
	struct unit_days *days;

	if (table == NULL)
		return ERR_LIMIT;
	TRY(grouping_make(arena, input->history, &grouping));
	grouping_sum(&grouping, input->history, &list);
	TRY(unit_days_sum(arena, &grouping, input->history, &list, &days));
	list.units = arena_try_alloc(arena, list.count * sizeof(*list.units));
	if (list.units == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < list.count; i++) {
		list.units[i] = unit_of(&grouping.groups[i]);
		TRY(unit_study(arena, input, &list, &days[i], table, &list.units[i]));
	}
	*ret_list = list;
	return OK;
}
