/* Roles of a tenant's own. What a permission is the policy room knows; here it is JSON. */
#ifndef GATEHOUSE_STORE_ROLE_H
#define GATEHOUSE_STORE_ROLE_H

#include "store/store.h"

#define ROLES_PER_TENANT_MAX 64 /* count: what policy compiles */

struct role_row {
	struct str tenant_id, name, description;
	struct str permissions; /* JSON array */
	int64_t created_ms, changed_ms;
};

/* Keep a new role: all but changed_ms count; caches hear of it.
 *   Errors     ERR_EXISTS (the name), ERR_LIMIT (ROLES_PER_TENANT_MAX), ERR_NOT_FOUND (tenant), ERR_DB ... */
NODISCARD enum err role_insert(struct db *db, const struct role_row *role) AWAITS;

/* Errors     ERR_NOT_FOUND */
NODISCARD enum err role_get(struct db *db, struct arena *arena, struct str tenant_id, struct str name,
			    struct role_row *ret_role) AWAITS;

/* A page of a tenant's roles after a name (empty: the first), by name. */
NODISCARD enum err role_list(struct db *db, struct arena *arena, struct str tenant_id, struct str after, size_t limit,
			     struct role_row **ret_roles, size_t *ret_count) AWAITS;

/* Change description and permissions, as of role->changed_ms.
 *   changed_before_ms  of the row that was read: another one has changed it since: ERR_NOT_FOUND */
NODISCARD enum err role_update(struct db *db, const struct role_row *role, int64_t changed_before_ms) AWAITS;

/* Remove it. Who still has it may do nothing from then on.
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err role_delete(struct db *db, struct str tenant_id, struct str name) AWAITS;

#endif
