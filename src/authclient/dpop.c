/* A proof is a signed statement about one request: its method, its address, now, and a number that never comes twice.
 * The public key stands in its header; the token says which key it is for. The private key's text is what is sealed
 * with a grant, so a refresh in another process signs with the same one. */
#include "authclient/dpop.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/random.h"
#include "base/secret_text.h"
#include "jose/jose.h"

#define DPOP_KEY_MAGIC 0x44506f50u /* "DPoP" */

struct dpop_key {
	uint32_t magic;
	atomic_uint refs;
	struct jose_signer *signer;
	struct secret_text *text;
	struct buf public_jwk;
};

/* Of a private JWK's text. */
static enum err key_of(struct str text, struct dpop_key **ret_key)
{
	struct dpop_key *key = calloc(1, sizeof(*key));
	enum err err;

	CHECK(key != NULL);
	key->magic = DPOP_KEY_MAGIC;
	atomic_init(&key->refs, 1);
	key->text = secret_text_new(text);
	err = jose_signer_read(text, &key->signer);
	if (err == OK)
		err = jose_signer_public(key->signer, &key->public_jwk);
	if (err == OK)
		*ret_key = key;
	else
		dpop_key_unref(key);
	return err;
}

enum err dpop_key_new(struct dpop_key **ret_key)
{
	AUTO_BUF text = {0}, public_jwk = {0};
	enum err err = jose_signer_make(STR(""), &text, &public_jwk);

	if (err == OK)
		err = key_of(buf_str(&text), ret_key);
	crypto_wipe(text.p, text.n);
	return err;
}

enum err dpop_key_read(struct str text, struct dpop_key **ret_key)
{
	return text.n > DPOP_KEY_BYTES_MAX ? ERR_CRYPTO : key_of(text, ret_key);
}

void dpop_key_put(const struct dpop_key *key, struct buf *text)
{
	CHECK_OBJ(key, DPOP_KEY_MAGIC);
	buf_put(text, secret_text_str(key->text));
}

struct dpop_key *dpop_key_ref(struct dpop_key *key)
{
	CHECK_OBJ(key, DPOP_KEY_MAGIC);
	atomic_fetch_add(&key->refs, 1);
	return key;
}

void dpop_key_unref(struct dpop_key *key)
{
	if (key == NULL)
		return;
	CHECK_OBJ(key, DPOP_KEY_MAGIC);
	if (atomic_fetch_sub(&key->refs, 1) > 1)
		return;
	jose_signer_free(key->signer);
	secret_text_unref(key->text);
	buf_free(&key->public_jwk);
	key->magic = 0;
	free(key);
}

bool dpop_nonce_ok(struct str nonce)
{
	return nonce.n > 0 && nonce.n <= DPOP_NONCE_BYTES_MAX && str_is_printable(nonce);
}

static void put_text(struct buf *claims, const char *name, struct str value)
{
	buf_put_fmt(claims, ",\"%s\":", name);
	buf_put_json(claims, value);
}

static void put_hash(struct buf *claims, struct str token)
{
	uint8_t hash[32];

	crypto_sha256(token, hash);
	buf_put(claims, STR(",\"ath\":\""));
	base64url_put(claims, hash, sizeof(hash));
	buf_put_byte(claims, '"');
}

enum err dpop_proof_put(const struct dpop_key *key, struct str method, struct str url, struct str token,
			struct str nonce, int64_t now_ms, struct buf *out)
{
	AUTO_BUF claims = {0};
	char id[ID_LEN + 1];
	struct str rest;

	CHECK_OBJ(key, DPOP_KEY_MAGIC);
	str_cut(url, '#', &url, &rest);
	str_cut(url, '?', &url, &rest);
	random_id(id);
	buf_put_fmt(&claims, "{\"jti\":\"%s\",\"iat\":%lld", id, (long long)(now_ms / 1000));
	put_text(&claims, "htm", method);
	put_text(&claims, "htu", url);
	if (token.n > 0)
		put_hash(&claims, token);
	if (nonce.n > 0)
		put_text(&claims, "nonce", nonce);
	buf_put_byte(&claims, '}');
	return jose_sign(key->signer, STR("dpop+jwt"), buf_str(&key->public_jwk), buf_str(&claims), out);
}
