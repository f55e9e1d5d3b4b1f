/* The keys that the gateway's own tokens are signed with. One signs, its predecessors are shown until the last token
 * that they signed has expired, its successor is shown before it signs: whoever keeps a copy of the set for a while
 * is never surprised.
 *
 *     made ── shown ──▶ signs ──▶ shown ──▶ removed
 *            SIGNING_LEAD_MS   life     SIGNING_SHOWN_MS */
#ifndef GATEHOUSE_IDENTITY_SIGNING_H
#define GATEHOUSE_IDENTITY_SIGNING_H

#include "base/crypto.h"
#include "jose/jose.h"

#define SIGNING_LEAD_MS (10 * 60 * 1000LL)	  /* longer than anybody keeps a copy: the document says 5 min */
#define SIGNING_SHOWN_MS (2 * 24 * 3600 * 1000LL) /* longer than any access token lives (oauth.access: a day) */
#define SIGNING_KEPT_MS (60 * 1000LL)		  /* a loop's copy is read again after this */

struct db;
struct signing;

/* On loop 0; `seal` protects the private keys in the database and must outlive it, as `db`. */
struct signing *signing_new(struct db *db, const struct secret *seal);
/* When nobody signs any more; NULL is fine. */
void signing_free(struct signing *signing);

/* Append the compact form of claims (JSON text) under this `typ`.
 *   life_ms    a key that has signed this long is followed by a new one
 *   Errors     ERR_DB, ERR_CRYPTO (the database is not of this server.key) ...
 *   Runs on    a fiber, any loop */
NODISCARD enum err signing_sign(struct signing *signing, int64_t life_ms, struct str typ, struct str claims,
				struct buf *out) AWAITS;

/* Make the next key now, whatever the age of the present one.
 *   Errors     as signing_sign */
NODISCARD enum err signing_rotate(struct signing *signing) AWAITS;

/* The set to check them with: {"keys": [...]} is appended; the same as keys (one reference).
 *   Errors     as signing_sign; without any key yet the set is empty */
NODISCARD enum err signing_jwks(struct signing *signing, struct buf *out) AWAITS;
NODISCARD enum err signing_keys(struct signing *signing, struct jose_keys **ret_keys) AWAITS;

#endif
