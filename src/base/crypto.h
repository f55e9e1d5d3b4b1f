/* The few cryptographic operations the house is built on: keyed hash, authenticated
 * encryption, wiping. OpenSSL's contexts are kept per thread, since creating one costs more
 * than using it. TLS lives in net. */
#ifndef GATEHOUSE_BASE_CRYPTO_H
#define GATEHOUSE_BASE_CRYPTO_H

#include "base/str.h"

#define CRYPTO_KEY_BYTES 32
#define CRYPTO_MAC_BYTES 32
#define CRYPTO_SEAL_OVERHEAD 28 /* 96-bit nonce in front, 128-bit tag behind */

/* A 256-bit key. Locked in memory, kept out of core files, wiped when freed; never printed. */
struct secret;

/* A secret from CRYPTO_KEY_BYTES bytes, which are wiped at the source. */
struct secret *secret_new(uint8_t bytes[CRYPTO_KEY_BYTES]);

/* A fresh one from the kernel's generator. */
struct secret *secret_random(void);

/* A key for one purpose, derived from a master key: HKDF-SHA256 with `purpose` as its info. */
struct secret *secret_derive(const struct secret *master, struct str purpose);

/* The raw key bytes, for writing a key file. */
const uint8_t *secret_bytes(const struct secret *secret);

/* Wipe and release; NULL is fine. */
void secret_free(struct secret *secret);
DEFINE_AUTO(secret, secret_free);

/* Overwrite memory in a way the compiler keeps; `p` may be NULL when n is 0. */
void crypto_wipe(void *p, size_t n);

/* SHA-256 of s. */
void crypto_sha256(struct str s, uint8_t out[32]);

/* The same of what comes in pieces. A value: nothing to free, and a copy goes on by itself. */
struct sha256_stream {
	unsigned char state[112];
};
void sha256_stream_init(struct sha256_stream *stream);
void sha256_stream_put(struct sha256_stream *stream, struct str s);
void sha256_stream_end(struct sha256_stream *stream, uint8_t out[32]);

/* HMAC-SHA256 over the concatenation of `count` pieces. About 0.3 us for 50 bytes.
 *   Runs on    any thread
 *   Source     RFC 2104 */
void crypto_mac(const struct secret *key, const struct str *pieces, size_t count, uint8_t out[CRYPTO_MAC_BYTES]);

/* HMAC-SHA1, only for what a standard demands it of: one-time codes.
 *   Source     RFC 4226 section 5.2 */
#define CRYPTO_SHA1_BYTES 20
void crypto_mac_sha1(struct str key, struct str text, uint8_t out[CRYPTO_SHA1_BYTES]);

/* SHA-1 of s, where a protocol names things by it; it proves nothing. */
void crypto_sha1(struct str s, uint8_t out[CRYPTO_SHA1_BYTES]);

/* HMAC of a whole text with a key that others have too: a server that wants its requests signed.
 *   returns    how many bytes of `out` it has
 *   Source     RFC 2104, RFC 4231 */
enum crypto_digest { CRYPTO_SHA256, CRYPTO_SHA512 };
#define CRYPTO_DIGEST_BYTES_MAX 64
size_t crypto_mac_shared(enum crypto_digest digest, struct str key, struct str text,
			 uint8_t out[CRYPTO_DIGEST_BYTES_MAX]);

/* Whether a signature is of this text, by the key's owner.
 *   Source     RFC 8032 */
#define CRYPTO_ED25519_KEY_BYTES 32
#define CRYPTO_ED25519_BYTES 64
bool crypto_ed25519_verify(const uint8_t key[CRYPTO_ED25519_KEY_BYTES], struct str text,
			   const uint8_t signature[CRYPTO_ED25519_BYTES]);

/* AES-256-GCM: append nonce, ciphertext and tag to `out`. `bound` is authenticated, not sent.
 *   Source     NIST SP 800-38D; a fresh random 96-bit nonce each time */
void crypto_seal(const struct secret *key, struct str plain, struct str bound, struct buf *out);

/* Undo crypto_seal into `out` (at least sealed.n - CRYPTO_SEAL_OVERHEAD bytes).
 *   Errors     ERR_CRYPTO: too short, altered, wrong key or other `bound` */
NODISCARD enum err crypto_open(const struct secret *key, struct str sealed, struct str bound, void *out, size_t *ret_n);

#endif
