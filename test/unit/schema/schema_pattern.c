/* Patterns: that ECMA-262's meaning survives the translation to PCRE2, that what ECMA does not
 * have is refused, and that work is paid for. */
#include "../unit.h"

#include "schema/pattern.h"

#define WORK 1000000

static bool matches(const char *source, struct str text)
{
	AUTO(pattern) *pattern = NULL;
	uint64_t work = WORK;
	AUTO_BUF problem = {0};
	bool matched = false;

	if (pattern_compile(str_of(source), &problem, &pattern) != OK)
		ck_abort_msg("%s: %.*s", source, STR_ARG(buf_str(&problem)));
	ck_ok(pattern_match(pattern, text, &work, &matched));
	ck_assert_uint_le(work, WORK);
	return matched;
}

START_TEST(test_ecma_meaning)
{
	static const struct {
		const char *pattern, *text;
		bool matched;
	} cases[] = {
		{"", "", true},
		{"^a$", "a\n", false},
		{"^.$", "\xF0\x9F\x98\x80", true},
		{"^.$", "\xE2\x80\xA8", false}, /* U+2028 ends a line */
		{"^\\d$", "\xD9\xA1", false},
		{"^\\w$", "\xC3\xA9", false},
		{"^\\s$", "\xC2\xA0", true},
		{"^\\S$", "\xEF\xBB\xBF", false},
		{"^[\\s]$", "\xE3\x80\x80", true},
		{"^[^\\S]$", "x", false},
		{"^[\\S]$", "x", true},
		{"^[^\\s]$", "\xE2\x80\x83", false},
		{"^\\u{1F600}$", "\xF0\x9F\x98\x80", true},
		{"^\\ud83d\\ude00$", "\xF0\x9F\x98\x80", true},
		{"[\\ud800-\\udfff]", "\xF0\x9F\x98\x80", false},
		{"^\\x41\\cJ\\0$", "A\n", false},
		{"^\\x41\\cJ$", "A\n", true},
		{"^\\p{Letter}\\p{Lu}\\P{L}$",
		 "\xC3\xBC\xC3\x9C"
		 "1",
		 true},
		{"^\\p{Script=Greek}+$", "\xCE\xB1\xCE\xB2", true},
		{"^\\p{gc=Nd}$", "7", true},
		{"^[]$", "]", false},
		{"^[^]$", "\n", true},
		{"^[[:alpha:]]$", "a", false}, /* a class of [:alph, then a bracket */
		{"^[[:alpha:]]$", "a]", true},
		{"^[\\w-.]+$", "a-.b", true},
		{"^a{,2}$", "a{,2}", true},
		{"^a{2,}b?c*$", "aaac", true},
		{"^(a)?b\\1$", "b", true}, /* an unset group is empty */
		{"^(?<y>a)\\k<y>$", "aa", true},
		{"(?<=a)b(?!c)", "xabd", true},
		{"^[a\\-z]+$", "-", true},
		{"^\\/\\.\\-$", "/.-", true},
		{"^[\\b]$", "\b", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_msg(matches(cases[i].pattern, str_of(cases[i].text)) == cases[i].matched, "%s on %s",
			      cases[i].pattern, cases[i].text);
	ck_assert(matches("^\\0$", (struct str){"\0", 1}));
}
END_TEST

START_TEST(test_refused)
{
	static const char *const sources[] = {
		"(",	    ")",     "a**",	 "a++",		"*",	  "(?i)a",	  "(?>a)", "(?#x)",
		"(?P<n>a)", "(?R)",  "(*UTF8)a", "\\Z",		"\\Qa",	  "\\a",	  "\\01",  "[a",
		"\\",	    "\\u12", "\\u{}",	 "\\u{110000}", "\\x1",	  "\\p{No such}", "\\pL",  "\\c1",
		"(?<=a+)b", "(?",    "[z-a]",	 "a{2,1}",	"\\k<x>",
	};

	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		struct pattern *pattern = NULL;
		AUTO_BUF problem = {0};

		ck_assert_msg(pattern_compile(str_of(sources[i]), &problem, &pattern) == ERR_CONFIG, "%s", sources[i]);
		ck_assert_ptr_null(pattern);
		ck_assert_uint_gt(problem.n, 0);
	}
}
END_TEST

/* Long texts cost more, and what is not there cannot be spent. */
START_TEST(test_work)
{
	AUTO(pattern) *pattern = NULL;
	uint64_t work = WORK, before;
	AUTO_BUF problem = {0}, text = {0};
	bool matched;

	for (int i = 0; i < 100000; i++)
		buf_put_byte(&text, 'a');
	ck_ok(pattern_compile(STR("^[a-z]+$"), &problem, &pattern));
	ck_ok(pattern_match(pattern, STR("a"), &work, &matched));
	ck_assert_uint_lt(WORK - work, 10);
	before = work;
	ck_ok(pattern_match(pattern, buf_str(&text), &work, &matched));
	ck_assert(matched);
	ck_assert_uint_gt(before - work, 100000 / 256);
	work = 3;
	ck_err(pattern_match(pattern, buf_str(&text), &work, &matched), ERR_LIMIT);
}
END_TEST

UNIT_MAIN("schema_pattern", test_ecma_meaning, test_refused, test_work)
