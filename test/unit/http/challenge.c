/* WWW-Authenticate as servers write it. */
#include "../unit.h"

#include "http/challenge.h"

static struct arena *arena;
static struct challenges challenges;

static void read_all(const char *first, const char *second)
{
	struct http_field field[] = {
		{STR("WWW-Authenticate"), str_of(first), HTTP_WWW_AUTHENTICATE},
		{STR("WWW-Authenticate"), str_of(second), HTTP_WWW_AUTHENTICATE},
	};
	const struct http_fields fields = {.field = field, .count = second == NULL ? 1 : 2};

	arena = arena_new(64 << 10);
	challenges_of(arena, &fields, &challenges);
}

static struct str get(const char *scheme, const char *name)
{
	const struct challenge *challenge = challenges_find(&challenges, str_of(scheme));

	ck_assert_ptr_nonnull(challenge);
	return challenge_get(challenge, str_of(name));
}

START_TEST(bearer_with_metadata_and_scope)
{
	read_all("Bearer resource_metadata=\"https://h.example/.well-known/x\", scope=\"a b\"", NULL);
	ck_assert_uint_eq(challenges.count, 1);
	ck_str(get("bearer", "Resource_Metadata"), "https://h.example/.well-known/x");
	ck_str(get("bearer", "scope"), "a b");
	ck_assert_ptr_null(get("bearer", "error").p);
	arena_free(arena);
}
END_TEST

START_TEST(several_in_one_line_and_in_two)
{
	read_all("Basic realm=\"a, b\", Negotiate, DPoP algs=ES256 ,error = \"use_dpop_nonce\"",
		 "NTLM TlRMTVNTUAAC==, Bearer error=invalid_token");
	ck_assert_uint_eq(challenges.count, 5);
	ck_str(get("basic", "realm"), "a, b");
	ck_assert_uint_eq(challenges_find(&challenges, STR("negotiate"))->count, 0);
	ck_str(get("dpop", "algs"), "ES256");
	ck_str(get("dpop", "error"), "use_dpop_nonce");
	ck_str(challenges_find(&challenges, STR("ntlm"))->token68, "TlRMTVNTUAAC==");
	ck_str(get("bearer", "error"), "invalid_token");
	arena_free(arena);
}
END_TEST

START_TEST(escapes_are_undone)
{
	read_all("Bearer realm=\"say \\\"hi\\\" \\\\\", scope=\"\"", NULL);
	ck_str(get("bearer", "realm"), "say \"hi\" \\");
	ck_str(get("bearer", "scope"), "");
	arena_free(arena);
}
END_TEST

START_TEST(what_stands_before_a_mistake_counts)
{
	static const char *const broken[] = {
		"Bearer scope=\"a\", realm=\"unfinished",
		"Bearer scope=\"a\", =b",
		"Bearer scope=\"a\" realm=\"no comma\"",
		"Bearer scope=\"a\", realm=\"ends in an escape\\",
		",, Bearer scope=\"a\",,",
	};

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		read_all(broken[i], NULL);
		ck_str(get("bearer", "scope"), "a");
		ck_assert_ptr_null(get("bearer", "realm").p);
		arena_free(arena);
	}
	read_all("", NULL);
	ck_assert_uint_eq(challenges.count, 0);
	arena_free(arena);
}
END_TEST

START_TEST(more_than_is_kept)
{
	AUTO_BUF field = {0};

	arena = arena_new(64 << 10);
	challenges = (struct challenges){0};
	for (int i = 0; i < 2 * CHALLENGES_MAX; i++)
		buf_put_fmt(&field, "S%d a=1, b=2,", i);
	challenges_read(arena, buf_str(&field), &challenges);
	ck_assert_uint_eq(challenges.count, CHALLENGES_MAX);
	field.n = 0;
	buf_put(&field, STR("Bearer p0=0"));
	for (int i = 1; i < 2 * CHALLENGE_PARAMS_MAX; i++)
		buf_put_fmt(&field, ", p%d=%d", i, i);
	challenges = (struct challenges){0};
	challenges_read(arena, buf_str(&field), &challenges);
	ck_assert_uint_eq(challenges.count, 1);
	ck_assert_uint_eq(challenges.item[0].count, CHALLENGE_PARAMS_MAX);
	arena_free(arena);
}
END_TEST

UNIT_MAIN("http/challenge", bearer_with_metadata_and_scope, several_in_one_line_and_in_two, escapes_are_undone,
	  what_stands_before_a_mistake_counts, more_than_is_kept)
