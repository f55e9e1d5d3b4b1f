/* Tenants' policies, compiled and at hand: read from the store when first needed, again when the generation
 * has moved, once for any number of requests of a loop that miss at the same time. One table for all loops: what
 * a policy holds is too much to have once per core, and loops remember what they were given (see access_generation). */
#ifndef GATEHOUSE_ACCESS_ACCESS_H
#define GATEHOUSE_ACCESS_ACCESS_H

#include "identity/identity.h"
#include "policy/policy.h"

#define ACCESS_TENANTS_MAX 4096 /* count of policies kept; the one used longest ago goes first */

struct access;

/*   db, identity  borrowed until access_free; identity NULL (the command line): everything is read anew
 *   Runs on       loop 0 */
struct access *access_new(struct db *db, struct identity *identity);
void access_free(struct access *access); /* NULL is fine */

/* Rules of the configuration: in front of every tenant's own. They are copied.
 *   Runs on    loop 0 */
void access_configure(struct access *access, const struct policy_document *rules, size_t count);

/* What access_policy returned earlier is still true as long as this returns what it did before that. Two
 * atomic loads.
 *   Runs on    any thread */
int64_t access_generation(const struct access *access);

/* The policy of a tenant as it is now (empty id: of no tenant: built-in roles, and the configuration's rules).
 *   ret_policy one reference; the same policy as before when nothing in it has changed
 *   Errors     ERR_CONFIG: its documents do not compile (the log says which): nothing is allowed; ERR_DB ...
 *   Runs on    a fiber, any loop */
NODISCARD enum err access_policy(struct access *access, struct str tenant_id, struct policy **ret_policy) AWAITS;

/* A tenant's documents as access_policy would compile them, the configuration's rules in front.
 *   ret_source in `arena`
 *   Errors     ERR_DB, ERR_LIMIT ... */
NODISCARD enum err access_source(struct access *access, struct str tenant_id, struct arena *arena,
				 struct policy_source *ret_source) AWAITS;

#endif
