/* Signing with ES256 and making keys for it. Private keys pass through here as text only to be sealed by whoever
 * asked; the library's own copies are OpenSSL's, which clears private numbers when it frees them. */
#include <stdlib.h>

#include "base/check.h"
#include "base/crypto.h"
#include "jose/jose_private.h"

#define SIGNER_MAGIC 0x4a534947u /* "JSIG" */

struct jose_signer {
	uint32_t magic;
	cjose_jwk_t *jwk;
	char *kid;
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

	if (jwk != NULL && cjose_jwk_set_kid(jwk, kid.p, kid.n, NULL))
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

enum err jose_signer_read(struct str private_jwk, struct jose_signer **ret_signer)
{
	cjose_jwk_t *jwk = cjose_jwk_import(private_jwk.p, private_jwk.n, NULL);
	const char *kid = jwk == NULL ? NULL : cjose_jwk_get_kid(jwk, NULL);
	struct jose_signer *signer;

	if (kid == NULL || cjose_jwk_get_kty(jwk, NULL) != CJOSE_JWK_KTY_EC ||
	    cjose_jwk_EC_get_curve(jwk, NULL) != CJOSE_JWK_EC_P_256) {
		if (jwk != NULL)
			cjose_jwk_release(jwk);
		return ERR_CRYPTO;
	}
	signer = calloc(1, sizeof(*signer));
	CHECK(signer != NULL);
	signer->magic = SIGNER_MAGIC;
	signer->jwk = jwk;
	signer->kid = strdup(kid);
	CHECK(signer->kid != NULL);
	*ret_signer = signer;
	return OK;
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

static bool fill_header(cjose_header_t *header, const char *kid, const char *typ)
{
	return header != NULL && cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256, NULL) &&
	       cjose_header_set(header, CJOSE_HDR_KID, kid, NULL) && cjose_header_set(header, "typ", typ, NULL);
}

enum err jose_sign(struct jose_signer *signer, struct str typ, struct str claims, struct buf *out)
{
	cjose_header_t *header = cjose_header_new(NULL);
	cjose_jws_t *jws = NULL;
	const char *text = NULL;
	char type[32];
	enum err err = ERR_CRYPTO;

	CHECK_OBJ(signer, SIGNER_MAGIC);
	CHECK(typ.n < sizeof(type));
	memcpy(type, typ.p, typ.n);
	type[typ.n] = '\0';
	if (fill_header(header, signer->kid, type))
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
