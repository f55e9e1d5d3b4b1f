/* Growing buffers and the JSON string writer. */
#include "../unit.h"

START_TEST(grows)
{
	AUTO_BUF buf = {0};

	for (int i = 0; i < 1000; i++)
		buf_put_byte(&buf, (char)('a' + i % 26));
	ck_assert_uint_eq(buf.n, 1000);
	ck_assert(buf.p[999] == 'a' + 999 % 26);
	buf_drop_front(&buf, 998);
	ck_assert_uint_eq(buf.n, 2);
	ck_assert(buf.p[1] == 'a' + 999 % 26);
	buf_free(&buf);
	ck_assert(buf.p == NULL && buf.n == 0);
	buf_put(&buf, STR_NONE);
	buf_put_u64(&buf, 0);
	buf_put_u64(&buf, UINT64_MAX);
	ck_str(buf_str(&buf), "018446744073709551615");
}
END_TEST

START_TEST(formats)
{
	AUTO_BUF buf = {0};

	/* lengths around the first growth */
	for (int n = 60; n < 70; n++) {
		buf.n = 0;
		buf_put_fmt(&buf, "%*d|%s", n, 7, "x");
		ck_assert_uint_eq(buf.n, (size_t)n + 2);
		ck_assert(buf.p[n - 1] == '7' && buf.p[n] == '|');
	}
	buf_put_fmt(&buf, "%s", "");
	ck_assert_uint_eq(buf.n, 71);
}
END_TEST

static struct str json_of(struct buf *buf, struct str s)
{
	buf->n = 0;
	buf_put_json(buf, s);
	return buf_str(buf);
}

START_TEST(json_strings)
{
	AUTO_BUF buf = {0};

	ck_str(json_of(&buf, STR_NONE), "\"\"");
	ck_str(json_of(&buf, STR("a\"b\\c/d")), "\"a\\\"b\\\\c/d\"");
	ck_str(json_of(&buf, STR("\b\f\n\r\t\x01\x1f")), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\"");
	ck_str(json_of(&buf, STR("x\0y")), "\"x\\u0000y\"");
	ck_str(json_of(&buf, STR("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")), "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
	/* a terminal would act on these */
	ck_str(json_of(&buf, STR("\x1b[2J\x7f\xC2\x9B")), "\"\\u001b[2J\\u007f\\u009b\"");
	/* each byte that starts nothing becomes one replacement character */
	ck_str(json_of(&buf, STR("a\xFFz")), "\"a\xEF\xBF\xBDz\"");
	ck_str(json_of(&buf, STR("\xED\xA0\x80")), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
	ck_str(json_of(&buf, STR("\xE2\x82")), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}
END_TEST

START_TEST(hex)
{
	const uint8_t bytes[] = {0x00, 0x09, 0xa0, 0xff};
	AUTO_BUF buf = {0};

	buf_put_hex(&buf, bytes, sizeof(bytes));
	buf_put_hex(&buf, NULL, 0);
	ck_assert(str_eq(buf_str(&buf), STR("0009a0ff")));
}
END_TEST

UNIT_MAIN("buf", grows, formats, json_strings, hex)
