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

/* --- reading --- */

/* Days since 1970 of a date: the inverse of civil_date. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	unsigned march_month = month > 2 ? month - 3 : month + 9;
	int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - DAYS_TO_EPOCH;
}

/* `digits` digits and then `end` (0: nothing); steps past both. */
static bool take_digits(struct str *text, size_t digits, char end, unsigned *ret_value)
{
	unsigned value = 0;

	if (text->n < digits + (end != 0))
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (text->p[i] < '0' || text->p[i] > '9')
			return false;
		value = value * 10 + (unsigned)(text->p[i] - '0');
	}
	if (end != 0 && text->p[digits] != end)
		return false;
	*text = str_skip(*text, digits + (end != 0));
	*ret_value = value;
	return true;
}

/* ".123": more digits than three are read past. */
static bool take_fraction(struct str *text, unsigned *ret_ms)
{
	unsigned ms = 0, digit, taken = 0;

	*ret_ms = 0;
	if (text->n == 0 || text->p[0] != '.')
		return true;
	*text = str_skip(*text, 1);
	while (take_digits(text, 1, 0, &digit))
		if (taken++ < 3)
			ms = ms * 10 + digit;
	for (unsigned i = taken; i < 3; i++)
		ms *= 10;
	*ret_ms = ms;
	return taken > 0;
}

/* "Z" or "+01:00", to the end. */
static bool take_offset(struct str text, int64_t *ret_ms)
{
	unsigned hours, minutes;
	int64_t sign;

	*ret_ms = 0;
	if (text.n == 1 && (text.p[0] == 'Z' || text.p[0] == 'z'))
		return true;
	if (text.n != 6 || (text.p[0] != '+' && text.p[0] != '-'))
		return false;
	sign = text.p[0] == '-' ? -1 : 1;
	text = str_skip(text, 1);
	if (!take_digits(&text, 2, ':', &hours) || !take_digits(&text, 2, 0, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_ms = sign * (hours * 60 + minutes) * 60000;
	return true;
}

enum err clock_iso_read(struct str text, int64_t *ret_wall_ms)
{
	static const uint8_t month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned year, month, day, hour, minute, second, ms;
	int64_t offset_ms;

	if (!take_digits(&text, 4, '-', &year) || !take_digits(&text, 2, '-', &month) ||
	    !take_digits(&text, 2, 0, &day) || text.n == 0 || (text.p[0] != 'T' && text.p[0] != 't'))
		return ERR_RPC_PARAMS;
	text = str_skip(text, 1);
	if (!take_digits(&text, 2, ':', &hour) || !take_digits(&text, 2, ':', &minute) ||
	    !take_digits(&text, 2, 0, &second) || !take_fraction(&text, &ms) || !take_offset(text, &offset_ms))
		return ERR_RPC_PARAMS;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > month_days[month - 1] || hour > 23 ||
	    minute > 59 || second > 59)
		return ERR_RPC_PARAMS;
	if (month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
		return ERR_RPC_PARAMS;
	*ret_wall_ms =
		days_of(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + ms - offset_ms;
	return OK;
}
