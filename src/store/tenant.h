/* Tenants: the customers of one installation. */
#ifndef GATEHOUSE_STORE_TENANT_H
#define GATEHOUSE_STORE_TENANT_H

#include "store/store.h"

struct tenant {
	struct str id;	 /* ULID */
	struct str name; /* unique, [a-z0-9-]{1,63} */
	int64_t created_ms;
	bool disabled;
};

/*   ret_tenant in `arena`
 *   Errors     ERR_EXISTS, ERR_RPC_PARAMS (bad name), ERR_DB ... */
NODISCARD enum err tenant_create(struct db *db, struct arena *arena, struct str name, struct tenant *ret_tenant) AWAITS;
NODISCARD enum err tenant_find(struct db *db, struct arena *arena, struct str name, struct tenant *ret_tenant) AWAITS;
NODISCARD enum err tenant_list(struct db *db, struct arena *arena, struct tenant **ret_tenants, size_t *ret_count)
	AWAITS;

#endif
