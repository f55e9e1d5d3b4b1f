/* Which limit holds: the tenant's own, the plan's, or the configuration's. */
#include "../unit.h"

#include "gateway/plan.h"
#include "upstream/fair.h"

static const char file[] = "limits: {per_tenant: 300/min, per_principal: off}\n"
			   "plans:\n"
			   "  free: {tenant_per_minute: 600, principal_per_minute: 120, tenant_per_month: 10000,"
			   " principal_per_month: 1000}\n"
			   "  open: {tenant_per_minute: 0}\n"
			   "  none: {}\n";

static const struct {
	const char *plan, *limits;
	unsigned tenant_rate, principal_rate;
	int64_t tenant_month, principal_month;
} cases[] = {
	{"", "{}", 300, 0, 0, 0},
	{"none", "{}", 300, 0, 0, 0},
	{"gone", "{}", 300, 0, 0, 0},
	{"free", "{}", 600, 120, 10000, 1000},
	{"open", "{}", 0, 0, 0, 0},
	{"free", "{\"tenant_per_month\":50}", 600, 120, 50, 1000},
	{"free", "{\"tenant_per_month\":0,\"principal_per_minute\":0}", 600, 0, 0, 1000},
	{"free", "{\"tenant_per_month\":null}", 600, 120, 10000, 1000},
	{"free", "{\"tenant_per_month\":-1}", 600, 120, 10000, 1000},
	{"free", "{\"tenant_per_month\":\"5\"}", 600, 120, 10000, 1000},
	{"free", "nonsense", 600, 120, 10000, 1000},
	{"free", "[]", 600, 120, 10000, 1000},
	{"", "{\"principal_per_month\":1000000000000,\"tenant_per_minute\":7}", 7, 0, 0, 1000000000000},
};

START_TEST(the_nearest_limit_holds)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	AUTO(config) *config = NULL;
	AUTO_BUF problem = {0};
	struct terms terms;

	ck_assert_msg(config_parse(str_of(file), STR("gatehouse.yaml"), &problem, &config) == OK, "%.*s",
		      STR_ARG(buf_str(&problem)));
	terms = plan_terms(config, str_of(cases[_i].plan), str_of(cases[_i].limits), arena);
	ck_assert_uint_eq(terms.tenant_rate.limit, cases[_i].tenant_rate);
	ck_assert_uint_eq(terms.principal_rate.limit, cases[_i].principal_rate);
	ck_assert_int_eq(terms.tenant_month_max, cases[_i].tenant_month);
	ck_assert_int_eq(terms.principal_month_max, cases[_i].principal_month);
	if (terms.tenant_rate.limit != 0)
		ck_assert_int_eq(terms.tenant_rate.window_ms, 60000);
}
END_TEST

static const char *const wrong[] = {
	"plans: [free]\n",
	"plans: {free: {tenant_per_year: 1}}\n",
	"plans: {free: {tenant_per_month: many}}\n",
	"plans: {free: {tenant_per_month: -1}}\n",
	"plans: {free: {priority: lowest}}\n",
	"plans: {free: {priority: 1}}\n",
	"limits: {shed: off}\n",
	"limits: {shed: {target: 5ms}}\n",
	"limits: {shed: {interval: 0s}}\n",
};

START_TEST(what_is_no_plan_is_refused)
{
	AUTO(config) *config = NULL;
	AUTO_BUF problem = {0};

	ck_err(config_parse(str_of(wrong[_i]), STR("gatehouse.yaml"), &problem, &config), ERR_CONFIG);
	ck_assert_uint_gt(problem.n, 0);
}
END_TEST

static const struct {
	const char *plan;
	unsigned rank;
} ranks[] = {{"", RANK_NORMAL}, {"gone", RANK_NORMAL}, {"none", RANK_NORMAL}, {"free", RANK_LOW}, {"paid", RANK_HIGH}};

START_TEST(a_plan_has_a_priority)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	AUTO(config) *config = NULL;
	AUTO_BUF problem = {0};

	ck_ok(config_parse(STR("plans: {free: {priority: low}, paid: {priority: high}, none: {}}\n"
			       "limits: {shed: {lag: 0s, wait: 2s}}\n"),
			   STR("gatehouse.yaml"), &problem, &config));
	ck_assert_uint_eq(plan_terms(config, str_of(ranks[_i].plan), STR("{}"), arena).rank, ranks[_i].rank);
	ck_assert_int_eq(config->limits.shed_lag_ms, 0);
	ck_assert_int_eq(config->limits.shed_wait_ms, 2000);
	ck_assert_int_eq(config->limits.shed_interval_ms, 1000);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("plan");

	tcase_add_loop_test(tcase, the_nearest_limit_holds, 0, ARRAY_LEN(cases));
	tcase_add_loop_test(tcase, a_plan_has_a_priority, 0, ARRAY_LEN(ranks));
	tcase_add_loop_test(tcase, what_is_no_plan_is_refused, 0, ARRAY_LEN(wrong));
	return unit_run("plan", tcase);
}
