/* Tenants' data keys, wrapped: what seals and opens them is the vault's. Of a destroyed one the version stays, so that
 * no later key takes its place. */
#ifndef GATEHOUSE_STORE_DATA_KEY_H
#define GATEHOUSE_STORE_DATA_KEY_H

#include "store/store.h"

#define DATA_KEY_VERSIONS_MAX 64 /* of a tenant at a time; two but for rotations that were cut short */
#define DATA_KEY_WRAPPED_BYTES_MAX 1024
#define DATA_KEY_ARENA_BYTES (128 * 1024) /* all versions of a tenant fit */
#define DATA_KEY_PAGE_TENANTS 256

struct data_key {
	struct str tenant_id;
	int64_t version;    /* from 1 */
	struct str kek;	    /* which key wrapped it */
	struct str wrapped; /* empty: destroyed */
	int64_t created_ms;
};

/* One version, or the newest (version 0), destroyed or not.
 *   ret_key    in `arena`
 *   Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err data_key_get(struct db *db, struct arena *arena, struct str tenant_id, int64_t version,
				struct data_key *ret_key) AWAITS;

/* All that are not destroyed, the newest first. */
NODISCARD enum err data_key_list(struct db *db, struct arena *arena, struct str tenant_id, struct data_key **ret_keys,
				 size_t *ret_count) AWAITS;

/* Tenants that have keys after an id (empty: the first), by id. */
NODISCARD enum err data_key_tenants(struct db *db, struct arena *arena, struct str after, struct str **ret_ids,
				    size_t *ret_count) AWAITS;

/* Keep a version of a tenant that is there; where there is one already, it stays: read it afterwards.
 *   Errors     ERR_DB ... */
NODISCARD enum err data_key_put(struct db *db, const struct data_key *key) AWAITS;

/* The same key under another wrapping.
 *   Errors     ERR_NOT_FOUND: it has changed since it was read as `before` */
NODISCARD enum err data_key_rewrap(struct db *db, const struct data_key *before, struct str kek, struct str wrapped)
	AWAITS;

/* Destroy all keys of a tenant; who keeps opened ones hears of it by the generation.
 *   Errors     ERR_DB ... */
NODISCARD enum err data_key_destroy(struct db *db, struct str tenant_id) AWAITS;

#endif
