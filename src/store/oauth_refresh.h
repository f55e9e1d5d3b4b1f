/* Refresh tokens: each is used once and names the one that follows it. Kept as MACs; the successor is sealed, so that
 * a client that asks twice at the same moment can be given the same answer twice. */
#ifndef GATEHOUSE_STORE_OAUTH_REFRESH_H
#define GATEHOUSE_STORE_OAUTH_REFRESH_H

#include "store/store.h"

struct oauth_refresh {
	uint8_t mac[32];
	struct str grant_id, scope;
	int64_t created_ms, expires_ms;
	int64_t used_ms;      /* 0 not yet */
	struct str successor; /* sealed; empty before its use */
};

/*   Errors     ERR_EXISTS, ERR_DB ... */
NODISCARD enum err oauth_refresh_insert(struct db *db, struct str scope, const struct oauth_refresh *token) AWAITS;

/* Whatever its state. Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err oauth_refresh_get(struct db *db, struct arena *arena, const uint8_t mac[32],
				     struct oauth_refresh *ret_token) AWAITS;

/* Use one up and keep the next in the same write; its grant is noted as used.
 *   sealed     the next one's text, to be kept with the first
 *   Errors     ERR_NOT_FOUND: somebody has used it meanwhile, or its grant has ended */
NODISCARD enum err oauth_refresh_rotate(struct db *db, const uint8_t mac[32], struct str sealed,
					const struct oauth_refresh *next) AWAITS;

/* Remove at most `limit` that expired before `before_ms`. */
NODISCARD enum err oauth_refresh_sweep(struct db *db, int64_t before_ms, size_t limit) AWAITS;

#endif
