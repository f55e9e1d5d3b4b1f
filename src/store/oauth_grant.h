/* Grants: what a user has let a client do, one row for each time they agreed. Everything that is issued for it (codes,
 * refresh tokens, access tokens) names the grant and ends with it. */
#ifndef GATEHOUSE_STORE_OAUTH_GRANT_H
#define GATEHOUSE_STORE_OAUTH_GRANT_H

#include "store/store.h"

struct oauth_grant {
	struct str id, tenant_id, user_id, client_id;
	struct str resource, scope; /* scopes between spaces */
	int64_t created_ms;
	int64_t expires_ms; /* 0 never */
	int64_t revoked_ms; /* 0 live */
	int64_t last_used_ms;

	/* read along with it: what else decides whether its tokens are good, and for whom */
	struct str tenant_name, client_name, client_kind;
	struct str user_kind, user_name, user_role; /* "person" or "service" */
	bool tenant_disabled, user_disabled, client_disabled;
};

/* Keep a new grant: the first group of members counts, without revoked_ms and last_used_ms. Of more than
 * OAUTH_GRANTS_MAX live ones that a user has given one client, the oldest are revoked.
 *   Errors     ERR_EXISTS, ERR_NOT_FOUND (no such tenant, user or client), ERR_DB ... */
#define OAUTH_GRANTS_MAX 32 /* machines that one person uses one program on */
NODISCARD enum err oauth_grant_insert(struct db *db, const struct oauth_grant *grant) AWAITS;

/* By id, whatever its state, with all it hangs on in one read.
 *   ret_grant  in `arena`
 *   Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err oauth_grant_get(struct db *db, struct str scope, struct arena *arena, struct str id,
				   struct oauth_grant *ret_grant) AWAITS;

/* The latest live one that a user has given a client for a resource.
 *   Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err oauth_grant_find(struct db *db, struct str scope, struct arena *arena, struct str user_id,
				    struct str client_id, struct str resource, int64_t now_ms,
				    struct oauth_grant *ret_grant) AWAITS;

/* A page of a tenant's grants after an id (empty: the first), by id, revoked ones too.
 *   user_id    only those of this user; empty: all */
NODISCARD enum err oauth_grant_list(struct db *db, struct arena *arena, struct str tenant_id, struct str user_id,
				    struct str after, size_t limit, struct oauth_grant **ret_grants, size_t *ret_count)
	AWAITS;

/* End a grant and forget its codes and refresh tokens; caches hear of it. One that has ended already stays as it is.
 *   Errors     ERR_DB ... */
NODISCARD enum err oauth_grant_revoke(struct db *db, struct str scope, struct str id, int64_t now_ms) AWAITS;

/* Remove at most `limit` grants that ended before `before_ms`, with what was issued for them.
 *   ret_removed  how many rows */
NODISCARD enum err oauth_grant_sweep(struct db *db, int64_t before_ms, size_t limit, size_t *ret_removed) AWAITS;

#endif
