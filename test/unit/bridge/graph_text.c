/* What is said to Graph, and what its answers are taken for. */
#include "../unit.h"

#include "bridge/graph_text.h"

static struct arena *arena;

static void begin(void)
{
	arena_free(arena);
	arena = arena_new(1 << 20);
}

START_TEST(an_application)
{
	static const struct bridge_scope scopes[] = {{{"a", 1}, {"API-1", 5}, {"p1", 2}},
						     {{"b", 1}, {"API-2", 5}, {"p2", 2}},
						     {{"c", 1}, {"api-1", 5}, {"p3", 2}},
						     {{"d", 1}, {"", 0}, {"", 0}}};
	const struct bridge_settings settings = {.scopes = scopes, .scope_count = 4};
	const struct bridge_request request = {.client_name = STR("x\"y"),
					       .redirect_uris = STR("[\"https://a/\"]"),
					       .platform = BRIDGE_WEB,
					       .auth = BRIDGE_AUTH_BASIC,
					       .scopes = 15};
	AUTO_BUF out = {0};

	graph_application_put(&request, &settings, STR("tag"), &out);
	ck_str(buf_str(&out),
	       "{\"displayName\":\"mcp-x\\\"y\",\"signInAudience\":\"AzureADMyOrg\",\"tags\":[\"tag\"],"
	       "\"isFallbackPublicClient\":false,\"web\":{\"redirectUris\":[\"https://a/\"]},"
	       "\"publicClient\":{\"redirectUris\":[]},\"spa\":{\"redirectUris\":[]},\"requiredResourceAccess\":["
	       "{\"resourceAppId\":\"API-1\",\"resourceAccess\":[{\"id\":\"p1\",\"type\":\"Scope\"},"
	       "{\"id\":\"p3\",\"type\":\"Scope\"}]},"
	       "{\"resourceAppId\":\"API-2\",\"resourceAccess\":[{\"id\":\"p2\",\"type\":\"Scope\"}]}]}");
}
END_TEST

START_TEST(ids_are_ids)
{
	struct graph_application application;

	begin();
	ck_ok(graph_application_read(arena,
				     STR("{\"id\":\"a-1\",\"appId\":\"B2\",\"uniqueName\":\"u\","
					 "\"createdDateTime\":\"2026-11-21T00:00:00Z\"}"),
				     &application));
	ck_str(application.client_id, "B2");
	ck_assert(application.created_ms > 0);
	static const char *const bad[] = {"",
					  "[]",
					  "{}",
					  "{\"id\":\"a\"}",
					  "{\"id\":\"a/../b\",\"appId\":\"b\"}",
					  "{\"id\":\"a'b\",\"appId\":\"b\"}",
					  "{\"id\":\"\",\"appId\":\"b\"}"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(graph_application_read(arena, str_of(bad[i]), &application), ERR_UPSTREAM_GARBAGE);
}
END_TEST

static enum err page(const char *next)
{
	struct graph_application *items;
	AUTO_BUF body = {0};
	size_t count;
	struct str found;
	enum err err;

	begin();
	buf_put_fmt(&body, "{\"value\":[{\"id\":\"a\",\"appId\":\"b\"},{\"id\":7}],\"@odata.nextLink\":\"%s\"}", next);
	err = graph_page_read(arena, buf_str(&body), STR("https://graph.microsoft.com"), &items, &count, &found);
	if (err == OK) {
		ck_assert_int_eq(count, 1);
		ck_bytes(found, str_of(next));
	}
	return err;
}

START_TEST(pages_are_its_own)
{
	ck_ok(page("https://graph.microsoft.com/v1.0/applications?$skiptoken=x"));
	ck_ok(page(""));
	ck_err(page("https://graph.microsoft.com.evil.example/v1.0/applications"), ERR_UPSTREAM_GARBAGE);
	ck_err(page("https://graph.microsoft.com@evil.example/"), ERR_UPSTREAM_GARBAGE);
	ck_err(page("http://graph.microsoft.com/v1.0/applications"), ERR_UPSTREAM_GARBAGE);
	ck_err(page("/v1.0/applications"), ERR_UPSTREAM_GARBAGE);
}
END_TEST

START_TEST(secrets)
{
	struct graph_password password;
	struct str *ids;
	size_t count;

	begin();
	ck_ok(graph_password_read(
		arena, STR("{\"keyId\":\"k\",\"secretText\":\"s~x\",\"endDateTime\":\"2026-11-21T00:00:00Z\"}"),
		&password));
	ck_str(password.secret, "s~x");
	ck_err(graph_password_read(arena, STR("{\"keyId\":\"k\",\"secretText\":null}"), &password),
	       ERR_UPSTREAM_GARBAGE);
	ck_err(graph_password_read(arena, STR("{\"keyId\":\"k\",\"secretText\":\"a\\r\\nb\"}"), &password),
	       ERR_UPSTREAM_GARBAGE);
	ck_ok(graph_passwords_read(
		arena,
		STR("{\"passwordCredentials\":[{\"keyId\":\"a\",\"displayName\":\"gatehouse\"},"
		    "{\"keyId\":\"b\",\"displayName\":\"by hand\"},{\"keyId\":\"c\",\"displayName\":null}]}"),
		STR("gatehouse"), &ids, &count));
	ck_assert_int_eq(count, 1);
	ck_str(ids[0], "a");
}
END_TEST

static enum graph_refusal refusal(int status, const char *code, const char *message)
{
	struct graph_error error;
	AUTO_BUF body = {0};

	begin();
	buf_put_fmt(&body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code, message);
	error = graph_error_read(arena, buf_str(&body));
	return graph_refusal_of(status, &error);
}

START_TEST(refusals)
{
	ck_assert(refusal(429, "TooManyRequests", "") == GRAPH_LATER);
	ck_assert(refusal(503, "", "") == GRAPH_LATER);
	ck_assert(refusal(404, "Request_ResourceNotFound", "") == GRAPH_LAG);
	ck_assert(refusal(400, "NoBackingApplicationObject", "") == GRAPH_LAG);
	ck_assert(refusal(409, "", "") == GRAPH_EXISTS);
	ck_assert(refusal(400, "Request_MultipleObjectsWithSameKeyValue", "") == GRAPH_EXISTS);
	ck_assert(refusal(400, "CredentialTypeNotAllowedAsPerAppPolicy", "") == GRAPH_POLICY);
	ck_assert(refusal(403, "Authorization_RequestDenied", "blocked by a policy") == GRAPH_POLICY);
	ck_assert(refusal(403, "Authorization_RequestDenied", "Insufficient privileges") == GRAPH_DENIED);
	ck_assert(refusal(400, "Request_BadRequest", "x") == GRAPH_BAD);
	ck_assert(refusal(401, "InvalidAuthenticationToken", "x") == GRAPH_DENIED);
}
END_TEST

UNIT_MAIN("graph_text", an_application, ids_are_ids, pages_are_its_own, secrets, refusals)
