/* Names of tools as clients see them. */
#include "../unit.h"

#include "base/limits.h"
#include "catalog/catalog.h"

static struct str make(const char *upstream, const char *tool, char out[TOOL_NAME_BYTES_MAX + 1])
{
	return catalog_name(str_of(upstream), STR("_"), str_of(tool), out);
}

START_TEST(a_fitting_name_is_plain)
{
	char out[TOOL_NAME_BYTES_MAX + 1];

	ck_str(make("billing", "create-Invoice_2", out), "billing_create-Invoice_2");
	ck_str(catalog_name(STR("a"), STR("__"), STR("b"), out), "a__b");
}
END_TEST

START_TEST(a_changed_name_ends_in_a_hash)
{
	char a[TOOL_NAME_BYTES_MAX + 1], b[TOOL_NAME_BYTES_MAX + 1];
	struct str dot = make("u", "a.b", a), slash = make("u", "a/b", b);

	ck_assert(str_starts(dot, STR("u_a_b_")) && dot.n == strlen("u_a_b_") + 8);
	ck_assert(!str_eq(dot, slash));
}
END_TEST

START_TEST(long_names_differ_behind_the_cut)
{
	char one[201], two[201], a[TOOL_NAME_BYTES_MAX + 1], b[TOOL_NAME_BYTES_MAX + 1];
	struct str first, second;

	memset(one, 'x', 200);
	one[200] = '\0';
	memcpy(two, one, sizeof(one));
	two[199] = 'y';
	first = make("u", one, a);
	second = make("u", two, b);
	ck_assert_uint_eq(first.n, TOOL_NAME_BYTES_MAX);
	ck_assert_uint_eq(second.n, TOOL_NAME_BYTES_MAX);
	ck_assert(!str_eq(first, second));
	ck_assert(str_eq(first, make("u", one, b)));
}
END_TEST

START_TEST(exactly_the_limit_is_plain)
{
	char tool[TOOL_NAME_BYTES_MAX], out[TOOL_NAME_BYTES_MAX + 1];

	memset(tool, 't', sizeof(tool));
	tool[TOOL_NAME_BYTES_MAX - 2] = '\0';
	ck_assert_uint_eq(make("u", tool, out).n, TOOL_NAME_BYTES_MAX);
	ck_assert(str_ends((struct str){out, TOOL_NAME_BYTES_MAX}, STR("tttttttttt")));
}
END_TEST

UNIT_MAIN("name", a_fitting_name_is_plain, a_changed_name_ends_in_a_hash, long_names_differ_behind_the_cut,
	  exactly_the_limit_is_plain)
