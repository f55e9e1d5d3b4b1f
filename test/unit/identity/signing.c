/* Signing keys: the first signs at once, the next is shown before it signs, and without the right seal there is none.
 */
#include "identity/signing.h"

#include "store_database.h"

static struct secret *seal;

static size_t count_of(struct str text, const char *word)
{
	size_t count = 0, n = strlen(word);

	for (size_t i = 0; i + n <= text.n; i++)
		count += memcmp(text.p + i, word, n) == 0;
	return count;
}

AWAITS static struct str kid_of(struct signing *signing, struct arena *arena, int64_t life_ms)
{
	AUTO(jose_keys) *keys = NULL;
	struct jose_token token;
	AUTO_BUF text = {0};
	yyjson_val *claims;

	ck_ok(signing_sign(signing, life_ms, STR("at+jwt"), STR("{\"iss\":\"x\"}"), &text));
	ck_ok(jose_token_read(arena, buf_str(&text), &token));
	ck_ok(signing_keys(signing, &keys));
	ck_ok(jose_verify(&token, keys, JOSE_ES256, &claims));
	return arena_str(arena, token.kid);
}

AWAITS static void rotate(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct signing *signing = signing_new(db, seal);
	AUTO_BUF empty = {0}, one = {0}, two = {0};
	struct str first;

	ck_ok(signing_jwks(signing, &empty));
	ck_str(buf_str(&empty), "{\"keys\":[]}");
	first = kid_of(signing, arena, 3600000);
	ck_bytes(kid_of(signing, arena, 3600000), first);
	ck_ok(signing_jwks(signing, &one));
	ck_assert_uint_eq(count_of(buf_str(&one), "\"kid\""), 1);
	ck_assert_uint_eq(count_of(buf_str(&one), "\"d\""), 0);

	ck_ok(fiber_sleep(5));
	/* It is old: the next one is made and shown, and the first signs on until that one's time comes. */
	ck_bytes(kid_of(signing, arena, 1), first);
	ck_ok(signing_jwks(signing, &two));
	ck_assert_uint_eq(count_of(buf_str(&two), "\"kid\""), 2);
	/* An operator wants another one, however young the next is. */
	ck_ok(signing_rotate(signing));
	buf_free(&two);
	two = (struct buf){0};
	ck_ok(signing_jwks(signing, &two));
	ck_assert_uint_eq(count_of(buf_str(&two), "\"kid\""), 3);
	ck_bytes(kid_of(signing, arena, 3600000), first);
	signing_free(signing);
}

START_TEST(test_keys_follow_each_other)
{
	uint8_t bytes[CRYPTO_KEY_BYTES] = {1};

	seal = secret_new(bytes);
	test_with_store(1, rotate);
	secret_free(seal);
}
END_TEST

AWAITS static void open_with_another(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	uint8_t bytes[CRYPTO_KEY_BYTES] = {2};
	AUTO(secret) *other = secret_new(bytes);
	struct signing *right = signing_new(db, seal), *wrong = signing_new(db, other);
	AUTO_BUF text = {0};

	kid_of(right, arena, 3600000);
	ck_err(signing_sign(wrong, 3600000, STR("at+jwt"), STR("{}"), &text), ERR_CRYPTO);
	signing_free(right);
	signing_free(wrong);
}

START_TEST(test_private_halves_are_sealed)
{
	uint8_t bytes[CRYPTO_KEY_BYTES] = {1};

	seal = secret_new(bytes);
	test_with_store(1, open_with_another);
	secret_free(seal);
}
END_TEST

UNIT_MAIN("signing", test_keys_follow_each_other, test_private_halves_are_sealed)
