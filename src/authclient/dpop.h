/* Proofs that whoever sends a token has the key it was issued to (DPoP): one for each request, signed anew. */
#ifndef GATEHOUSE_AUTHCLIENT_DPOP_H
#define GATEHOUSE_AUTHCLIENT_DPOP_H

#include "base/str.h"

#define DPOP_KEY_BYTES_MAX 512	  /* of the text of one: a private JWK of P-256 has 190 */
#define DPOP_NONCE_BYTES_MAX 1024 /* a server's: it is repeated in each proof */

/* A key of P-256. Immutable, shared, reference-counted; wiped with the last reference. */
struct dpop_key;

/* Make one. Errors     ERR_CRYPTO. Runs on    any thread, as all of these; some 30 us */
NODISCARD enum err dpop_key_new(struct dpop_key **ret_key);

/* One more reference; returns `key`. Give one back; the last wipes and releases, NULL is fine. */
struct dpop_key *dpop_key_ref(struct dpop_key *key);
void dpop_key_unref(struct dpop_key *key);
DEFINE_AUTO(dpop_key, dpop_key_unref);

/* Append it as text, to be sealed and wiped; and read it again.
 *   Errors     ERR_CRYPTO: no such text */
void dpop_key_put(const struct dpop_key *key, struct buf *text);
NODISCARD enum err dpop_key_read(struct str text, struct dpop_key **ret_key);

/* Append a proof for one request.
 *   url        its query and fragment are left out
 *   token      what is sent beside it; empty: nothing, as to a token endpoint
 *   nonce      what the server has asked to hear; empty: nothing
 *   Errors     ERR_CRYPTO
 *   Runs on    any thread; some 50 us
 *   Source     RFC 9449 section 4.2 */
NODISCARD enum err dpop_proof_put(const struct dpop_key *key, struct str method, struct str url, struct str token,
				  struct str nonce, int64_t now_ms, struct buf *out);

/* Whether a stranger's text can be a nonce. */
bool dpop_nonce_ok(struct str nonce);

#endif
