/* Signing, and making keys for it. Private keys pass through here as text only to be sealed by whoever
 * asked; the library's own copies are OpenSSL's, which clears private numbers when it frees them. */
#include <stdlib.h>

#include "base/check.h"
#include "base/crypto.h"
#include "jose/jose_private.h"

#define SIGNER_MAGIC 0x4a534947u /* "JSIG" */

struct jose_signer {
	uint32_t magic;
	cjose_jwk_t *jwk;
	const char *alg;
	char *kid; /* NULL: it has none */
};

static enum err put_public(struct str private_jwk, struct buf *out)
{
	AUTO(arena) *arena = arena_new(64 * 1024);
	yyjson_val *root;

	TRY(json_read(arena, private_jwk, &root));
	buf_put(out, STR("{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":"));
	buf_put_json(out, json_str(json_get(root, "kid")));
	buf_put(out, STR(",\"x\":"));
	buf_put_json(out, json_str(json_get(root, "x")));
	buf_put(out, STR(",\"y\":"));
	buf_put_json(out, json_str(json_get(root, "y")));
	buf_put_byte(out, '}');
	return OK;
}

enum err jose_signer_make(struct str kid, struct buf *private_jwk, struct buf *public_jwk)
{
	cjose_jwk_t *jwk = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, NULL);
	char *text = NULL;
	enum err err = ERR_CRYPTO;

	if (jwk != NULL && (kid.n == 0 || cjose_jwk_set_kid(jwk, kid.p, kid.n, NULL)))
		text = cjose_jwk_to_json(jwk, true, NULL);
	if (text != NULL) {
		err = put_public(str_of(text), public_jwk);
		if (err == OK)
			buf_put(private_jwk, str_of(text));
		crypto_wipe(text, strlen(text));
		cjose_get_dealloc()(text);
	}
	if (jwk != NULL)
		cjose_jwk_release(jwk);
	return err;
}

/* NULL: not to be signed with here. */
static const char *alg_of(cjose_jwk_t *jwk)
{
	if (jwk == NULL)
		return NULL;
	if (cjose_jwk_get_kty(jwk, NULL) == CJOSE_JWK_KTY_EC)
		return cjose_jwk_EC_get_curve(jwk, NULL) == CJOSE_JWK_EC_P_256 ? CJOSE_HDR_ALG_ES256 : NULL;
	if (cjose_jwk_get_kty(jwk, NULL) == CJOSE_JWK_KTY_RSA)
		return cjose_jwk_get_keysize(jwk, NULL) >= JOSE_RSA_BITS_MIN ? CJOSE_HDR_ALG_RS256 : NULL;
	return NULL;
}

enum err jose_signer_read(struct str private_jwk, struct jose_signer **ret_signer)
{
	cjose_jwk_t *jwk = cjose_jwk_import(private_jwk.p, private_jwk.n, NULL);
	const char *alg = alg_of(jwk), *kid;
	struct jose_signer *signer;

	if (alg == NULL) {
		if (jwk != NULL)
			cjose_jwk_release(jwk);
		return ERR_CRYPTO;
	}
	kid = cjose_jwk_get_kid(jwk, NULL);
	signer = calloc(1, sizeof(*signer));
	CHECK(signer != NULL);
	signer->magic = SIGNER_MAGIC;
	signer->jwk = jwk;
	signer->alg = alg;
	if (kid != NULL) {
		signer->kid = strdup(kid);
		CHECK(signer->kid != NULL);
	}
	*ret_signer = signer;
	return OK;
}

enum err jose_signer_read_pem(struct str pem, struct jose_signer **ret_signer)
{
	AUTO_BUF jwk = {0};
	enum err err = jose_private_jwk_put(pem, &jwk);

	if (err == OK)
		err = jose_signer_read(buf_str(&jwk), ret_signer);
	crypto_wipe(jwk.p, jwk.n);
	return err;
}

void jose_signer_free(struct jose_signer *signer)
{
	if (signer == NULL)
		return;
	CHECK_OBJ(signer, SIGNER_MAGIC);
	cjose_jwk_release(signer->jwk);
	free(signer->kid);
	signer->magic = 0;
	free(signer);
}

enum err jose_signer_public(const struct jose_signer *signer, struct buf *jwk)
{
	char *text;

	CHECK_OBJ(signer, SIGNER_MAGIC);
	text = cjose_jwk_to_json(signer->jwk, false, NULL);
	if (text == NULL)
		return ERR_CRYPTO;
	buf_put(jwk, str_of(text));
	cjose_get_dealloc()(text);
	return OK;
}

/* The library wants its texts ended by a NUL. */
static bool set(cjose_header_t *header, const char *name, struct str value, bool raw)
{
	char text[JOSE_HEADER_BYTES_MAX + 1];

	if (value.n >= sizeof(text))
		return false;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	return raw ? cjose_header_set_raw(header, name, text, NULL) : cjose_header_set(header, name, text, NULL);
}

static bool fill_header(cjose_header_t *header, const struct jose_signer *signer, struct str typ, struct str jwk)
{
	return header != NULL && cjose_header_set(header, CJOSE_HDR_ALG, signer->alg, NULL) &&
	       (signer->kid == NULL || cjose_header_set(header, CJOSE_HDR_KID, signer->kid, NULL)) &&
	       set(header, "typ", typ, false) && (jwk.p == NULL || set(header, "jwk", jwk, true));
}

/* The library only reads the key: signing needs no lock. */
enum err jose_sign(const struct jose_signer *signer, struct str typ, struct str jwk, struct str claims, struct buf *out)
{
	cjose_header_t *header = cjose_header_new(NULL);
	cjose_jws_t *jws = NULL;
	const char *text = NULL;
	enum err err = ERR_CRYPTO;

	CHECK_OBJ(signer, SIGNER_MAGIC);
	if (fill_header(header, signer, typ, jwk))
		jws = cjose_jws_sign(signer->jwk, header, (const uint8_t *)claims.p, claims.n, NULL);
	if (jws != NULL && cjose_jws_export(jws, &text, NULL)) {
		buf_put(out, str_of(text));
		err = OK;
	}
	if (jws != NULL)
		cjose_jws_release(jws);
	if (header != NULL)
		cjose_header_release(header);
	return err;
}
