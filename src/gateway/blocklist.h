/* Blocked addresses, at hand: every loop has the list of now and asks it before anything that costs. */
#ifndef GATEHOUSE_GATEWAY_BLOCKLIST_H
#define GATEHOUSE_GATEWAY_BLOCKLIST_H

#include "gateway/gateway.h"
#include "store/blocked.h"

/* The list: immutable, one a loop. */
struct blocklist;

/* From rows; those that cannot be read as a prefix are left out.
 *   returns    NULL when none is left */
struct blocklist *blocklist_new(const struct blocked *rows, size_t count);
void blocklist_free(struct blocklist *list); /* NULL is fine */

/* Whether an address is on it (list NULL: it is not). A look-up per length of prefix that occurs.
 *   ret_left_ms  how long still; 0: until somebody unblocks it */
bool blocklist_has(const struct blocklist *list, const struct address *address, int64_t now_ms, int64_t *ret_left_ms);

/* Follow the rows from now on, on every loop: in force some IDENTITY_POLL_MS after a write.
 *   Runs on    a fiber of loop 0; blocklist_stop before gateway_free */
struct block_follower;
NODISCARD enum err blocklist_start(struct gateway *gateway, struct block_follower **ret_follower) AWAITS;
void blocklist_stop(struct block_follower *follower) AWAITS;

#endif
