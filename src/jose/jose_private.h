/* What the files of this room share. The library's types end here. */
#ifndef GATEHOUSE_JOSE_JOSE_PRIVATE_H
#define GATEHOUSE_JOSE_JOSE_PRIVATE_H

#include <cjose/cjose.h>
#include <jansson.h>
#include <stdatomic.h>

#include "jose/jose.h"

#define JOSE_KEYS_MAGIC 0x4a4b4559u /* "JKEY" */

/* One public key, and the algorithms it may verify: those of its kind and curve, or the one it names. */
struct jose_key {
	struct str kid; /* p NULL: it has none */
	unsigned algs;
	cjose_jwk_t *jwk;
};

struct jose_keys {
	uint32_t magic;
	atomic_uint refs;
	struct arena *arena; /* owns this too */
	size_t count;
	struct jose_key key[JOSE_KEYS_MAX];
};

/* alg.c: the algorithms that a key of this type and curve (p NULL: RSA) can verify; 0 none. */
unsigned jose_algs_of_kind(struct str kty, struct str crv);

/* pem.c: append the private JWK of a PEM text, to be wiped.
 *   Errors     ERR_CRYPTO: none, with a pass phrase, or neither P-256 nor RSA */
NODISCARD enum err jose_private_jwk_put(struct str pem, struct buf *jwk);

#define JOSE_HEADER_BYTES_MAX 1024 /* of one member of a header that we write: a public key of P-256 has 130 */

#endif
