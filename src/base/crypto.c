/* Hashing, keyed hashing and sealing on OpenSSL. HMAC copies a state prepared with the key
 * (two blocks of SHA-256 for a short message instead of four, and no allocation); AES-GCM uses
 * one context a thread, re-keyed at each call.
 *
 * OpenSSL failing here means that memory ran out or the library is broken: that aborts. Only
 * crypto_open can fail for an outsider's reason. Where keys live is in secret.c. */
#include "base/secret.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#include "base/check.h"
#include "base/random.h"

void crypto_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}

void crypto_sha256(struct str s, uint8_t out[32])
{
	SHA256_CTX hash;

	CHECK(SHA256_Init(&hash) == 1);
	CHECK(SHA256_Update(&hash, s.p, s.n) == 1);
	CHECK(SHA256_Final(out, &hash) == 1);
}

static_assert(sizeof(SHA256_CTX) <= sizeof(struct sha256_stream), "room for OpenSSL's state");

void sha256_stream_init(struct sha256_stream *stream)
{
	SHA256_CTX hash;

	CHECK(SHA256_Init(&hash) == 1);
	memcpy(stream->state, &hash, sizeof(hash));
}

void sha256_stream_put(struct sha256_stream *stream, struct str s)
{
	SHA256_CTX hash;

	memcpy(&hash, stream->state, sizeof(hash));
	CHECK(SHA256_Update(&hash, s.p, s.n) == 1);
	memcpy(stream->state, &hash, sizeof(hash));
}

void sha256_stream_end(struct sha256_stream *stream, uint8_t out[32])
{
	SHA256_CTX hash;

	memcpy(&hash, stream->state, sizeof(hash));
	CHECK(SHA256_Final(out, &hash) == 1);
}

void mac_key_init(struct mac_key *mac, struct str key)
{
	uint8_t block[SHA256_CBLOCK] = {0};

	CHECK(key.n <= MAC_KEY_BYTES_MAX);
	if (key.n > 0)
		memcpy(block, key.p, key.n);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36; /* RFC 2104: ipad */
	CHECK(SHA256_Init(&mac->inner) == 1);
	CHECK(SHA256_Update(&mac->inner, block, sizeof(block)) == 1);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36 ^ 0x5c; /* opad */
	CHECK(SHA256_Init(&mac->outer) == 1);
	CHECK(SHA256_Update(&mac->outer, block, sizeof(block)) == 1);
	crypto_wipe(block, sizeof(block));
}

void mac_sum(const struct mac_key *mac, const struct str *pieces, size_t count, uint8_t out[CRYPTO_MAC_BYTES])
{
	SHA256_CTX hash = mac->inner;

	for (size_t i = 0; i < count; i++)
		CHECK(SHA256_Update(&hash, pieces[i].p, pieces[i].n) == 1);
	CHECK(SHA256_Final(out, &hash) == 1);
	hash = mac->outer;
	CHECK(SHA256_Update(&hash, out, CRYPTO_MAC_BYTES) == 1);
	CHECK(SHA256_Final(out, &hash) == 1);
}

void crypto_mac(const struct secret *key, const struct str *pieces, size_t count, uint8_t out[CRYPTO_MAC_BYTES])
{
	CHECK_OBJ(key, SECRET_MAGIC);
	mac_sum(&key->mac, pieces, count, out);
}

void crypto_mac_sha1(struct str key, struct str text, uint8_t out[CRYPTO_SHA1_BYTES])
{
	unsigned n = CRYPTO_SHA1_BYTES;

	CHECK(HMAC(EVP_sha1(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, out, &n) != NULL);
}

void crypto_sha1(struct str s, uint8_t out[CRYPTO_SHA1_BYTES])
{
	CHECK(EVP_Digest(s.p, s.n, out, NULL, EVP_sha1(), NULL) == 1);
}

size_t crypto_mac_shared(enum crypto_digest digest, struct str key, struct str text,
			 uint8_t out[CRYPTO_DIGEST_BYTES_MAX])
{
	const EVP_MD *md = digest == CRYPTO_SHA512 ? EVP_sha512() : EVP_sha256();
	unsigned n = CRYPTO_DIGEST_BYTES_MAX;

	CHECK(HMAC(md, key.p, (int)key.n, (const unsigned char *)text.p, text.n, out, &n) != NULL);
	return n;
}

bool crypto_ed25519_verify(const uint8_t key[CRYPTO_ED25519_KEY_BYTES], struct str text,
			   const uint8_t signature[CRYPTO_ED25519_BYTES])
{
	EVP_PKEY *owner = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, CRYPTO_ED25519_KEY_BYTES);
	EVP_MD_CTX *verifier = EVP_MD_CTX_new();
	bool genuine;

	CHECK(owner != NULL && verifier != NULL);
	CHECK(EVP_DigestVerifyInit(verifier, NULL, NULL, NULL, owner) == 1);
	genuine =
		EVP_DigestVerify(verifier, signature, CRYPTO_ED25519_BYTES, (const unsigned char *)text.p, text.n) == 1;
	EVP_MD_CTX_free(verifier);
	EVP_PKEY_free(owner);
	return genuine;
}

void hkdf_sha256(struct str input_key, struct str salt, struct str purpose, uint8_t out[CRYPTO_KEY_BYTES])
{
	uint8_t extracted[CRYPTO_MAC_BYTES];
	struct str expand[] = {purpose, STR("\x01")};
	struct mac_key mac;

	mac_key_init(&mac, salt); /* an empty salt and RFC 5869's block of zeros pad to the same */
	mac_sum(&mac, &input_key, 1, extracted);
	mac_key_init(&mac, (struct str){(const char *)extracted, sizeof(extracted)});
	mac_sum(&mac, expand, ARRAY_LEN(expand), out);
	crypto_wipe(&mac, sizeof(mac));
	crypto_wipe(extracted, sizeof(extracted));
}

/* --- AES-256-GCM --- */

#define TAG_BYTES 16
static_assert(CRYPTO_NONCE_BYTES + TAG_BYTES == CRYPTO_SEAL_OVERHEAD, "nonce and tag are the overhead");

static EVP_CIPHER *gcm; /* fetched once: fetching takes locks */
static pthread_once_t gcm_once = PTHREAD_ONCE_INIT;
static pthread_key_t gcm_key;
static _Thread_local EVP_CIPHER_CTX *gcm_here;

static void gcm_drop(void *context)
{
	EVP_CIPHER_CTX_free(context);
	gcm_here = NULL;
}

static void gcm_fetch(void)
{
	gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	CHECK(gcm != NULL);
	CHECK(pthread_key_create(&gcm_key, gcm_drop) == 0);
}

/* This thread's context, made at its first use. */
static EVP_CIPHER_CTX *gcm_context(void)
{
	if (gcm_here == NULL) {
		CHECK(pthread_once(&gcm_once, gcm_fetch) == 0);
		gcm_here = EVP_CIPHER_CTX_new();
		CHECK(gcm_here != NULL);
		CHECK(pthread_setspecific(gcm_key, gcm_here) == 0);
	}
	return gcm_here;
}

/* OpenSSL counts in int. */
static bool gcm_update(EVP_CIPHER_CTX *context, uint8_t *out, struct str in)
{
	int n = 0;

	CHECK(in.n <= INT32_MAX);
	return in.n == 0 || EVP_CipherUpdate(context, out, &n, (const uint8_t *)in.p, (int)in.n) == 1;
}

static EVP_CIPHER_CTX *gcm_start(const struct secret *key, const uint8_t *nonce, struct str bound, int encrypt)
{
	EVP_CIPHER_CTX *context = gcm_context();

	CHECK_OBJ(key, SECRET_MAGIC);
	CHECK(EVP_CipherInit_ex2(context, gcm, key->bytes, nonce, encrypt, NULL) == 1);
	CHECK(gcm_update(context, NULL, bound));
	return context;
}

void seal_with_nonce(const struct secret *key, const uint8_t nonce[CRYPTO_NONCE_BYTES], struct str plain,
		     struct str bound, struct buf *out)
{
	EVP_CIPHER_CTX *context = gcm_start(key, nonce, bound, 1);
	uint8_t *to = (uint8_t *)buf_reserve(out, plain.n + CRYPTO_SEAL_OVERHEAD);
	uint8_t *body = to + CRYPTO_NONCE_BYTES, *tag = body + plain.n;
	int n = 0;

	memcpy(to, nonce, CRYPTO_NONCE_BYTES);
	CHECK(gcm_update(context, body, plain));
	CHECK(EVP_CipherFinal_ex(context, tag, &n) == 1 && n == 0);
	CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) == 1);
	CHECK(EVP_CIPHER_CTX_reset(context) == 1); /* the key schedule must not outlive the call */
	out->n += plain.n + CRYPTO_SEAL_OVERHEAD;
}

void crypto_seal(const struct secret *key, struct str plain, struct str bound, struct buf *out)
{
	uint8_t nonce[CRYPTO_NONCE_BYTES];

	random_bytes(nonce, sizeof(nonce));
	seal_with_nonce(key, nonce, plain, bound, out);
}

enum err crypto_open(const struct secret *key, struct str sealed, struct str bound, void *out, size_t *ret_n)
{
	struct str body = str_skip(sealed, CRYPTO_NONCE_BYTES);
	uint8_t tag[TAG_BYTES], none[1];
	EVP_CIPHER_CTX *context;
	bool genuine;
	int n = 0;

	if (sealed.n < CRYPTO_SEAL_OVERHEAD || sealed.n > INT32_MAX)
		return ERR_CRYPTO;
	body.n -= TAG_BYTES;
	memcpy(tag, body.p + body.n, TAG_BYTES);
	context = gcm_start(key, (const uint8_t *)sealed.p, bound, 0);
	genuine = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
		  gcm_update(context, out, body) && EVP_CipherFinal_ex(context, none, &n) == 1;
	CHECK(EVP_CIPHER_CTX_reset(context) == 1);
	if (!genuine) {
		crypto_wipe(out, body.n); /* unauthenticated plaintext is nobody's business */
		return ERR_CRYPTO;
	}
	*ret_n = body.n;
	return OK;
}
