/* Range headers, by table. */
#include "../unit.h"

#include "http/range.h"

#define SIZE 1000

static const struct {
	const char *text;
	enum http_range kind;
	int64_t first, last;
} table[] = {
	{"bytes=0-0", HTTP_RANGE_PART, 0, 0},
	{"bytes=0-499", HTTP_RANGE_PART, 0, 499},
	{"bytes=500-", HTTP_RANGE_PART, 500, 999},
	{"bytes=999-999", HTTP_RANGE_PART, 999, 999},
	{"bytes=990-2000", HTTP_RANGE_PART, 990, 999},
	{"BYTES = 1-2", HTTP_RANGE_PART, 1, 2},
	{"bytes=-1", HTTP_RANGE_PART, 999, 999},
	{"bytes=-1000", HTTP_RANGE_PART, 0, 999},
	{"bytes=-99999999999999999999999", HTTP_RANGE_PART, 0, 999},
	{"bytes=1-99999999999999999999999", HTTP_RANGE_PART, 1, 999},
	{"bytes=1000-", HTTP_RANGE_NONE, 0, 0},
	{"bytes=99999999999999999999999-", HTTP_RANGE_NONE, 0, 0},
	{"bytes=-0", HTTP_RANGE_NONE, 0, 0},
	{"", HTTP_RANGE_WHOLE, 0, 0},
	{"bytes", HTTP_RANGE_WHOLE, 0, 0},
	{"bytes=", HTTP_RANGE_WHOLE, 0, 0},
	{"bytes=-", HTTP_RANGE_WHOLE, 0, 0},
	{"bytes=5-4", HTTP_RANGE_WHOLE, 0, 0},
	{"bytes=0-1,5-6", HTTP_RANGE_WHOLE, 0, 0},
	{"bytes=a-b", HTTP_RANGE_WHOLE, 0, 0},
	{"bytes=+1-2", HTTP_RANGE_WHOLE, 0, 0},
	{"lines=0-1", HTTP_RANGE_WHOLE, 0, 0},
};

START_TEST(by_table)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int64_t first = -7, last = -7;
		enum http_range kind = http_range_read(str_of(table[i].text), SIZE, &first, &last);

		ck_assert_msg(kind == table[i].kind, "%s: %d", table[i].text, kind);
		if (kind != HTTP_RANGE_PART)
			ck_assert(first == -7 && last == -7);
		else
			ck_assert_msg(first == table[i].first && last == table[i].last, "%s: %lld-%lld", table[i].text,
				      (long long)first, (long long)last);
	}
}
END_TEST

UNIT_MAIN("range", by_table)
