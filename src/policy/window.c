/* When a rule holds: days of the week and hours of the day, at a fixed distance from UTC. There are no names of
 * zones: their rules change with somebody else's database, and a policy should say what it says.
 *
 * A window that passes midnight ("22:00-06:00") belongs to the day on which it begins. */
#include "base/check.h"
#include "policy/private.h"

#define DAY_MIN (24 * 60)

static const char *const day_names[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static enum err complain(struct buf *problem, const char *text)
{
	buf_put_fmt(problem, "/when/%s", text);
	return ERR_CONFIG;
}

/* "HH:MM", up to 24:00; the schema has checked that these are digits. */
static int minutes_of(const char *text)
{
	int hours = (text[0] - '0') * 10 + (text[1] - '0'), minutes = (text[3] - '0') * 10 + (text[4] - '0');

	return hours > 24 || minutes > 59 || (hours == 24 && minutes > 0) ? -1 : hours * 60 + minutes;
}

static enum err read_hours(struct str hours, struct buf *problem, struct rule_when *when)
{
	if (hours.p == NULL)
		return OK;
	when->from_min = minutes_of(hours.p);
	when->to_min = minutes_of(hours.p + 6);
	if (when->from_min < 0 || when->from_min == DAY_MIN || when->to_min < 0)
		return complain(problem, "hours: there is no such time of day");
	if (when->from_min == when->to_min)
		return complain(problem, "hours: begins when it ends; leave it out for the whole day");
	return OK;
}

static enum err read_offset(struct str zone, struct buf *problem, struct rule_when *when)
{
	int minutes;

	if (zone.p == NULL || str_eq(zone, STR("Z")))
		return OK;
	minutes = minutes_of(zone.p + 1);
	if (minutes < 0 || minutes > 14 * 60)
		return complain(problem, "timezone: lies between -14:00 and +14:00");
	when->offset_min = zone.p[0] == '-' ? -minutes : minutes;
	return OK;
}

static void read_days(yyjson_val *days, struct rule_when *when)
{
	yyjson_arr_iter iter = yyjson_arr_iter_with(days);
	yyjson_val *day;

	while ((day = yyjson_arr_iter_next(&iter)) != NULL)
		for (unsigned i = 0; i < ARRAY_LEN(day_names); i++)
			if (str_eq(json_str(day), str_of(day_names[i])))
				when->days |= (uint8_t)(1u << i);
}

static void describe(struct arena *arena, struct str hours, struct str zone, struct rule_when *when)
{
	AUTO_BUF text = {0};

	for (unsigned i = 0; i < ARRAY_LEN(day_names) && when->days != 0x7f; i++)
		if (when->days & (1u << i))
			buf_put_fmt(&text, "%s%s", text.n > 0 ? " " : "", day_names[i]);
	if (hours.p != NULL)
		buf_put_fmt(&text, "%s%.*s", text.n > 0 ? " " : "", STR_ARG(hours));
	buf_put_fmt(&text, " UTC%.*s", STR_ARG(str_eq(zone, STR("Z")) ? STR("") : zone));
	when->text = arena_str(arena, buf_str(&text));
}

enum err window_read(struct arena *arena, yyjson_val *when, struct buf *problem, struct rule_when *ret_when)
{
	struct str hours = json_str(json_get(when, "hours")), zone = json_str(json_get(when, "timezone"));
	struct rule_when window = {.set = true, .to_min = DAY_MIN};

	read_days(json_get(when, "days"), &window);
	if (window.days == 0)
		window.days = 0x7f;
	TRY(read_hours(hours, problem, &window));
	TRY(read_offset(zone, problem, &window));
	describe(arena, hours, zone, &window);
	*ret_when = window;
	return OK;
}

static bool has_day(const struct rule_when *when, int64_t days)
{
	/* The epoch was a Thursday. */
	return when->days & (1u << (((days % 7) + 7 + 3) % 7));
}

bool window_holds(const struct rule_when *when, int64_t now_ms)
{
	int64_t minutes = now_ms / 60000 + when->offset_min, day = minutes / DAY_MIN, minute = minutes % DAY_MIN;

	CHECK(now_ms >= 0);
	if (minute < 0) { /* the first hours of 1970, west of Greenwich */
		minute += DAY_MIN;
		day--;
	}
	if (when->from_min < when->to_min)
		return has_day(when, day) && minute >= when->from_min && minute < when->to_min;
	return (has_day(when, day) && minute >= when->from_min) || (has_day(when, day - 1) && minute < when->to_min);
}
