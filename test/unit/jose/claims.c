/* The claims of a proved token: for whom, from whom, when. */
#include "../unit.h"

#include "jose/jose.h"

#define NOW_MS 1800000000000

static const struct str audiences[] = {STR("https://gate.example/mcp"), STR("api://gatehouse")};

static enum err check(const char *claims, int64_t life_ms_max)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	const struct jose_expected expected = {.issuer = STR("https://id.example"),
					       .audiences = audiences,
					       .audience_count = ARRAY_LEN(audiences),
					       .now_ms = NOW_MS,
					       .leeway_ms = 60000,
					       .life_ms_max = life_ms_max};
	yyjson_val *root;
	int64_t expires_ms = 0;
	enum err err;

	ck_ok(json_read(arena, str_of(claims), &root));
	err = jose_check_claims(root, &expected, &expires_ms);
	ck_assert(err != OK || expires_ms > NOW_MS);
	return err;
}

#define ISS "\"iss\":\"https://id.example\""
#define AUD "\"aud\":\"https://gate.example/mcp\""
#define EXP "\"exp\":1800000100"

START_TEST(good_claims_pass)
{
	ck_ok(check("{" ISS "," AUD "," EXP "}", 0));
	ck_ok(check("{" ISS ",\"aud\":[\"x\",\"https://gate.example/mcp\"]," EXP "}", 0));
	ck_ok(check("{" ISS ",\"aud\":\"https://gate.example/mcp/\"," EXP "}", 0));
	ck_ok(check("{" ISS ",\"aud\":\"HTTPS://Gate.Example/mcp\"," EXP "}", 0));
	ck_ok(check("{" ISS ",\"aud\":\"api://gatehouse\"," EXP "}", 0));
	ck_ok(check("{" ISS "," AUD ",\"exp\":1800000100.75,\"nbf\":1800000030,\"iat\":1.7e9}", 0));
	ck_ok(check("{" ISS "," AUD ",\"exp\":1799999950}", 0)); /* within the leeway */
	ck_ok(check("{" ISS "," AUD "," EXP ",\"iat\":1800000000}", 100000));
}
END_TEST

START_TEST(others_do_not)
{
	ck_err(check("{" AUD "," EXP "}", 0), ERR_TOKEN_INVALID);
	ck_err(check("{\"iss\":\"https://id.example/\"," AUD "," EXP "}", 0), ERR_TOKEN_INVALID);
	ck_err(check("{\"iss\":[\"https://id.example\"]," AUD "," EXP "}", 0), ERR_TOKEN_INVALID);
	ck_err(check("{" ISS "," EXP "}", 0), ERR_TOKEN_AUDIENCE);
	ck_err(check("{" ISS ",\"aud\":[]," EXP "}", 0), ERR_TOKEN_AUDIENCE);
	ck_err(check("{" ISS ",\"aud\":\"https://gate.example/mcp/support\"," EXP "}", 0), ERR_TOKEN_AUDIENCE);
	ck_err(check("{" ISS ",\"aud\":\"https://gate.example/MCP\"," EXP "}", 0), ERR_TOKEN_AUDIENCE);
	ck_err(check("{" ISS ",\"aud\":\"https://gate.example.evil/mcp\"," EXP "}", 0), ERR_TOKEN_AUDIENCE);
	ck_err(check("{" ISS ",\"aud\":\"https://gate.example/mcp//\"," EXP "}", 0), ERR_TOKEN_AUDIENCE);
	ck_err(check("{" ISS ",\"aud\":\"\"," EXP "}", 0), ERR_TOKEN_AUDIENCE);
	ck_err(check("{" ISS "," AUD ",\"exp\":1799999939}", 0), ERR_TOKEN_EXPIRED);
	ck_err(check("{" ISS "," AUD "}", 0), ERR_TOKEN_INVALID);
	ck_err(check("{" ISS "," AUD ",\"exp\":\"1800000100\"}", 0), ERR_TOKEN_INVALID);
	ck_err(check("{" ISS "," AUD ",\"exp\":1e400}", 0), ERR_TOKEN_INVALID);
	ck_err(check("{" ISS "," AUD ",\"exp\":-5}", 0), ERR_TOKEN_INVALID);
	ck_err(check("{" ISS "," AUD ",\"exp\":99999999999999}", 0), ERR_TOKEN_INVALID);
	ck_err(check("{" ISS "," AUD "," EXP ",\"nbf\":1800000061}", 0), ERR_TOKEN_INVALID);
	ck_err(check("{" ISS "," AUD "," EXP ",\"nbf\":null}", 0), ERR_TOKEN_INVALID);
	ck_err(check("{" ISS "," AUD "," EXP ",\"iat\":1800000061}", 0), ERR_TOKEN_INVALID);
	ck_err(check("{" ISS "," AUD "," EXP "}", 100000), ERR_TOKEN_INVALID);
	ck_err(check("{" ISS "," AUD "," EXP ",\"iat\":1799999999}", 100000), ERR_TOKEN_INVALID);
}
END_TEST

UNIT_MAIN("jose/claims", good_claims_pass, others_do_not)
