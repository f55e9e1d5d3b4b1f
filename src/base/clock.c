/* The two clocks, and wall time as text. The calendar is computed here: gmtime_r takes a lock
 * and reads the time zone, which an audit row a call does not need. */
#include "base/clock.h"

#include <time.h>

#include "base/check.h"

static int64_t clock_read_ns(clockid_t id)
{
	struct timespec now;

	CHECK(clock_gettime(id, &now) == 0);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_wall_ms(void)
{
	return clock_read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_ms(void)
{
	return clock_read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

static char *put_digits(char *out, unsigned value, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + digits;
}

#define DAY_MS 86400000
#define DAYS_PER_ERA 146097	   /* 400 years: the calendar repeats */
#define DAYS_TO_EPOCH 719468	   /* from 0000-03-01, where a leap day ends the year */
#define ISO_MS_MAX 253402300799999 /* 9999-12-31T23:59:59.999Z: the format has four digits */

/* Days since 1970 to year, month, day; counting years from March puts the leap day last. */
static void civil_date(int64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	unsigned z = (unsigned)(days + DAYS_TO_EPOCH);
	unsigned era = z / DAYS_PER_ERA;
	unsigned day_of_era = z % DAYS_PER_ERA;
	unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned march_month = (5 * day_of_year + 2) / 153;

	*ret_day = day_of_year - (153 * march_month + 2) / 5 + 1;
	*ret_month = march_month < 10 ? march_month + 3 : march_month - 9;
	*ret_year = era * 400 + year_of_era + (*ret_month <= 2);
}

/* Times outside 1970..9999 are shown as the nearest end: a broken clock must not break a log. */
void clock_iso(int64_t wall_ms, char out[CLOCK_ISO_LEN + 1])
{
	int64_t ms = wall_ms < 0 ? 0 : wall_ms > ISO_MS_MAX ? ISO_MS_MAX : wall_ms;
	unsigned in_day = (unsigned)(ms % DAY_MS);
	unsigned year, month, day;
	char *p = out;

	civil_date(ms / DAY_MS, &year, &month, &day);
	p = put_digits(p, year, 4);
	*p++ = '-';
	p = put_digits(p, month, 2);
	*p++ = '-';
	p = put_digits(p, day, 2);
	*p++ = 'T';
	p = put_digits(p, in_day / 3600000, 2);
	*p++ = ':';
	p = put_digits(p, in_day / 60000 % 60, 2);
	*p++ = ':';
	p = put_digits(p, in_day / 1000 % 60, 2);
	*p++ = '.';
	p = put_digits(p, in_day % 1000, 3);
	*p++ = 'Z';
	*p = '\0';
}
