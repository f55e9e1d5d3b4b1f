/* Schedules: which moments they mean, and which texts mean none. */
#include "../unit.h"

#include <time.h>

#include "base/clock.h"
#include "jobs/cron.h"

static int64_t ms_of(const char *text)
{
	struct tm at = {0};

	ck_assert_ptr_nonnull(strptime(text, "%Y-%m-%dT%H:%M:%S", &at));
	return (int64_t)timegm(&at) * 1000;
}

static void next_is(const char *schedule, const char *after, const char *want)
{
	struct cron cron;
	char text[CLOCK_ISO_LEN + 1];

	ck_ok(cron_read(str_of(schedule), &cron, NULL));
	clock_iso(cron_next(&cron, ms_of(after)), text);
	text[19] = '\0'; /* without the fraction */
	ck_assert_str_eq(text, want);
}

START_TEST(the_next_moment)
{
	next_is("* * * * *", "2026-11-21T10:00:00", "2026-11-21T10:01:00");
	next_is("* * * * *", "2026-11-21T10:00:59", "2026-11-21T10:01:00");
	next_is("17 * * * *", "2026-11-21T10:17:00", "2026-11-21T11:17:00");
	next_is("*/20 * * * *", "2026-11-21T10:41:00", "2026-11-21T11:00:00");
	next_is("0 3 * * *", "2026-12-31T03:00:00", "2027-01-01T03:00:00");
	next_is("30 1-3,5 * * *", "2026-11-21T03:30:00", "2026-11-21T05:30:00");
	next_is("0 0 29 2 *", "2026-11-21T00:00:00", "2028-02-29T00:00:00");
	next_is("0 9 * * mon-fri", "2026-11-20T09:00:00", "2026-11-23T09:00:00");
	next_is("0 9 * * 7", "2026-11-21T00:00:00", "2026-11-22T09:00:00");
	next_is("0 0 1 JAN,jul *", "2026-11-21T00:00:00", "2027-01-01T00:00:00");
	next_is("5/30 0 * * *", "2026-11-21T00:05:00", "2026-11-21T00:35:00");
	next_is("  @monthly ", "2026-11-21T00:00:00", "2026-12-01T00:00:00");
	next_is("@weekly", "2026-11-21T00:00:00", "2026-11-22T00:00:00");
	next_is("every 15m", "2026-11-21T10:01:00", "2026-11-21T10:15:00");
	next_is("every 90s", "2026-11-21T00:00:00", "2026-11-21T00:01:30");
}
END_TEST

/* With a day and a weekday either is enough, as crontab has it. */
START_TEST(day_or_weekday)
{
	next_is("0 0 13 * fri", "2026-11-21T00:00:00", "2026-11-27T00:00:00");
	next_is("0 0 13 * fri", "2026-12-11T00:00:00", "2026-12-13T00:00:00");
}
END_TEST

START_TEST(some_moments_never_come)
{
	struct cron cron;

	ck_ok(cron_read(STR("0 0 30 2 *"), &cron, NULL));
	ck_assert(cron_next(&cron, ms_of("2026-11-21T00:00:00")) == CRON_NEVER_MS);
	ck_ok(cron_read(STR("never"), &cron, NULL));
	ck_assert(cron_next(&cron, 0) == CRON_NEVER_MS);
}
END_TEST

START_TEST(what_is_no_schedule_is_refused)
{
	static const char *const bad[] = {
		"",
		"* * * *",
		"* * * * * *",
		"60 * * * *",
		"* 24 * * *",
		"* * 0 * *",
		"* * * 13 *",
		"* * * * 8",
		"5-1 * * * *",
		"*/0 * * * *",
		"1, * * * *",
		", * * * *",
		"a * * * *",
		"* * * foo *",
		"every",
		"every 0m",
		"every 5",
		"every m",
		"@yearly",
		"99999999999 * * * *",
		"-1 * * * *",
		"1- * * * *",
		"every 99999999999s",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_BUF problem = {0};
		struct cron cron;

		ck_err(cron_read(str_of(bad[i]), &cron, &problem), ERR_CONFIG);
		ck_assert(problem.n > 0);
	}
}
END_TEST

UNIT_MAIN("cron", the_next_moment, day_or_weekday, some_moments_never_come, what_is_no_schedule_is_refused)
