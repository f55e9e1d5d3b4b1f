/* Credentials for other services, of a tenant or of one of its users: sealed, see room vault. */
#ifndef GATEHOUSE_STORE_CREDENTIAL_H
#define GATEHOUSE_STORE_CREDENTIAL_H

#include "store/store.h"

#define CREDENTIALS_PER_TENANT_MAX 20000 /* count: some upstreams times all of a large company's people */
#define CREDENTIAL_SEALED_BYTES_MAX (64 * 1024 + 64)

struct credential_row {
	struct str id; /* what it is sealed for: known before the row is there */
	struct str tenant_id;
	struct str upstream; /* its name */
	struct str user_id;  /* empty: the tenant's, for all its callers */
	struct str kind;     /* "static": a text that somebody gave us; "oauth": a grant (connect/grant.h) */
	struct str hint;     /* to recognise it in lists: how a text ends, an account's name; may be empty */
	struct str sealed;
	struct str state;   /* "active"; "refused": the service did not take it; "reauth_required": only its owner can
			       help */
	int64_t expires_ms; /* 0: unknown */
	int64_t created_ms, changed_ms;
	/* Who renews it; or, while nobody does after a failure, until when it is left alone. */
	int64_t lease_ms;    /* until then; wall time, 0: free */
	struct str lease_by; /* empty: a pause */
	int64_t failures;    /* in a row */
};

/* Keep a new one; caches hear of it, as of all changes below that do not say otherwise. changed_ms is taken from
 * created_ms.
 *   Errors     ERR_EXISTS: there is one for this upstream and user; ERR_LIMIT; ERR_NOT_FOUND: the key that it is sealed
 *              with has gone: seal it anew; ERR_DB ... */
NODISCARD enum err credential_insert(struct db *db, const struct credential_row *credential) AWAITS;

/* By id; by whom it is for.
 *   ret_credential  in `arena`
 *   Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err credential_get(struct db *db, struct arena *arena, struct str tenant_id, struct str id,
				  struct credential_row *ret_credential) AWAITS;
NODISCARD enum err credential_find(struct db *db, struct arena *arena, struct str tenant_id, struct str upstream,
				   struct str user_id, struct credential_row *ret_credential) AWAITS;

/* A page of a tenant's after an id (empty: the first), by id; without what is sealed.
 *   upstream, user_id  only these; p NULL: all */
NODISCARD enum err credential_list(struct db *db, struct arena *arena, struct str tenant_id, struct str upstream,
				   struct str user_id, struct str after, size_t limit,
				   struct credential_row **ret_credentials, size_t *ret_count) AWAITS;

/* Of the active ones at an upstream, the one that has been there longest: of a user, or of a tenant as a whole.
 *   tenant_id       p NULL: of any tenant
 *   ret_credential  in `arena`, without what is sealed
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err credential_oldest(struct db *db, struct arena *arena, struct str tenant_id, struct str upstream,
				     bool of_user, struct credential_row *ret_credential) AWAITS;

/* Tenants that are not disabled and themselves hold a credential, one that need not be connected anew, at one of some
 * places; after a tenant's id (empty: the first), by id.
 *   places       names as `upstream` has them, each between commas: ",files,ads,ads.eu,"
 *   ret_tenants  in `arena` */
NODISCARD enum err credential_tenants(struct db *db, struct arena *arena, struct str places, struct str after,
				      size_t limit, struct str **ret_tenants, size_t *ret_count) AWAITS;

/* Change kind, hint, sealed, state, expires_ms and failures; a lease or pause is over with it.
 *   changed_before_ms  of the row that was read
 *   Errors     ERR_NOT_FOUND: it has changed since, or the key has gone; ERR_LIMIT, ERR_DB ... */
NODISCARD enum err credential_update(struct db *db, const struct credential_row *credential, int64_t changed_before_ms)
	AWAITS;

/* The same for a token that takes another's place before its end: caches need not hear of it, what they have is good
 * until it expires. */
NODISCARD enum err credential_renew(struct db *db, const struct credential_row *credential, int64_t changed_before_ms)
	AWAITS;

/* Take the lease of a row as it was read, until `until_ms`, in the name of `by`; caches need not hear of it.
 *   Errors     ERR_NOT_FOUND: it has changed, or somebody has the lease or has set a pause; ERR_DB ... */
NODISCARD enum err credential_lease(struct db *db, const struct credential_row *credential, struct str by,
				    int64_t now_ms, int64_t until_ms) AWAITS;

/* Give back what `by` has, after a failure: nobody takes it before `until_ms`. Nothing happens when it is lost.
 *   state      the row's from now on */
NODISCARD enum err credential_unlease(struct db *db, const struct credential_row *credential, struct str by,
				      int64_t until_ms, struct str state) AWAITS;

/* It cannot be renewed any more, whoever tries: state "reauth_required", no lease.
 *   Errors     ERR_NOT_FOUND: it has changed since it was read, or is in that state already; ERR_DB ... */
NODISCARD enum err credential_give_up(struct db *db, const struct credential_row *credential) AWAITS;

/* Note a state, if nobody has changed the credential since `changed_ms`; caches need not hear of it. */
NODISCARD enum err credential_note(struct db *db, struct str tenant_id, struct str id, int64_t changed_ms,
				   struct str state) AWAITS;

/*   Errors     ERR_NOT_FOUND */
NODISCARD enum err credential_delete(struct db *db, struct str tenant_id, struct str id) AWAITS;

#endif
