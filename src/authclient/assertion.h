/* A client that proves who it is with its private key (private_key_jwt): a short-lived statement that it signs about
 * itself. */
#ifndef GATEHOUSE_AUTHCLIENT_ASSERTION_H
#define GATEHOUSE_AUTHCLIENT_ASSERTION_H

#include "base/str.h"

#define CLIENT_ASSERTION_LIFE_MS 120000 /* a request's way there, and clocks that differ a little */

/* Append the statement, signed with RS256 or ES256 as the key is.
 *   private_key_pem  of the client as it is registered
 *   audience         the issuer that is asked
 *   Errors           ERR_CRYPTO: no private key of a kind that is known here
 *   Runs on          any thread; 1 ms with RSA
 *   Source           RFC 7523 section 3, OpenID Connect Core section 9 */
NODISCARD enum err client_assertion_put(struct str private_key_pem, struct str client_id, struct str audience,
					int64_t now_ms, struct buf *jwt);

#endif
