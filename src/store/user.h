/* Users: people and service accounts of a tenant. */
#ifndef GATEHOUSE_STORE_USER_H
#define GATEHOUSE_STORE_USER_H

#include "store/store.h"

struct user {
	struct str id, tenant_id, tenant_name;
	struct str kind;  /* "person", "service" */
	struct str email; /* lower case; empty for service accounts */
	struct str name, role;
	struct str password;	    /* Argon2id, encoded; empty none */
	struct str totp;	    /* sealed; empty none */
	struct str issuer, subject; /* of the provider that vouches for them; empty none */
	int64_t totp_step, created_ms, changed_ms, last_login_ms;
	bool disabled, tenant_disabled;
};

/* Keep a new user: id, tenant_id, kind, email, name, role, password, issuer, subject and created_ms count.
 *   Errors     ERR_EXISTS (id, email or subject), ERR_NOT_FOUND (tenant), ERR_DB ... */
NODISCARD enum err user_insert(struct db *db, const struct user *user) AWAITS;

/* By id, whatever its state.
 *   ret_user   in `arena`
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err user_get(struct db *db, struct str scope, struct arena *arena, struct str id, struct user *ret_user)
	AWAITS;

/* Those with this email, in any tenant, at most USER_EMAIL_MAX. */
#define USER_EMAIL_MAX 8
NODISCARD enum err user_find_email(struct db *db, struct arena *arena, struct str email, struct user **ret_users,
				   size_t *ret_count) AWAITS;

/* The one of a tenant that a provider calls `subject`. Errors     ERR_NOT_FOUND */
NODISCARD enum err user_find_subject(struct db *db, struct arena *arena, struct str tenant_id, struct str issuer,
				     struct str subject, struct user *ret_user) AWAITS;

/* A page of a tenant's users after an id (empty: the first), by id. */
NODISCARD enum err user_list(struct db *db, struct arena *arena, struct str tenant_id, struct str after, size_t limit,
			     struct user **ret_users, size_t *ret_count) AWAITS;

/* Change email, name, role, disabled, issuer, subject; caches hear of it.
 *   changed_before_ms  of the row that was read: another one has changed it since: ERR_NOT_FOUND
 *   Errors             ERR_NOT_FOUND, ERR_EXISTS */
NODISCARD enum err user_update(struct db *db, const struct user *user, int64_t changed_before_ms) AWAITS;

/* Set what they sign in with; ends their sessions in the browser. */
NODISCARD enum err user_set_password(struct db *db, struct str scope, struct str id, struct str encoded, int64_t now_ms)
	AWAITS;
NODISCARD enum err user_set_totp(struct db *db, struct str scope, struct str id, struct str sealed, int64_t now_ms)
	AWAITS;

/* Note a sign-in; with a TOTP step (0 none) that must be later than the last one used.
 *   Errors     ERR_EXISTS: the code of that step was used already */
NODISCARD enum err user_signed_in(struct db *db, struct str scope, struct str id, int64_t totp_step, int64_t now_ms)
	AWAITS;

/* Remove the row and everything that is theirs: sessions, grants, codes, refresh tokens, certificates; their keys are
 * revoked and nobody's any more. The trail stays: see retention.
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err user_delete(struct db *db, struct str scope, struct str id, int64_t now_ms) AWAITS;

/* As user_list, of one kind. */
NODISCARD enum err user_page(struct db *db, struct arena *arena, struct str tenant_id, struct str kind,
			     struct str after, size_t limit, struct user **ret_users, size_t *ret_count) AWAITS;

/* As user_update and user_delete, of one who may be an owner: the tenant keeps another one who may sign in.
 *   Errors     ERR_NOT_FOUND also when there is none */
NODISCARD enum err user_unmake_owner(struct db *db, const struct user *user, int64_t changed_before_ms) AWAITS;
NODISCARD enum err user_delete_keeping_owner(struct db *db, struct str tenant_id, struct str id, int64_t now_ms) AWAITS;

/* Whether somebody else than `id` is an owner of the tenant and may sign in. */
NODISCARD enum err user_other_owner(struct db *db, struct str tenant_id, struct str id, bool *ret_found) AWAITS;

#endif
