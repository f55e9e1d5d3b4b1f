/* Keys that sign our tokens: the private half sealed, the public half as a JWK. */
#ifndef GATEHOUSE_STORE_SIGNING_KEY_H
#define GATEHOUSE_STORE_SIGNING_KEY_H

#include "store/store.h"

struct signing_key {
	struct str kid;
	struct str private_sealed, public_jwk;
	int64_t created_ms;
	int64_t active_ms; /* signs from then on, until a later one does */
};

/* Those that are shown at `now_ms`, the first to sign first.
 *   ret_keys   in `arena` */
NODISCARD enum err signing_key_list(struct db *db, struct arena *arena, int64_t now_ms, struct signing_key **ret_keys,
				    size_t *ret_count) AWAITS;

/* Keep a key that follows the others: they are not shown any more from `retired_ms` on; those that have not been for
 * long are removed.
 *   after_ms   only when no other key becomes active after this
 *   Errors     ERR_NOT_FOUND: there is one already; ERR_DB ... */
NODISCARD enum err signing_key_insert(struct db *db, const struct signing_key *key, int64_t retired_ms,
				      int64_t after_ms) AWAITS;

#endif
