/* The optimizer's answer as JSON and as a picture. Under the objective `conversions` what a unit of money brings is no
 * return but a count, so its cost is told instead, and the other members are null. */
#include <math.h>

#include "analytics/budget.h"
#include "analytics/chart.h"
#include "analytics/put.h"

static const char *const assumptions[] = {
	"Observed days, not an experiment: demand moves spend and value alike.",
	"Conversions are those that the platform attributes to itself.",
	"Each unit answers to its own spend only, with returns that diminish (a * ln(1 + spend / k)) or as the "
	"platform's "
	"budget simulation says.",
	"The last 3 days are left out: their conversions are not complete.",
	"Current spend is the mean of the last 28 days with spend.",
};

static void put_marginals(struct buf *out, const struct unit *unit, bool conversions)
{
	double now = NAN, then = NAN;

	if (unit->hold == UNIT_FREE) {
		now = curve_slope(&unit->curve, (double)unit->current_micros / MICROS);
		then = curve_slope(&unit->curve, (double)unit->recommended_micros / MICROS);
	}
	put_name(out, "marginal_roas_current_ratio");
	put_ratio(out, conversions ? NAN : now);
	put_name(out, "marginal_roas_recommended_ratio");
	put_ratio(out, conversions ? NAN : then);
	put_name(out, "marginal_cpa_current_amount");
	put_amount_of(out, conversions ? ratio(MICROS, now) : NAN);
	put_name(out, "marginal_cpa_recommended_amount");
	put_amount_of(out, conversions ? ratio(MICROS, then) : NAN);
}

static void put_fit(struct buf *out, const struct unit *unit, bool conversions)
{
	double a = unit->hold == UNIT_FREE ? unit->curve.a : unit->fit.curve.a;

	put_name(out, "fit");
	if (!unit->fitted) {
		buf_put(out, STR("null"));
		return;
	}
	buf_put_byte(out, '{');
	put_name(out, "a_amount");
	put_amount_of(out, conversions ? NAN : a * MICROS);
	put_name(out, "a_conversions");
	put_count(out, conversions ? a : NAN);
	put_name(out, "k_amount");
	put_amount_of(out, unit->fit.curve.k * MICROS);
	put_name(out, "r2_ratio");
	put_ratio(out, unit->fit.r2);
	put_number(out, "n_days", unit->series.count);
	put_text(out, "saturation", unit->fit.saturating ? STR("observed") : STR("not_observed"));
	buf_put_byte(out, '}');
}

static void put_unit_name(struct buf *out, const struct unit *unit)
{
	AUTO_BUF name = {0};

	buf_put(&name, unit->name);
	if (unit->campaigns > 1)
		buf_put_fmt(&name, " and %zu more", unit->campaigns - 1);
	put_text(out, "name", buf_str(&name));
}

static void put_unit(struct buf *out, const struct unit *unit, bool conversions)
{
	static const struct str limited[] = {[UNIT_LIMITED_UNKNOWN] = STR("null"),
					     [UNIT_LIMITED_NO] = STR("false"),
					     [UNIT_LIMITED_YES] = STR("true")};
	const char *hold = unit_hold_name(unit->hold);
	double change = (double)(unit->recommended_micros - unit->current_micros);

	buf_put_byte(out, '{');
	put_text(out, "unit_id", unit->id);
	put_unit_name(out, unit);
	put_text(out, "kind", unit->shared ? STR("shared_budget") : STR("campaign"));
	put_text(out, "method",
		 hold != NULL		      ? STR("held")
		 : unit->curve.points != NULL ? STR("budget_simulation")
					      : STR("log_response"));
	put_name(out, "current_daily_spend_amount");
	put_amount(out, unit->current_micros);
	put_name(out, "daily_budget_amount");
	if (unit->budget_micros >= 0)
		put_amount(out, unit->budget_micros);
	else
		buf_put(out, STR("null"));
	put_name(out, "budget_limited");
	buf_put(out, limited[unit->limited]);
	put_name(out, "recommended_daily_spend_amount");
	put_amount(out, unit->recommended_micros);
	put_name(out, "change_pct");
	put_pct(out, unit->current_micros > 0 ? 100 * change / (double)unit->current_micros : 0);
	put_name(out, "current_roas_ratio");
	put_ratio(out, unit->current_roas);
	put_marginals(out, unit, conversions);
	put_fit(out, unit, conversions);
	put_name(out, "hold_reason");
	if (hold != NULL)
		buf_put_json(out, str_of(hold));
	else
		buf_put(out, STR("null"));
	buf_put_byte(out, '}');
}

static void put_interval(struct buf *out, const struct plan *plan)
{
	put_open(out, "interval80", '{');
	put_name(out, "low_pct");
	put_pct(out, plan->changed ? plan->confidence.low_pct : NAN);
	put_name(out, "high_pct");
	put_pct(out, plan->changed ? plan->confidence.high_pct : NAN);
	buf_put_byte(out, '}');
	put_name(out, "prob_improvement_ratio");
	put_ratio(out, plan->changed ? plan->confidence.better : NAN);
}

static void put_projection(struct buf *out, const struct plan *plan)
{
	bool conversions = plan->list.conversions;
	double total = (double)plan->total_micros / MICROS, won = plan->value_recommended - plan->value_current;
	double won_pct = plan->value_current > 0 ? 100 * won / plan->value_current : NAN;

	put_name(out, "projection");
	if (plan->free_count == 0) {
		buf_put(out, STR("null"));
		return;
	}
	buf_put_byte(out, '{');
	put_name(out, "optimised_daily_amount");
	put_amount(out, plan->total_micros);
	put_name(out, "roas_current_model_ratio");
	put_ratio(out, conversions ? NAN : ratio(plan->value_current, total));
	put_name(out, "roas_recommended_ratio");
	put_ratio(out, conversions ? NAN : ratio(plan->value_recommended, total));
	put_name(out, "roas_delta_pct");
	put_pct(out, conversions ? NAN : won_pct);
	put_name(out, "cpa_current_model_amount");
	put_amount_of(out, conversions ? ratio((double)plan->total_micros, plan->value_current) : NAN);
	put_name(out, "cpa_recommended_amount");
	put_amount_of(out, conversions ? ratio((double)plan->total_micros, plan->value_recommended) : NAN);
	put_name(out, "conversions_delta_pct");
	put_pct(out, conversions ? won_pct : NAN);
	put_interval(out, plan);
	put_name(out, "extra_value_per_day_amount");
	put_amount_of(out, conversions ? NAN : won * MICROS);
	put_name(out, "extra_conversions_per_day");
	put_count(out, conversions ? won : NAN);
	buf_put_byte(out, '}');
}

static void put_totals(struct buf *out, const struct plan *plan)
{
	int64_t current = 0, recommended = 0;

	for (size_t i = 0; i < plan->list.count; i++) {
		current += plan->list.units[i].current_micros;
		recommended += plan->list.units[i].recommended_micros;
	}
	put_name(out, "current_total_daily_amount");
	put_amount(out, current);
	put_name(out, "recommended_total_daily_amount");
	put_amount(out, recommended);
}

void budget_put(struct buf *out, const struct plan *plan)
{
	buf_put_byte(out, '{');
	put_text(out, "objective", plan->list.conversions ? STR("conversions") : STR("conversion_value"));
	put_number(out, "max_shift_pct", (uint64_t)plan->pct);
	put_open(out, "fit_window", '{');
	put_day(out, "start", plan->list.window.start);
	put_day(out, "end", plan->list.window.end);
	buf_put_byte(out, '}');
	put_totals(out, plan);
	put_open(out, "units", '[');
	for (size_t i = 0; i < plan->list.count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		put_unit(out, &plan->list.units[i], plan->list.conversions);
	}
	buf_put_byte(out, ']');
	put_projection(out, plan);
	put_bool(out, "actionable", plan->actionable);
	put_open(out, "assumptions", '[');
	for (size_t i = 0; i < ARRAY_LEN(assumptions); i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		buf_put_json(out, str_of(assumptions[i]));
	}
	buf_put_byte(out, ']');
	put_bool(out, "causal", false);
	buf_put_byte(out, '}');
}

void budget_draw(struct analysis *analysis, const struct plan *plan)
{
	struct chart_bar bars[CHART_BARS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < plan->list.count && n < ARRAY_LEN(bars); i++) {
		const struct unit *unit = &plan->list.units[i];

		if (unit->current_micros == 0)
			continue;
		bars[n++] = (struct chart_bar){
			.name = unit->name,
			.value = (double)unit->current_micros / MICROS,
			.other = (double)unit->recommended_micros / MICROS,
		};
	}
	chart_bars(analysis->svg, STR("Spend a day, now and recommended"), analysis->currency, bars, n);
}
