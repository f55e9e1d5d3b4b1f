/* Forms and cookies: what is decoded, what is refused, and that what is put is read back. */
#include "../unit.h"

#include "http/form.h"
#include "http/reply.h"

START_TEST(forms_are_decoded)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct form form;

	ck_ok(form_read(arena, STR("a=1&b=x+y%20z&&empty=&bare&%C3%A4=%26%3D&a=2"), &form));
	ck_assert_uint_eq(form.count, 6);
	ck_str(form_get(&form, STR("a")), "1");
	ck_str(form_get(&form, STR("b")), "x y z");
	ck_str(form_get(&form, STR("empty")), "");
	ck_str(form_get(&form, STR("bare")), "");
	ck_str(form_get(&form, STR("\xc3\xa4")), "&=");
	ck_assert_ptr_null(form_get(&form, STR("none")).p);
	ck_assert(form_repeats(&form, STR("a")));
	ck_assert(!form_repeats(&form, STR("b")));
	ck_ok(form_read(arena, STR(""), &form));
	ck_assert_uint_eq(form.count, 0);
}
END_TEST

START_TEST(what_can_be_read_in_two_ways_is_refused)
{
	static const char *const bad[] = {"a=%", "a=%2", "a=%zz", "a=%00", "a=%ff", "a=b%4"};
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO_BUF many = {0};
	struct form form;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(form_read(arena, str_of(bad[i]), &form), ERR_HTTP_MALFORMED);
	for (int i = 0; i < FORM_FIELDS_MAX; i++)
		form_put(&many, STR("n"), STR("v"));
	ck_ok(form_read(arena, buf_str(&many), &form));
	form_put(&many, STR("n"), STR("v"));
	ck_err(form_read(arena, buf_str(&many), &form), ERR_LIMIT);
}
END_TEST

START_TEST(what_is_put_is_read_back)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO_BUF out = {0};
	struct form form;

	buf_put(&out, STR("https://x.example/cb?"));
	form_put(&out, STR("code"), STR("a+b&c=d e/\xc3\xa4%"));
	form_put(&out, STR("state"), STR("~-._"));
	ck_str(buf_str(&out), "https://x.example/cb?code=a%2Bb%26c%3Dd%20e%2F%C3%A4%25&state=~-._");
	ck_ok(form_read(arena, str_skip(buf_str(&out), strlen("https://x.example/cb?")), &form));
	ck_str(form_get(&form, STR("code")), "a+b&c=d e/\xc3\xa4%");
}
END_TEST

START_TEST(cookies_are_found)
{
	ck_str(cookie_get(STR("a=1; b=2;c=3"), STR("b")), "2");
	ck_str(cookie_get(STR("a=1; b=2;c=3"), STR("c")), "3");
	ck_str(cookie_get(STR("a=x=y"), STR("a")), "x=y");
	ck_assert_ptr_null(cookie_get(STR("ab=1"), STR("a")).p);
	ck_assert_ptr_null(cookie_get(STR("a=1; a=2"), STR("a")).p); /* one of them is planted */
	ck_assert_ptr_null(cookie_get(STR(""), STR("a")).p);
	ck_assert_ptr_null(cookie_get(STR_NONE, STR("a")).p);
}
END_TEST

START_TEST(html_is_escaped)
{
	AUTO_BUF out = {0};

	html_put(&out, STR("<a href=\"x\">'&'</a>"));
	ck_str(buf_str(&out), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
}
END_TEST

UNIT_MAIN("form", forms_are_decoded, what_can_be_read_in_two_ways_is_refused, what_is_put_is_read_back,
	  cookies_are_found, html_is_escaped)
