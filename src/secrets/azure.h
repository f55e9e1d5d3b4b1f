/* A Key Vault and our sign-in at its identity provider. Private to the room. */
#ifndef GATEHOUSE_SECRETS_AZURE_H
#define GATEHOUSE_SECRETS_AZURE_H

#include "http/fetch.h"
#include "secrets/azure_reply.h"
#include "secrets/provider.h"

#define AZURE_ARENA_BYTES (4u << 20) /* of one request */

struct azure_server {
	const struct secrets_settings *settings;
	struct url url;		   /* the vault's */
	struct buf authority;	   /* with the tenant */
	struct gate calls, login;  /* so many requests at once; one at a time signs in */
	struct secret_text *token; /* NULL: not signed in */
	uint64_t generation;	   /* of the token: counts sign-ins */
	int64_t renew_ms;	   /* when another token is asked for, on clock_ms() */
	bool failing;		   /* a sign-in failed, and it was said */
};

struct azure_ask {
	struct str method; /* p NULL: GET */
	struct str url;
	struct str body;
};

/* Ask with our token. What may pass is asked again after a while; with 401 we sign in again, once.
 *   arena      to be freed with arena_free_wiped
 *   ret        of any status but those that say nothing about what was asked
 *   problem    on error: the vault, and what is wrong
 *   Errors     ERR_FORBIDDEN, ERR_UPSTREAM_DOWN, those of http_fetch */
NODISCARD enum err azure_ask(struct azure_server *server, struct arena *arena, const struct azure_ask *ask,
			     struct buf *problem, struct fetched *ret) AWAITS;

/* Sign in by client credentials, unless somebody else did since `generation`. */
NODISCARD enum err azure_login(struct azure_server *server, uint64_t generation, struct buf *problem) AWAITS;

/* Ask for another token when it is time.
 *   returns    in how many ms to come again */
int64_t azure_tend(void *server) AWAITS;

#endif
