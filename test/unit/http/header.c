/* Header ids: the whole table, in any case, and names that only look alike. */
#include "../unit.h"

#include <ctype.h>

#include "http/header.h"

START_TEST(knows_its_table)
{
	static const struct str names[] = {
#define X(id, name) {name, sizeof(name) - 1},
		HTTP_HEADER_TABLE(X)
#undef X
	};

	for (size_t i = 1; i < ARRAY_LEN(names); i++) {
		char upper[64], wrong[64];

		ck_assert_int_eq(http_header_id(names[i]), i);
		for (size_t at = 0; at < names[i].n; at++)
			upper[at] = (char)toupper((unsigned char)names[i].p[at]);
		ck_assert_int_eq(http_header_id((struct str){upper, names[i].n}), i);
		for (size_t at = 0; at < names[i].n; at++) {
			memcpy(wrong, names[i].p, names[i].n);
			wrong[at] = '_';
			ck_assert_int_eq(http_header_id((struct str){wrong, names[i].n}), HTTP_OTHER);
		}
		ck_assert_int_eq(http_header_id((struct str){names[i].p, names[i].n - 1}), HTTP_OTHER);
	}
	ck_assert_int_eq(http_header_id(STR("")), HTTP_OTHER);
	ck_assert_int_eq(http_header_id(STR("x")), HTTP_OTHER);
}
END_TEST

UNIT_MAIN("header", knows_its_table)
