/* Tenants: the customers of one installation. */
#ifndef GATEHOUSE_STORE_TENANT_H
#define GATEHOUSE_STORE_TENANT_H

#include "store/store.h"

struct tenant {
	struct str id;	  /* ULID */
	struct str name;  /* unique, [a-z0-9-]{1,63} */
	struct str title; /* for people; may be empty */
	struct str plan;
	struct str limits;   /* JSON object: see doc/api.md */
	struct str networks; /* JSON array of prefixes it may call from; empty: any */
	int64_t created_ms, changed_ms;
	bool disabled;
};

/*   ret_tenant in `arena`
 *   Errors     ERR_EXISTS, ERR_RPC_PARAMS (bad name), ERR_DB ... */
NODISCARD enum err tenant_create(struct db *db, struct arena *arena, struct str name, struct tenant *ret_tenant) AWAITS;
NODISCARD enum err tenant_find(struct db *db, struct arena *arena, struct str name, struct tenant *ret_tenant) AWAITS;
NODISCARD enum err tenant_list(struct db *db, struct arena *arena, struct tenant **ret_tenants, size_t *ret_count)
	AWAITS;

/* By id. */
NODISCARD enum err tenant_get(struct db *db, struct arena *arena, struct str id, struct tenant *ret_tenant) AWAITS;

/* A page of them after an id (empty: the first), by id. */
NODISCARD enum err tenant_page(struct db *db, struct arena *arena, struct str after, size_t limit,
			       struct tenant **ret_tenants, size_t *ret_count) AWAITS;

/* Change title, plan, limits, networks, disabled; caches hear of it.
 *   changed_before_ms  of the row that was read: another one has changed it since: ERR_NOT_FOUND */
NODISCARD enum err tenant_update(struct db *db, const struct tenant *tenant, int64_t changed_before_ms) AWAITS;

#endif
