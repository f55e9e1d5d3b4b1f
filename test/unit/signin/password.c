/* Passwords: which are accepted, and that a hash knows its own and no other. */
#include "../unit.h"

#include "signin/password.h"

START_TEST(short_and_odd_ones_are_refused)
{
	char longest[PASSWORD_BYTES_MAX + 1];

	memset(longest, 'x', sizeof(longest));
	ck_assert_ptr_nonnull(password_problem(STR("")));
	ck_assert_ptr_nonnull(password_problem(STR_NONE));
	ck_assert_ptr_nonnull(password_problem(STR("elevenchars")));
	ck_assert_ptr_null(password_problem(STR("twelve chars")));
	ck_assert_ptr_nonnull(password_problem(STR("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"))); /* six */
	ck_assert_ptr_nonnull(password_problem(STR("with\0a NUL in it")));
	ck_assert_ptr_nonnull(password_problem(STR("not utf-8 \xff\xfe at all")));
	ck_assert_ptr_null(password_problem((struct str){longest, PASSWORD_BYTES_MAX}));
	ck_assert_ptr_nonnull(password_problem((struct str){longest, PASSWORD_BYTES_MAX + 1}));
}
END_TEST

START_TEST(a_hash_knows_its_password)
{
	AUTO_BUF one = {0}, two = {0};
	bool matches;

	ck_ok(password_hash(STR("correct horse battery"), &one));
	ck_ok(password_hash(STR("correct horse battery"), &two));
	ck_assert(!str_eq(buf_str(&one), buf_str(&two))); /* salted */
	ck_assert(str_starts(buf_str(&one), STR("$argon2id$v=19$m=19456,t=2,p=1$")));
	ck_ok(password_matches(buf_str(&one), STR("correct horse battery"), &matches));
	ck_assert(matches);
	ck_ok(password_matches(buf_str(&one), STR("correct horse batterz"), &matches));
	ck_assert(!matches);
	ck_ok(password_matches(buf_str(&one), STR(""), &matches));
	ck_assert(!matches);
}
END_TEST

START_TEST(nobody_has_no_password)
{
	bool matches = true;

	ck_ok(password_matches(STR(""), STR("correct horse battery"), &matches));
	ck_assert(!matches);
	ck_ok(password_matches(STR_NONE, STR(""), &matches));
	ck_assert(!matches);
	ck_ok(password_matches(STR("$argon2id$broken"), STR("x"), &matches));
	ck_assert(!matches);
}
END_TEST

UNIT_MAIN("password", short_and_odd_ones_are_refused, a_hash_knows_its_password, nobody_has_no_password)
