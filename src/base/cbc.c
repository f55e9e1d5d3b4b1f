/* AES-256-CBC over OpenSSL's EVP, which keeps the unfinished block and makes the padding. A stream has a context of its
 * own, since it lives across calls that others make in between. */
#include "base/cbc.h"

#include <openssl/evp.h>

#include "base/check.h"

struct cbc {
	EVP_CIPHER_CTX *context;
};

struct cbc *cbc_new(const uint8_t key[CBC_KEY_BYTES], const uint8_t iv[CBC_BLOCK_BYTES])
{
	struct cbc *cbc = malloc(sizeof(*cbc));

	CHECK(cbc != NULL);
	cbc->context = EVP_CIPHER_CTX_new();
	CHECK(cbc->context != NULL);
	CHECK(EVP_EncryptInit_ex2(cbc->context, EVP_aes_256_cbc(), key, iv, NULL) == 1);
	return cbc;
}

void cbc_free(struct cbc *cbc)
{
	if (cbc == NULL)
		return;
	EVP_CIPHER_CTX_free(cbc->context); /* wipes the key */
	free(cbc);
}

void cbc_put(struct cbc *cbc, struct str plain, struct buf *out)
{
	int n = 0;

	CHECK(plain.n <= INT32_MAX - CBC_BLOCK_BYTES);
	if (plain.n == 0)
		return;
	CHECK(EVP_EncryptUpdate(cbc->context, (uint8_t *)buf_reserve(out, plain.n + CBC_BLOCK_BYTES), &n,
				(const uint8_t *)plain.p, (int)plain.n) == 1);
	out->n += (size_t)n;
}

void cbc_end(struct cbc *cbc, struct buf *out)
{
	int n = 0;

	CHECK(EVP_EncryptFinal_ex(cbc->context, (uint8_t *)buf_reserve(out, CBC_BLOCK_BYTES), &n) == 1);
	out->n += (size_t)n;
}
