/* What secret.c and crypto.c share: the inside of a secret, and the keyed primitives with the
 * inputs that their published test vectors need. Nothing outside base includes this. */
#ifndef GATEHOUSE_BASE_SECRET_H
#define GATEHOUSE_BASE_SECRET_H

/* The older SHA-256 interface has a state that copies by assignment: a MAC costs a quarter less
 * than re-initialising an EVP_MAC and a tenth of HMAC(), and the keyed state can stay on the
 * secret's locked page instead of in a context on every thread's heap. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/sha.h>

#include "base/crypto.h"

#define MAC_KEY_BYTES_MAX SHA256_CBLOCK /* longer keys would have to be hashed first (RFC 2104) */

/* HMAC-SHA256 after its key block: what is left is hashing the message. As secret as the key. */
struct mac_key {
	SHA256_CTX inner, outer;
};

struct secret {
	uint32_t magic;
	uint8_t bytes[CRYPTO_KEY_BYTES];
	struct mac_key mac;
	struct secret *free_next; /* while in the pool */
};

#define SECRET_MAGIC 0x73656372u

/* Absorb a key of at most MAC_KEY_BYTES_MAX bytes. */
void mac_key_init(struct mac_key *mac, struct str key);

/* HMAC-SHA256 of the pieces' concatenation. */
void mac_sum(const struct mac_key *mac, const struct str *pieces, size_t count, uint8_t out[CRYPTO_MAC_BYTES]);

/* HKDF-SHA256 for at most one block of output; `salt` may be empty.
 *   Source     RFC 5869 */
void hkdf_sha256(struct str input_key, struct str salt, struct str purpose, uint8_t out[CRYPTO_KEY_BYTES]);

#define CRYPTO_NONCE_BYTES 12

/* crypto_seal under a given nonce, which must never repeat under one key. */
void seal_with_nonce(const struct secret *key, const uint8_t nonce[CRYPTO_NONCE_BYTES], struct str plain,
		     struct str bound, struct buf *out);

#endif
