/* The gateway as a registered client of other authorization servers: of each server one registration for a tenant,
 * sealed, see room vault. */
#ifndef GATEHOUSE_STORE_REGISTRATION_H
#define GATEHOUSE_STORE_REGISTRATION_H

#include "store/store.h"

#define REGISTRATIONS_PER_TENANT_MAX 2000 /* count: twice as many as there are servers */
#define REGISTRATION_SEALED_BYTES_MAX (16 * 1024)

struct registration_row {
	struct str id; /* what it is sealed for: known before the row is there */
	struct str tenant_id;
	struct str upstream; /* its name */
	struct str issuer;   /* who registered us: of no use anywhere else */
	struct str client_id;
	struct str sealed;
	int64_t expires_ms; /* of the client's secret, wall time; 0 never */
	int64_t created_ms, changed_ms;
};

/* A tenant's for a server.
 *   ret_registration  in `arena`
 *   Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err registration_find(struct db *db, struct arena *arena, struct str tenant_id, struct str upstream,
				     struct registration_row *ret_registration) AWAITS;

/* Keep a new one.
 *   Errors     ERR_EXISTS: there is one; ERR_LIMIT; ERR_NOT_FOUND: the key that it is sealed with has gone; ERR_DB ...
 */
NODISCARD enum err registration_insert(struct db *db, const struct registration_row *registration) AWAITS;

/* Put another in the place of the one that was read: all but id, tenant, upstream and created_ms.
 *   changed_before_ms  of the row that was read
 *   Errors     ERR_NOT_FOUND: it has changed since or was removed, or the key has gone; ERR_LIMIT, ERR_DB ... */
NODISCARD enum err registration_update(struct db *db, const struct registration_row *registration,
				       int64_t changed_before_ms) AWAITS;

/* Remove a tenant's for a server, if it is that client.
 *   Errors     ERR_DB ...; nothing to remove is no error */
NODISCARD enum err registration_delete(struct db *db, struct str tenant_id, struct str upstream, struct str client_id)
	AWAITS;

#endif
