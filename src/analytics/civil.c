/* Days as numbers, and which day it is somewhere. The calendar is counted in eras of 400 years that begin on the first
 * of March, so that the leap day is the last of a year. */
#include "analytics/civil.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "analytics/zone.h"

#define ZONE_DIRECTORY "/usr/share/zoneinfo"
#define ERA_DAYS 146097
#define MARCH_0000_DAYS 719468 /* from there to 1970-01-01 */

static civil_day day_of(int year, int month, int day)
{
	int shifted = year - (month <= 2);
	int era = shifted / 400, in_era = shifted % 400;
	int in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 + in_year - MARCH_0000_DAYS;
}

static int days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

bool civil_read(struct str text, civil_day *ret_day)
{
	int digits[10], year, month, day;

	if (text.n < 10 || (text.n > 10 && text.p[10] != ' ' && text.p[10] != 'T'))
		return false;
	for (size_t i = 0; i < 10; i++) {
		bool dash = i == 4 || i == 7;

		if (dash ? text.p[i] != '-' : text.p[i] < '0' || text.p[i] > '9')
			return false;
		digits[i] = text.p[i] - '0';
	}
	year = digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3];
	month = digits[5] * 10 + digits[6];
	day = digits[8] * 10 + digits[9];
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
		return false;
	*ret_day = day_of(year, month, day);
	return true;
}

void civil_put(struct buf *out, civil_day day)
{
	int64_t shifted = (int64_t)day + MARCH_0000_DAYS;
	int64_t era = (shifted >= 0 ? shifted : shifted - ERA_DAYS + 1) / ERA_DAYS;
	int64_t in_era = shifted - era * ERA_DAYS;
	int64_t year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * in_year + 2) / 153;
	int day_of_month = (int)(in_year - (153 * month + 2) / 5 + 1);
	int calendar_month = (int)(month < 10 ? month + 3 : month - 9);
	int year = (int)(year_of_era + era * 400 + (calendar_month <= 2));

	buf_put_fmt(out, "%04d-%02d-%02d", year, calendar_month, day_of_month);
}

int civil_weekday(civil_day day)
{
	return (int)((((int64_t)day + 3) % 7 + 7) % 7); /* the first day was a Thursday */
}

/* A whole small file.   returns   false: there is none, or it is none */
static bool file_read(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = -1;

	if (fd < 0)
		return false;
	do {
		n = read(fd, buf_reserve(out, ZONE_FILE_BYTES_MAX), ZONE_FILE_BYTES_MAX);
		if (n > 0)
			out->n += (size_t)n;
	} while ((n > 0 && out->n <= ZONE_FILE_BYTES_MAX) || (n < 0 && errno == EINTR));
	close(fd);
	return n == 0;
}

enum err civil_today(struct str zone, int64_t at_ms, civil_day *ret_day)
{
	char path[sizeof(ZONE_DIRECTORY) + ZONE_NAME_BYTES_MAX + 1];
	int64_t at_s = at_ms / 1000 - (at_ms % 1000 < 0), local_s;
	int32_t offset_s = 0;
	AUTO_BUF file = {0};

	/* UTC is known where no zones are installed. */
	if (!str_eq(zone, STR("UTC")) && !str_eq(zone, STR("Etc/UTC"))) {
		if (!zone_name_is_plain(zone))
			return ERR_NOT_FOUND;
		(void)snprintf(path, sizeof(path), "%s/%.*s", ZONE_DIRECTORY, STR_ARG(zone));
		if (!file_read(path, &file) || !zone_offset(buf_str(&file), at_s, &offset_s))
			return ERR_NOT_FOUND;
	}
	local_s = at_s + offset_s;
	*ret_day = (civil_day)(local_s / 86400 - (local_s % 86400 < 0));
	return OK;
}
