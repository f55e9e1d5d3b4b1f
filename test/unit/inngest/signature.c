/* Signatures, hashed keys and the names of steps, by the protocol's vectors, and what is no signature. */
#include "../unit.h"

#include "inngest/private.h"

#define KEY "signkey-test-12345678"
#define BODY "{\"ctx\":{\"attempt\":0},\"event\":{\"name\":\"sync/refresh-tenant\"}}"
#define MAC "71a3d3a5adc21a5699471155c81ebcc61337a6fbeaaa1d482cc9b5ff99bcf59c"
#define AT_S 1700000000

static bool proves(const char *header, const char *body, const char *key, int64_t now_s)
{
	struct str unused;

	return signature_proves(str_of(header), str_of(body), str_of(key), now_s, &unused);
}

START_TEST(vector)
{
	AUTO_BUF made = {0};
	struct str mac;

	signature_put(&made, STR(KEY), STR(BODY), AT_S);
	ck_str(buf_str(&made), "t=1700000000&s=" MAC);
	ck_assert(signature_proves(buf_str(&made), STR(BODY), STR(KEY), AT_S, &mac));
	ck_str(mac, MAC);
	ck_assert(proves("s=" MAC "&t=1700000000", BODY, KEY, AT_S));
	ck_assert(proves("t=1700000000&s=" MAC, BODY, "12345678", AT_S)); /* a self-hosted server's has no prefix */
}
END_TEST

START_TEST(no_signatures)
{
	static const char *const wrong[] = {
		"",
		"t=1700000000",
		"s=" MAC,
		"t=1700000000&s=",
		"t=&s=" MAC,
		"t=1700000000&s=" MAC "0",
		"t=1700000000&s=" MAC "00",
		"t=1700000000&s=81a3d3a5adc21a5699471155c81ebcc61337a6fbeaaa1d482cc9b5ff99bcf59c",
		"t=1700000000&s=z1a3d3a5adc21a5699471155c81ebcc61337a6fbeaaa1d482cc9b5ff99bcf59c",
		"t=1700000001&s=" MAC,
		"t=+1700000000&s=" MAC,
		"t=1700000000&t=1700000000&s=" MAC,
		"t=1700000000&s=" MAC "&s=" MAC,
		"t=1700000000&s=" MAC "&x=1",
		"t=1700000000,s=" MAC,
		"t=99999999999999999999&s=" MAC,
		"t=18446744073709551615&s=" MAC,
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		ck_assert_msg(!proves(wrong[i], BODY, KEY, AT_S), "%s", wrong[i]);
	ck_assert(!proves("t=1700000000&s=" MAC, BODY " ", KEY, AT_S));
	ck_assert(!proves("t=1700000000&s=" MAC, BODY, "signkey-test-12345679", AT_S));
}
END_TEST

START_TEST(only_for_a_while)
{
	ck_assert(proves("t=1700000000&s=" MAC, BODY, KEY, AT_S + 300));
	ck_assert(!proves("t=1700000000&s=" MAC, BODY, KEY, AT_S + 301));
	ck_assert(proves("t=1700000000&s=" MAC, BODY, KEY, AT_S - 300));
	ck_assert(!proves("t=1700000000&s=" MAC, BODY, KEY, AT_S - 301));
}
END_TEST

START_TEST(keys)
{
	static const char *const good[] = {"signkey-prod-12345678", "signkey-branch_1-abcdefAB", "12345678"};
	static const char *const bad[] = {"",
					  "signkey-prod-",
					  "signkey-prod-1234567",
					  "signkey-prod-123456789",
					  "signkey-prod-1234567g",
					  "signkey--12345678",
					  "hello, world",
					  "123456"};
	AUTO_BUF hash = {0};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(inngest_key_is_good(str_of(good[i])), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!inngest_key_is_good(str_of(bad[i])), "%s", bad[i]);
	key_hash_put(&hash, STR("signkey-prod-12345678"));
	ck_str(buf_str(&hash), "signkey-prod-b2ed992186a5cb19f6668aade821f502c1d00970dfd0e35128d51bac4649916c");
}
END_TEST

START_TEST(steps)
{
	static const char *const names[][2] = {
		{"my-step-id", "e7d8a2f140845095749d60246ff1110c9d01d76a"},
		{"my-step-id:1", "f47c6228c581af870aa285200cf95ec3ac59bb6a"},
		{"list-tenants", "ed0810b6cc0edb86fda1680f8bb2d3a9a4520508"},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_BUF hash = {0};

		step_hash_put(&hash, str_of(names[i][0]));
		ck_bytes(buf_str(&hash), str_of(names[i][1]));
	}
}
END_TEST

UNIT_MAIN("signature", vector, no_signatures, only_for_a_while, keys, steps)
