/* Four limits with one name each, wherever they are said. A limit that is 0 is none, and that is not the same as one
 * that is not said: so a tenant can be freed of its plan's. Weight and priority are the plan's alone. */
#include "gateway/plan.h"

#include "base/json.h"
#include "base/log.h"
#include "upstream/fair.h"

#define PLANS_MAX 64 /* count: they are looked through by name */
#define PLAN_NAME_BYTES_MAX 64
#define MINUTE_MS 60000
#define NUMBER(limit) offsetof(struct plan, at) + (limit) * sizeof(unsigned)

const char *const plan_limit_names[PLAN_LIMITS] = {
	[PLAN_TENANT_MINUTE] = "tenant_per_minute",
	[PLAN_PRINCIPAL_MINUTE] = "principal_per_minute",
	[PLAN_TENANT_MONTH] = "tenant_per_month",
	[PLAN_PRINCIPAL_MONTH] = "principal_per_month",
};

static const char *const rank_names[] = {
	[RANK_LOW] = "low",
	[RANK_NORMAL] = "normal",
	[RANK_HIGH] = "high",
	[RANKS] = NULL,
};

static const struct conf_field plan_fields[] = {
	{"tenant_per_minute", CONF_UINT, NUMBER(PLAN_TENANT_MINUTE), .high = 10000000,
	 .doc = "Requests a minute, all callers of a tenant together; 0: any number; not set: limits.per_tenant."},
	{"principal_per_minute", CONF_UINT, NUMBER(PLAN_PRINCIPAL_MINUTE), .high = 10000000,
	 .doc = "Requests a minute of each user or key; 0: any number; not set: limits.per_principal."},
	{"tenant_per_month", CONF_UINT, NUMBER(PLAN_TENANT_MONTH), .high = 4000000000,
	 .doc = "Calls a calendar month (UTC), all callers of a tenant together; 0 or not set: any number."},
	{"principal_per_month", CONF_UINT, NUMBER(PLAN_PRINCIPAL_MONTH), .high = 4000000000,
	 .doc = "Calls a calendar month of each user or key; 0 or not set: any number."},
	{"weight", CONF_UINT, offsetof(struct plan, weight), .low = 1, .high = FAIR_WEIGHT_MAX, .fallback = "1",
	 .doc = "Places that a tenant gets in one turn when calls wait for a server."},
	{"priority", CONF_CHOICE, offsetof(struct plan, rank), .fallback = "normal", .choices = rank_names,
	 .doc = "When there is too much to do, new work of the lowest priority is refused first: see limits.shed."},
};
const struct conf_table config_plan_table = {"plan", plan_fields, ARRAY_LEN(plan_fields)};

static enum err read_plan(struct conf_reading *reading, const struct conf_node *key, const struct conf_node *node,
			  struct plan *plan)
{
	if (key->text.n == 0 || key->text.n > PLAN_NAME_BYTES_MAX) {
		conf_problem(&reading->problems, key, "a plan's name has 1 to %d bytes", PLAN_NAME_BYTES_MAX);
		return ERR_CONFIG;
	}
	plan->name = key->text;
	conf_defaults(reading, &config_plan_table, plan);
	conf_read(reading, &config_plan_table, node, plan);
	for (size_t i = 0; i < PLAN_LIMITS; i++)
		plan->given[i] = conf_get(node, plan_limit_names[i]) != NULL;
	return OK;
}

enum err config_read_plans(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;
	struct plan *plans;

	if (node->kind == CONF_SCALAR && node->text.n == 0)
		return OK;
	if (node->kind != CONF_MAP || node->count > PLANS_MAX) {
		conf_problem(&reading->problems, node, "plans: must be a map of at most %d names and limits",
			     PLANS_MAX);
		return ERR_CONFIG;
	}
	plans = arena_zalloc(reading->arena, (node->count + 1) * sizeof(*plans));
	for (size_t i = 0; i < node->count; i++)
		TRY(read_plan(reading, node->entries[i].key, node->entries[i].value, &plans[i]));
	config->plans = plans;
	config->plan_count = node->count;
	return OK;
}

static const struct plan *plan_find(const struct config *config, struct str name)
{
	for (size_t i = 0; i < config->plan_count; i++)
		if (str_eq(config->plans[i].name, name))
			return &config->plans[i];
	if (name.n > 0)
		log_warn("plan.unknown", LOG_STR("plan", name));
	return NULL;
}

static struct rate rate_of(bool given, int64_t per_minute, const struct rate *otherwise)
{
	return given ? (struct rate){per_minute > UINT32_MAX ? UINT32_MAX : (uint32_t)per_minute, MINUTE_MS}
		     : *otherwise;
}

struct terms plan_terms(const struct config *config, struct str plan_name, struct str limits, struct arena *arena)
{
	const struct plan *plan = plan_find(config, plan_name);
	bool given[PLAN_LIMITS] = {false};
	int64_t at[PLAN_LIMITS] = {0};
	yyjson_val *root = NULL;

	if (json_read(arena, limits, &root) != OK)
		root = NULL;
	for (size_t i = 0; i < PLAN_LIMITS; i++) {
		given[i] = json_int(json_get(root, plan_limit_names[i]), &at[i]) && at[i] >= 0;
		if (given[i] || plan == NULL || !plan->given[i])
			continue;
		given[i] = true;
		at[i] = plan->at[i];
	}
	return (struct terms){
		.tenant_rate = rate_of(given[PLAN_TENANT_MINUTE], at[PLAN_TENANT_MINUTE], &config->limits.per_tenant),
		.principal_rate =
			rate_of(given[PLAN_PRINCIPAL_MINUTE], at[PLAN_PRINCIPAL_MINUTE], &config->limits.per_principal),
		.tenant_month_max = given[PLAN_TENANT_MONTH] ? at[PLAN_TENANT_MONTH] : 0,
		.principal_month_max = given[PLAN_PRINCIPAL_MONTH] ? at[PLAN_PRINCIPAL_MONTH] : 0,
		.weight = plan == NULL ? 1 : plan->weight,
		.rank = plan == NULL ? RANK_NORMAL : (unsigned)plan->rank,
	};
}
