/* Flows without a browser: what each sends, that a refusal is the end, and what of the answers is believed. */
#include "world.h"

#include <fcntl.h>

#include "../authclient/private_keys.h"
#include "authclient/dpop.h"
#include "base/secret_file.h"
#include "http/form.h"
#include "identity/signing.h"

#define JWT_GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define EXCHANGE_GRANT "urn:ietf:params:oauth:grant-type:token-exchange"
#define TYPES "urn:ietf:params:oauth:token-type:"
#define TOKEN(more) "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":3600" more "}"

AWAITS static enum err ask(struct world *world, struct grant *ret_grant, enum token_refusal *ret_refusal)
{
	world->problem.n = 0;
	return machine_ask(world->replica.connect, world->arena, &world->at, STR(""), &world->problem, ret_grant,
			   ret_refusal);
}

/* A field of the last form that was sent; p NULL: it was not. */
static struct str sent(struct world *world, const char *name)
{
	struct form form;

	ck_ok(form_read(world->arena, arena_str(world->arena, buf_str(&world->site.sent)), &form));
	return form_get(&form, str_of(name));
}

#define PLACES(auths)                                                                                                  \
	{PRM_PLACE "/mcp", 200, NULL, RESOURCE_DOCUMENT(",\"scopes_supported\":[\"a\"]")},                             \
	{                                                                                                              \
		AS_PLACE, 200, NULL,                                                                                   \
			ISSUER_DOCUMENT(REGISTERS ",\"token_endpoint_auth_methods_supported\":[" auths "]")            \
	}

/* Believe a JWT: with these keys, its claims. */
static yyjson_val *believed(struct world *world, struct str text, struct jose_keys *keys)
{
	struct jose_token token;
	yyjson_val *claims;

	ck_ok(jose_token_read(world->arena, arena_str(world->arena, text), &token));
	ck_ok(jose_verify(&token, keys, JOSE_ES256, &claims));
	return claims;
}

AWAITS static void client_body(struct db *db)
{
	struct world world = {0};
	AUTO(jose_keys) *keys = NULL;
	enum token_refusal refusal;
	struct grant grant;
	yyjson_val *claims;

	world_start(&world, db, NULL);
	world.settings =
		(struct auth_settings){.flow = AUTH_FLOW_CLIENT, .client_id = STR("us"), .client_secret = STR("s")};
	SITE(&world.site, PLACES("\"client_secret_basic\""), {"POST /token", 200, NULL, TOKEN("")});
	ck_ok(ask(&world, &grant, &refusal));
	ck_str(sent(&world, "grant_type"), "client_credentials");
	ck_str(sent(&world, "scope"), "a");
	ck_bytes(sent(&world, "resource"), world.at.url);
	ck_str(buf_str(&world.site.headers), "Basic dXM6cw==|");
	ck_str(grant.access_token, "at");
	ck_str(grant.scope, "a");
	ck_str(grant.client_secret, "s");
	ck_bytes(grant.issuer, site_text(&world.site, world.arena, "@"));
	ck_bytes(grant.token_url, site_text(&world.site, world.arena, "@/token"));
	ck_assert_int_gt(grant.expires_ms, 0);
	ck_assert_int_eq(grant.type, TOKEN_BEARER);
	ck_assert_uint_eq(grant.refresh_token.n, 0);

	world_fresh(&world, db);
	SITE(&world.site, PLACES("\"client_secret_post\""), {"POST /token", 200, NULL, TOKEN(",\"scope\":\"less\"")});
	ck_ok(ask(&world, &grant, &refusal));
	ck_str(sent(&world, "client_secret"), "s");
	ck_str(grant.scope, "less");

	/* A key: what it signs is for the issuer. */
	world_fresh(&world, db);
	world.settings.client_secret = STR("");
	world.settings.private_key = str_of(pem_p256);
	SITE(&world.site, PLACES("\"private_key_jwt\""), {"POST /token", 200, NULL, TOKEN("")});
	ck_ok(ask(&world, &grant, &refusal));
	ck_ok(jose_keys_read(arena_fmt(world.arena, "{\"keys\":[%s]}", public_p256), &keys));
	claims = believed(&world, sent(&world, "client_assertion"), keys);
	ck_str(json_str(json_get(claims, "sub")), "us");
	ck_bytes(json_str(json_get(claims, "aud")), site_text(&world.site, world.arena, "@"));
	world.settings.private_key = STR("none");
	ck_err(ask(&world, &grant, &refusal), ERR_CRYPTO);

	/* A machine is not registered by itself. */
	world.settings = (struct auth_settings){.flow = AUTH_FLOW_CLIENT};
	world.site.log.n = 0;
	ck_err(ask(&world, &grant, &refusal), ERR_UPSTREAM_AUTH);
	ck_problem(&world, "auth.client_id");
	ck_log(&world.site, "POST /mcp GET " PRM_PLACE "/mcp");
	world_stop(&world);
}

START_TEST(the_gateway_as_itself)
{
	test_with_store(1, client_body);
}
END_TEST

static const char *subject_path(struct world *world, const char *text)
{
	const char *path = arena_fmt(world->arena, "%s/subject", test_directory).p;

	ck_ok(secret_file_write(AT_FDCWD, path, str_of(text)));
	return path;
}

AWAITS static void workload_body(struct db *db)
{
	static const struct {
		const char *body;
		enum token_refusal refusal;
	} refusals[] = {
		{"{\"error\":\"invalid_grant\"}", REFUSAL_GRANT},
		{"{\"error\":\"invalid_scope\"}", REFUSAL_SCOPE},
		{"{\"error\":\"unauthorized_client\"}", REFUSAL_CLIENT},
	};
	struct world world = {0};
	enum token_refusal refusal;
	struct grant grant;

	world_start(&world, db, NULL);
	world.settings = (struct auth_settings){.flow = AUTH_FLOW_WORKLOAD,
						.client_id = STR("workload"),
						.subject_file = str_of(subject_path(&world, "x.y.z\n"))};
	SITE(&world.site, PLACES("\"none\""), {"POST /token", 200, NULL, TOKEN("")});
	ck_ok(ask(&world, &grant, &refusal));
	ck_str(sent(&world, "grant_type"), JWT_GRANT);
	ck_str(sent(&world, "assertion"), "x.y.z");
	ck_str(sent(&world, "client_id"), "workload");
	ck_str(buf_str(&world.site.headers), "|");

	/* It may have no client at all. */
	world.settings.client_id = STR("");
	ck_ok(ask(&world, &grant, &refusal));
	ck_assert_ptr_null(sent(&world, "client_id").p);

	/* Refused is refused. */
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		SITE(&world.site, PLACES("\"none\""), {"POST /token", 400, NULL, refusals[i].body});
		ck_err(ask(&world, &grant, &refusal), ERR_UPSTREAM_AUTH);
		ck_assert_int_eq(refusal, refusals[i].refusal);
		ck_log(&world.site, "POST /mcp GET " PRM_PLACE "/mcp POST /token");
	}
	SITE(&world.site, PLACES("\"none\""), {"POST /token", 503, NULL, ""});
	ck_err(ask(&world, &grant, &refusal), ERR_UPSTREAM_DOWN);

	/* The file is missing: nothing is sent. */
	world.settings.subject_file = STR("/nowhere/token");
	world.site.log.n = 0;
	ck_err(ask(&world, &grant, &refusal), ERR_NOT_FOUND);
	ck_problem(&world, "/nowhere/token");
	ck_log(&world.site, "POST /mcp GET " PRM_PLACE "/mcp");
	world_stop(&world);
}

START_TEST(a_workload_and_its_platform)
{
	test_with_store(1, workload_body);
}
END_TEST

/* What we say about a caller: as an assertion, and to be exchanged. */
AWAITS static void statement_body(struct db *db)
{
	struct secret *seal = secret_random();
	struct signing *signing = signing_new(db, seal);
	AUTO(jose_keys) *keys = NULL;
	struct world world = {0};
	enum token_refusal refusal;
	struct grant grant;
	yyjson_val *claims;

	world_start(&world, db, signing);
	world.at.subject = STR("ann@acme.example");
	world.settings = (struct auth_settings){.flow = AUTH_FLOW_WORKLOAD};
	SITE(&world.site, PLACES("\"none\""), {"POST /token", 200, NULL, TOKEN("")});
	ck_ok(ask(&world, &grant, &refusal));
	ck_ok(signing_keys(signing, &keys));
	claims = believed(&world, sent(&world, "assertion"), keys);
	ck_str(json_str(json_get(claims, "iss")), "https://gate.example");
	ck_str(json_str(json_get(claims, "sub")), "ann@acme.example");
	ck_str(json_str(json_get(claims, "email")), "ann@acme.example");
	ck_bytes(json_str(json_get(claims, "aud")), site_text(&world.site, world.arena, "@"));
	ck_bytes(json_str(json_get(claims, "tenant")), world.tenant.id);

	world.at.subject = STR_NONE;
	world.settings = (struct auth_settings){.flow = AUTH_FLOW_EXCHANGE,
						.token_url = site_text(&world.site, world.arena, "@/token"),
						.client_id = STR("us"),
						.client_secret = STR("s"),
						.audience = STR("api://files"),
						.scope = STR("r")};
	ck_ok(ask(&world, &grant, &refusal));
	ck_str(sent(&world, "grant_type"), EXCHANGE_GRANT);
	ck_str(sent(&world, "audience"), "api://files");
	ck_str(sent(&world, "subject_token_type"), TYPES "jwt");
	ck_str(sent(&world, "scope"), "r");
	claims = believed(&world, sent(&world, "subject_token"), keys);
	ck_bytes(json_str(json_get(claims, "sub")), world.tenant.id);
	ck_assert_ptr_null(json_get(claims, "email"));
	ck_bytes(grant.issuer, world.settings.token_url);
	world_stop(&world);
	signing_free(signing);
	secret_free(seal);
}

START_TEST(what_is_said_about_a_caller)
{
	test_with_store(1, statement_body);
}
END_TEST

AWAITS static void enterprise_body(struct db *db)
{
	struct world world = {0};
	enum token_refusal refusal;
	struct grant grant;

	world_start(&world, db, NULL);
	world.settings = (struct auth_settings){.flow = AUTH_FLOW_ENTERPRISE,
						.client_id = STR("us"),
						.client_secret = STR("s"),
						.idp_issuer = site_text(&world.site, world.arena, "@/idp"),
						.idp_client_id = STR("us there"),
						.subject_file = str_of(subject_path(&world, "i.d.t"))};
	SITE(&world.site, PLACES("\"client_secret_basic\""),
	     {AS_PLACE "/idp", 200, NULL, "{\"issuer\":\"@/idp\",\"token_endpoint\":\"@/idp/token\"}"},
	     {"POST /idp/token", 200, NULL,
	      "{\"access_token\":\"j.a.g\",\"token_type\":\"N_A\",\"issued_token_type\":\"" TYPES "id-jag\"}"},
	     {"POST /token", 200, NULL, TOKEN("")});
	ck_ok(ask(&world, &grant, &refusal));
	ck_log(&world.site, "POST /mcp GET " PRM_PLACE "/mcp GET " AS_PLACE " GET " AS_PLACE "/idp"
			    " POST /idp/token POST /token");
	ck_str(sent(&world, "grant_type"), JWT_GRANT);
	ck_str(sent(&world, "assertion"), "j.a.g");
	ck_str(buf_str(&world.site.headers), "Basic dXM6cw==|");
	ck_str(grant.access_token, "at");

	/* The first request, and its refusal is the last. */
	SITE(&world.site, PLACES("\"client_secret_basic\""),
	     {"POST /idp/token", 400, NULL, "{\"error\":\"invalid_grant\"}"});
	ck_err(ask(&world, &grant, &refusal), ERR_UPSTREAM_AUTH);
	ck_assert_int_eq(refusal, REFUSAL_GRANT);
	ck_log(&world.site, "POST /mcp GET " PRM_PLACE "/mcp POST /idp/token");
	ck_str(sent(&world, "requested_token_type"), TYPES "id-jag");
	ck_str(sent(&world, "subject_token_type"), TYPES "id_token");
	ck_str(sent(&world, "subject_token"), "i.d.t");
	ck_str(sent(&world, "client_id"), "us there");
	ck_bytes(sent(&world, "audience"), site_text(&world.site, world.arena, "@"));
	ck_bytes(sent(&world, "resource"), world.at.url);
	world_stop(&world);
}

START_TEST(a_company_that_decides)
{
	test_with_store(1, enterprise_body);
}
END_TEST

#define DPOP_PLACES                                                                                                    \
	{PRM_PLACE "/mcp", 200, NULL, RESOURCE_DOCUMENT("")},                                                          \
	{                                                                                                              \
		AS_PLACE, 200, NULL, ISSUER_DOCUMENT(",\"dpop_signing_alg_values_supported\":[\"ES256\"]")             \
	}

AWAITS static void proofs_body(struct db *db)
{
	struct world world = {0};
	AUTO(dpop_key) *key = NULL;
	enum token_refusal refusal;
	struct grant grant;

	world_start(&world, db, NULL);
	world.settings = (struct auth_settings){
		.flow = AUTH_FLOW_CLIENT, .dpop = true, .client_id = STR("us"), .client_secret = STR("s")};
	SITE(&world.site, DPOP_PLACES, {"POST /token", 200, NULL, "{\"access_token\":\"at\",\"token_type\":\"DPoP\"}"});
	ck_ok(ask(&world, &grant, &refusal));
	ck_assert_int_eq(grant.type, TOKEN_DPOP);
	ck_ok(dpop_key_read(grant.dpop_key, &key));
	ck_assert_uint_gt(world.site.headers.n, 200);

	/* It gives another kind all the same: then the key is of no use. */
	SITE(&world.site, DPOP_PLACES, {"POST /token", 200, NULL, TOKEN("")});
	ck_ok(ask(&world, &grant, &refusal));
	ck_assert_int_eq(grant.type, TOKEN_BEARER);
	ck_assert_uint_eq(grant.dpop_key.n, 0);

	/* A nonce is repeated once. */
	SITE(&world.site, DPOP_PLACES, {"POST /token", 400, "DPoP-Nonce: n1\r\n", "{\"error\":\"use_dpop_nonce\"}"});
	ck_err(ask(&world, &grant, &refusal), ERR_UPSTREAM_AUTH);
	ck_assert_int_eq(refusal, REFUSAL_DPOP_NONCE);
	ck_log(&world.site, "POST /mcp GET " PRM_PLACE "/mcp POST /token POST /token");

	/* Where the operator wants none, none is sent, and a bound token is of no use. */
	world.settings.dpop = false;
	SITE(&world.site, DPOP_PLACES, {"POST /token", 200, NULL, "{\"access_token\":\"at\",\"token_type\":\"DPoP\"}"});
	ck_err(ask(&world, &grant, &refusal), ERR_UPSTREAM_GARBAGE);
	ck_str(buf_str(&world.site.headers), "Basic dXM6cw==|");
	world_stop(&world);
}

START_TEST(tokens_bound_to_a_key)
{
	test_with_store(1, proofs_body);
}
END_TEST

DATABASE_MAIN("connect/machine", the_gateway_as_itself, a_workload_and_its_platform, what_is_said_about_a_caller,
	      a_company_that_decides, tokens_bound_to_a_key)
