/* The calendar, checked against the C library's, and the clocks' direction. */
#include "../unit.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

START_TEST(calendar_agrees_with_libc)
{
	/* a prime step of about 4.6 days walks all of 1970..9999 through every time of day */
	for (int64_t ms = 0; ms < 253402300800000; ms += 399999997) {
		char got[CLOCK_ISO_LEN + 1], want[64];
		time_t seconds = ms / 1000;
		struct tm tm;
		size_t n;

		ck_assert_ptr_nonnull(gmtime_r(&seconds, &tm));
		n = strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(want + n, sizeof(want) - n, ".%03dZ", (int)(ms % 1000));
		clock_iso(ms, got);
		ck_assert_str_eq(got, want);
	}
}
END_TEST

START_TEST(outside_the_calendar)
{
	char got[CLOCK_ISO_LEN + 1];

	clock_iso(INT64_MIN, got);
	ck_assert_str_eq(got, "1970-01-01T00:00:00.000Z");
	clock_iso(INT64_MAX, got);
	ck_assert_str_eq(got, "9999-12-31T23:59:59.999Z");
}
END_TEST

START_TEST(clocks)
{
	int64_t before = clock_ns(), before_ms = clock_ms();

	ck_assert_int_le(before, clock_ns());
	ck_assert_int_le(before_ms, clock_ms());
	ck_assert_int_lt(llabs(clock_wall_ms() / 1000 - (int64_t)time(NULL)), 2);
}
END_TEST

UNIT_MAIN("clock", calendar_agrees_with_libc, outside_the_calendar, clocks)
