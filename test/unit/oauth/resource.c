/* Which endpoint a resource indicator means, and the challenge that names it. */
#include "oauth/oauth.h"
#include "oauth/resource.h"
#include "unit.h"

static const struct str resources[] = {
	{"https://gate.example/mcp", 24},
	{"https://gate.example/mcp/billing", 32},
};

static bool means(const char *text, const char *want)
{
	struct str found;

	if (resource_match(resources, ARRAY_LEN(resources), str_of(text), &found) != OK)
		return want == NULL;
	return want != NULL && str_eq(found, str_of(want));
}

START_TEST(test_the_forms_that_clients_send)
{
	ck_assert(means("https://gate.example/mcp", "https://gate.example/mcp"));
	ck_assert(means("https://gate.example/mcp/", "https://gate.example/mcp"));
	ck_assert(means("https://GATE.example:443/mcp/billing/", "https://gate.example/mcp/billing"));
	ck_assert(means("HTTPS://gate.example/mcp?key=1", "https://gate.example/mcp"));
}
END_TEST

START_TEST(test_nothing_else)
{
	ck_assert(means("https://gate.example", NULL));
	ck_assert(means("https://gate.example/", NULL));
	ck_assert(means("https://gate.example/mcp//", NULL));
	ck_assert(means("https://gate.example/MCP", NULL));
	ck_assert(means("https://gate.example/mcp/bill", NULL));
	ck_assert(means("https://gate.example:8443/mcp", NULL));
	ck_assert(means("http://gate.example/mcp", NULL));
	ck_assert(means("https://gate.example.evil.example/mcp", NULL));
	ck_assert(means("https://gate.example/mcp#x", NULL));
	ck_assert(means("gate.example/mcp", NULL));
	ck_assert(means("", NULL));
	ck_str(resource_path(STR("https://gate.example/mcp/billing")), "/mcp/billing");
}
END_TEST

START_TEST(test_challenge)
{
	AUTO_BUF out = {0};

	oauth_challenge(&out, STR("https://g.example"), STR("/mcp"), STR(""), STR("mcp:read"), STR("ignored"));
	ck_str(buf_str(&out), "WWW-Authenticate: Bearer "
			      "resource_metadata=\"https://g.example/.well-known/oauth-protected-resource/mcp\", "
			      "scope=\"mcp:read\"\r\n");
	out.n = 0;
	oauth_challenge(&out, STR("https://g.example"), STR("/mcp/a\"b\r\nX: y"), STR("invalid_token"), STR(""),
			STR("no\"t good"));
	ck_str(buf_str(&out), "WWW-Authenticate: Bearer error=\"invalid_token\", error_description=\"not good\", "
			      "resource_metadata=\"https://g.example/.well-known/oauth-protected-resource/mcp/abX: y\""
			      "\r\n");
}
END_TEST

UNIT_MAIN("resource", test_the_forms_that_clients_send, test_nothing_else, test_challenge)
