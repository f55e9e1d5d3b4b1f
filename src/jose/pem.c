/* Private keys as operators have them: PEM, PKCS#8 or the older forms of one kind of key, made into the JWK that the
 * JOSE library reads. The numbers pass through buffers that are wiped; OpenSSL clears its own. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base/random.h"
#include "jose/jose_private.h"

#define NUMBER_BYTES_MAX 1024 /* of RSA with 8192 bits; more would only be slow */
#define P256_BYTES 32

struct number {
	const char *member, *param;
	int bytes; /* padded to; 0 as many as it needs */
};

static const struct number rsa_numbers[] = {
	{"n", OSSL_PKEY_PARAM_RSA_N, 0},	  {"e", OSSL_PKEY_PARAM_RSA_E, 0},
	{"d", OSSL_PKEY_PARAM_RSA_D, 0},	  {"p", OSSL_PKEY_PARAM_RSA_FACTOR1, 0},
	{"q", OSSL_PKEY_PARAM_RSA_FACTOR2, 0},	  {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1, 0},
	{"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2, 0}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1, 0},
};
static const struct number p256_numbers[] = {
	{"d", OSSL_PKEY_PARAM_PRIV_KEY, P256_BYTES},
	{"x", OSSL_PKEY_PARAM_EC_PUB_X, P256_BYTES},
	{"y", OSSL_PKEY_PARAM_EC_PUB_Y, P256_BYTES},
};

/* Without it OpenSSL asks the terminal. */
static int no_password(char *out, int cap, int writing, void *arg)
{
	return -1;
}

static enum err put_number(const EVP_PKEY *key, const struct number *number, struct buf *jwk)
{
	uint8_t bytes[NUMBER_BYTES_MAX];
	BIGNUM *value = NULL;
	enum err err = ERR_CRYPTO;
	int n;

	if (EVP_PKEY_get_bn_param(key, number->param, &value) != 1)
		return ERR_CRYPTO;
	n = number->bytes > 0 ? number->bytes : BN_num_bytes(value);
	if (n <= NUMBER_BYTES_MAX && BN_bn2binpad(value, bytes, n) == n) {
		buf_put_fmt(jwk, ",\"%s\":\"", number->member);
		base64url_put(jwk, bytes, (size_t)n);
		buf_put_byte(jwk, '"');
		err = OK;
	}
	BN_clear_free(value);
	crypto_wipe(bytes, sizeof(bytes));
	return err;
}

static enum err put_numbers(const EVP_PKEY *key, const struct number *numbers, size_t count, struct buf *jwk)
{
	for (size_t i = 0; i < count; i++)
		TRY(put_number(key, &numbers[i], jwk));
	buf_put_byte(jwk, '}');
	return OK;
}

static enum err put_key(const EVP_PKEY *key, struct buf *jwk)
{
	char group[32];
	size_t n;

	if (EVP_PKEY_is_a(key, "RSA") == 1) {
		buf_put(jwk, STR("{\"kty\":\"RSA\""));
		return put_numbers(key, rsa_numbers, ARRAY_LEN(rsa_numbers), jwk);
	}
	if (EVP_PKEY_is_a(key, "EC") != 1 || EVP_PKEY_get_group_name(key, group, sizeof(group), &n) != 1 ||
	    strcmp(group, "prime256v1") != 0)
		return ERR_CRYPTO;
	buf_put(jwk, STR("{\"kty\":\"EC\",\"crv\":\"P-256\""));
	return put_numbers(key, p256_numbers, ARRAY_LEN(p256_numbers), jwk);
}

enum err jose_private_jwk_put(struct str pem, struct buf *jwk)
{
	EVP_PKEY *key;
	enum err err;
	BIO *text;

	if (pem.n == 0 || pem.n > INT32_MAX)
		return ERR_CRYPTO;
	text = BIO_new_mem_buf(pem.p, (int)pem.n);
	CHECK(text != NULL);
	key = PEM_read_bio_PrivateKey(text, NULL, no_password, NULL);
	BIO_free(text);
	err = key == NULL ? ERR_CRYPTO : put_key(key, jwk);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return err;
}
