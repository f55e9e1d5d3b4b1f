/* A Vault or OpenBao and our sign-in there. Private to the room. */
#ifndef GATEHOUSE_SECRETS_VAULT_H
#define GATEHOUSE_SECRETS_VAULT_H

#include "http/fetch.h"
#include "secrets/provider.h"
#include "secrets/vault_reply.h"

#define VAULT_ARENA_BYTES (4u << 20) /* of one request: a list of a thousand names, a value of 64 KB twice encoded */

struct vault_server {
	const struct secrets_settings *settings;
	struct gate calls;	    /* so many requests at once */
	struct gate login;	    /* one at a time signs in */
	struct secret_text *token;  /* NULL: not signed in */
	uint64_t generation;	    /* of the token: counts sign-ins */
	int64_t lease_ms, renew_ms; /* of the token; when to renew it, on clock_ms(): INT64_MAX never */
	bool renewable;
	bool failing; /* a renewal failed, and it was said */
};

struct vault_ask {
	struct str method; /* p NULL: GET */
	struct str path;   /* behind /v1/ */
	struct str body;
	bool anonymous; /* without our token */
};

/* Ask with our token. What may pass is asked again after a while: 429, 502, 503, no answer; with 403 we sign in again,
 * once.
 *   arena      to be freed with arena_free_wiped
 *   ret        of any status but those
 *   problem    on error: the server, and what is wrong
 *   Errors     ERR_FORBIDDEN (403 also after another sign-in), ERR_UPSTREAM_DOWN, those of http_fetch */
NODISCARD enum err vault_ask(struct vault_server *server, struct arena *arena, const struct vault_ask *ask,
			     struct buf *problem, struct fetched *ret) AWAITS;

/* Sign in by AppRole, unless somebody else did since `generation`. */
NODISCARD enum err vault_login(struct vault_server *server, uint64_t generation, struct buf *problem) AWAITS;

/* Renew the token when it is time.
 *   returns    in how many ms to come again */
int64_t vault_tend(void *server) AWAITS;

/* Give the token back to the server, as far as it listens. */
void vault_logout(struct vault_server *server) AWAITS;

#endif
