/* A grant: what is kept of an account at another service. One JSON document, sealed in the `credential` row of its
 * tenant, upstream and user; the row's `hint` is the account's name.
 *
 * Whoever has one in an arena frees that with arena_free_wiped. */
#ifndef GATEHOUSE_CONNECT_GRANT_H
#define GATEHOUSE_CONNECT_GRANT_H

#include "authclient/token.h"
#include "base/secret_text.h"
#include "connect/connect.h"
#include "store/credential.h"

#define GRANT_ARENA_BYTES (512 * 1024) /* a row, its plaintext and the strings in it */
#define GRANT_KIND STR("oauth")
#define GRANT_ACTIVE STR("active")
#define GRANT_REFUSED STR("refused")
#define GRANT_REAUTH STR("reauth_required")

/* Strings lie where it was read into. What is not known is empty or 0. */
struct grant {
	struct str issuer;     /* whose tokens these are */
	struct str token_url;  /* where they are renewed */
	struct str revoke_url; /* where they are ended; empty: nowhere */
	struct str client_id;  /* as which client */
	struct str client_secret;
	enum client_auth client_auth;
	struct str resource;	 /* repeated in each request for a token; empty: none was named */
	struct str scope;	 /* what it has */
	struct str wanted_scope; /* what a server has asked for beside it */
	enum token_type type;
	struct str access_token;    /* empty: none yet */
	struct str refresh_token;   /* empty: it cannot be renewed */
	int64_t expires_ms;	    /* wall time; 0: it does not say */
	int64_t refresh_expires_ms; /* the same */
	int64_t refusals;	    /* renewals in a row that refusals of servers have led to: see refused.c */
	struct str dpop_key;	    /* private, as authclient/dpop.h writes it; empty: no proofs */
	struct str account_id, account_name, picked;
};

/* Append its JSON. `json` holds secrets afterwards: wipe it.
 *   Runs on    any thread */
void grant_put(const struct grant *grant, struct buf *json);

/* Read it. Members that it does not know are passed over: a newer version may have written them.
 *   ret_grant  in `arena`
 *   Errors     ERR_RPC_PARAMS: no such document; ERR_LIMIT (arena)
 *   Runs on    any thread */
NODISCARD enum err grant_read(struct arena *arena, struct str json, struct grant *ret_grant);

/* What is kept for an account.
 *   arena      of GRANT_ARENA_BYTES or more, not the request's
 *   ret_grant, ret_row  in `arena`
 *   Errors     ERR_CREDENTIAL_MISSING: nothing, or something else than a grant; ERR_CRYPTO, ERR_DB ...
 *   Runs on    a fiber, any loop, as all below */
NODISCARD enum err grant_find(struct connect *connect, struct arena *arena, const struct connect_at *at,
			      struct grant *ret_grant, struct credential_row *ret_row) AWAITS;

/* Keep one, in the place of whatever is kept for that account.
 *   state      the row's
 *   Errors     ERR_LIMIT (too large, or too many rows), ERR_NOT_FOUND (no such tenant), ERR_DB ... */
NODISCARD enum err grant_keep(struct connect *connect, const struct connect_at *at, const struct grant *grant,
			      struct str state) AWAITS;

/* Make a row without tokens for an account that has none yet, so that there is something to take the lease of.
 *   Errors     as grant_keep; OK too when there is a grant already */
NODISCARD enum err grant_room(struct connect *connect, const struct connect_at *at) AWAITS;

/* Put it in the place of what was read, unless that has changed since. Caches hear of it only when the state changes.
 *   read       as grant_find gave it
 *   Errors     ERR_NOT_FOUND: it has changed, or was removed; nothing was done. ERR_LIMIT, ERR_DB ... */
NODISCARD enum err grant_swap(struct connect *connect, const struct credential_row *read, const struct grant *grant,
			      struct str state) AWAITS;

/* Forget an account, after the service was asked to end its tokens. That is tried once: what it answers does not keep
 * the account here.
 *   problem    what the service said against it, or why it was not asked; empty: they are ended
 *   Errors     ERR_CREDENTIAL_MISSING: there is none; ERR_DB ... */
NODISCARD enum err grant_end(struct connect *connect, const struct connect_at *at, struct buf *problem) AWAITS;

#endif
