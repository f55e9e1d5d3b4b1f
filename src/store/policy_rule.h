/* Rules of tenants: JSON that the policy room reads, in an order that the store keeps. */
#ifndef GATEHOUSE_STORE_POLICY_RULE_H
#define GATEHOUSE_STORE_POLICY_RULE_H

#include "store/store.h"

#define POLICY_RULES_PER_TENANT_MAX 192 /* count: with the config file's, what policy compiles */
#define POLICY_RULE_LAST (-1)		/* position: after all there are */

struct policy_rule {
	struct str id, tenant_id, name;
	struct str document; /* JSON: policy_rule_schema */
	int64_t position;    /* smaller is asked first; of equal ones the older */
	int64_t created_ms, changed_ms;
};

/* Keep a new rule: all but changed_ms count; caches hear of it.
 *   Errors     ERR_EXISTS (id or name), ERR_LIMIT, ERR_NOT_FOUND (tenant), ERR_DB ... */
NODISCARD enum err policy_rule_insert(struct db *db, const struct policy_rule *rule) AWAITS;

/* By id, or by a tenant's name for it. Errors     ERR_NOT_FOUND */
NODISCARD enum err policy_rule_get(struct db *db, struct str scope, struct arena *arena, struct str id,
				   struct policy_rule *ret_rule) AWAITS;
NODISCARD enum err policy_rule_find(struct db *db, struct arena *arena, struct str tenant_id, struct str name,
				    struct policy_rule *ret_rule) AWAITS;

/* All rules of a tenant, in the order in which they are asked. */
NODISCARD enum err policy_rule_list(struct db *db, struct arena *arena, struct str tenant_id,
				    struct policy_rule **ret_rules, size_t *ret_count) AWAITS;

/* Change name, document and position, as of rule->changed_ms.
 *   changed_before_ms  of the row that was read: another one has changed it since: ERR_NOT_FOUND
 *   Errors             ERR_NOT_FOUND, ERR_EXISTS */
NODISCARD enum err policy_rule_update(struct db *db, const struct policy_rule *rule, int64_t changed_before_ms) AWAITS;

/* Errors     ERR_NOT_FOUND */
NODISCARD enum err policy_rule_delete(struct db *db, struct str scope, struct str id) AWAITS;

#endif
