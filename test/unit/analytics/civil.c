/* Dates, and the day it is in zones with daylight saving, with half hours, and behind the end of their tables. */
#include "../unit.h"

#include "analytics/civil.h"
#include "analytics/zone.h"
#include "base/clock.h"

static civil_day day(const char *text)
{
	civil_day ret;

	ck_assert_msg(civil_read(str_of(text), &ret), "%s", text);
	return ret;
}

static void check_written(civil_day of, const char *want)
{
	AUTO_BUF out = {0};

	civil_put(&out, of);
	ck_bytes(buf_str(&out), str_of(want));
}

START_TEST(days_are_counted)
{
	ck_assert_int_eq(day("1970-01-01"), 0);
	ck_assert_int_eq(day("1969-12-31"), -1);
	ck_assert_int_eq(day("2000-02-29"), 11016);
	ck_assert_int_eq(day("2026-11-21"), 20778);
	ck_assert_int_eq(day("2026-11-21 00:00:00"), 20778);
	ck_assert_int_eq(day("2026-11-21T23:59:59Z"), 20778);
	check_written(0, "1970-01-01");
	check_written(20778, "2026-11-21");
	ck_assert_int_eq(civil_weekday(0), 3);
	ck_assert_int_eq(civil_weekday(day("2026-11-21")), 5);
	ck_assert_int_eq(civil_weekday(-4), 6);
}
END_TEST

START_TEST(days_come_back)
{
	civil_day first = day("0001-01-01"), last = day("9999-12-31"), again;

	for (civil_day i = first; i <= last; i += 97) {
		AUTO_BUF out = {0};

		civil_put(&out, i);
		ck_assert(civil_read(buf_str(&out), &again) && again == i);
	}
}
END_TEST

START_TEST(no_dates)
{
	static const char *const wrong[] = {"",		  "2026",	 "2026-13-01", "2026-00-10", "2026-02-29",
					    "2026-04-31", "2026-01-00",	 "0000-01-01", "2026/01/01", "20260101",
					    "2026-1-1",	  "2026-01-01x", "-026-01-01", "2100-02-29"};
	civil_day unused;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		ck_assert_msg(!civil_read(str_of(wrong[i]), &unused), "%s", wrong[i]);
}
END_TEST

static const struct {
	const char *zone, *at, *today;
} moments[] = {
	{"UTC", "2026-11-21T23:59:59Z", "2026-11-21"},
	{"Etc/UTC", "2026-11-22T00:00:00Z", "2026-11-22"},
	/* winter: an hour ahead; summer: two */
	{"Europe/Berlin", "2026-11-21T22:59:59Z", "2026-11-21"},
	{"Europe/Berlin", "2026-11-21T23:00:00Z", "2026-11-22"},
	{"Europe/Berlin", "2026-07-01T21:59:59Z", "2026-07-01"},
	{"Europe/Berlin", "2026-07-01T22:00:00Z", "2026-07-02"},
	/* the day of 23 hours begins in winter time and ends in summer time, the one of 25 the other way round */
	{"Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29"},
	{"Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-29"},
	{"Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30"},
	{"Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25"},
	{"Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-25"},
	{"Europe/Berlin", "2026-10-25T23:00:00Z", "2026-10-26"},
	{"America/New_York", "2026-03-08T04:59:59Z", "2026-03-07"},
	{"America/New_York", "2026-03-08T05:00:00Z", "2026-03-08"},
	{"America/New_York", "2026-03-09T03:59:59Z", "2026-03-08"},
	{"America/New_York", "2026-03-09T04:00:00Z", "2026-03-09"},
	{"America/New_York", "2026-11-02T04:59:59Z", "2026-11-01"},
	{"America/New_York", "2026-11-02T05:00:00Z", "2026-11-02"},
	{"Asia/Kolkata", "2026-11-21T18:29:59Z", "2026-11-21"},
	{"Asia/Kolkata", "2026-11-21T18:30:00Z", "2026-11-22"},
	{"Australia/Lord_Howe", "2026-01-10T12:59:59Z", "2026-01-10"},
	{"Australia/Lord_Howe", "2026-01-10T13:00:00Z", "2026-01-11"},
	{"Australia/Lord_Howe", "2026-07-10T13:29:59Z", "2026-07-10"},
	{"Australia/Lord_Howe", "2026-07-10T13:30:00Z", "2026-07-11"},
	/* behind the end of the tables the rule counts */
	{"Europe/Berlin", "2060-07-01T21:59:59Z", "2060-07-01"},
	{"Europe/Berlin", "2060-07-01T22:00:00Z", "2060-07-02"},
	{"Europe/Berlin", "2060-12-01T23:00:00Z", "2060-12-02"},
	{"Australia/Sydney", "2060-01-01T13:00:00Z", "2060-01-02"},
	{"Australia/Sydney", "2060-07-01T13:59:59Z", "2060-07-01"},
	{"Asia/Kolkata", "2060-11-21T18:30:00Z", "2060-11-22"},
};

START_TEST(today)
{
	for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
		int64_t at_ms;
		civil_day got;

		ck_ok(clock_iso_read(str_of(moments[i].at), &at_ms));
		ck_ok(civil_today(str_of(moments[i].zone), at_ms, &got));
		ck_assert_msg(got == day(moments[i].today), "%s at %s", moments[i].zone, moments[i].at);
	}
}
END_TEST

START_TEST(no_zones)
{
	static const char *const wrong[] = {"",
					    "Europe/Nowhere",
					    "Europe",
					    "../../../etc/passwd",
					    "/usr/share/zoneinfo/UTC",
					    "Europe/../Europe/Berlin",
					    "tzdata.zi",
					    "zone.tab",
					    "Europe/Berlin\n",
					    "an/extraordinarily/long/name/of/a/zone/that/nobody/has/ever/heard/of"};
	civil_day unused;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		ck_assert_msg(civil_today(str_of(wrong[i]), 0, &unused) == ERR_NOT_FOUND, "%s", wrong[i]);
}
END_TEST

/* ---- files made here: what rules may look like ---- */

static void put_header(struct buf *out, char version, uint8_t times, uint8_t types)
{
	char header[44] = "TZif";

	header[4] = version;
	header[35] = (char)times;
	header[39] = (char)types;
	header[43] = 4;
	buf_put(out, (struct str){header, sizeof(header)});
}

/* A file of one type, five hours west of UTC, and a rule. */
static void put_file(struct buf *out, const char *rule)
{
	static const char type[] = {(char)0xff, (char)0xff, (char)0xb9, (char)0xb0, 0, 0, 'A', 'B', 'C', 0};

	put_header(out, '2', 0, 1);
	buf_put(out, (struct str){type, sizeof(type)});
	put_header(out, '2', 0, 1);
	buf_put(out, (struct str){type, sizeof(type)});
	buf_put_fmt(out, "\n%s\n", rule);
}

static const struct {
	const char *rule, *at;
	int32_t offset_s;
} rules[] = {
	{"UTC0", "2026-07-01T00:00:00Z", 0},
	{"<+0330>-3:30", "2026-07-01T00:00:00Z", 12600},
	{"<-0930>9:30", "2026-07-01T00:00:00Z", -34200},
	{"EST5EDT,M3.2.0,M11.1.0", "2026-03-08T06:59:59Z", -18000},
	{"EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", -14400},
	{"EST5EDT,M3.2.0,M11.1.0", "2026-11-01T05:59:59Z", -14400},
	{"EST5EDT,M3.2.0,M11.1.0", "2026-11-01T06:00:00Z", -18000},
	/* Dublin's "daylight" is its winter; Greenland's clocks change the evening before */
	{"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z", 3600},
	{"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z", 0},
	{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", -7200},
	{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600},
	/* the south: over the turn of the year */
	{"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-12-31T23:59:59Z", 39600},
	{"AEST-10AEDT,M10.1.0,M4.1.0/3", "2027-01-01T00:00:00Z", 39600},
	{"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-06-01T00:00:00Z", 36000},
	/* days of the year: the 60th is 1 March with J, 29 February or 1 March without */
	{"AAA0BBB,J60/0,J300/0", "2028-02-29T12:00:00Z", 0},
	{"AAA0BBB,J60/0,J300/0", "2028-03-01T12:00:00Z", 3600},
	{"AAA0BBB,59/0,300/0", "2028-02-29T12:00:00Z", 3600},
	{"AAA0BBB,59/0,300/0", "2027-02-28T12:00:00Z", 0},
	{"AAA0BBB,59/0,300/0", "2027-03-01T12:00:00Z", 3600},
	/* no rule, and none that is understood: the type of the file */
	{"", "2026-07-01T00:00:00Z", -18000},
	{"EST5EDT,M13.2.0,M11.1.0", "2026-07-01T00:00:00Z", -18000},
	{"EST5EDT", "2026-07-01T00:00:00Z", -18000},
	{"E5", "2026-07-01T00:00:00Z", -18000},
	{"EST5EDT,M3.2.0,M11.1.0 ", "2026-07-01T00:00:00Z", -18000},
};

START_TEST(rules_are_followed)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		AUTO_BUF file = {0};
		int64_t at_ms;
		int32_t offset_s = 1;

		put_file(&file, rules[i].rule);
		ck_ok(clock_iso_read(str_of(rules[i].at), &at_ms));
		ck_assert(zone_offset(buf_str(&file), at_ms / 1000, &offset_s));
		ck_assert_msg(offset_s == rules[i].offset_s, "%s at %s: %d", rules[i].rule, rules[i].at, offset_s);
	}
}
END_TEST

START_TEST(broken_files)
{
	AUTO_BUF file = {0};
	int32_t offset_s;

	put_file(&file, "UTC0");
	for (size_t n = 0; n < 108; n++) /* up to the rule; without it, the type counts */
		ck_assert_msg(!zone_offset((struct str){file.p, n}, 0, &offset_s), "%zu bytes", n);
	ck_assert(zone_offset((struct str){file.p, 108}, 0, &offset_s) && offset_s == -18000);
	for (size_t i = 0; i < 108; i++) {
		AUTO_BUF broken = {0};

		buf_put(&broken, buf_str(&file));
		broken.p[i] = (char)0xff;
		(void)zone_offset(buf_str(&broken), 0, &offset_s);
	}
	file.p[4] = 0; /* the first version has no 64-bit times */
	ck_assert(!zone_offset(buf_str(&file), 0, &offset_s));
}
END_TEST

UNIT_MAIN("civil", days_are_counted, days_come_back, no_dates, today, no_zones, rules_are_followed, broken_files)
