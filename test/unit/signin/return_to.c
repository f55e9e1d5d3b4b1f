/* Paths to go on to, and the origins that a form may lead to on the way: nothing that a browser could read as another
 * host or a second directive comes through. */
#include "../unit.h"

#include "signin/signin_private.h"

START_TEST(only_paths_of_ours)
{
	static const char *const bad[] = {"",
					  "x",
					  "//evil.example",
					  "/\\evil.example",
					  "\\\\evil.example",
					  "https://evil.example",
					  "javascript:alert(1)",
					  "/a b",
					  "/a\nb",
					  "/a\r\nX: y",
					  "/\t/evil.example",
					  "/a\\b",
					  "/\x7f",
					  "/\xc3\xa4"};
	char longest[2049];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_str(return_to_safe(str_of(bad[i])), "/login");
	ck_str(return_to_safe(STR_NONE), "/login");
	ck_str(return_to_safe(STR("/")), "/");
	ck_str(return_to_safe(STR("/oauth/authorize?a=b&c=%2F%2Fevil")), "/oauth/authorize?a=b&c=%2F%2Fevil");
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	ck_assert_uint_eq(return_to_safe((struct str){longest, 2048}).n, 2048);
	ck_str(return_to_safe((struct str){longest, 2049}), "/login");
}
END_TEST

START_TEST(where_a_form_may_lead)
{
	static const struct {
		const char *uri, *source;
	} cases[] = {
		{"https%3A%2F%2Fapp.example%2Fcb%3Fx", "https://app.example"},
		{"https%3A%2F%2Fapp.example%3A8443%2Fcb", "https://app.example:8443"},
		{"http%3A%2F%2F127.0.0.1%3A3000", "http://127.0.0.1:3000"},
		{"http%3A%2F%2F127.0.0.1%3A3000%3Fx", "http://127.0.0.1:3000"},
		{"cursor%3A%2F%2Fanysphere%2Fcb", "cursor:"},
		{"https%3A%2F%2Fa%3B%20script-src%20*", ""},
		{"https%3A%2F%2Fa%0D%0AX%3A%20y", ""},
		{"https%3A%2F%2Fa%20%27unsafe-inline%27", ""},
		{"http%3A%2F%2F%5B%3A%3A1%5D%3A3000", ""},
		{"nonsense", ""},
		{"https%3Aapp.example", ""},
	};
	AUTO(arena) *arena = arena_new(1 << 20);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str path = arena_fmt(arena, "/oauth/authorize?x=1&redirect_uri=%s", cases[i].uri);

		ck_bytes(return_to_targets(arena, path), str_of(cases[i].source));
	}
	ck_str(return_to_targets(arena, STR("/login?redirect_uri=https%3A%2F%2Fapp.example")), "");
	ck_str(return_to_targets(arena, STR("/oauth/authorize")), "");
	ck_str(return_to_targets(arena, STR("/oauth/authorize?redirect_uri=%zz")), "");
}
END_TEST

START_TEST(cookie_lines)
{
	AUTO_BUF out = {0};

	ck_assert(cookies_are_safe(STR("https://gatehouse.example")));
	ck_assert(cookies_are_safe(STR("http://localhost:8080")));
	ck_assert(cookies_are_safe(STR("http://[::1]:8080")));
	ck_assert(!cookies_are_safe(STR("http://gatehouse.example")));
	ck_assert(!cookies_are_safe(STR("http://127.0.0.1.evil.example")));
	ck_assert(!cookies_are_safe(STR("")));
	cookie_put(&out, STR("https://gatehouse.example"), COOKIE_SESSION, STR("v"), 0);
	ck_str(buf_str(&out), "Set-Cookie: __Host-gatehouse=v; Path=/; HttpOnly; SameSite=Lax; Secure\r\n");
	out.n = 0;
	cookie_put(&out, STR("http://127.0.0.1:8080"), COOKIE_FLOW, STR("v"), 60000);
	ck_str(buf_str(&out), "Set-Cookie: gatehouse-flow=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=60\r\n");
	out.n = 0;
	cookie_put(&out, STR("https://x.example"), COOKIE_FLOW, STR(""), 0);
	ck_str(buf_str(&out),
	       "Set-Cookie: __Host-gatehouse-flow=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0\r\n");
}
END_TEST

START_TEST(states_of_a_flow)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random();
	AUTO(secret) *other_key = secret_random();
	struct signin signin = {.spec = {.key = key}}, other = {.spec = {.key = other_key}};
	AUTO_BUF sealed = {0}, old = {0};
	struct form fields;

	flow_seal(&signin, STR("one"), STR("a=b%26&c="), 60000, &sealed);
	ck_ok(flow_open(&signin, arena, STR("one"), buf_str(&sealed), &fields));
	ck_str(form_get(&fields, STR("a")), "b&");
	ck_err(flow_open(&signin, arena, STR("two"), buf_str(&sealed), &fields), ERR_CRYPTO);
	ck_err(flow_open(&other, arena, STR("one"), buf_str(&sealed), &fields), ERR_CRYPTO);
	ck_err(flow_open(&signin, arena, STR("one"), STR_NONE, &fields), ERR_CRYPTO);
	ck_err(flow_open(&signin, arena, STR("one"), STR("AAAA"), &fields), ERR_CRYPTO);
	ck_err(flow_open(&signin, arena, STR("one"), STR("not base64!"), &fields), ERR_CRYPTO);
	sealed.p[40] = sealed.p[40] == 'A' ? 'B' : 'A';
	ck_err(flow_open(&signin, arena, STR("one"), buf_str(&sealed), &fields), ERR_CRYPTO);
	flow_seal(&signin, STR("one"), STR("until=99999999999999&a=b"), 0, &old); /* its own `until` comes first */
	ck_err(flow_open(&signin, arena, STR("one"), buf_str(&old), &fields), ERR_CRYPTO);
}
END_TEST

UNIT_MAIN("return_to", only_paths_of_ours, where_a_form_may_lead, cookie_lines, states_of_a_flow)
