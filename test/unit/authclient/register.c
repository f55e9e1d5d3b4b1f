/* How we become a client, and prove to be it. */
#include "../unit.h"

#include "authclient/register.h"
#include "base/json.h"

START_TEST(ways_in_their_order)
{
	const struct issuer_facts both = {.client_documents = true,
					  .registration_endpoint = STR("https://as.example/r")};
	const struct issuer_facts dynamic = {.registration_endpoint = STR("https://as.example/r")};
	const struct issuer_facts neither = {.client_documents = false};

	ck_assert_int_eq(registration_choose(&both, true, true), REGISTRATION_GIVEN);
	ck_assert_int_eq(registration_choose(&both, false, true), REGISTRATION_DOCUMENT);
	ck_assert_int_eq(registration_choose(&both, false, false), REGISTRATION_DYNAMIC);
	ck_assert_int_eq(registration_choose(&dynamic, false, true), REGISTRATION_DYNAMIC);
	ck_assert_int_eq(registration_choose(&neither, false, true), REGISTRATION_NONE);
}
END_TEST

START_TEST(proofs_in_their_order)
{
	static const struct {
		unsigned auths;
		bool secret, key;
		enum client_auth want;
	} table[] = {
		{0, true, true, CLIENT_AUTH_BASIC},
		{0, false, true, CLIENT_AUTH_JWT},
		{CLIENT_AUTH_BASIC, false, true, CLIENT_AUTH_JWT},
		{CLIENT_AUTH_JWT | CLIENT_AUTH_BASIC, true, true, CLIENT_AUTH_JWT},
		{CLIENT_AUTH_JWT | CLIENT_AUTH_POST, true, false, CLIENT_AUTH_POST},
		{CLIENT_AUTH_POST | CLIENT_AUTH_BASIC, true, false, CLIENT_AUTH_BASIC},
		{CLIENT_AUTH_NONE, true, false, CLIENT_AUTH_NONE},
		{CLIENT_AUTH_BASIC, false, false, CLIENT_AUTH_NONE},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		ck_assert_int_eq(client_auth_choose(table[i].auths, table[i].secret, table[i].key), table[i].want);
}
END_TEST

START_TEST(the_description)
{
	const struct client_description document = {.client_id = STR("https://g.example/oauth/client.json"),
						    .name = STR("Gatehouse"),
						    .redirect_uri = STR("https://g.example/auth/callback"),
						    .uri = STR("https://g.example"),
						    .auth = CLIENT_AUTH_JWT,
						    .jwks_uri = STR("https://g.example/oauth/keys")};
	const struct client_description request = {.name = STR("G \"1\""),
						   .redirect_uri = STR("http://127.0.0.1:1/cb"),
						   .scope = STR("a b"),
						   .auth = CLIENT_AUTH_NONE};
	AUTO_BUF json = {0};

	client_description_put(&document, &json);
	ck_str(buf_str(&json),
	       "{\"client_name\":\"Gatehouse\",\"client_id\":\"https://g.example/oauth/client.json\","
	       "\"client_uri\":\"https://g.example\",\"redirect_uris\":[\"https://g.example/auth/callback\"],"
	       "\"grant_types\":[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"],"
	       "\"application_type\":\"web\",\"token_endpoint_auth_method\":\"private_key_jwt\","
	       "\"jwks_uri\":\"https://g.example/oauth/keys\"}");
	json.n = 0;
	client_description_put(&request, &json);
	ck_str(buf_str(&json),
	       "{\"client_name\":\"G \\\"1\\\"\",\"redirect_uris\":[\"http://127.0.0.1:1/cb\"],"
	       "\"grant_types\":[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"],"
	       "\"application_type\":\"web\",\"token_endpoint_auth_method\":\"none\",\"scope\":\"a b\"}");
}
END_TEST

static enum err read_answer(struct arena *arena, int status, const char *body, struct client_identity *client,
			    int64_t *expires_ms)
{
	AUTO_BUF problem = {0};

	return registration_answer_read(arena, status, str_of(body), CLIENT_AUTH_BASIC, &problem, client, expires_ms);
}

START_TEST(answers)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct client_identity client;
	int64_t expires_ms;

	ck_ok(read_answer(arena, 201,
			  "{\"client_id\":\"x\",\"client_secret\":\"s\",\"client_secret_expires_at\":1790000000,"
			  "\"token_endpoint_auth_method\":\"client_secret_post\"}",
			  &client, &expires_ms));
	ck_str(client.id, "x");
	ck_str(client.secret, "s");
	ck_assert_int_eq(client.auth, CLIENT_AUTH_POST);
	ck_assert_int_eq(expires_ms, 1790000000000);
	ck_ok(read_answer(arena, 200, "{\"client_id\":\"x\",\"client_secret_expires_at\":0}", &client, &expires_ms));
	ck_assert_int_eq(client.auth, CLIENT_AUTH_NONE);
	ck_assert_int_eq(expires_ms, 0);
	ck_ok(read_answer(arena, 201, "{\"client_id\":\"x\",\"client_secret\":\"s\"}", &client, &expires_ms));
	ck_assert_int_eq(client.auth, CLIENT_AUTH_BASIC);
	ck_err(read_answer(arena, 201, "{}", &client, &expires_ms), ERR_UPSTREAM_GARBAGE);
	ck_err(read_answer(arena, 201, "{\"client_id\":\"a\\nb\"}", &client, &expires_ms), ERR_UPSTREAM_GARBAGE);
	ck_err(read_answer(arena, 400, "{\"error\":\"invalid_redirect_uri\"}", &client, &expires_ms),
	       ERR_UPSTREAM_AUTH);
	ck_err(read_answer(arena, 503, "", &client, &expires_ms), ERR_UPSTREAM_DOWN);
}
END_TEST

UNIT_MAIN("authclient/register", ways_in_their_order, proofs_in_their_order, the_description, answers)
