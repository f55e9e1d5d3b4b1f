/* Addresses that may not ask: by an operator's word, or after too many failures. */
#ifndef GATEHOUSE_STORE_BLOCKED_H
#define GATEHOUSE_STORE_BLOCKED_H

#include "store/store.h"

#define BLOCKED_MAX 10000 /* rows: every loop keeps them all, and an attacker can make some */

struct blocked {
	struct str prefix; /* "192.0.2.0/24", as prefix_text writes it */
	struct str reason;
	int64_t created_ms;
	int64_t until_ms; /* 0 until unblocked */
};

/* Block, or say anew why and until when. Blocks that have ended make room.
 *   Errors     ERR_LIMIT: BLOCKED_MAX are there; ERR_DB ... */
NODISCARD enum err blocked_put(struct db *db, const struct blocked *blocked) AWAITS;

/* One, whether it has ended or not.
 *   ret_blocked in `arena`
 *   Errors      ERR_NOT_FOUND */
NODISCARD enum err blocked_get(struct db *db, struct arena *arena, struct str prefix, struct blocked *ret_blocked)
	AWAITS;

/* A page of them after a prefix (empty: the first), by their text. */
NODISCARD enum err blocked_list(struct db *db, struct arena *arena, struct str after, size_t limit,
				struct blocked **ret_blocked, size_t *ret_count) AWAITS;

/* Unblock.
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err blocked_delete(struct db *db, struct str prefix) AWAITS;

#endif
