/* The endpoint event of an HTTP+SSE server: every way to spell it, and the ways out of its origin. */
#include "../unit.h"

#include "upstream/endpoint.h"

static void expect(const char *base, const char *text, const char *want)
{
	AUTO_BUF path = {0};
	const char *problem;
	struct url url;

	ck_ok(url_parse(str_of(base), &url));
	problem = endpoint_resolve(&url, str_of(text), &path);
	if (want == NULL) {
		ck_assert_msg(problem != NULL, "%s was taken", text);
		ck_assert_uint_eq(path.n, 0);
		return;
	}
	ck_assert_msg(problem == NULL, "%s: %s", text, problem);
	ck_assert_msg(str_eq(buf_str(&path), str_of(want)), "%s became %.*s", text, STR_ARG(buf_str(&path)));
}

START_TEST(test_spellings)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"/messages?sessionId=1", "/messages?sessionId=1"},
		{"messages?sessionId=1", "/a/messages?sessionId=1"},
		{"./messages", "/a/messages"},
		{"../messages?x=/../y", "/messages?x=/../y"},
		{"../../../m", "/m"},
		{"/a/./b/../c", "/a/c"},
		{"/a/..", "/"},
		{"..", "/"},
		{"?sessionId=2", "/a/sse?sessionId=2"},
		{"https://old.example/m?s=1", "/m?s=1"},
		{"HTTPS://OLD.example:443/m", "/m"},
		{"//old.example/m", "/m"},
		{"https://old.example", "/"},
		{"/m#fragment", "/m"},
		{"/m?redirect=https://b.example/", "/m?redirect=https://b.example/"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect("https://old.example/a/sse?key=1", rows[i].text, rows[i].want);
	expect("http://old.example", "m", "/m");
	expect("http://[::1]:8080/sse", "http://[::1]:8080/m", "/m");
}
END_TEST

START_TEST(test_foreign)
{
	static const char *const rows[] = {
		"",
		"#",
		" /m",
		"/m\n",
		"/m\r\nX: y",
		"/m\x01",
		"/m\xc3\xa9",
		"/\\evil.example/m",
		"http://old.example/m",
		"https://old.example:8443/m",
		"https://evil.example/m",
		"https://old.example.evil.example/m",
		"https://old.example@evil.example/m",
		"//evil.example/m",
		"///m",
		"ftp://old.example/m",
		"javascript:alert(1)",
		"https:",
		"https://",
	};
	char large[ENDPOINT_BYTES_MAX + 2];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect("https://old.example/sse", rows[i], NULL);
	memset(large, 'a', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	expect("https://old.example/sse", large, NULL);
}
END_TEST

UNIT_MAIN("upstream/endpoint", test_spellings, test_foreign)
