/* Answers to requests that carried an idempotency key. */
#ifndef GATEHOUSE_STORE_IDEMPOTENCY_H
#define GATEHOUSE_STORE_IDEMPOTENCY_H

#include "store/store.h"

#define IDEMPOTENCY_LIFE_MS (24LL * 3600 * 1000)
#define IDEMPOTENCY_WORK_MS (10LL * 60 * 1000) /* longer than any request: what is still at work then has died */

struct idempotency {
	uint8_t digest[32]; /* of the request */
	int status;	    /* 0: still at work */
	struct str answer;  /* sealed */
};

/* Take a key for a request; forgets those of the tenant that have expired.
 *   tenant_id  the principal's; empty: the operator's
 *   ret_kept   on ERR_EXISTS what the first request left, in `arena`
 *   Errors     ERR_EXISTS: it was taken before; ERR_DB ... */
NODISCARD enum err idempotency_begin(struct db *db, struct arena *arena, struct str tenant_id, struct str principal,
				     struct str key, const uint8_t digest[32], int64_t now_ms,
				     struct idempotency *ret_kept) AWAITS;

/* Keep the answer. */
NODISCARD enum err idempotency_finish(struct db *db, struct str tenant_id, struct str principal, struct str key,
				      int status, struct str answer) AWAITS;

/* Give the key back: the request may be made again. */
NODISCARD enum err idempotency_forget(struct db *db, struct str tenant_id, struct str principal, struct str key) AWAITS;

#endif
