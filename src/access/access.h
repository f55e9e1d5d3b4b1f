/* Tenants' policies, compiled and at hand: read from the store when first needed, again when the generation
 * has moved, once for any number of requests that miss at the same time. Each loop keeps its own references. */
#ifndef GATEHOUSE_ACCESS_ACCESS_H
#define GATEHOUSE_ACCESS_ACCESS_H

#include "identity/identity.h"
#include "policy/policy.h"

#define ACCESS_TENANTS_MAX 4096 /* policies kept per loop; the one used longest ago goes first */

struct access;

/*   db, identity  borrowed until access_free
 *   Runs on       loop 0 */
struct access *access_new(struct db *db, struct identity *identity);
void access_free(struct access *access);

/* Rules of the configuration: in front of every tenant's own. A snapshot's; NULL none. Bumps what is kept.
 *   Runs on    loop 0 */
void access_configure(struct access *access, const struct policy_document *rules, size_t count);

/* The policy of a tenant as it is now (empty id: of no tenant: built-in roles only).
 *   ret_policy one reference
 *   Errors     ERR_CONFIG: its documents do not compile (the log says which): nothing is allowed; ERR_DB ...
 *   Runs on    a fiber, any loop */
NODISCARD enum err access_policy(struct access *access, struct str tenant_id, struct policy **ret_policy) AWAITS;

#endif
