/* URLs: what is accepted is cut rightly, what could be read in two ways is refused. */
#include "../unit.h"

#include "http/client.h"

START_TEST(test_parts)
{
	struct url url;

	ck_ok(url_parse(STR("https://billing.example/mcp?x=1&y"), &url));
	ck_assert(url.tls);
	ck_str(url.host, "billing.example");
	ck_assert_uint_eq(url.port, 443);
	ck_str(url.path, "/mcp?x=1&y");
	ck_ok(url_parse(STR("HTTP://h:8080"), &url));
	ck_assert(!url.tls);
	ck_assert_uint_eq(url.port, 8080);
	ck_str(url.path, "/");
	ck_ok(url_parse(STR("http://[2001:db8::1]:81/a"), &url));
	ck_str(url.host, "2001:db8::1");
	ck_assert_uint_eq(url.port, 81);
	ck_ok(url_parse(STR("http://[::1]/"), &url));
	ck_assert_uint_eq(url.port, 80);
}
END_TEST

START_TEST(test_refused)
{
	static const char *const bad[] = {
		"",
		"http://",
		"http:///x",
		"ftp://h/",
		"//h/x",
		"http://u@h/",
		"http://u:p@h/",
		"http://h:0/",
		"http://h:65536/",
		"http://h:1x/",
		"http://h:/",
		"http://h#f",
		"http://h/a#f",
		"http://h/a b",
		"http://h/a\r\nX: y",
		"http://h?x",
		"http://[::1/",
		"http://[::1]x/",
		"http://[]/",
		"http://h\xc3\xa9/",
		"http://[zz]/",
		"http://h/\x7f",
	};
	struct url url;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(url_parse(str_of(bad[i]), &url) == ERR_CONFIG, "accepted '%s'", bad[i]);
}
END_TEST

UNIT_MAIN("http/url", test_parts, test_refused)
