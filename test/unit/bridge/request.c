/* What clients ask to be registered as, and what becomes of it. */
#include "../unit.h"

#include "bridge/request.h"

static const struct str hosts[] = {{"claude.ai", 9}, {"vscode.dev", 10}};
static const struct bridge_scope scopes[] = {{{"openid", 6}, {"g", 1}, {"p1", 2}}, {{"tools", 5}, {"a", 1}, {"p2", 2}}};
static const struct bridge_settings settings = {
	.redirect_hosts = hosts, .redirect_host_count = 2, .loopback = true, .scopes = scopes, .scope_count = 2};

static struct arena *arena;
static struct bridge_request request;

static enum err judge_with(const struct bridge_settings *with, const char *body)
{
	AUTO_BUF problem = {0};
	enum err err;

	arena_free(arena);
	arena = arena_new(1 << 20);
	err = bridge_request_read(arena, with, str_of(body), &problem, &request);
	ck_assert((err == OK) == (problem.n == 0));
	return err;
}

static enum err judge(const char *body)
{
	return judge_with(&settings, body);
}

static enum err judge_uri(const char *uri)
{
	AUTO_BUF body = {0};

	buf_put_fmt(&body, "{\"redirect_uris\":[\"%s\"]}%c", uri, '\0');
	return judge(body.p);
}

START_TEST(a_request_as_clients_send_it)
{
	ck_ok(judge(
		"{\"client_name\":\" Claude \",\"redirect_uris\":[\"https://claude.ai/cb\",\"https://claude.ai/cb\"],"
		"\"grant_types\":[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"],"
		"\"scope\":\"tools nonsense\",\"logo_uri\":\"http://10.0.0.1/\",\"contacts\":[1]}"));
	ck_str(request.client_name, "Claude");
	ck_str(request.redirect_uris, "[\"https://claude.ai/cb\"]");
	ck_str(request.scope, "tools");
	ck_assert_int_eq(request.scopes, 2);
	ck_assert(request.refreshes && request.auth == BRIDGE_AUTH_BASIC && request.platform == BRIDGE_WEB);

	ck_ok(judge("{\"redirect_uris\":[\"https://claude.ai/"
		    "cb\"],\"token_endpoint_auth_method\":\"client_secret_post\"}"));
	ck_str(request.client_name, "An MCP client");
	ck_str(request.scope, "openid tools");
	ck_assert(!request.refreshes && request.auth == BRIDGE_AUTH_POST);
}
END_TEST

START_TEST(one_good_redirect_uri_is_enough)
{
	ck_ok(judge("{\"redirect_uris\":[\"cursor://anysphere.cursor-mcp/oauth/callback\",\"http://localhost:8787/"
		    "callback\","
		    "\"http://127.0.0.1:8787/callback\"],\"token_endpoint_auth_method\":\"none\"}"));
	ck_str(request.redirect_uris, "[\"http://localhost:8787/callback\",\"http://127.0.0.1:8787/callback\"]");
	ck_assert(request.platform == BRIDGE_NATIVE);
	ck_ok(judge("{\"redirect_uris\":[7,\"https://CLAUDE.ai/cb\"]}"));
}
END_TEST

START_TEST(redirect_uris_that_nobody_may_have)
{
	static const char *const bad[] = {
		"",
		"http://claude.ai/cb",
		"https://evil.example/cb",
		"https://claude.ai.evil.example/cb",
		"https://claude.ai@evil.example/cb",
		"https://evil.example/claude.ai",
		"https://claude.ai/cb#x",
		"https://*.claude.ai/cb",
		"https://claude.ai/*",
		"cursor://x/cb",
		"javascript:alert(1)",
		"http://127.0.0.1.evil.example/",
		"https://sub.claude.ai/cb",
	};
	struct bridge_settings strict = settings;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(judge_uri(bad[i]), ERR_OAUTH_REDIRECT);
	ck_err(judge("{}"), ERR_OAUTH_REDIRECT);
	ck_err(judge("{\"redirect_uris\":\"https://claude.ai/cb\"}"), ERR_OAUTH_REDIRECT);
	ck_ok(judge_uri("http://[::1]:1/cb"));
	strict.loopback = false;
	ck_err(judge_with(&strict, "{\"redirect_uris\":[\"http://localhost/cb\"]}"), ERR_OAUTH_REDIRECT);
}
END_TEST

#define WITH(member) "{\"redirect_uris\":[\"https://claude.ai/cb\"]," member "}"

START_TEST(members_that_are_refused)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{\"redirect_uris\":[\"https://claude.ai/cb\"]",
		WITH("\"grant_types\":[]"),
		WITH("\"grant_types\":\"authorization_code\""),
		WITH("\"grant_types\":[\"refresh_token\"]"),
		WITH("\"grant_types\":[\"authorization_code\",\"implicit\"]"),
		WITH("\"response_types\":[\"code\",\"token\"]"),
		WITH("\"token_endpoint_auth_method\":\"private_key_jwt\""),
		WITH("\"token_endpoint_auth_method\":7"),
		WITH("\"application_type\":\"browser\""),
		WITH("\"scope\":\"root\""),
		WITH("\"scope\":\"tool\""),
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(judge(bad[i]), ERR_OAUTH_METADATA);
	ck_err(judge(WITH("\"software_statement\":\"x\"")), ERR_BRIDGE_STATEMENT);
	ck_err(judge(WITH("\"software_statement\":null")), ERR_BRIDGE_STATEMENT);
}
END_TEST

START_TEST(platforms)
{
	ck_ok(judge(WITH("\"token_endpoint_auth_method\":\"none\",\"application_type\":\"web\"")));
	ck_assert(request.platform == BRIDGE_SPA);
	ck_ok(judge(WITH("\"token_endpoint_auth_method\":\"none\"")));
	ck_assert(request.platform == BRIDGE_NATIVE);
	ck_ok(judge(WITH("\"application_type\":\"native\"")));
	ck_assert(request.platform == BRIDGE_WEB);
	ck_ok(judge("{\"redirect_uris\":[\"https://claude.ai/cb\",\"http://localhost/\"],\"application_type\":\"web\","
		    "\"token_endpoint_auth_method\":\"none\"}"));
	ck_assert(request.platform == BRIDGE_NATIVE);
}
END_TEST

START_TEST(what_is_kept_is_read_again)
{
	struct bridge_request before, after;
	AUTO_BUF json = {0};

	ck_ok(judge(WITH("\"client_name\":\"a\\\"b\",\"token_endpoint_auth_method\":\"none\"")));
	before = request;
	buf_put_byte(&json, '{');
	bridge_request_put(&before, &json);
	buf_put_byte(&json, '}');
	ck_ok(bridge_request_kept(arena, buf_str(&json), &after));
	ck_assert(after.auth == BRIDGE_AUTH_NONE);
	ck_str(after.redirect_uris, "[\"https://claude.ai/cb\"]");
	ck_err(bridge_request_kept(arena, STR("{}"), &after), ERR_DB_CORRUPT);
}
END_TEST

UNIT_MAIN("request", a_request_as_clients_send_it, one_good_redirect_uri_is_enough, redirect_uris_that_nobody_may_have,
	  members_that_are_refused, platforms, what_is_kept_is_read_again)
