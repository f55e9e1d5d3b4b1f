/* What every unit test program shares: a main() that runs its cases in Check's fork mode, and
 * comparing our strings with a readable message. */
#ifndef GATEHOUSE_TEST_UNIT_H
#define GATEHOUSE_TEST_UNIT_H

#include <check.h>
#include <stdlib.h>

#include "base/str.h"

/* s holds exactly the bytes of the C string `want`. */
#define ck_str(s, want) ck_bytes((s), STR(want))
#define ck_bytes(s, want)                                                                                              \
	do {                                                                                                           \
		struct str ck_got_ = (s), ck_want_ = (want);                                                           \
		ck_assert_msg(str_eq(ck_got_, ck_want_), "got '%.*s', want '%.*s'", STR_ARG(ck_got_),                  \
			      STR_ARG(ck_want_));                                                                      \
	} while (0)

#define ck_ok(expr) ck_err(expr, OK)
#define ck_err(expr, want)                                                                                             \
	do {                                                                                                           \
		enum err ck_err_ = (expr);                                                                             \
		ck_assert_msg(ck_err_ == (want), "%s: got %s, want %s", #expr, err_name(ck_err_), err_name(want));     \
	} while (0)

/* Run one test case set in fork mode; the program's exit status. For programs with looped tests,
 * which UNIT_MAIN cannot list. */
static inline int unit_run(const char *name, TCase *tcase)
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

/* UNIT_MAIN("str", test_a, test_b) */
#define UNIT_MAIN(name, ...)                                                                                           \
	int main(void)                                                                                                 \
	{                                                                                                              \
		const TTest *const cases[] = {__VA_ARGS__};                                                            \
		TCase *tcase = tcase_create(name);                                                                     \
                                                                                                                       \
		for (size_t i = 0; i < ARRAY_LEN(cases); i++)                                                          \
			tcase_add_test(tcase, cases[i]);                                                               \
		return unit_run(name, tcase);                                                                          \
	}

#endif
