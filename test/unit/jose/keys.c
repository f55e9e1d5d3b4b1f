/* Key sets: which keys are taken out of them, and which are left. */
#include "../unit.h"

#include "jose/jose.h"
#include "vectors.h"

#define X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\""

START_TEST(good_keys_are_taken)
{
	static const char *const good[] = {
		"{" EC ",\"kid\":\"k\"}",
		"{" EC ",\"kid\":\"k\",\"use\":\"sig\",\"alg\":\"ES256\",\"key_ops\":[\"verify\"]}",
		"{" EC ",\"kid\":\"k\",\"d\":\"not looked at\",\"x5c\":7,\"jku\":\"http://127.0.0.1/\"}",
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		AUTO_BUF set = {0};
		AUTO(jose_keys) *keys = NULL;

		buf_put_fmt(&set, "{\"keys\":[%s]}", good[i]);
		ck_ok(jose_keys_read(buf_str(&set), &keys));
		ck_assert_msg(jose_keys_have(keys, STR("k")), "%s", good[i]);
		ck_assert(jose_keys_have(keys, STR_NONE));
		ck_assert(!jose_keys_have(keys, STR("K")));
		ck_assert(!jose_keys_have(keys, STR("")));
	}
}
END_TEST

START_TEST(others_are_left_out)
{
	static const char *const bad[] = {
		"{" EC ",\"kid\":\"k\",\"use\":\"enc\"}",
		"{" EC ",\"kid\":\"k\",\"alg\":\"ES384\"}",
		"{" EC ",\"kid\":\"k\",\"alg\":\"HS256\"}",
		"{" EC ",\"kid\":\"k\",\"alg\":7}",
		"{" EC ",\"kid\":\"k\",\"key_ops\":[\"sign\"]}",
		"{" EC ",\"kid\":\"k\",\"key_ops\":\"verify\"}",
		"{" EC ",\"kid\":7}",
		"{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"k\",\"x\":\"" X "\",\"y\":\"" Y "\"}",
		"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"kid\":\"k\",\"x\":\"" X "\",\"y\":\"" Y "\"}",
		/* not on the curve */
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"" X "\",\"y\":\"" X "\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"" X "\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"" X "=\",\"y\":\"" Y "\"}",
		"{\"kty\":\"oct\",\"kid\":\"k\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"alg\":"
		"\"HS256\"}",
		"{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
		"{\"kty\":\"RSA\",\"kid\":\"k\",\"e\":\"AQAB\"}",
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"" X "\"}",
		"7",
		"null",
		"{}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_BUF set = {0};
		AUTO(jose_keys) *keys = NULL;

		buf_put_fmt(&set, "{\"keys\":[%s,{" EC ",\"kid\":\"good\"}]}", bad[i]);
		ck_ok(jose_keys_read(buf_str(&set), &keys));
		ck_assert_msg(!jose_keys_have(keys, STR("k")), "%s", bad[i]);
		ck_assert(jose_keys_have(keys, STR("good")));
	}
}
END_TEST

START_TEST(short_and_odd_rsa_keys_are_left_out)
{
	static const char *const exponents[] = {"AQ", "AA", "Ag", "", "AQABAQAB"};
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(jose_keys) *keys = NULL;
	yyjson_val *root, *key;
	struct str n;

	ck_ok(jose_keys_read(str_of(other_keys), &keys));
	ck_assert(jose_keys_have(keys, STR("r")));
	ck_assert(jose_keys_have(keys, STR("e")));
	ck_assert(!jose_keys_have(keys, STR("s"))); /* 1024 bits */
	ck_ok(json_read(arena, str_of(other_keys), &root));
	key = yyjson_arr_get(json_get(root, "keys"), 0);
	n = json_str(json_get(key, "n"));
	for (size_t i = 0; i < ARRAY_LEN(exponents); i++) {
		AUTO(jose_keys) *odd = NULL;
		struct str set =
			arena_fmt(arena, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"%.*s\",\"e\":\"%s\"}]}",
				  STR_ARG(n), exponents[i]);

		ck_ok(jose_keys_read(set, &odd));
		ck_assert_msg(!jose_keys_have(odd, STR("k")), "e '%s'", exponents[i]);
	}
}
END_TEST

START_TEST(what_is_no_set_is_refused)
{
	AUTO_BUF many = {0};
	AUTO(jose_keys) *keys = NULL;

	ck_err(jose_keys_read(STR("[]"), &keys), ERR_CONFIG);
	ck_err(jose_keys_read(STR("{}"), &keys), ERR_CONFIG);
	ck_err(jose_keys_read(STR("{\"keys\":{}}"), &keys), ERR_CONFIG);
	ck_err(jose_keys_read(STR("<html>"), &keys), ERR_JSON_SYNTAX);
	ck_err(jose_keys_read(STR("{\"keys\":[],\"keys\":[]}"), &keys), ERR_JSON_DUPLICATE);
	buf_put(&many, STR("{\"keys\":[{}"));
	for (int i = 0; i < JOSE_KEYS_MAX; i++)
		buf_put(&many, STR(",{}"));
	buf_put(&many, STR("]}"));
	ck_err(jose_keys_read(buf_str(&many), &keys), ERR_LIMIT);
}
END_TEST

UNIT_MAIN("jose/keys", good_keys_are_taken, others_are_left_out, short_and_odd_rsa_keys_are_left_out,
	  what_is_no_set_is_refused)
