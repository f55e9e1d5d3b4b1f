/* The list of blocked addresses: what is covered by which length, what has ended, what cannot be read. */
#include "../unit.h"

#include "gateway/blocklist.h"

static const struct blocked rows[] = {
	{.prefix = {"192.0.2.7", 9}},
	{.prefix = {"198.51.100.0/24", 15}, .until_ms = 5000},
	{.prefix = {"198.51.100.9", 12}, .until_ms = 9000},
	{.prefix = {"2001:db8::/32", 13}},
	{.prefix = {"no address", 10}},
	{.prefix = {"203.0.113.77/25", 15}}, /* bits behind the length say nothing */
};

static const struct {
	const char *address;
	int64_t now_ms;
	bool has;
	int64_t left_ms;
} lookups[] = {
	{"192.0.2.7:1", 1000, true, 0},	      {"[::ffff:192.0.2.7]:1", 1000, true, 0},
	{"192.0.2.8:1", 1000, false, 0},      {"198.51.100.1:1", 1000, true, 4000},
	{"198.51.100.1:1", 5000, false, 0},   {"198.51.100.9:1", 5000, true, 4000},
	{"[2001:db8:1::1]:1", 1000, true, 0}, {"[2001:db9::1]:1", 1000, false, 0},
	{"203.0.113.1:1", 1000, true, 0},     {"203.0.113.128:1", 1000, false, 0},
	{"unix:/run/x", 1000, false, 0},
};

START_TEST(addresses_are_found)
{
	struct blocklist *list = blocklist_new(rows, ARRAY_LEN(rows));

	for (size_t i = 0; i < ARRAY_LEN(lookups); i++) {
		struct address address;
		int64_t left_ms = -1;

		ck_ok(address_parse(str_of(lookups[i].address), &address));
		ck_assert_msg(blocklist_has(list, &address, lookups[i].now_ms, &left_ms) == lookups[i].has, "%s at %d",
			      lookups[i].address, (int)lookups[i].now_ms);
		if (lookups[i].has)
			ck_assert_int_eq(left_ms, lookups[i].left_ms);
		ck_assert(!blocklist_has(NULL, &address, 0, &left_ms));
	}
	blocklist_free(list);
}
END_TEST

START_TEST(nothing_is_no_list)
{
	ck_assert_ptr_null(blocklist_new(rows, 0));
	ck_assert_ptr_null(blocklist_new(&rows[4], 1));
}
END_TEST

START_TEST(every_length_cuts_and_prints)
{
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct prefix prefix, again;
		char text[PREFIX_TEXT_MAX];
		unsigned ones = 0;

		memset(prefix.bytes, 0xff, sizeof(prefix.bytes));
		prefix.bits = (uint8_t)bits;
		prefix_cut(&prefix);
		for (unsigned i = 0; i < 128; i++)
			ones += (prefix.bytes[i / 8] >> (7 - i % 8)) & 1;
		ck_assert_uint_eq(ones, bits);
		ck_ok(prefix_parse(prefix_text(&prefix, text), &again));
		ck_assert_mem_eq(again.bytes, prefix.bytes, sizeof(again.bytes));
		ck_assert_uint_eq(again.bits, bits);
	}
}
END_TEST

UNIT_MAIN("gateway/blocklist", addresses_are_found, nothing_is_no_list, every_length_cuts_and_prints)
