/* OAuth clients: made by an administrator of a tenant, registered by themselves, or the kept form of a client id
 * metadata document. */
#ifndef GATEHOUSE_STORE_OAUTH_CLIENT_H
#define GATEHOUSE_STORE_OAUTH_CLIENT_H

#include "base/crypto.h"
#include "store/store.h"

#define OAUTH_CLIENTS_UNUSED_MAX 10000 /* registered and not used yet: anybody may register */

struct oauth_client {
	struct str id;		  /* the client_id; a URL for documents */
	struct str tenant_id;	  /* empty: for any tenant's people */
	struct str user_id;	  /* the service account of client credentials; empty none */
	struct str kind;	  /* "manual", "registered", "document" */
	struct str name;	  /* as it calls itself */
	struct str redirect_uris; /* JSON array */
	struct str grant_types;	  /* JSON array */
	struct str auth_method;	  /* "none", "client_secret_basic", "client_secret_post", "private_key_jwt" */
	struct str jwks, jwks_uri;
	struct str scope;	   /* what it may ask for; empty: anything */
	uint8_t secret_mac[32];	   /* see oauth_client_secret_mac; */
	bool has_secret, disabled; /* false: it has none */
	int64_t created_ms, changed_ms;
	int64_t expires_ms; /* documents: fetch again after; registered: forgotten then unless used before; 0 never */
	int64_t last_used_ms;
};

/* The form in which a client's secret is kept.
 *   key        of the authorization server (keys.oauth) */
void oauth_client_secret_mac(const struct secret *key, struct str raw, uint8_t out[32]);

/* Keep a new client. Of more than OAUTH_CLIENTS_UNUSED_MAX registered ones that nobody has used, the oldest go.
 *   Errors     ERR_EXISTS, ERR_DB ... */
NODISCARD enum err oauth_client_insert(struct db *db, const struct oauth_client *client) AWAITS;

/* Keep what a document says, in place of what it said. An administrator's `disabled` stays.
 *   Errors     ERR_DB ... */
NODISCARD enum err oauth_client_put_document(struct db *db, const struct oauth_client *client) AWAITS;

/* By client_id, whatever its state. Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err oauth_client_get(struct db *db, struct arena *arena, struct str id, struct oauth_client *ret_client)
	AWAITS;

/* A page of clients after an id (empty: the first), by id: a tenant's own, and those that its people have used. */
NODISCARD enum err oauth_client_list(struct db *db, struct arena *arena, struct str tenant_id, struct str after,
				     size_t limit, struct oauth_client **ret_clients, size_t *ret_count) AWAITS;

/* Change name, redirect_uris, grant_types, auth_method, jwks, jwks_uri, scope, user_id, disabled and, where has_secret
 * says so, the secret; caches hear of it.
 *   changed_before_ms  of the row that was read
 *   Errors             ERR_NOT_FOUND: no such client, or changed since */
NODISCARD enum err oauth_client_update(struct db *db, struct str scope, const struct oauth_client *client,
				       int64_t changed_before_ms) AWAITS;

/* Remove a client with its grants and all that was issued for them; caches hear of it.
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err oauth_client_delete(struct db *db, struct str scope, struct str id) AWAITS;

/* Forget at most `limit` clients that expired before `now_ms` and have no grant.
 *   ret_removed  how many */
NODISCARD enum err oauth_client_sweep(struct db *db, int64_t now_ms, size_t limit, size_t *ret_removed) AWAITS;

#endif
