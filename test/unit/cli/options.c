/* The option parser: both spellings, flags, operands, and every way to be wrong. */
#include "../unit.h"

#include "cli/options.h"

static const struct option table[] = {
	{"tenant", "NAME", "whose"},
	{"write", NULL, "do it"},
	{NULL, NULL, NULL},
};

static struct options options;
static struct buf problem;

#define PARSE(...)                                                                                                     \
	options_parse(table, (int)ARRAY_LEN(((const char *[]){__VA_ARGS__})),                                          \
		      (char *const *)(const char *[]){__VA_ARGS__}, &problem, &options)

START_TEST(both_spellings)
{
	ck_ok(PARSE("--tenant", "acme", "x"));
	ck_str(options_get(&options, "tenant"), "acme");
	ck_assert_uint_eq(options.operand_count, 1);
	ck_str(options.operands[0], "x");
	ck_ok(PARSE("--tenant=a=b"));
	ck_str(options_get(&options, "tenant"), "a=b");
	ck_ok(PARSE("--tenant="));
	ck_assert(options_has(&options, "tenant"));
	ck_str(options_get(&options, "tenant"), "");
}
END_TEST

START_TEST(flags_and_common_options)
{
	ck_ok(PARSE("--write", "--json", "--config", "f.yaml", "-h"));
	ck_assert(options_has(&options, "write"));
	ck_assert(options_has(&options, "json"));
	ck_assert(options_has(&options, "help"));
	ck_str(options_get(&options, "config"), "f.yaml");
	ck_assert(!options_has(&options, "tenant"));
	ck_assert_ptr_null(options_get(&options, "tenant").p);
}
END_TEST

START_TEST(dashes_end_the_options)
{
	ck_ok(PARSE("--", "--write", "-x"));
	ck_assert(!options_has(&options, "write"));
	ck_assert_uint_eq(options.operand_count, 2);
	ck_ok(PARSE("-"));
	ck_assert_uint_eq(options.operand_count, 1);
}
END_TEST

static const struct {
	const char *words[6];
	int count;
	const char *want;
} wrong[] = {
	{{"--nope"}, 1, "there is no option --nope here"},
	{{"--nope=1"}, 1, "there is no option --nope here"},
	{{"-x"}, 1, "there is no option -x here; options have two dashes"},
	{{"--tenant"}, 1, "--tenant needs a value: --tenant=NAME"},
	{{"--tenant", "--write"}, 2, "--tenant needs a value: --tenant=NAME"},
	{{"--write=yes"}, 1, "--write takes no value"},
	{{"--tenant", "a", "--tenant", "b"}, 4, "--tenant is given twice"},
	{{"--write", "--write"}, 2, "--write is given twice"},
	{{"a", "b", "c", "d", "e"}, 5, "\"e\" is one word too many"},
};

START_TEST(wrong_usage_is_named)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		problem.n = 0;
		ck_err(options_parse(table, wrong[i].count, (char *const *)wrong[i].words, &problem, &options),
		       ERR_USAGE);
		ck_bytes(buf_str(&problem), str_of(wrong[i].want));
	}
	buf_free(&problem);
}
END_TEST

UNIT_MAIN("options", both_spellings, flags_and_common_options, dashes_end_the_options, wrong_usage_is_named)
