/* Borrowed strings: the edges of each function, and the hash's independence of alignment. */
#include "../unit.h"

START_TEST(compares)
{
	ck_assert(str_eq(STR_NONE, STR("")));
	ck_assert(!str_eq(STR("a"), STR("b")));
	ck_assert(str_starts(STR("abc"), STR("ab")));
	ck_assert(!str_starts(STR("a"), STR("ab")));
	ck_assert(str_ends(STR("abc"), STR("bc")));
	ck_assert(str_ends(STR_NONE, STR_NONE));
	ck_assert(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
	ck_assert(!str_eq_nocase(STR("a@"), STR("a`")));
	ck_assert_int_lt(str_cmp(STR("a"), STR("ab")), 0);
	ck_assert_int_gt(str_cmp(STR("b"), STR("ab")), 0);
	ck_assert_int_gt(str_cmp(STR("\xff"), STR("a")), 0);
	ck_assert_int_eq(str_cmp(STR_NONE, STR("")), 0);
	ck_assert(str_eq_secret(STR("same"), STR("same")));
	ck_assert(!str_eq_secret(STR("same"), STR("sane")));
	ck_assert(!str_eq_secret(STR("same"), STR("sam")));
	ck_assert(str_eq_secret(STR_NONE, STR_NONE));
}
END_TEST

/* Every byte at every place of a word and of the rest behind it, against the plain definition. */
START_TEST(printable)
{
	char text[19];

	ck_assert(str_is_printable(STR_NONE));
	for (size_t at = 0; at < sizeof(text); at++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			memset(text, byte & 1 ? '~' : ' ', sizeof(text));
			text[at] = (char)byte;
			ck_assert_msg(str_is_printable((struct str){text, sizeof(text)}) ==
					      (byte >= 0x20 && byte < 0x7F),
				      "byte %u at %zu", byte, at);
		}
	}
}
END_TEST

/* A difference in case, and one that only looks like it, before, in and behind a whole word. */
START_TEST(compares_nocase_at_every_place)
{
	char a[19], b[19];

	for (size_t at = 0; at < sizeof(a); at++) {
		memset(a, 'x', sizeof(a));
		memset(b, 'x', sizeof(b));
		b[at] = 'X';
		ck_assert(str_eq_nocase((struct str){a, sizeof(a)}, (struct str){b, sizeof(b)}));
		a[at] = '`';
		b[at] = '@';
		ck_assert(!str_eq_nocase((struct str){a, sizeof(a)}, (struct str){b, sizeof(b)}));
	}
}
END_TEST

START_TEST(cuts)
{
	struct str head, tail;

	ck_str(str_skip(STR("abc"), 2), "c");
	ck_str(str_skip(STR("abc"), 9), "");
	ck_str(str_trim(STR(" \t\r\n a b \n")), "a b");
	ck_str(str_trim(STR("  ")), "");
	ck_assert(str_cut(STR("k=v=w"), '=', &head, &tail));
	ck_str(head, "k");
	ck_str(tail, "v=w");
	ck_assert(!str_cut(STR("none"), '=', &head, &tail));
	ck_str(head, "none");
	ck_str(tail, "");
	ck_assert(!str_cut(STR_NONE, '=', &head, &tail));
	ck_assert(str_cut(STR("="), '=', &head, &tail));
	ck_str(tail, "");
}
END_TEST

START_TEST(numbers)
{
	static const char *const bad[] = {
		"", "-", "+1", " 1", "1 ", "0x1", "18446744073709551616", "99999999999999999999"};
	uint64_t u = 7;
	int64_t i = 7;

	ck_ok(str_to_u64(STR("18446744073709551615"), &u));
	ck_assert(u == UINT64_MAX);
	ck_ok(str_to_i64(STR("-9223372036854775808"), &i));
	ck_assert(i == INT64_MIN);
	ck_ok(str_to_i64(STR("9223372036854775807"), &i));
	ck_assert(i == INT64_MAX);
	ck_err(str_to_i64(STR("9223372036854775808"), &i), ERR_RPC_PARAMS);
	ck_err(str_to_i64(STR("-9223372036854775809"), &i), ERR_RPC_PARAMS);
	ck_err(str_to_i64(STR("--1"), &i), ERR_RPC_PARAMS);
	for (size_t n = 0; n < ARRAY_LEN(bad); n++)
		ck_err(str_to_u64(str_of(bad[n]), &u), ERR_RPC_PARAMS);
	ck_err(str_to_u64(STR("-1"), &u), ERR_RPC_PARAMS);
	ck_assert(u == UINT64_MAX && i == INT64_MAX); /* set only on success */
	ck_ok(str_hex_to_u64(STR("0123456789abcdef"), &u));
	ck_assert(u == 0x0123456789abcdef);
	ck_ok(str_hex_to_u64(STR("ffffffffffffffff"), &u));
	ck_assert(u == UINT64_MAX);
	ck_err(str_hex_to_u64(STR(""), &u), ERR_RPC_PARAMS);
	ck_err(str_hex_to_u64(STR("1A"), &u), ERR_RPC_PARAMS);
	ck_err(str_hex_to_u64(STR("g"), &u), ERR_RPC_PARAMS);
	ck_err(str_hex_to_u64(STR("00000000000000001"), &u), ERR_RPC_PARAMS);
}
END_TEST

START_TEST(globs)
{
	static char many[20001];

	ck_assert(str_glob(STR("*"), STR("")));
	ck_assert(str_glob(STR(""), STR("")));
	ck_assert(!str_glob(STR(""), STR("a")));
	ck_assert(!str_glob(STR("?"), STR("")));
	ck_assert(str_glob(STR("billing.*"), STR("billing.pay")));
	ck_assert(!str_glob(STR("billing.*"), STR("billingXpay")));
	ck_assert(str_glob(STR("*.delete_*"), STR("a.b.delete_x")));
	ck_assert(str_glob(STR("a*b*c"), STR("a-b-b-c")));
	ck_assert(!str_glob(STR("a*b*c"), STR("a-c-b")));
	ck_assert(str_glob(STR("a?c*"), STR("abc")));
	ck_assert(!str_glob(STR("[a]"), STR("a")));
	memset(many, 'a', sizeof(many) - 1);
	/* exponential in a naive matcher */
	ck_assert(!str_glob(STR("*a*a*a*a*a*a*a*a*a*a*b"), str_of(many)));
}
END_TEST

START_TEST(hashes)
{
	char moved[64];

	/* the same bytes hash alike at every offset and length; neighbours differ */
	for (size_t n = 0; n < 24; n++) {
		static const char text[] = "abcdefghijklmnopqrstuvwxyz";

		for (size_t at = 0; at < 8; at++) {
			memcpy(moved + at, text, n);
			ck_assert(str_hash((struct str){moved + at, n}) == str_hash((struct str){text, n}));
		}
		ck_assert(str_hash((struct str){text, n}) != str_hash((struct str){text, n + 1}));
	}
	ck_assert(str_hash(STR("a\0")) != str_hash(STR("a")));
	ck_assert(str_hash(STR_NONE) == str_hash(STR("")));
}
END_TEST

START_TEST(utf8)
{
	static const char *const good[] = {"",
					   "plain ascii text",
					   "\xC2\x80",
					   "\xDF\xBF",
					   "\xE0\xA0\x80",
					   "\xED\x9F\xBF",
					   "\xEE\x80\x80",
					   "\xF0\x90\x80\x80",
					   "\xF4\x8F\xBF\xBF",
					   "12345678\xC3\xA9"};
	static const char *const bad[] = {"\x80",
					  "\xC0\x80",
					  "\xC1\xBF",
					  "\xC2",
					  "\xE0\x9F\xBF",
					  "\xED\xA0\x80",
					  "\xEF\xBF",
					  "\xF0\x8F\xBF\xBF",
					  "\xF4\x90\x80\x80",
					  "\xF5\x80\x80\x80",
					  "\xFF",
					  "\xE2\x28\xA1",
					  "12345678\xC3",
					  "\xF0\x90\x80",
					  "1234567\xC3\x28"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(str_is_utf8(str_of(good[i])), "good %zu", i);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!str_is_utf8(str_of(bad[i])), "bad %zu", i);
}
END_TEST

START_TEST(cuts_between_characters)
{
	const char *text = "a\xC3\xA4\xE2\x82\xAC"; /* one, two and three bytes */
	const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6};

	for (size_t max = 0; max < ARRAY_LEN(kept); max++)
		ck_assert_uint_eq(str_shorten(str_of(text), max).n, kept[max]);
	ck_assert_uint_eq(str_shorten(STR_NONE, 5).n, 0);
}
END_TEST

START_TEST(controls)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		char text[] = {'a', (char)byte, 'z'};

		ck_assert_int_eq(str_has_control((struct str){text, sizeof(text)}), byte < 0x20 || byte == 0x7f);
	}
	ck_assert(!str_has_control(STR_NONE));
}
END_TEST

UNIT_MAIN("str", compares, printable, compares_nocase_at_every_place, cuts, numbers, globs, hashes, utf8,
	  cuts_between_characters, controls)
