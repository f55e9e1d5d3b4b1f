/* The optimizer as a whole, on histories whose curves are known: it divides better than the account does, keeps every
 * promise about sums and bounds, and leaves alone what it should. */
#include "../unit.h"

#include "analytics/budget.h"
#include "base/json.h"
#include "world.h"

static const struct truth golden[] = {
	{.a = 600, .k = 50, .spend = 200, .noise = 0.1, .order = 40},
	{.a = 400, .k = 200, .spend = 150, .noise = 0.1, .order = 40},
	{.a = 90, .k = 40, .spend = 250, .noise = 0.1, .order = 40},
};

struct answer {
	struct arena *arena;
	struct buf text, svg;
	struct analysis analysis;
	yyjson_val *root;
};

static void ask(struct answer *ret_answer, const struct budget_input *input)
{
	*ret_answer = (struct answer){.arena = arena_new(32 << 20)};
	ret_answer->analysis = (struct analysis){.arena = ret_answer->arena,
						 .range = input->history->range,
						 .currency = STR("EUR"),
						 .chart = true,
						 .data = &ret_answer->text,
						 .svg = &ret_answer->svg};
	ck_ok(budget_analyse(&ret_answer->analysis, input));
	ck_ok(json_read(ret_answer->arena, buf_str(&ret_answer->text), &ret_answer->root));
}

static void answer_free(struct answer *answer)
{
	arena_free(answer->arena);
	buf_free(&answer->text);
	buf_free(&answer->svg);
}

static void ask_world(struct answer *ret_answer, const struct world *world)
{
	struct budget_input input = {.history = &world->history, .shift = BUDGET_MODERATE, .seed = 7};

	ask(ret_answer, &input);
}

/* A number as it is written; NaN of null. */
static double number(yyjson_val *object, const char *name)
{
	yyjson_val *v = json_get(object, name);

	ck_assert_msg(v != NULL, "%s is there", name);
	return yyjson_is_raw(v) ? strtod(yyjson_get_raw(v), NULL) : NAN;
}

static int64_t micros(yyjson_val *object, const char *name)
{
	return llround(number(object, name) * MICROS);
}

static yyjson_val *unit_at(const struct answer *answer, size_t i)
{
	return yyjson_arr_get(json_get(answer->root, "units"), i);
}

static yyjson_val *unit_named(const struct answer *answer, const char *id)
{
	size_t n = yyjson_arr_size(json_get(answer->root, "units"));

	for (size_t i = 0; i < n; i++)
		if (str_eq(json_str(json_get(unit_at(answer, i), "unit_id")), str_of(id)))
			return unit_at(answer, i);
	ck_abort_msg("unit %s is there", id);
}

static bool warned(const struct answer *answer, const char *code)
{
	for (size_t i = 0; i < answer->analysis.warning_count; i++)
		if (strcmp(answer->analysis.warnings[i].code, code) == 0)
			return true;
	return false;
}

static double true_value(const struct truth *truth, double spend)
{
	return truth->a * log1p(spend / truth->k);
}

/* It recommends what the true curves call better, within its bounds, of the same total, and is sure of it. */
START_TEST(better_by_the_truth)
{
	struct world *world = world_make(golden, 3, 1, 42);
	struct answer answer;
	double before = 0, after = 0;
	int64_t current = 0, recommended = 0;

	ask_world(&answer, world);
	for (size_t i = 0; i < 3; i++) {
		yyjson_val *unit = unit_named(&answer, world->ids[i]);
		double now = number(unit, "current_daily_spend_amount"),
		       then = number(unit, "recommended_daily_spend_amount");

		ck_str(json_str(json_get(unit, "method")), "log_response");
		ck_assert_double_ge(number(json_get(unit, "fit"), "r2_ratio"), 0.05);
		ck_assert_double_eq(number(json_get(unit, "fit"), "n_days"), 87);
		ck_assert_double_ge(then, 0.7 * now - 1e-6);
		ck_assert_double_le(then, 1.3 * now + 1e-6);
		before += true_value(&golden[i], now);
		after += true_value(&golden[i], then);
		current += micros(unit, "current_daily_spend_amount");
		recommended += micros(unit, "recommended_daily_spend_amount");
	}
	ck_assert_int_eq(current, recommended);
	ck_assert_int_eq(micros(answer.root, "current_total_daily_amount"), current);
	ck_assert_int_eq(micros(answer.root, "recommended_total_daily_amount"), recommended);
	ck_assert_double_ge(100 * (after / before - 1), 8); /* 8.69 is the best there is */
	ck_assert_double_eq_tol(number(json_get(answer.root, "projection"), "roas_delta_pct"), 8.69, 2);
	ck_assert_double_ge(number(json_get(answer.root, "projection"), "prob_improvement_ratio"), 0.99);
	ck_assert(yyjson_is_true(json_get(answer.root, "actionable")));
	ck_assert(yyjson_is_false(json_get(answer.root, "causal")));
	ck_assert(str_starts(buf_str(&answer.svg), STR("<svg")));
	answer_free(&answer);
	free(world);
}
END_TEST

/* All money times a thousand: the same ratios, the same recommendation in per cent; the same question: the same bytes.
 */
START_TEST(scale_and_determinism)
{
	struct world *small = world_make(golden, 3, 1, 42), *large = world_make(golden, 3, 1000, 42);
	struct answer one, again, other;

	ask_world(&one, small);
	ask_world(&again, small);
	ask_world(&other, large);
	ck_bytes(buf_str(&again.text), buf_str(&one.text));
	ck_bytes(buf_str(&again.svg), buf_str(&one.svg));
	for (size_t i = 0; i < 3; i++) {
		static const char *const same[] = {"change_pct", "current_roas_ratio", "marginal_roas_current_ratio",
						   "marginal_roas_recommended_ratio"};

		for (size_t j = 0; j < ARRAY_LEN(same); j++)
			ck_assert_double_eq_tol(number(unit_at(&one, i), same[j]), number(unit_at(&other, i), same[j]),
						0.011);
	}
	ck_assert_double_eq_tol(number(json_get(one.root, "projection"), "roas_delta_pct"),
				number(json_get(other.root, "projection"), "roas_delta_pct"), 0.011);
	answer_free(&one);
	answer_free(&again);
	answer_free(&other);
	free(small);
	free(large);
}
END_TEST

static void ck_held(const struct answer *answer, const char *id, const char *reason)
{
	yyjson_val *unit = unit_named(answer, id);

	ck_str(json_str(json_get(unit, "method")), "held");
	ck_bytes(json_str(json_get(unit, "hold_reason")), str_of(reason));
	ck_assert_double_eq(number(unit, "change_pct"), 0);
	ck_assert_int_eq(micros(unit, "recommended_daily_spend_amount"), micros(unit, "current_daily_spend_amount"));
}

START_TEST(reasons_to_hold)
{
	struct truth truths[8];
	struct world *world;
	struct answer answer;

	for (size_t i = 0; i < 8; i++)
		truths[i] = golden[i % 3];
	truths[4].order = 1e6; /* hardly a conversion */
	world = world_make(truths, 8, 1, 3);
	world->campaigns[0].status = CAMPAIGN_PAUSED;
	world->campaigns[1].budget_is_lifetime = true;
	for (size_t d = 0; d < HISTORY_DAYS; d++) {
		struct campaign_day *days = world->days;

		if (d < 70)
			days[2 * HISTORY_DAYS + d].figures = (struct figures){0};
		days[3 * HISTORY_DAYS + d].figures.cost_micros = 100 * MICROS + (int64_t)d * MICROS / 50;
		days[5 * HISTORY_DAYS + d].figures.value_micros = (int64_t)(d * 7919 % 97 + 50) * MICROS;
		if (d >= 80)
			days[6 * HISTORY_DAYS + d].figures = (struct figures){0};
	}
	ask_world(&answer, world);
	ck_held(&answer, "100", "paused");
	ck_assert_int_eq(micros(unit_named(&answer, "100"), "current_daily_spend_amount"), 0);
	ck_held(&answer, "101", "lifetime_budget");
	ck_held(&answer, "102", "too_few_days");
	ck_held(&answer, "103", "no_spend_variation");
	ck_held(&answer, "104", "too_few_conversions");
	ck_held(&answer, "105", "no_response_signal");
	ck_held(&answer, "106", "paused"); /* nothing spent for a week */
	ck_assert(warned(&answer, "nothing_to_move"));
	answer_free(&answer);
	free(world);
}
END_TEST

/* Campaigns with a common budget are one unit, and a paused one is not among them; one whose budget is not used up
 * gets no more. */
START_TEST(shared_and_unused_budgets)
{
	struct truth truths[5] = {golden[0], golden[1], golden[2], golden[0], golden[2]};
	struct world *world = world_make(truths, 5, 1, 9);
	struct answer answer;
	yyjson_val *shared, *unused;

	for (size_t i = 0; i < 3; i++) {
		world->campaigns[i].budget_is_shared = true;
		world->campaigns[i].budget_id = STR("b1");
		world->campaigns[i].budget_micros = (int64_t)300 * MICROS;
	}
	world->campaigns[2].status = CAMPAIGN_PAUSED;
	world->campaigns[3].lost_to_budget = -1;
	world->campaigns[3].budget_micros = (int64_t)5000 * MICROS;
	ask_world(&answer, world);
	ck_assert_uint_eq(yyjson_arr_size(json_get(answer.root, "units")), 4);
	shared = unit_named(&answer, "b1");
	ck_str(json_str(json_get(shared, "kind")), "shared_budget");
	ck_str(json_str(json_get(shared, "name")), "100 and 1 more");
	ck_assert_double_eq_tol(number(shared, "current_daily_spend_amount"), 350, 60);
	ck_held(&answer, "102", "paused");
	unused = unit_named(&answer, "103");
	ck_assert(yyjson_is_false(json_get(unused, "budget_limited")));
	ck_assert_double_le(number(unused, "change_pct"), 0);
	ck_assert(warned(&answer, "increase_capped"));
	answer_free(&answer);
	free(world);
}
END_TEST

/* Google's own forecast is taken before any fit. */
START_TEST(simulations)
{
	struct world *world = world_make(golden, 3, 1, 42);
	struct simulation_point points[9];
	struct simulation simulation = {.campaign_id = STR("100"), .points = points, .point_count = 9};
	struct budget_input input = {.history = &world->history, .simulations = &simulation, .simulation_count = 1};
	struct answer answer;
	yyjson_val *unit;

	for (int i = 0; i < 9; i++) {
		double spend = 120 + 25 * i;

		points[i] =
			(struct simulation_point){.cost_micros = llround(7 * spend * MICROS),
						  .value_micros = llround(7 * true_value(&golden[0], spend) * MICROS)};
	}
	input.shift = BUDGET_MODERATE;
	ask(&answer, &input);
	unit = unit_named(&answer, "100");
	ck_str(json_str(json_get(unit, "method")), "budget_simulation");
	ck_assert(yyjson_is_null(json_get(unit, "fit")));
	ck_assert_double_eq_tol(number(unit, "change_pct"), 30, 0.01);
	ck_assert_double_ge(number(json_get(answer.root, "projection"), "prob_improvement_ratio"), 0.99);
	answer_free(&answer);
	free(world);
}
END_TEST

/* Accounts that tell no value are divided by conversions, and are told costs instead of returns. */
START_TEST(conversions_instead)
{
	struct world *world = world_make(golden, 3, 1, 42);
	struct answer answer;
	yyjson_val *projection;

	for (size_t i = 0; i < world->history.day_count; i++)
		world->days[i].figures.value_micros = 0;
	ask_world(&answer, world);
	projection = json_get(answer.root, "projection");
	ck_str(json_str(json_get(answer.root, "objective")), "conversions");
	ck_assert(warned(&answer, "no_conversion_value"));
	ck_assert(isnan(number(projection, "roas_delta_pct")));
	ck_assert_double_eq_tol(number(projection, "conversions_delta_pct"), 8.69, 2);
	ck_assert_double_lt(number(projection, "cpa_recommended_amount"),
			    number(projection, "cpa_current_model_amount"));
	answer_free(&answer);
	free(world);
}
END_TEST

/* An account that is divided well already is left as it is. */
START_TEST(nothing_to_win)
{
	static const struct truth same[] = {{.a = 300, .k = 80, .spend = 150, .noise = 0.05, .order = 40},
					    {.a = 300, .k = 80, .spend = 150, .noise = 0.05, .order = 40},
					    {.a = 300, .k = 80, .spend = 150, .noise = 0.05, .order = 40}};
	struct world *world = world_make(same, 3, 1, 5);
	struct answer answer;

	ask_world(&answer, world);
	for (size_t i = 0; i < 3; i++)
		ck_assert_double_eq(number(unit_at(&answer, i), "change_pct"), 0);
	ck_assert_double_eq(number(json_get(answer.root, "projection"), "roas_delta_pct"), 0);
	ck_assert(yyjson_is_false(json_get(answer.root, "actionable")));
	answer_free(&answer);
	free(world);
}
END_TEST

START_TEST(no_rows)
{
	struct history history = {.range = {HISTORY_END - 29, HISTORY_END}};
	struct budget_input input = {.history = &history};
	struct answer answer;

	ask(&answer, &input);
	ck_assert(answer.analysis.no_data);
	ck_assert(yyjson_is_null(json_get(answer.root, "projection")));
	answer_free(&answer);
}
END_TEST

/* Sums and bounds hold for fifty units of any kind. */
START_TEST(fifty_units)
{
	struct truth truths[HISTORY_CAMPAIGNS];
	struct world *world;
	struct answer answer;
	int64_t current = 0, recommended = 0;

	for (size_t i = 0; i < HISTORY_CAMPAIGNS; i++)
		truths[i] = (struct truth){.a = 20 + 37 * (double)(i % 11),
					   .k = 5 + 29 * (double)(i % 7),
					   .spend = 10 + 13 * (double)(i % 17),
					   .noise = 0.05 * (double)(i % 9),
					   .order = 30};
	world = world_make(truths, HISTORY_CAMPAIGNS, 1, 11);
	ask_world(&answer, world);
	ck_assert_uint_eq(yyjson_arr_size(json_get(answer.root, "units")), HISTORY_CAMPAIGNS);
	for (size_t i = 0; i < HISTORY_CAMPAIGNS; i++) {
		current += micros(unit_at(&answer, i), "current_daily_spend_amount");
		recommended += micros(unit_at(&answer, i), "recommended_daily_spend_amount");
		ck_assert_double_le(fabs(number(unit_at(&answer, i), "change_pct")), 30.005);
	}
	ck_assert_int_eq(current, recommended);
	ck_assert_double_gt(number(json_get(answer.root, "projection"), "roas_delta_pct"), 1);
	answer_free(&answer);
	free(world);
}
END_TEST

UNIT_MAIN("budget", better_by_the_truth, scale_and_determinism, reasons_to_hold, shared_and_unused_budgets, simulations,
	  conversions_instead, nothing_to_win, no_rows, fifty_units)
