/* Authorization codes: what a browser carries from the consent to the client. Kept as a MAC, and a while after their
 * use, so that a second use is known for what it is. */
#ifndef GATEHOUSE_STORE_OAUTH_CODE_H
#define GATEHOUSE_STORE_OAUTH_CODE_H

#include "store/store.h"

struct oauth_code {
	uint8_t mac[32];
	struct str grant_id, client_id, redirect_uri;
	struct str challenge; /* S256, base64url */
	struct str scope, resource;
	int64_t expires_ms, used_ms; /* 0 not yet */
};

/*   Errors     ERR_EXISTS, ERR_DB ... */
NODISCARD enum err oauth_code_insert(struct db *db, struct str scope, const struct oauth_code *code) AWAITS;

/* Whatever its state. Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err oauth_code_get(struct db *db, struct arena *arena, const uint8_t mac[32],
				  struct oauth_code *ret_code) AWAITS;

/* Use it up. Of two that try at the same time one succeeds.
 *   Errors     ERR_NOT_FOUND: it was used, or is none */
NODISCARD enum err oauth_code_use(struct db *db, const uint8_t mac[32], int64_t now_ms) AWAITS;

/* Remove at most `limit` that expired before `before_ms`. */
NODISCARD enum err oauth_code_sweep(struct db *db, int64_t before_ms, size_t limit) AWAITS;

#endif
