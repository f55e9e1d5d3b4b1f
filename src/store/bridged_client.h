/* Clients that registered through a bridge: applications at an identity provider that lets nobody register there. The
 * row is reserved before anything is made there and removed after all of it is gone, so whatever a crash leaves behind
 * has a row. */
#ifndef GATEHOUSE_STORE_BRIDGED_CLIENT_H
#define GATEHOUSE_STORE_BRIDGED_CLIENT_H

#include "store/store.h"

#define BRIDGED_METADATA_BYTES_MAX (80 * 1024) /* 32 redirect URIs of 2 KB, and the rest */

/*     making ──▶ active ──▶ removing ──▶ (no row)
 *        └────────────────────▲ a registration that was cut short */
#define BRIDGED_MAKING STR("making")
#define BRIDGED_ACTIVE STR("active")
#define BRIDGED_REMOVING STR("removing")

struct bridged_client {
	struct str id; /* what the secret is sealed for, and part of the application's name there */
	struct str tenant_id;
	struct str bridge; /* name in the configuration */
	struct str state;
	struct str object_id, client_id; /* of the application; empty while it is made */
	struct str metadata;		 /* JSON object, as it is answered */
	uint8_t token_mac[32];		 /* of the registration access token */
	struct str sealed;		 /* its secret; empty: it has none */
	struct str key_id;		 /* of that secret there */
	int64_t secret_expires_ms;
	struct str old_key_id; /* of the secret before it, removed at old_until_ms; empty: none */
	int64_t old_until_ms;
	int64_t created_ms, changed_ms;
};

/* Reserve a row: id, tenant_id, bridge, metadata, token_mac and created_ms; the state is `making`.
 *   quota      rows of this tenant and bridge at most
 *   Errors     ERR_LIMIT: it has as many; ERR_NOT_FOUND: no such tenant; ERR_DB ... */
NODISCARD enum err bridged_client_insert(struct db *db, const struct bridged_client *client, unsigned quota) AWAITS;

/* The rest of a reserved row: object_id, client_id, sealed, key_id and secret_expires_ms; it is `active` then.
 *   Errors     ERR_NOT_FOUND: it was taken away, or the key that it is sealed with has gone; ERR_DB ... */
NODISCARD enum err bridged_client_activate(struct db *db, const struct bridged_client *client) AWAITS;

/* By id, whosever it is.
 *   ret_client in `arena`
 *   Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err bridged_client_find(struct db *db, struct arena *arena, struct str id,
				       struct bridged_client *ret_client) AWAITS;

/* What one of a bridge's jobs has to look at, after an id (empty: the first), by id, of all tenants.
 *   ret_clients  in `arena` */
enum bridged_pick {
	BRIDGED_ALL,
	BRIDGED_EXPIRING,   /* active, with a secret that expires by at_ms */
	BRIDGED_SUPERSEDED, /* active, with a secret before it that is to go by at_ms */
};
NODISCARD enum err bridged_client_pick(struct db *db, struct arena *arena, struct str bridge, enum bridged_pick pick,
				       int64_t at_ms, struct str after, size_t limit,
				       struct bridged_client **ret_clients, size_t *ret_count) AWAITS;

/* Of an active one: metadata. changed_before_ms  of the row that was read
 *   Errors     ERR_NOT_FOUND: it has changed since, as of all below */
NODISCARD enum err bridged_client_describe(struct db *db, const struct bridged_client *client,
					   int64_t changed_before_ms) AWAITS;

/* Of an active one: sealed, key_id, secret_expires_ms, old_key_id and old_until_ms.
 *   Errors     also ERR_NOT_FOUND: the key that it is sealed with has gone */
NODISCARD enum err bridged_client_rekey(struct db *db, const struct bridged_client *client, int64_t changed_before_ms)
	AWAITS;

/* It is `removing`: its secret is forgotten, whatever it was before. */
NODISCARD enum err bridged_client_retire(struct db *db, struct str tenant_id, struct str id, int64_t now_ms) AWAITS;

/*   Errors     ERR_NOT_FOUND */
NODISCARD enum err bridged_client_delete(struct db *db, struct str tenant_id, struct str id) AWAITS;

#endif
