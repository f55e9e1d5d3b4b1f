/* Any bytes as a token and as the claims that follow a proof: nothing crashes, and what no key of the set has signed
 * is never verified. */
#include <stdint.h>

#include "base/check.h"
#include "jose/jose.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const struct str set = STR("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\","
				  "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
				  "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}");

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const struct str audience = STR("https://gate.example/mcp");
	const struct jose_expected expected = {
		.issuer = STR("joe"), .audiences = &audience, .audience_count = 1, .now_ms = 1300819000000};
	AUTO(arena) *arena = arena_new(64u << 20);
	AUTO(jose_keys) *keys = NULL;
	struct jose_token token;
	yyjson_val *claims;
	int64_t expires_ms;

	if (jose_token_read(arena, (struct str){(const char *)bytes, n}, &token) != OK)
		return 0;
	CHECK(token.alg != 0 && (token.alg & (token.alg - 1)) == 0);
	if (jose_check_claims(token.unproved, &expected, &expires_ms) == OK)
		CHECK(expires_ms > expected.now_ms);
	CHECK(jose_keys_read(set, &keys) == OK);
	if (jose_verify(&token, keys, JOSE_ALGS, &claims) == OK)
		CHECK(token.alg == JOSE_ES256 && claims == token.unproved);
	return 0;
}
