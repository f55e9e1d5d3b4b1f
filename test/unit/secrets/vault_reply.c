/* What is read out of Vault's answers, and what is refused. */
#include "../unit.h"

#include "secrets/secrets.h"
#include "secrets/vault_reply.h"

static struct arena *arena;

static void begin(void)
{
	arena = arena_new(4 << 20);
}

static void end(void)
{
	arena_free(arena);
}

START_TEST(sign_in)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"auth\":null}",
		"{\"auth\":{\"client_token\":\"\",\"lease_duration\":1}}",
		"{\"auth\":{\"client_token\":\"a b\",\"lease_duration\":1}}",
		"{\"auth\":{\"client_token\":\"a\\r\\nX: y\",\"lease_duration\":1}}",
		"{\"auth\":{\"client_token\":\"a\",\"lease_duration\":-1}}",
		"{\"auth\":{\"client_token\":\"a\",\"lease_duration\":\"1\"}}",
	};
	struct vault_auth auth;

	ck_ok(vault_auth_read(
		arena,
		STR("{\"auth\":{\"client_token\":\"hvs.x\",\"lease_duration\":1200,\"renewable\":true},\"data\":null}"),
		&auth));
	ck_str(auth.token, "hvs.x");
	ck_assert_int_eq(auth.lease_ms, 1200000);
	ck_assert(auth.renewable);
	ck_ok(vault_auth_read(arena, STR("{\"auth\":{\"client_token\":\"b\",\"lease_duration\":9223372036854775807}}"),
			      &auth));
	ck_assert_int_lt(auth.lease_ms, INT64_MAX / 1000);
	ck_assert(!auth.renewable);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(vault_auth_read(arena, str_of(bad[i]), &auth), ERR_UPSTREAM_GARBAGE);
}
END_TEST

START_TEST(entries)
{
	struct str value, *names;
	int64_t version, changed_ms;
	size_t count;

	ck_ok(vault_value_read(arena, STR("{\"data\":{\"data\":{\"value\":\"x\"}}}"), &value));
	ck_str(value, "x");
	ck_ok(vault_value_read(arena, STR("{\"data\":{\"data\":null}}"), &value));
	ck_assert_ptr_null(value.p);
	ck_ok(vault_value_read(arena, STR("{\"data\":{\"data\":{\"value\":7}}}"), &value));
	ck_assert_ptr_null(value.p);
	ck_err(vault_value_read(arena, STR("{\"data\":{"), &value), ERR_UPSTREAM_GARBAGE);
	ck_ok(vault_names_read(arena, STR("{\"data\":{\"keys\":[\"a\",\"b/\",\"C\",3,\"d-1\"]}}"), &names, &count));
	ck_assert_uint_eq(count, 2);
	ck_str(names[1], "d-1");
	ck_err(vault_names_read(arena, STR("{\"data\":{\"keys\":{}}}"), &names, &count), ERR_UPSTREAM_GARBAGE);
	ck_ok(vault_facts_read(arena,
			       STR("{\"data\":{\"current_version\":3,\"updated_time\":\"2026-01-02T03:04:05.678Z\"}}"),
			       &version, &changed_ms));
	ck_assert_int_eq(version, 3);
	ck_assert_int_gt(changed_ms, 0);
	ck_err(vault_facts_read(arena, STR("{\"data\":{\"current_version\":-3}}"), &version, &changed_ms),
	       ERR_UPSTREAM_GARBAGE);
}
END_TEST

START_TEST(words)
{
	ck_str(vault_words(arena, STR("{\"errors\":[\"permission denied\",\"b\"]}")), "permission denied");
	ck_assert_uint_eq(vault_words(arena, STR("{\"errors\":[]}")).n, 0);
	ck_assert_uint_eq(vault_words(arena, STR("{\"errors\":[\"a\\nb\"]}")).n, 0);
	ck_assert_uint_eq(vault_words(arena, STR("<html>")).n, 0);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("vault_reply");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, sign_in);
	tcase_add_test(tcase, entries);
	tcase_add_test(tcase, words);
	return unit_run("vault_reply", tcase);
}
