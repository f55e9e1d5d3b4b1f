/* Names that strangers give themselves. */
#include "authclient/shown_name.h"

#include <stdio.h>

#include "unit.h"

static const char *shown(const char *given, size_t bytes_max)
{
	static char out[64];
	AUTO(arena) *arena = arena_new(1 << 16);
	struct str name = shown_name(arena, str_of(given), bytes_max, STR("fallback"));

	snprintf(out, sizeof(out), "%.*s", STR_ARG(name));
	return out;
}

START_TEST(test_what_is_shown)
{
	ck_assert_str_eq(shown("  Claude Code ", 20), "Claude Code");
	ck_assert_str_eq(shown("a\r\nb\x7f", 20), "a  b ");
	ck_assert_str_eq(shown("abcdef", 3), "abc");
	ck_assert_str_eq(shown("ab\xc3\xa4", 4), "ab\xc3\xa4");
	ck_assert_str_eq(shown("ab\xc3\xa4", 3), "ab");
	ck_assert_str_eq(shown("\xe2\x82\xac"
			       "\xe2\x82\xac",
			       5),
			 "\xe2\x82\xac");
}
END_TEST

START_TEST(test_what_is_none)
{
	ck_assert_str_eq(shown(NULL, 20), "fallback");
	ck_assert_str_eq(shown("   ", 20), "fallback");
	ck_assert_str_eq(shown("\xff\xfe", 20), "fallback");
}
END_TEST

UNIT_MAIN("shown_name", test_what_is_shown, test_what_is_none)
