/* Time zones as the system's files have them.
 *
 *     header, block of 32-bit times | header, block of 64-bit times | \n rule \n
 *     a block: times[], types of the times[], types {offset, daylight, name}[], names, leap seconds, two kinds of flags
 *
 * The first block is passed over. A moment between two times has the type of the earlier one; after the last one the
 * rule counts, a POSIX TZ string ("CET-1CEST,M3.5.0,M10.5.0/3"). Offsets there are what is added to local time: their
 * sign is turned here, once. Leap seconds are not counted: the clock does not count them. */
#include "analytics/zone.h"

#define HEADER_BYTES 44
#define TYPE_BYTES 6
#define DAY_S 86400
#define HOURS_MAX 167 /* of a rule's time: a week less an hour, RFC 9636 section 3.3.1 */

struct zone_header {
	char version;
	uint32_t ut_flags, std_flags, leaps, times, types, name_bytes;
};

static int64_t big_endian(const char *p, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | (uint8_t)p[i];
	return n == 8 ? (int64_t)value : (int64_t)(int32_t)(uint32_t)value;
}

static bool header_take(struct str *file, struct zone_header *ret_header)
{
	const char *p = file->p;

	if (file->n < HEADER_BYTES || memcmp(p, "TZif", 4) != 0)
		return false;
	*ret_header = (struct zone_header){
		.version = p[4],
		.ut_flags = (uint32_t)big_endian(p + 20, 4),
		.std_flags = (uint32_t)big_endian(p + 24, 4),
		.leaps = (uint32_t)big_endian(p + 28, 4),
		.times = (uint32_t)big_endian(p + 32, 4),
		.types = (uint32_t)big_endian(p + 36, 4),
		.name_bytes = (uint32_t)big_endian(p + 40, 4),
	};
	*file = str_skip(*file, HEADER_BYTES);
	return true;
}

static bool block_take(struct str *file, const struct zone_header *header, size_t time_bytes, struct str *ret_block)
{
	uint64_t n = (uint64_t)header->times * (time_bytes + 1) + (uint64_t)header->types * TYPE_BYTES +
		     header->name_bytes + (uint64_t)header->leaps * (time_bytes + 4) + header->std_flags +
		     header->ut_flags;

	if (n > file->n)
		return false;
	*ret_block = (struct str){file->p, (size_t)n};
	*file = str_skip(*file, (size_t)n);
	return true;
}

/* ---- the rule ---- */

struct change {
	char form; /* M: month, week, weekday; J: day of the year without 29 February; 0: day of the year from 0 */
	int month, week, day;
	int32_t time_s; /* local time of before the change */
};

struct rule {
	int32_t standard_s, daylight_s; /* offsets, east positive */
	bool has_daylight;
	struct change begin, end; /* of daylight saving */
};

static bool take_char(struct str *text, char c)
{
	if (text->n == 0 || text->p[0] != c)
		return false;
	*text = str_skip(*text, 1);
	return true;
}

static bool take_number(struct str *text, int max, int *ret_number)
{
	int number = 0;
	size_t n = 0;

	while (n < text->n && text->p[n] >= '0' && text->p[n] <= '9' && number <= max)
		number = number * 10 + (text->p[n++] - '0');
	*text = str_skip(*text, n);
	*ret_number = number;
	return n > 0 && number <= max;
}

/* "CET" or "<+0330>" */
static bool take_name(struct str *text)
{
	size_t n = 0;

	if (take_char(text, '<')) {
		while (n < text->n && text->p[n] != '>')
			n++;
		*text = str_skip(*text, n);
		return n > 0 && take_char(text, '>');
	}
	while (n < text->n && ((text->p[n] | 0x20) >= 'a' && (text->p[n] | 0x20) <= 'z'))
		n++;
	*text = str_skip(*text, n);
	return n >= 3;
}

/* [+-]h[h[h]][:mm[:ss]] */
static bool take_time(struct str *text, int32_t *ret_s)
{
	bool negative = take_char(text, '-');
	int hours, minutes = 0, seconds = 0;

	if (!negative)
		(void)take_char(text, '+');
	if (!take_number(text, HOURS_MAX, &hours))
		return false;
	if (take_char(text, ':') && !take_number(text, 59, &minutes))
		return false;
	if (take_char(text, ':') && !take_number(text, 59, &seconds))
		return false;
	*ret_s = (negative ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
	return true;
}

/* ,M3.5.0/2 or ,J60 or ,59 */
static bool take_change(struct str *text, struct change *ret)
{
	*ret = (struct change){.time_s = 2 * 3600};
	if (!take_char(text, ','))
		return false;
	if (take_char(text, 'M')) {
		ret->form = 'M';
		if (!take_number(text, 12, &ret->month) || !take_char(text, '.') || !take_number(text, 5, &ret->week) ||
		    !take_char(text, '.') || !take_number(text, 6, &ret->day) || ret->month < 1 || ret->week < 1)
			return false;
	} else {
		ret->form = take_char(text, 'J') ? 'J' : 0;
		if (!take_number(text, 365, &ret->day) || (ret->form == 'J' && ret->day < 1))
			return false;
	}
	return !take_char(text, '/') || take_time(text, &ret->time_s);
}

static bool rule_read(struct str text, struct rule *ret)
{
	*ret = (struct rule){0};
	if (!take_name(&text) || !take_time(&text, &ret->standard_s))
		return false;
	ret->standard_s = -ret->standard_s;
	if (text.n == 0)
		return true;
	ret->has_daylight = true;
	if (!take_name(&text))
		return false;
	ret->daylight_s = ret->standard_s + 3600;
	if (text.n > 0 && text.p[0] != ',') {
		if (!take_time(&text, &ret->daylight_s))
			return false;
		ret->daylight_s = -ret->daylight_s;
	}
	return take_change(&text, &ret->begin) && take_change(&text, &ret->end) && text.n == 0;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The first of January as days since 1970; years before year 1 are not asked for. */
static int64_t year_begins(int64_t year)
{
	int64_t before = year - 1;

	return 365 * before + before / 4 - before / 100 + before / 400 - 719162;
}

/* Days from 1970 to the change of a year. */
static int64_t change_day(const struct change *change, int64_t year)
{
	static const int before_month[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
	int64_t first = year_begins(year), day;
	int leap = is_leap(year), length, weekday;

	if (change->form == 0)
		return first + change->day;
	if (change->form == 'J')
		return first + change->day - 1 + (leap && change->day >= 60);
	first += before_month[change->month - 1] + (leap && change->month > 2);
	length = before_month[change->month] - before_month[change->month - 1] + (leap && change->month == 2);
	weekday = (int)(((first + 4) % 7 + 7) % 7); /* from Sunday */
	day = (change->day - weekday + 7) % 7 + 7 * (change->week - 1);
	while (day >= length) /* the fifth is the last */
		day -= 7;
	return first + day;
}

static int32_t rule_offset(const struct rule *rule, int64_t at_s)
{
	int64_t local_day = (at_s + rule->standard_s) / DAY_S, year, begin_s, end_s;

	if (!rule->has_daylight || at_s < 0)
		return rule->standard_s;
	year = 1970 + local_day * 400 / 146097;
	while (year_begins(year + 1) <= local_day)
		year++;
	while (year_begins(year) > local_day)
		year--;
	begin_s = change_day(&rule->begin, year) * DAY_S + rule->begin.time_s - rule->standard_s;
	end_s = change_day(&rule->end, year) * DAY_S + rule->end.time_s - rule->daylight_s;
	/* In the south it begins late in one year and ends early in the next. */
	if (begin_s < end_s ? at_s >= begin_s && at_s < end_s : at_s >= begin_s || at_s < end_s)
		return rule->daylight_s;
	return rule->standard_s;
}

/* ---- the file ---- */

/* The last of `count` ascending times that is not after `at_s`; count: all are after it. */
static size_t time_find(const char *times, size_t count, int64_t at_s)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (big_endian(times + 8 * middle, 8) <= at_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? count : low - 1;
}

static bool offset_by_rule(struct str footer, int64_t at_s, int32_t *ret_offset_s)
{
	struct str line, rest;
	struct rule rule;

	if (!take_char(&footer, '\n') || !str_cut(footer, '\n', &line, &rest) || !rule_read(line, &rule))
		return false;
	*ret_offset_s = rule_offset(&rule, at_s);
	return true;
}

bool zone_offset(struct str file, int64_t at_s, int32_t *ret_offset_s)
{
	struct zone_header header;
	struct str block;
	size_t found, type = 0;
	int64_t offset_s;

	if (at_s > INT64_MAX / 1000 || at_s < INT64_MIN / 1000) /* no time of a clock in milliseconds */
		return false;
	if (!header_take(&file, &header) || header.version < '2' || !block_take(&file, &header, 4, &block) ||
	    !header_take(&file, &header) || !block_take(&file, &header, 8, &block))
		return false;
	found = time_find(block.p, header.times, at_s);
	if ((header.times == 0 || found == header.times - 1) && offset_by_rule(file, at_s, ret_offset_s))
		return true;
	if (found < header.times)
		type = (uint8_t)block.p[8 * (size_t)header.times + found];
	if (type >= header.types)
		return false;
	offset_s = big_endian(block.p + 9 * (size_t)header.times + TYPE_BYTES * type, 4);
	if (offset_s < -DAY_S * 2 || offset_s > DAY_S * 2)
		return false;
	*ret_offset_s = (int32_t)offset_s;
	return true;
}

bool zone_name_is_plain(struct str name)
{
	if (name.n == 0 || name.n > ZONE_NAME_BYTES_MAX || name.p[0] == '/' || memmem(name.p, name.n, "..", 2) != NULL)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i], lower = (char)(c | 0x20);

		if (!((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' ||
		      c == '/'))
			return false;
	}
	return true;
}
