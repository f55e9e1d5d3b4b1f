/* What a provider says of itself, and what an id token must say. */
#include "../unit.h"

#include "signin/provider.h"

#define ISSUER "https://idp.example"
#define ENDPOINTS                                                                                                      \
	"\"authorization_endpoint\":\"https://idp.example/auth\",\"token_endpoint\":\"https://idp.example/token\","    \
	"\"jwks_uri\":\"https://idp.example/jwks\""

START_TEST(what_a_provider_says)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{\"issuer\":\"https://idp.example/\"," ENDPOINTS "}",
		"{\"issuer\":\"https://evil.example\"," ENDPOINTS "}",
		"{" ENDPOINTS "}",
		"{\"issuer\":\"" ISSUER "\"}",
		"{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"http://idp.example/auth\","
		"\"token_endpoint\":\"https://idp.example/token\",\"jwks_uri\":\"https://idp.example/jwks\"}",
		"{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"javascript:alert(1)\","
		"\"token_endpoint\":\"https://idp.example/token\",\"jwks_uri\":\"https://idp.example/jwks\"}",
		"{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"https://idp.example/a\\r\\nX: y\","
		"\"token_endpoint\":\"https://idp.example/token\",\"jwks_uri\":\"https://idp.example/jwks\"}",
	};
	AUTO(arena) *arena = arena_new(1 << 20);
	struct provider_facts facts;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(provider_facts_read(arena, str_of(bad[i]), STR(ISSUER), false, &facts), ERR_TOKEN_INVALID);
	ck_ok(provider_facts_read(arena, STR("{\"issuer\":\"" ISSUER "\"," ENDPOINTS "}"), STR(ISSUER), false, &facts));
	ck_str(facts.token_endpoint, "https://idp.example/token");
	ck_assert(facts.basic && !facts.iss_promised && facts.userinfo_endpoint.p == NULL);
	ck_ok(provider_facts_read(arena,
				  STR("{\"issuer\":\"" ISSUER "\"," ENDPOINTS
				      ",\"token_endpoint_auth_methods_supported\":[\"client_secret_post\"],"
				      "\"authorization_response_iss_parameter_supported\":true,"
				      "\"userinfo_endpoint\":\"https://idp.example/me\"}"),
				  STR(ISSUER), false, &facts));
	ck_assert(!facts.basic && facts.iss_promised && facts.userinfo_endpoint.p != NULL);
}
END_TEST

START_TEST(what_an_id_token_says)
{
	static const struct {
		const char *claims;
		enum err err;
	} cases[] = {
		{"\"aud\":\"us\",\"sub\":\"1\",\"nonce\":\"n\"", OK},
		{"\"aud\":[\"us\"],\"sub\":\"1\",\"nonce\":\"n\"", OK},
		{"\"aud\":[\"us\",\"them\"],\"azp\":\"us\",\"sub\":\"1\",\"nonce\":\"n\"", OK},
		{"\"aud\":[\"us\",\"them\"],\"sub\":\"1\",\"nonce\":\"n\"", ERR_TOKEN_AUDIENCE},
		{"\"aud\":\"us\",\"azp\":\"them\",\"sub\":\"1\",\"nonce\":\"n\"", ERR_TOKEN_AUDIENCE},
		{"\"aud\":\"us\",\"azp\":7,\"sub\":\"1\",\"nonce\":\"n\"", ERR_TOKEN_AUDIENCE},
		{"\"aud\":\"them\",\"sub\":\"1\",\"nonce\":\"n\"", ERR_TOKEN_AUDIENCE},
		{"\"aud\":\"us/\",\"sub\":\"1\",\"nonce\":\"n\"", ERR_TOKEN_AUDIENCE},
		{"\"aud\":\"us\",\"sub\":\"1\",\"nonce\":\"m\"", ERR_TOKEN_INVALID},
		{"\"aud\":\"us\",\"sub\":\"1\"", ERR_TOKEN_INVALID},
		{"\"aud\":\"us\",\"sub\":\"\",\"nonce\":\"n\"", ERR_TOKEN_INVALID},
		{"\"aud\":\"us\",\"sub\":7,\"nonce\":\"n\"", ERR_TOKEN_INVALID},
	};
	const struct provider_settings settings = {.issuer = STR(ISSUER), .client_id = STR("us")};
	AUTO(arena) *arena = arena_new(1 << 20);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		yyjson_val *claims;

		ck_ok(json_read(
			arena, arena_fmt(arena, "{\"iss\":\"" ISSUER "\",\"iat\":100,\"exp\":200,%s}", cases[i].claims),
			&claims));
		ck_err(provider_check_claims(claims, &settings, STR("n"), 150000), cases[i].err);
		ck_err(provider_check_claims(claims, &settings, STR(""), 150000),
		       cases[i].err == ERR_TOKEN_AUDIENCE ? ERR_TOKEN_AUDIENCE : ERR_TOKEN_INVALID);
		if (cases[i].err == OK)
			ck_err(provider_check_claims(claims, &settings, STR("n"), 300000), ERR_TOKEN_EXPIRED);
	}
}
END_TEST

UNIT_MAIN("provider", what_a_provider_says, what_an_id_token_says)
