/* Cron expressions: five fields, each a set of small numbers, kept as bits. The next moment is found by walking: a
 * month, day or hour that is not in its set is skipped whole, so that even a leap day is a few hundred steps away. */
#include "jobs/cron.h"

#include <time.h>

#include "base/check.h"

#define MINUTE_MS 60000
#define DAYS_AHEAD_MAX (5 * 366)
#define NUMBER_MAX 100000

struct field {
	const char *name;
	unsigned low, high;
	const char *const *words; /* three letters each, from `low` on; NULL none */
};

static const char *const month_words[] = {"jan", "feb", "mar", "apr", "may", "jun",
					  "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekday_words[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };
static const struct field fields[FIELDS] = {
	[MINUTE] = {"minute", 0, 59, NULL},
	[HOUR] = {"hour", 0, 23, NULL},
	[DAY] = {"day of the month", 1, 31, NULL},
	[MONTH] = {"month", 1, 12, month_words},
	[WEEKDAY] = {"day of the week", 0, 7, weekday_words}, /* Sunday has two numbers */
};

static const struct {
	const char *name, *text;
} macros[] = {
	{"@hourly", "0 * * * *"},
	{"@daily", "0 0 * * *"},
	{"@weekly", "0 0 * * 0"},
	{"@monthly", "0 0 1 * *"},
};

static const struct {
	char unit;
	int64_t ms;
} units[] = {{'s', 1000}, {'m', MINUTE_MS}, {'h', 60 * MINUTE_MS}, {'d', 24 * 60 * MINUTE_MS}};

static bool read_number(struct str text, unsigned *ret_number)
{
	unsigned number = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || number > NUMBER_MAX)
			return false;
		number = number * 10 + (unsigned)(text.p[i] - '0');
	}
	*ret_number = number;
	return text.n > 0;
}

static bool read_value(const struct field *field, struct str text, unsigned *ret_value)
{
	unsigned words = field->words == NULL ? 0 : field->words == month_words ? 12 : 7;

	for (unsigned i = 0; i < words; i++) {
		if (str_eq_nocase(text, str_of(field->words[i]))) {
			*ret_value = field->low + i;
			return true;
		}
	}
	return read_number(text, ret_value) && *ret_value >= field->low && *ret_value <= field->high;
}

/* "*", "5", "1-5", each perhaps with "/2". */
static bool read_range(const struct field *field, struct str text, uint64_t *set)
{
	struct str range, step_text, first_text, last_text;
	unsigned first = field->low, last = field->high, step = 1;
	bool stepped = str_cut(text, '/', &range, &step_text);

	if (stepped && (!read_number(step_text, &step) || step == 0))
		return false;
	if (!str_eq(range, STR("*"))) {
		bool is_range = str_cut(range, '-', &first_text, &last_text);

		if (!read_value(field, first_text, &first) || (is_range && !read_value(field, last_text, &last)) ||
		    first > last)
			return false;
		if (!is_range && !stepped)
			last = first;
	}
	for (unsigned value = first; value <= last; value += step)
		*set |= UINT64_C(1) << value;
	return true;
}

static bool read_field(const struct field *field, struct str text, uint64_t *ret_set)
{
	struct str part;
	bool more;

	*ret_set = 0;
	do {
		more = str_cut(text, ',', &part, &text);
		if (!read_range(field, part, ret_set))
			return false;
	} while (more);
	return true;
}

static enum err refuse(struct buf *problem, struct str text, const char *why)
{
	if (problem != NULL)
		buf_put_fmt(problem,
			    "'%.*s' is no schedule: %s; write \"MINUTE HOUR DAY MONTH WEEKDAY\" in UTC, @hourly, "
			    "@daily, @weekly, @monthly, \"every 15m\" or never",
			    (int)(text.n > 64 ? 64 : text.n), text.p, why);
	return ERR_CONFIG;
}

static bool read_period(struct str text, int64_t *ret_ms)
{
	unsigned number;

	for (size_t i = 0; text.n > 1 && i < ARRAY_LEN(units); i++) {
		if (text.p[text.n - 1] == units[i].unit && read_number((struct str){text.p, text.n - 1}, &number) &&
		    number > 0) {
			*ret_ms = number * units[i].ms;
			return true;
		}
	}
	return false;
}

static struct str next_word(struct str *rest)
{
	struct str word;

	*rest = str_trim(*rest);
	str_cut(*rest, ' ', &word, rest);
	return word;
}

static enum err read_fields(struct str text, struct cron *cron, struct buf *problem)
{
	struct str rest = text, words[FIELDS];
	uint64_t sets[FIELDS];

	for (size_t i = 0; i < FIELDS; i++) {
		words[i] = next_word(&rest);
		if (words[i].n == 0)
			return refuse(problem, text, "it has fewer than five fields");
		if (!read_field(&fields[i], words[i], &sets[i]))
			return refuse(problem, text, fields[i].name);
	}
	if (str_trim(rest).n > 0)
		return refuse(problem, text, "it has more than five fields");
	if ((sets[WEEKDAY] & 1u << 7) != 0)
		sets[WEEKDAY] |= 1;
	*cron = (struct cron){.minutes = sets[MINUTE],
			      .hours = (uint32_t)sets[HOUR],
			      .days = (uint32_t)sets[DAY],
			      .months = (uint32_t)sets[MONTH],
			      .weekdays = (uint32_t)sets[WEEKDAY],
			      .any_day = str_starts(words[DAY], STR("*")),
			      .any_weekday = str_starts(words[WEEKDAY], STR("*"))};
	return OK;
}

enum err cron_read(struct str text, struct cron *ret_cron, struct buf *problem)
{
	struct str line = str_trim(text);
	struct cron cron = {0};

	if (str_eq(line, STR("never"))) {
		*ret_cron = (struct cron){.never = true};
		return OK;
	}
	if (str_starts(line, STR("every "))) {
		if (!read_period(str_trim(str_skip(line, 6)), &cron.period_ms))
			return refuse(problem, text, "the period is a number and s, m, h or d");
		*ret_cron = cron;
		return OK;
	}
	for (size_t i = 0; i < ARRAY_LEN(macros); i++)
		if (str_eq(line, str_of(macros[i].name)))
			line = str_of(macros[i].text);
	TRY(read_fields(line, &cron, problem));
	*ret_cron = cron;
	return OK;
}

static bool has(uint64_t set, int value)
{
	return (set >> value & 1) != 0;
}

static bool day_matches(const struct cron *cron, const struct tm *at)
{
	bool day = has(cron->days, at->tm_mday), weekday = has(cron->weekdays, at->tm_wday);

	if (!has(cron->months, at->tm_mon + 1))
		return false;
	return cron->any_day || cron->any_weekday ? day && weekday : day || weekday;
}

/* The next of the set from `from` on; -1 none. */
static int next_in(uint64_t set, int from)
{
	uint64_t left = set >> from << from;

	return left == 0 ? -1 : __builtin_ctzll(left);
}

/* On one day, from its hour and minute on. */
static bool find_time(const struct cron *cron, struct tm *at)
{
	for (int hour = next_in(cron->hours, at->tm_hour); hour >= 0 && hour < 24;
	     hour = next_in(cron->hours, hour + 1)) {
		int minute = next_in(cron->minutes, hour == at->tm_hour ? at->tm_min : 0);

		if (minute >= 0) {
			at->tm_hour = hour;
			at->tm_min = minute;
			return true;
		}
	}
	return false;
}

int64_t cron_next(const struct cron *cron, int64_t after_ms)
{
	time_t minute = (time_t)(after_ms / MINUTE_MS * 60 + 60);
	struct tm at;

	if (cron->never)
		return CRON_NEVER_MS;
	if (cron->period_ms > 0)
		return (after_ms / cron->period_ms + 1) * cron->period_ms;
	CHECK(gmtime_r(&minute, &at) != NULL);
	for (int days = 0; days < DAYS_AHEAD_MAX; days++) {
		time_t midnight;

		if (day_matches(cron, &at) && find_time(cron, &at)) {
			at.tm_sec = 0;
			return (int64_t)timegm(&at) * 1000;
		}
		at.tm_hour = at.tm_min = at.tm_sec = 0;
		at.tm_mday++;
		midnight = timegm(&at); /* carries into the next month */
		CHECK(gmtime_r(&midnight, &at) != NULL);
	}
	return CRON_NEVER_MS;
}
