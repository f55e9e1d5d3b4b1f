/* From clients' server lists to YAML: both forms, names, variables, secrets, what is left out. */
#include "../unit.h"

#include "cli/import.h"

static struct arena *arena;
static struct import import;

static enum err take(const char *text, const char *secrets_dir)
{
	const struct import_spec spec = {.secrets_dir = str_of(secrets_dir), .reference = str_of(secrets_dir)};

	if (arena == NULL)
		arena = arena_new(16 << 20);
	buf_free(&import.yaml);
	buf_free(&import.warnings);
	return import_servers(arena, str_of(text), &spec, &import);
}

static bool says(const struct buf *out, const char *part)
{
	return memmem(out->p, out->n, part, strlen(part)) != NULL;
}

static const struct {
	const char *json, *yaml;
} forms[] = {
	{"{\"mcpServers\":{}}", "upstreams:\n"},
	{"{\"mcpServers\":{\"a\":{\"command\":\"npx\",\"args\":[\"-y\",1,true],\"env\":{\"K\":\"v\"},\"cwd\":\"/x\"}}}",
	 "upstreams:\n  a:\n    stdio:\n      command: \"npx\"\n      args: [\"-y\", \"1\", \"true\"]\n"
	 "      cwd: \"/x\"\n      env:\n        \"K\": \"v\"\n"},
	{"{\"servers\":{\"a\":{\"type\":\"http\",\"url\":\"https://x/mcp\",\"headers\":{\"X\":\"1\"}}}}",
	 "upstreams:\n  a:\n    http:\n      url: \"https://x/mcp\"\n      headers:\n        \"X\": \"1\"\n"},
	{"{\"mcp\":{\"servers\":{\"a\":{\"command\":\"t\"}}}}", "upstreams:\n  a:\n    stdio:\n      command: \"t\"\n"},
	{"{\"mcp\":{\"a\":{\"type\":\"local\",\"command\":[\"t\",\"u\"],\"environment\":{\"E\":\"1\"}}}}",
	 "upstreams:\n  a:\n    stdio:\n      command: \"t\"\n      args: [\"u\"]\n      env:\n        \"E\": \"1\"\n"},
	{"{\"mcpServers\":{\"a\":{\"command\":\"t\",\"args\":[\"${HOME}/x\",\"${env:B}\",\"$C\",\"${\"]}}}",
	 "upstreams:\n  a:\n    stdio:\n      command: \"t\"\n      args: [\"${env:HOME}/x\", \"${env:B}\", \"$C\", "
	 "\"${\"]\n"},
};

START_TEST(forms_are_understood)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		ck_ok(take(forms[i].json, NULL));
		ck_bytes(buf_str(&import.yaml), str_of(forms[i].yaml));
		ck_str(buf_str(&import.warnings), "");
	}
}
END_TEST

START_TEST(names_are_cleaned_and_unique)
{
	ck_ok(take("{\"mcpServers\":{\"a b\":{\"command\":\"1\"},\"a.b\":{\"command\":\"2\"},\"\":{\"command\":\"3\"},"
		   "\"0123456789012345678901234567890123456789\":{\"command\":\"4\"},"
		   "\"0123456789012345678901234567890123456780\":{\"command\":\"5\"}}}",
		   NULL));
	ck_assert(says(&import.yaml, "  a_b:\n"));
	ck_assert(says(&import.yaml, "  a_b_2:\n"));
	ck_assert(says(&import.yaml, "  server:\n"));
	ck_assert(says(&import.yaml, "  01234567890123456789012345678901:\n"));
	ck_assert(says(&import.yaml, "  012345678901234567890123456_2:\n"));
	ck_assert_uint_eq(import.servers, 5);
}
END_TEST

START_TEST(secrets_move_or_are_warned_of)
{
	const char *text =
		"{\"mcpServers\":{\"a\":{\"url\":\"u\",\"headers\":{\"Authorization\":\"Bearer x\"}},"
		"\"b\":{\"command\":\"c\",\"env\":{\"API_TOKEN\":\"t\",\"PLAIN\":\"p\",\"PASSWORD\":\"${P}\"}}}}";

	ck_ok(take(text, "sec"));
	ck_assert_uint_eq(import.secret_count, 2);
	ck_str(import.secrets[0].file, "a.Authorization");
	ck_str(import.secrets[0].value, "Bearer x");
	ck_str(import.secrets[1].file, "b.API_TOKEN");
	ck_assert(says(&import.yaml, "\"${file:sec/a.Authorization}\""));
	ck_assert(says(&import.yaml, "\"${env:P}\""));
	ck_assert(!says(&import.yaml, "Bearer x"));
	ck_ok(take(text, NULL));
	ck_assert_uint_eq(import.secret_count, 0);
	ck_assert(says(&import.yaml, "Bearer x"));
	ck_assert(says(&import.warnings, "a: the secret Authorization"));
	ck_assert(says(&import.warnings, "b: the secret API_TOKEN"));
}
END_TEST

START_TEST(what_does_not_fit_is_named)
{
	ck_ok(take("{\"mcpServers\":{\"s\":{\"type\":\"sse\",\"url\":\"https://s.example/"
		   "sse\"},\"d\":{\"command\":\"c\",\"disabled\":true},"
		   "\"e\":{},\"n\":3,\"ok\":{\"command\":\"c\"}}}",
		   NULL));
	ck_assert_uint_eq(import.servers, 2);
	ck_assert_uint_eq(import.skipped, 3);
	ck_assert(says(&import.yaml, "  s:\n    sse:\n      url: \"https://s.example/sse\""));
	ck_assert(says(&import.warnings, "d: left out: it is disabled"));
	ck_assert(says(&import.warnings, "e: left out"));
	ck_assert(says(&import.warnings, "n: left out: it is no object"));
	ck_err(take("{}", NULL), ERR_NOT_FOUND);
	ck_err(take("[]", NULL), ERR_NOT_FOUND);
	ck_err(take("{ // x\n}", NULL), ERR_JSON_SYNTAX);
}
END_TEST

UNIT_MAIN("import_servers", forms_are_understood, names_are_cleaned_and_unique, secrets_move_or_are_warned_of,
	  what_does_not_fit_is_named)
