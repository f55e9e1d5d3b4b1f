/* GCRA against exact sequences on a clock of our own, and against a second, naive reading of its
 * definition. */
#include "../unit.h"

#include "state/gcra.h"

#define MS 1000000
#define START ((int64_t)5000 * MS)

static struct rate_verdict take(int64_t at_ms, const struct rate *rate, int64_t *tat)
{
	struct rate_verdict verdict;

	gcra_take(START + at_ms * MS, rate, tat, &verdict);
	return verdict;
}

#define VERDICT(v, allowed_, remaining_, reset_, retry_)                                                               \
	do {                                                                                                           \
		struct rate_verdict v_ = (v);                                                                          \
		ck_assert_int_eq(v_.allowed, allowed_);                                                                \
		ck_assert_uint_eq(v_.remaining, remaining_);                                                           \
		ck_assert_int_eq(v_.reset_ms, reset_);                                                                 \
		ck_assert_int_eq(v_.retry_ms, retry_);                                                                 \
	} while (0)

/* 5 per second: 5 at once, then one each 200 ms. */
START_TEST(burst_then_evenly)
{
	struct rate rate = {5, 1000};
	int64_t tat = 0;

	VERDICT(take(0, &rate, &tat), true, 4, 200, 0);
	VERDICT(take(0, &rate, &tat), true, 3, 400, 0);
	VERDICT(take(0, &rate, &tat), true, 2, 600, 0);
	VERDICT(take(0, &rate, &tat), true, 1, 800, 0);
	VERDICT(take(0, &rate, &tat), true, 0, 1000, 0);
	VERDICT(take(0, &rate, &tat), false, 0, 1000, 200);
	VERDICT(take(150, &rate, &tat), false, 0, 850, 50);
	VERDICT(take(199, &rate, &tat), false, 0, 801, 1);
	VERDICT(take(200, &rate, &tat), true, 0, 1000, 0);
	VERDICT(take(200, &rate, &tat), false, 0, 1000, 200);
	VERDICT(take(800, &rate, &tat), true, 2, 600, 0);
	VERDICT(take(5000, &rate, &tat), true, 4, 200, 0); /* long idle: no more than the limit is saved up */
}
END_TEST

START_TEST(one_per_window)
{
	struct rate rate = {1, 60000};
	int64_t tat = 0;

	VERDICT(take(0, &rate, &tat), true, 0, 60000, 0);
	VERDICT(take(1, &rate, &tat), false, 0, 59999, 59999);
	VERDICT(take(59999, &rate, &tat), false, 0, 1, 1);
	VERDICT(take(60000, &rate, &tat), true, 0, 60000, 0);
}
END_TEST

/* Waiting exactly retry_ms must be enough, for intervals that are no whole ms as well. */
START_TEST(retry_is_enough)
{
	for (uint32_t limit = 1; limit < 200; limit++) {
		struct rate rate = {limit, 1000};
		int64_t tat = 0, at_ms = 0;

		for (int i = 0; i < 500; i++) {
			struct rate_verdict verdict = take(at_ms, &rate, &tat);

			if (verdict.allowed)
				continue;
			ck_assert_int_gt(verdict.retry_ms, 0);
			at_ms += verdict.retry_ms;
			ck_assert(take(at_ms, &rate, &tat).allowed);
		}
	}
}
END_TEST

/* In any stretch of time no more pass than the burst and what the time allows, and whoever keeps
 * asking gets that much (less one for the edges). */
START_TEST(long_run_is_the_rate)
{
	static const struct rate rates[] = {{1, 10}, {3, 100}, {7, 1000}, {100, 60000}, {300, 60000}, {1000, 1000}};

	for (size_t r = 0; r < ARRAY_LEN(rates); r++) {
		int64_t tat = 0, passed = 0;
		uint64_t dice = 88172645463325252u, at_ms = 0;
		double due;

		while (at_ms < 600000) {
			passed += take((int64_t)at_ms, &rates[r], &tat).allowed;
			dice ^= dice << 13;
			dice ^= dice >> 7;
			dice ^= dice << 17;
			at_ms += dice % 2;
		}
		due = (double)rates[r].limit + 600000.0 * rates[r].limit / (double)rates[r].window_ms;
		ck_assert_msg((double)passed <= due + 1, "%u/%lld: %lld of %f", rates[r].limit,
			      (long long)rates[r].window_ms, (long long)passed, due);
		ck_assert_msg((double)passed >= due * 0.99 - 2, "%u/%lld: %lld of %f", rates[r].limit,
			      (long long)rates[r].window_ms, (long long)passed, due);
	}
}
END_TEST

START_TEST(limit_may_change)
{
	struct rate many = {100, 1000}, few = {2, 1000};
	int64_t tat = 0;

	for (int i = 0; i < 100; i++)
		ck_assert(take(0, &many, &tat).allowed);
	VERDICT(take(0, &few, &tat), false, 0, 1000, 500);
	ck_assert(!take(499, &few, &tat).allowed);
	ck_assert(take(500, &few, &tat).allowed);
	few.window_ms = 100;
	VERDICT(take(500, &few, &tat), false, 0, 1000, 950);
}
END_TEST

UNIT_MAIN("gcra", burst_then_evenly, one_per_window, retry_is_enough, long_run_is_the_rate, limit_may_change)
