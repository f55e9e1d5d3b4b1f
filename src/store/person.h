/* Everything that is kept of a person or a tenant, as one: to be handed out, and to be forgotten. */
#ifndef GATEHOUSE_STORE_PERSON_H
#define GATEHOUSE_STORE_PERSON_H

#include "store/store.h"

/* What is kept of a user, table by table: `at` from 0 until ERR_NOT_FOUND. Proofs (hashes, MACs, sealed secrets) are
 * left out: they say nothing about anybody. The trail is not among them: see audit_row_search. ret_name   of the table,
 * static ret_rows   JSON objects, in `arena` */
NODISCARD enum err person_read(struct db *db, struct str scope, struct arena *arena, struct str user_id, size_t at,
			       const char **ret_name, struct str **ret_rows, size_t *ret_count) AWAITS;

/* Forget a user: rows, keys, grants, sessions, numbers; their person_key is destroyed. Caches hear of it.
 *   Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err person_erase(struct db *db, struct str scope, struct str user_id) AWAITS;

/* Forget a tenant with all its users and everything it owns, and destroy all their person_keys.
 *   Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err person_erase_tenant(struct db *db, struct str tenant_id) AWAITS;

#endif
