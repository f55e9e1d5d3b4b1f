/* What the gateway proves with keys: who it is (assertions) and that a token is its own (DPoP). Each is checked with
 * the public half, as who receives it would. */
#include "../unit.h"

#include "authclient/assertion.h"
#include "authclient/dpop.h"
#include "base/random.h"
#include "jose/jose.h"
#include "private_keys.h"

#define NOW_MS 1700000000123
#define ISSUER "https://as.example"

/* Believe a token with this public key; its claims. */
static yyjson_val *believed(struct arena *arena, const struct buf *text, struct str jwk, const char *typ, unsigned alg)
{
	AUTO(jose_keys) *keys = NULL;
	struct jose_token token;
	yyjson_val *claims;

	ck_ok(jose_keys_read(arena_fmt(arena, "{\"keys\":[%.*s]}", STR_ARG(jwk)), &keys));
	ck_ok(jose_token_read(arena, buf_str(text), &token));
	ck_bytes(token.typ, str_of(typ));
	ck_ok(jose_verify(&token, keys, alg, &claims));
	return claims;
}

static int64_t number(yyjson_val *claims, const char *name)
{
	int64_t value = -1;

	ck_assert(json_int(json_get(claims, name), &value));
	return value;
}

START_TEST(an_assertion_says_who_we_are)
{
	static const struct {
		const char *pem, *jwk;
		unsigned alg;
	} table[] = {
		{pem_p256, public_p256, JOSE_ES256},
		{pem_p256_old, public_p256, JOSE_ES256},
		{pem_rsa, public_rsa, JOSE_RS256},
	};
	AUTO(arena) *arena = arena_new(1 << 20);

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO_BUF text = {0}, again = {0};
		yyjson_val *claims, *later;

		ck_ok(client_assertion_put(str_of(table[i].pem), STR("me\"1"), STR(ISSUER), NOW_MS, &text));
		ck_ok(client_assertion_put(str_of(table[i].pem), STR("me\"1"), STR(ISSUER), NOW_MS, &again));
		claims = believed(arena, &text, str_of(table[i].jwk), "JWT", table[i].alg);
		later = believed(arena, &again, str_of(table[i].jwk), "JWT", table[i].alg);
		ck_str(json_str(json_get(claims, "iss")), "me\"1");
		ck_str(json_str(json_get(claims, "sub")), "me\"1");
		ck_str(json_str(json_get(claims, "aud")), ISSUER);
		ck_assert_int_eq(number(claims, "iat"), NOW_MS / 1000);
		ck_assert_int_eq(number(claims, "exp"), NOW_MS / 1000 + CLIENT_ASSERTION_LIFE_MS / 1000);
		ck_assert(json_str(json_get(claims, "jti")).n > 16);
		ck_assert(!str_eq(json_str(json_get(claims, "jti")), json_str(json_get(later, "jti"))));
	}
}
END_TEST

START_TEST(keys_that_do_not_sign)
{
	static const char *const none[] = {
		"",	    "x",	 pem_short_rsa,
		pem_p384,   pem_ed25519, pem_with_pass_phrase,
		pem_public, public_p256, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		AUTO_BUF text = {0};

		ck_err(client_assertion_put(str_of(none[i]), STR("me"), STR(ISSUER), NOW_MS, &text), ERR_CRYPTO);
		ck_assert_uint_eq(text.n, 0);
	}
}
END_TEST

/* The public key that a proof has in its header. */
static struct str shown_key(struct arena *arena, const struct buf *proof)
{
	struct str head, rest;
	AUTO_BUF key = {0};
	yyjson_val *root;
	char text[1024];
	size_t n;

	str_cut(buf_str(proof), '.', &head, &rest);
	ck_ok(base64url_get(head, text, sizeof(text), &n));
	ck_ok(json_read(arena, (struct str){text, n}, &root));
	ck_assert_ptr_null(json_get(root, "kid"));
	ck_assert_ptr_null(json_get(json_get(root, "jwk"), "d"));
	ck_assert_uint_eq(yyjson_obj_size(json_get(root, "jwk")), 4);
	json_write(&key, json_get(root, "jwk"));
	return arena_str(arena, buf_str(&key));
}

static yyjson_val *proof_of(struct arena *arena, const struct dpop_key *key, struct str url, struct str token,
			    struct str nonce)
{
	AUTO_BUF proof = {0};

	ck_ok(dpop_proof_put(key, STR("POST"), url, token, nonce, NOW_MS, &proof));
	return believed(arena, &proof, shown_key(arena, &proof), "dpop+jwt", JOSE_ES256);
}

/* The token and its hash are those of RFC 9449 section 7.1. */
START_TEST(a_proof_is_of_one_request)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(dpop_key) *key = NULL;
	yyjson_val *claims, *again;

	ck_ok(dpop_key_new(&key));
	claims = proof_of(arena, key, STR("https://h.example:8443/mcp?a=b#c"),
			  STR("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"), STR("n\"1"));
	ck_str(json_str(json_get(claims, "htm")), "POST");
	ck_str(json_str(json_get(claims, "htu")), "https://h.example:8443/mcp");
	ck_str(json_str(json_get(claims, "ath")), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
	ck_str(json_str(json_get(claims, "nonce")), "n\"1");
	ck_assert_int_eq(number(claims, "iat"), NOW_MS / 1000);
	again = proof_of(arena, key, STR("https://as.example/token"), STR(""), STR(""));
	ck_assert_ptr_null(json_get(again, "ath"));
	ck_assert_ptr_null(json_get(again, "nonce"));
	ck_str(json_str(json_get(again, "htu")), "https://as.example/token");
	ck_assert(json_str(json_get(again, "jti")).n > 16);
	ck_assert(!str_eq(json_str(json_get(claims, "jti")), json_str(json_get(again, "jti"))));
}
END_TEST

START_TEST(a_key_is_the_same_when_read_again)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(dpop_key) *key = NULL, *same = NULL, *other = NULL, *more = NULL;
	AUTO_BUF text = {0}, a = {0}, b = {0}, c = {0};

	ck_ok(dpop_key_new(&key));
	ck_ok(dpop_key_new(&other));
	dpop_key_put(key, &text);
	ck_assert_uint_le(text.n, DPOP_KEY_BYTES_MAX);
	ck_ok(dpop_key_read(buf_str(&text), &same));
	more = dpop_key_ref(key);
	ck_ok(dpop_proof_put(more, STR("GET"), STR("https://h.example/"), STR(""), STR(""), NOW_MS, &a));
	ck_ok(dpop_proof_put(same, STR("GET"), STR("https://h.example/"), STR(""), STR(""), NOW_MS, &b));
	ck_ok(dpop_proof_put(other, STR("GET"), STR("https://h.example/"), STR(""), STR(""), NOW_MS, &c));
	ck_bytes(shown_key(arena, &a), shown_key(arena, &b));
	ck_assert(!str_eq(shown_key(arena, &a), shown_key(arena, &c)));
	ck_err(dpop_key_read(STR(""), &same), ERR_CRYPTO);
	ck_err(dpop_key_read(STR("{\"kty\":\"EC\"}"), &same), ERR_CRYPTO);
}
END_TEST

START_TEST(nonces)
{
	char long_one[DPOP_NONCE_BYTES_MAX + 1];

	memset(long_one, 'n', sizeof(long_one));
	ck_assert(dpop_nonce_ok(STR("a.b-c")));
	ck_assert(dpop_nonce_ok((struct str){long_one, DPOP_NONCE_BYTES_MAX}));
	ck_assert(!dpop_nonce_ok((struct str){long_one, sizeof(long_one)}));
	ck_assert(!dpop_nonce_ok(STR("")));
	ck_assert(!dpop_nonce_ok(STR("a\r\nb")));
}
END_TEST

UNIT_MAIN("authclient/proof", an_assertion_says_who_we_are, keys_that_do_not_sign, a_proof_is_of_one_request,
	  a_key_is_the_same_when_read_again, nonces)
