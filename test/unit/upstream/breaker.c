/* The circuit breaker, with a clock that the test turns. */
#include "../unit.h"

#include "upstream/breaker.h"

static struct breaker opened(int64_t now_ms)
{
	struct breaker breaker;

	breaker_init(&breaker, 3, 100);
	for (int i = 0; i < 3; i++) {
		ck_assert(breaker_admit(&breaker, now_ms));
		ck_assert_int_eq(breaker_failure(&breaker, now_ms), i == 2);
	}
	ck_assert_int_eq(breaker.state, BREAKER_OPEN);
	return breaker;
}

START_TEST(test_opens_in_a_row)
{
	struct breaker breaker;

	breaker_init(&breaker, 3, 100);
	for (int i = 0; i < 10; i++) {
		ck_assert(!breaker_failure(&breaker, 0));
		ck_assert(!breaker_failure(&breaker, 0));
		ck_assert(!breaker_success(&breaker));
	}
	ck_assert_int_eq(breaker.state, BREAKER_CLOSED);
	breaker = opened(0);
	ck_assert(!breaker_admit(&breaker, 99));
}
END_TEST

START_TEST(test_one_trial)
{
	struct breaker breaker = opened(1000);

	ck_assert(!breaker_admit(&breaker, 1099));
	ck_assert(breaker_admit(&breaker, 1100));
	ck_assert(!breaker_admit(&breaker, 1100));
	ck_assert(!breaker_admit(&breaker, 99999));
	ck_assert(breaker_success(&breaker));
	ck_assert_int_eq(breaker.state, BREAKER_CLOSED);
	ck_assert(breaker_admit(&breaker, 1100));
}
END_TEST

START_TEST(test_trial_fails)
{
	struct breaker breaker = opened(0);

	ck_assert(breaker_admit(&breaker, 100));
	ck_assert(breaker_failure(&breaker, 130));
	ck_assert(!breaker_admit(&breaker, 229));
	ck_assert(breaker_admit(&breaker, 230));
}
END_TEST

START_TEST(test_trial_without_verdict)
{
	struct breaker breaker = opened(0);

	ck_assert(breaker_admit(&breaker, 100));
	ck_assert(breaker_no_verdict(&breaker, 110));
	ck_assert(breaker_admit(&breaker, 110));
	ck_assert(!breaker_admit(&breaker, 110));
}
END_TEST

/* Calls that were under way when it opened. */
START_TEST(test_late_reports)
{
	struct breaker breaker = opened(0);

	ck_assert(!breaker_failure(&breaker, 50));
	ck_assert(!breaker_no_verdict(&breaker, 50));
	ck_assert(!breaker_admit(&breaker, 99)); /* a late failure does not prolong the rest */
	ck_assert(breaker_admit(&breaker, 100));
	breaker = opened(0);
	ck_assert(breaker_success(&breaker));
	ck_assert(breaker_admit(&breaker, 1));
}
END_TEST

START_TEST(test_never_opens)
{
	struct breaker breaker;

	breaker_init(&breaker, 0, 100);
	for (int i = 0; i < 1000; i++)
		ck_assert(!breaker_failure(&breaker, 0));
	ck_assert(breaker_admit(&breaker, 0));
}
END_TEST

UNIT_MAIN("upstream/breaker", test_opens_in_a_row, test_one_trial, test_trial_fails, test_trial_without_verdict,
	  test_late_reports, test_never_opens)
