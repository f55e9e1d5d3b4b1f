/* Plans of the configuration, and what a tenant may use: from its own limits, its plan and the configuration. */
#ifndef GATEHOUSE_GATEWAY_PLAN_H
#define GATEHOUSE_GATEWAY_PLAN_H

#include "gateway/conf_table.h"
#include "gateway/config.h"

enum plan_limit {
	PLAN_TENANT_MINUTE,
	PLAN_PRINCIPAL_MINUTE,
	PLAN_TENANT_MONTH,
	PLAN_PRINCIPAL_MONTH,
	PLAN_LIMITS,
};

/* "tenant_per_minute" ...: in the file, in a tenant's row and in the audit trail. */
extern const char *const plan_limit_names[PLAN_LIMITS];

struct plan {
	struct str name;
	unsigned at[PLAN_LIMITS];
	bool given[PLAN_LIMITS];
	unsigned weight;
	int rank; /* enum fair_rank */
};

struct terms {
	struct rate tenant_rate, principal_rate;       /* limit 0: none */
	int64_t tenant_month_max, principal_month_max; /* calls; 0: any number */
	unsigned weight;			       /* of the tenant in queues for a server */
	unsigned rank;				       /* enum fair_rank: whose work is put off first */
};

/* What holds for a tenant. Each limit by itself: the tenant's own, else the plan's, else the configuration's rates and
 * no quota.
 *   plan       its name; one that the configuration does not have says nothing, and is logged
 *   limits     the tenant's, JSON; what cannot be read says nothing
 *   arena      for reading them
 *   Runs on    any thread */
struct terms plan_terms(const struct config *config, struct str plan, struct str limits, struct arena *arena);

/* For config_tables.c. */
extern const struct conf_table config_plan_table;
NODISCARD enum err config_read_plans(struct conf_reading *reading, const struct conf_node *node, void *object);

#endif
