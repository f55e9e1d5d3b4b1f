/* The calendar, checked against the C library's, and the clocks' direction. */
#include "../unit.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

START_TEST(calendar_agrees_with_libc)
{
	const int64_t cycle_ms = 146097LL * 24 * 3600 * 1000; /* 400 years: then the calendar repeats */

	/* a prime step of about 4.6 days walks through every time of day; what repeats is only looked into */
	for (int64_t ms = 0; ms < 253402300800000; ms += 399999997LL * (ms < cycle_ms ? 1 : 97)) {
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

START_TEST(iso_is_read)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-21T01:02:03.456Z", 1795222923456},
		{"2026-11-21t01:02:03.4z", 1795222923400},
		{"2026-11-21T01:02:03.4567890Z", 1795222923456},
		{"2026-11-21T02:02:03+01:00", 1795222923000},
		{"2026-11-20T19:32:03-05:30", 1795222923000},
		{"2028-02-29T00:00:00Z", 1835395200000},
		{"9999-12-31T23:59:59.999Z", 253402300799999},
	};
	static const char *const bad[] = {
		"",
		"2026",
		"2026-11-21",
		"2026-11-21T01:02:03",
		"2026-11-21 01:02:03Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-11-31T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-11-21T24:00:00Z",
		"2026-11-21T00:60:00Z",
		"2026-11-21T00:00:61Z",
		"2026-11-21T00:00:00.Z",
		"2026-11-21T00:00:00+1:00",
		"2026-11-21T00:00:00+24:00",
		"2026-11-21T00:00:00Zx",
		"1969-12-31T00:00:00Z",
	};
	char back[CLOCK_ISO_LEN + 1];
	int64_t ms;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		ck_ok(clock_iso_read(str_of(good[i].text), &ms));
		ck_assert_msg(ms == good[i].ms, "%s: %lld", good[i].text, (long long)ms);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(clock_iso_read(str_of(bad[i]), &ms), ERR_RPC_PARAMS);
	for (int64_t at = 0; at < 4102444800000; at += 86399999LL * 611) {
		clock_iso(at, back);
		ck_ok(clock_iso_read(str_of(back), &ms));
		ck_assert_int_eq(ms, at);
	}
}
END_TEST

UNIT_MAIN("clock", iso_is_read, calendar_agrees_with_libc, outside_the_calendar, clocks)
