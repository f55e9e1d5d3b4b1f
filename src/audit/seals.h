/* Addresses of known callers in the trail: sealed with a key of the person, so that they can be forgotten without
 * touching a row. The chain covers the sealed form. doc/decisions/0013-forgetting.md */
#ifndef GATEHOUSE_AUDIT_SEALS_H
#define GATEHOUSE_AUDIT_SEALS_H

#include "base/crypto.h"
#include "store/audit_row.h"

#define SEAL_MARK '~'	      /* in front of a sealed address: no plain one begins with it */
#define SEALED_BYTES_MAX 104  /* mark, base64url of a sealed IPv6 address, NUL */
#define SEALABLE_BYTES_MAX 45 /* INET6_ADDRSTRLEN without its NUL */

/* One loop's opened keys, at most SEALS_KEPT_MAX, each for SEALS_KEPT_MS. */
#define SEALS_KEPT_MAX 256
#define SEALS_KEPT_MS 60000
struct seals;

/*   key        seals persons' keys; borrowed
 *   Runs on    the loop that will use it */
struct seals *seals_new(struct db *db, const struct secret *key);
void seals_free(struct seals *seals); /* NULL is fine */

/* Seal an address for a row of this principal and tenant: with the principal's key when it is a user, else with the
 * tenant's. One that is sealed already, and those of nobody's (the operator, no tenant), stay as they are; that of
 * somebody who was erased becomes empty.
 *   ret_text   in `out`, or `address` itself
 *   Errors     those of the database: then nothing of it may be written */
NODISCARD enum err seals_close(struct seals *seals, struct str principal, struct str tenant_id, struct str address,
			       char out[SEALED_BYTES_MAX], struct str *ret_text) AWAITS;

/* What a row's address was; empty when the key is gone. A plain one is returned as it is.
 *   ret_address  in `arena`, or `text` itself
 *   Errors       those of the database */
NODISCARD enum err seals_open(struct seals *seals, struct arena *arena, struct str principal, struct str tenant_id,
			      struct str text, struct str *ret_address) AWAITS;

/* The same for the addresses of rows that were read, in place.
 *   key        as seals_new; NULL: they stay sealed */
NODISCARD enum err seals_open_rows(struct db *db, const struct secret *key, struct arena *arena, struct audit_row *rows,
				   size_t count) AWAITS;

#endif
