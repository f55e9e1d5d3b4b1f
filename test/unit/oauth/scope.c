/* Scopes as requests name them: what is left of them, and what they become when they are written again. */
#include "oauth/oauth_private.h"
#include "unit.h"

static unsigned read_scopes(const char *text, unsigned allowed)
{
	unsigned scopes = 0;

	ck_ok(oauth_scopes_read(str_of(text), allowed, &scopes));
	return scopes;
}

START_TEST(test_what_is_asked)
{
	ck_assert_uint_eq(read_scopes("mcp:read", OAUTH_SCOPES_ANY), SCOPE_READ);
	ck_assert_uint_eq(read_scopes("mcp:read nonsense api", OAUTH_SCOPES_ANY), SCOPE_READ | SCOPE_API);
	ck_assert_uint_eq(read_scopes("mcp:tools offline_access", OAUTH_SCOPES_ANY), SCOPE_TOOLS | OAUTH_OFFLINE);
	ck_assert_uint_eq(read_scopes("mcp:read mcp:tools", SCOPE_READ), SCOPE_READ);
	ck_assert_uint_eq(read_scopes("mcp:read offline_access", SCOPE_ALL), SCOPE_READ);
}
END_TEST

START_TEST(test_who_names_none_gets_the_usual)
{
	ck_assert_uint_eq(read_scopes("", OAUTH_SCOPES_ANY), SCOPE_READ | SCOPE_TOOLS);
	ck_assert_uint_eq(read_scopes("offline_access", OAUTH_SCOPES_ANY), SCOPE_READ | SCOPE_TOOLS | OAUTH_OFFLINE);
	ck_assert_uint_eq(read_scopes("", SCOPE_TOOLS), SCOPE_TOOLS);
}
END_TEST

START_TEST(test_nothing_left_is_refused)
{
	unsigned scopes;

	ck_err(oauth_scopes_read(STR("everything"), OAUTH_SCOPES_ANY, &scopes), ERR_OAUTH_SCOPE);
	ck_err(oauth_scopes_read(STR("api"), SCOPE_READ, &scopes), ERR_OAUTH_SCOPE);
	ck_err(oauth_scopes_read(STR("everything offline_access"), OAUTH_SCOPES_ANY, &scopes), ERR_OAUTH_SCOPE);
	ck_err(oauth_scopes_read(STR("MCP:READ"), OAUTH_SCOPES_ANY, &scopes), ERR_OAUTH_SCOPE);
}
END_TEST

START_TEST(test_there_and_back)
{
	AUTO(arena) *arena = arena_new(4096);

	ck_str(oauth_scopes_text(arena, OAUTH_SCOPES_ANY), "mcp:read mcp:tools api offline_access");
	ck_str(oauth_scopes_text(arena, OAUTH_OFFLINE), "offline_access");
	ck_str(oauth_scopes_text(arena, 0), "");
}
END_TEST

UNIT_MAIN("scope", test_what_is_asked, test_who_names_none_gets_the_usual, test_nothing_left_is_refused,
	  test_there_and_back)
