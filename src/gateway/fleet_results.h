/* Results that the replicas of a fleet keep for each other in the shared state, so that one of them asks the server and
 * the others take what it got. What stands there is sealed and bound to what it belongs to; a result of an epoch that
 * is over is not found any more. All of it only saves work: whoever cannot tell asks the server itself. Source
 * doc/decisions/0014-fleet.md */
#ifndef GATEHOUSE_GATEWAY_FLEET_RESULTS_H
#define GATEHOUSE_GATEWAY_FLEET_RESULTS_H

#include "base/crypto.h"
#include "gateway/result_cache.h"
#include "rt/fiber.h"
#include "state/state.h"

#define FLEET_RESULT_WAIT_MS 10000 /* for another replica's fetch; then one's own */

struct fleet_results;

/*   state      borrowed until fleet_results_stop; when it is not shared there is nothing to keep: NULL is returned
 *   key        of the installation; only used in here
 *   Runs on    a fiber of loop 0, as fleet_results_stop does */
NODISCARD enum err fleet_results_start(struct state *state, const struct secret *key,
				       struct fleet_results **ret_results) AWAITS;
void fleet_results_stop(struct fleet_results *results) AWAITS; /* nobody fetches any more; NULL is fine */

/* A new epoch of an upstream's results begins, for all replicas, as soon as the shared state can be told; until then
 * this process takes none from there.
 *   results    NULL is fine
 *   Runs on    any loop, does not wait */
void fleet_results_forget(struct fleet_results *results, struct str upstream);

/* The hint that tells the others to forget what they keep themselves.
 *   ret_upstream  in `hint`
 *   returns    whether it is one */
bool fleet_results_hint(struct str hint, struct str *ret_upstream);

/* What is known of a result. */
enum fleet_found {
	FLEET_RESULT,  /* here it is */
	FLEET_PRIVATE, /* nobody's but its principal's: to be asked for as such */
	FLEET_CLAIMED, /* nobody has it, and the caller fetches it for all */
	FLEET_UNKNOWN, /* fetch it for oneself: it is not kept, or nothing can be told */
};

/* One caller's way to one result; lies on its stack. */
#define FLEET_RESULT_EPOCH_BYTES_MAX 32
struct fleet_claim {
	struct fleet_results *results;
	const struct result_key *key; /* principal p NULL: anybody's; borrowed */
	struct str tenant;	      /* of the principal; of anybody's result the upstream's; borrowed */
	char epoch[FLEET_RESULT_EPOCH_BYTES_MAX];
	size_t epoch_n;
	uint64_t holder; /* 0: it claims nothing */
	struct group keeper;
};

/* Find a result, or wait for the replica that fetches it, or claim it. A claim is kept up until fleet_claim_end.
 *   claim      results, key and tenant set
 *   ret_kept   with FLEET_RESULT; its text in `text`
 *   Errors     ERR_CANCELED, ERR_TIMEOUT
 *   Runs on    a fiber, any loop; for FLEET_RESULT_WAIT_MS at most */
NODISCARD enum err fleet_claim(struct fleet_claim *claim, struct buf *text, struct result_kept *ret_kept,
			       enum fleet_found *ret_found) AWAITS;

/* The end of a claim: what was fetched, for all or (own: key and tenant of the principal, else NULL) for one; kept
 * NULL: it cannot be kept; `told` false: nothing became known. Does not fail: what cannot be told is not. Runs on the
 * fiber that claimed, canceled or not */
struct fleet_fetched {
	bool told;
	const struct result_kept *kept;
	const struct result_key *own;
	struct str own_tenant;
};
void fleet_claim_end(struct fleet_claim *claim, const struct fleet_fetched *fetched) AWAITS;

#endif
