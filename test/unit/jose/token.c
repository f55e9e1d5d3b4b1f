/* Signatures of others hold, and every way to make a token believed that was not signed for us fails. */
#include "../unit.h"

#include "base/random.h"
#include "jose/jose.h"
#include "vectors.h"

#define ARENA_BYTES (1 << 20)

static enum err verify(const char *text, struct jose_keys *keys, unsigned algs, struct arena *arena,
		       yyjson_val **ret_claims)
{
	struct jose_token token;

	TRY(jose_token_read(arena, str_of(text), &token));
	return jose_verify(&token, keys, algs, ret_claims);
}

START_TEST(signatures_of_the_rfc_hold)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	AUTO(jose_keys) *keys = NULL;
	yyjson_val *claims;

	ck_ok(jose_keys_read(str_of(rfc_keys), &keys));
	ck_ok(verify(rfc_rs256, keys, JOSE_ALGS, arena, &claims));
	ck_str(json_str(json_get(claims, "iss")), "joe");
	ck_ok(verify(rfc_es256, keys, JOSE_ALGS, arena, &claims));
	ck_err(verify(rfc_es256, keys, JOSE_ALGS & ~(unsigned)JOSE_ES256, arena, &claims), ERR_TOKEN_INVALID);
}
END_TEST

START_TEST(signatures_of_another_library_hold)
{
	static const char *const good[] = {other_rs384, other_rs512, other_ps256, other_es384};
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	AUTO(jose_keys) *keys = NULL;
	yyjson_val *claims;

	ck_ok(jose_keys_read(str_of(other_keys), &keys));
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_ok(verify(good[i], keys, JOSE_ALGS, arena, &claims));
	ck_err(verify(short_rs256, keys, JOSE_ALGS, arena, &claims), ERR_NOT_FOUND);
}
END_TEST

START_TEST(any_changed_byte_is_refused)
{
	AUTO(arena) *arena = arena_new(16 * ARENA_BYTES);
	AUTO(jose_keys) *keys = NULL;
	yyjson_val *claims;
	char text[sizeof(rfc_es256)];

	ck_ok(jose_keys_read(str_of(rfc_keys), &keys));
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		memcpy(text, rfc_es256, sizeof(text));
		text[i] = text[i] == 'A' ? 'B' : 'A';
		ck_assert_int_ne(verify(text, keys, JOSE_ALGS, arena, &claims), OK);
	}
}
END_TEST

/* header, payload and signature as given. */
static enum err read_made(struct arena *arena, const char *header, const char *payload, const char *signature,
			  struct jose_token *ret_token)
{
	AUTO_BUF text = {0};

	base64url_put(&text, header, strlen(header));
	buf_put_byte(&text, '.');
	base64url_put(&text, payload, strlen(payload));
	buf_put_byte(&text, '.');
	buf_put(&text, str_of(signature));
	return jose_token_read(arena, buf_str(&text), ret_token);
}

START_TEST(headers_that_ask_for_trust_are_refused)
{
	static const char *const bad[] = {
		"{\"alg\":\"none\"}",
		"{\"alg\":\"None\"}",
		"{\"alg\":\"nOnE\"}",
		"{\"alg\":\"\"}",
		"{}",
		"{\"alg\":null}",
		"{\"alg\":[\"ES256\"]}",
		"{\"alg\":\"HS256\"}",
		"{\"alg\":\"HS512\"}",
		"{\"alg\":\"es256\"}",
		"{\"alg\":\"ES256\\u0000\"}",
		"{\"alg\":\"ES256K\"}",
		"{\"alg\":\"RSA1_5\"}",
		"{\"alg\":\"ES256\",\"alg\":\"none\"}",
		"{\"alg\":\"ES256\",\"\\u0061lg\":\"none\"}",
		"{\"alg\":\"ES256\",\"crit\":[\"exp\"]}",
		"{\"alg\":\"ES256\",\"crit\":[]}",
		"{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}",
		"{\"alg\":\"ES256\",\"b64\":false}",
		"{\"alg\":\"ES256\",\"kid\":7}",
		"{\"alg\":\"ES256\",\"typ\":{}}",
		"{\"alg\":\"ES256\",\"kid\":\"\xff\"}",
		"[\"ES256\"]",
		"\"ES256\"",
		"{\"alg\":\"ES256\"}x",
		"",
	};
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	struct jose_token token;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(read_made(arena, bad[i], "{}", "AAAA", &token), ERR_TOKEN_INVALID);
	ck_ok(read_made(arena, "{\"alg\":\"ES256\"}", "{}", "AAAA", &token));
}
END_TEST

START_TEST(shapes_that_are_no_token_are_refused)
{
	static const char *const bad[] = {"",
					  ".",
					  "..",
					  "...",
					  "a.b",
					  "a.b.c.d",
					  "eyJhbGciOiJFUzI1NiJ9.e30.",
					  "eyJhbGciOiJFUzI1NiJ9.e30.AA==",
					  "eyJhbGciOiJFUzI1NiJ9.e30.A",
					  "eyJhbGciOiJFUzI1NiJ9.e30.AAAA ",
					  "eyJhbGciOiJFUzI1NiJ9.e30.AAAB.AAAA",
					  "eyJhbGciOiJFUzI1NiJ9 .e30.AAAA",
					  "eyJhbGciOiJFUzI1NiJ9.W10.AAAA",
					  "eyJhbGciOiJFUzI1NiJ9.e31.AAAA" /* stray bits */};
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	AUTO_BUF large = {0};
	struct jose_token token;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(jose_token_read(arena, str_of(bad[i]), &token), ERR_TOKEN_INVALID);
	ck_ok(jose_token_read(arena, STR("eyJhbGciOiJFUzI1NiJ9.e30.AAAA"), &token));
	buf_put(&large, STR("eyJhbGciOiJFUzI1NiJ9.e30."));
	while (large.n <= JOSE_TOKEN_BYTES_MAX)
		buf_put(&large, STR("AAAA"));
	ck_err(jose_token_read(arena, buf_str(&large), &token), ERR_TOKEN_INVALID);
}
END_TEST

START_TEST(payloads_are_read_strictly)
{
	static const char *const bad[] = {
		"[]", "7", "{\"iss\":\"a\",\"iss\":\"b\"}", "{\"iss\":\"\xc3\"}", "{\"a\":1,}", "{\"a\":01}"};
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	struct jose_token token;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(read_made(arena, "{\"alg\":\"ES256\"}", bad[i], "AAAA", &token), ERR_TOKEN_INVALID);
}
END_TEST

/* A token that brings its own key, names a file or speaks SQL as its kid: all the same, there is no such key. */
START_TEST(keys_from_the_token_are_ignored)
{
	static const char *const kids[] = {"../../../dev/null", "x' OR '1'='1", "", "r\\u0000",
					   "https://evil.example/k"};
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	AUTO_BUF private_jwk = {0}, public_jwk = {0}, header = {0};
	AUTO(jose_keys) *keys = NULL;
	struct jose_token token;
	yyjson_val *claims;

	ck_ok(jose_keys_read(str_of(rfc_keys), &keys));
	ck_ok(jose_signer_make(STR("evil"), &private_jwk, &public_jwk));
	buf_put_fmt(&header,
		    "{\"alg\":\"ES256\",\"jku\":\"https://evil.example/jwks\",\"x5u\":\"https://"
		    "evil.example\",\"jwk\":%.*s}",
		    STR_ARG(buf_str(&public_jwk)));
	buf_put_byte(&header, '\0');
	ck_ok(read_made(arena, header.p, "{}", "AAAA", &token));
	ck_err(jose_verify(&token, keys, JOSE_ALGS, &claims), ERR_TOKEN_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(kids); i++) {
		struct str text = arena_fmt(arena, "{\"alg\":\"ES256\",\"kid\":\"%s\"}", kids[i]);

		ck_ok(read_made(arena, text.p, "{}", "AAAA", &token));
		ck_assert(!jose_keys_have(keys, token.kid));
		ck_err(jose_verify(&token, keys, JOSE_ALGS, &claims), ERR_NOT_FOUND);
	}
}
END_TEST

START_TEST(what_we_sign_is_believed)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	AUTO_BUF private_jwk = {0}, public_jwk = {0}, set = {0}, text = {0};
	AUTO(jose_signer) *signer = NULL;
	AUTO(jose_keys) *keys = NULL, *others = NULL;
	struct jose_token token;
	yyjson_val *claims;

	ck_ok(jose_signer_make(STR("k1"), &private_jwk, &public_jwk));
	ck_ok(jose_signer_read(buf_str(&private_jwk), &signer));
	ck_assert_ptr_null(memmem(public_jwk.p, public_jwk.n, "\"d\"", 3));
	buf_put_fmt(&set, "{\"keys\":[%.*s]}", STR_ARG(buf_str(&public_jwk)));
	ck_ok(jose_keys_read(buf_str(&set), &keys));
	ck_ok(jose_sign(signer, STR("at+jwt"), STR_NONE, STR("{\"iss\":\"https://g.example\",\"n\":1.50}"), &text));
	ck_ok(jose_token_read(arena, buf_str(&text), &token));
	ck_str(token.kid, "k1");
	ck_str(token.typ, "at+jwt");
	ck_str(token.issuer, "https://g.example");
	ck_assert_uint_eq(token.alg, JOSE_ES256);
	ck_ok(jose_verify(&token, keys, JOSE_ES256, &claims));
	ck_str(json_str(json_get(claims, "iss")), "https://g.example");
	ck_ok(jose_keys_read(str_of(other_keys), &others));
	ck_err(jose_verify(&token, others, JOSE_ES256, &claims), ERR_NOT_FOUND);
	ck_err(jose_signer_read(STR("{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"x\"}"), &signer), ERR_CRYPTO);
	ck_err(jose_signer_read(STR("nothing"), &signer), ERR_CRYPTO);
}
END_TEST

UNIT_MAIN("jose/token", signatures_of_the_rfc_hold, signatures_of_another_library_hold, any_changed_byte_is_refused,
	  headers_that_ask_for_trust_are_refused, shapes_that_are_no_token_are_refused, payloads_are_read_strictly,
	  keys_from_the_token_are_ignored, what_we_sign_is_believed)
