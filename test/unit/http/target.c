/* Request targets: forms, decoding once, dot segments. */
#include "../unit.h"

#include "http/target.h"

START_TEST(paths)
{
	static const struct {
		const char *text, *path, *query;
	} good[] = {
		{"/", "/", ""},
		{"/mcp", "/mcp", ""},
		{"/mcp?x=1?2&%00", "/mcp", "x=1?2&%00"},
		{"/MCP/Support", "/MCP/Support", ""},
		{"/a%20b%2Fc", "/a b/c", ""},
		{"/%2541", "/%41", ""},
		{"/a/./b/../c", "/a/c", ""},
		{"/a/b/..", "/a/", ""},
		{"/a/b/.", "/a/b/", ""},
		{"/../../etc", "/etc", ""},
		{"/a/%2e%2e/b", "/b", ""},
		{"/a/..%2fb", "/b", ""},
		{"/..", "/", ""},
		{"/.well-known/x", "/.well-known/x", ""},
		{"/...", "/...", ""},
		{"//a//b", "//a//b", ""},
		{"/%C3%A9", "/\xc3\xa9", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		AUTO(arena) *arena = arena_new(4096);
		struct http_target target;

		ck_ok(http_target_parse(arena, str_of(good[i].text), false, &target));
		ck_bytes(target.path, str_of(good[i].path));
		ck_bytes(target.query, str_of(good[i].query));
		ck_assert_ptr_null(target.authority.p);
	}
}
END_TEST

START_TEST(refusals)
{
	static const char *const bad[] = {
		"",	     "*",	    "mcp",   "/a%",	    "/a%4",    "/%zz",	   "/%00",
		"/%0a",	     "/%7f",	    "/a#b",  "/\x80",	    "/%ff",    "ftp://x/", "http://",
		"http:///x", "http://u@h/", "/a\tb", "example:443", "http:/x", "https://", "/%C0%AF",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(arena) *arena = arena_new(4096);
		struct http_target target;

		ck_assert_msg(http_target_parse(arena, str_of(bad[i]), false, &target) == ERR_HTTP_MALFORMED, "%s",
			      bad[i]);
	}
}
END_TEST

START_TEST(other_forms)
{
	AUTO(arena) *arena = arena_new(4096);
	struct http_target target;

	ck_ok(http_target_parse(arena, STR("*"), true, &target));
	ck_str(target.path, "*");
	ck_ok(http_target_parse(arena, STR("HTTP://Host:81?q"), false, &target));
	ck_str(target.authority, "Host:81");
	ck_str(target.path, "/");
	ck_str(target.query, "q");
	ck_ok(http_target_parse(arena, STR("https://h/a/../b"), false, &target));
	ck_str(target.authority, "h");
	ck_str(target.path, "/b");
}
END_TEST

UNIT_MAIN("target", paths, refusals, other_forms)
