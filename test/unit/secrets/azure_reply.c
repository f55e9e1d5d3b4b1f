/* What Key Vault says, and which challenges are believed. */
#include "../unit.h"

#include "secrets/azure_reply.h"

#define AUTHORITY "https://login.microsoftonline.com/t1"

static enum err judge(const char *field, const char *vault, struct azure_challenge *challenge)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO_BUF problem = {0};
	struct url url;
	enum err err;

	ck_ok(url_parse(str_of(vault), &url));
	err = azure_challenge_read(arena, str_of(field), &url, STR(AUTHORITY), &problem, challenge);
	ck_assert(err != ERR_FORBIDDEN || problem.n > 0);
	if (err == OK) {
		ck_str(challenge->authority, AUTHORITY);
		ck_str(challenge->scope, "https://vault.azure.net/.default");
	}
	return err;
}

START_TEST(challenges_of_a_vault)
{
	static const char *const good[] = {
		"Bearer authorization=\"" AUTHORITY "\", resource=\"https://vault.azure.net\"",
		"Bearer authorization_uri=\"" AUTHORITY "/\", scope=\"https://vault.azure.net/.default\"",
		"Basic realm=\"x\", bearer resource=\"https://vault.azure.net/\", authorization=\"" AUTHORITY "\"",
	};
	struct azure_challenge challenge;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_ok(judge(good[i], "https://acme.vault.azure.net", &challenge));
	ck_ok(judge(good[0], "https://vault.azure.net", &challenge));
}
END_TEST

START_TEST(challenges_that_would_collect_tokens)
{
	static const char *const bad[] = {
		"Bearer authorization=\"" AUTHORITY "\", resource=\"https://management.azure.com\"",
		"Bearer authorization=\"" AUTHORITY "\", resource=\"https://net\"",
		"Bearer authorization=\"" AUTHORITY "\", resource=\"http://vault.azure.net\"",
		"Bearer authorization=\"" AUTHORITY "\", resource=\"vault.azure.net\"",
		"Bearer authorization=\"https://evil.example/t1\", resource=\"https://vault.azure.net\"",
		"Bearer authorization=\"https://login.microsoftonline.com/t2\", resource=\"https://vault.azure.net\"",
	};
	struct azure_challenge challenge;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(judge(bad[i], i == 1 ? "https://evilnet" : "https://acme.vault.azure.net", &challenge),
		       ERR_FORBIDDEN);
	ck_err(judge("Bearer authorization=\"" AUTHORITY "\", resource=\"https://vault.azure.net\"",
		     "https://evilvault.azure.net.example", &challenge),
	       ERR_FORBIDDEN);
	ck_err(judge("Bearer authorization=\"" AUTHORITY "\", resource=\"https://vault.azure.net\"",
		     "https://evilvault.azure.net", &challenge),
	       ERR_FORBIDDEN);
}
END_TEST

START_TEST(what_is_no_challenge)
{
	static const char *const none[] = {"", "Basic realm=\"x\"", "Bearer",
					   "Bearer resource=\"https://vault.azure.net\"",
					   "Bearer authorization=\"" AUTHORITY "\""};
	struct azure_challenge challenge;

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		ck_err(judge(none[i], "https://acme.vault.azure.net", &challenge), ERR_UPSTREAM_GARBAGE);
}
END_TEST

START_TEST(values_and_words)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct str value;

	ck_ok(azure_value_read(arena, STR("{\"value\":\"s3cret\",\"id\":\"https://v/secrets/n/1\"}"), &value));
	ck_str(value, "s3cret");
	ck_err(azure_value_read(arena, STR("{\"id\":\"x\"}"), &value), ERR_UPSTREAM_GARBAGE);
	ck_err(azure_value_read(arena, STR("{\"value\":7}"), &value), ERR_UPSTREAM_GARBAGE);
	ck_err(azure_value_read(arena, STR("nothing"), &value), ERR_UPSTREAM_GARBAGE);
	ck_str(azure_words(arena, STR("{\"error\":{\"code\":\"Forbidden\",\"message\":\"no\",\"innererror\":{\"code\":"
				      "\"AccessDenied\"}}}")),
	       "Forbidden/AccessDenied: no");
	ck_str(azure_words(arena, STR("{\"error\":{\"code\":\"SecretNotFound\",\"message\":\"gone\"}}")),
	       "SecretNotFound: gone");
	ck_str(azure_words(arena, STR("<html>")), "");
}
END_TEST

START_TEST(pages)
{
	AUTO(arena) *arena = arena_new(4 << 20);
	struct secret_fact *facts = arena_alloc(arena, SECRETS_LISTED_MAX * sizeof(*facts));
	struct url vault;
	struct str next;
	size_t count = 0;

	ck_ok(url_parse(STR("https://acme.vault.azure.net"), &vault));
	ck_ok(azure_page_read(
		arena,
		STR("{\"value\":[{\"id\":\"https://acme.vault.azure.net/secrets/"
		    "server-key\",\"attributes\":{\"updated\":"
		    "1790000000}},{\"id\":\"https://acme.vault.azure.net/secrets/Not-Ours\"},{\"id\":7}],\"nextLink\":"
		    "\"https://acme.vault.azure.net/secrets?$skiptoken=x\"}"),
		&vault, facts, &count, &next));
	ck_assert_uint_eq(count, 1);
	ck_str(facts[0].name, "server-key");
	ck_assert_int_eq(facts[0].changed_ms, 1790000000000);
	ck_str(next, "https://acme.vault.azure.net/secrets?$skiptoken=x");
	ck_ok(azure_page_read(arena, STR("{\"value\":[],\"nextLink\":null}"), &vault, facts, &count, &next));
	ck_assert_ptr_null(next.p);
	ck_err(azure_page_read(arena, STR("{\"value\":[],\"nextLink\":\"https://evil.example/secrets\"}"), &vault,
			       facts, &count, &next),
	       ERR_UPSTREAM_GARBAGE);
	ck_err(azure_page_read(arena, STR("{}"), &vault, facts, &count, &next), ERR_UPSTREAM_GARBAGE);
}
END_TEST

UNIT_MAIN("secrets/azure_reply", challenges_of_a_vault, challenges_that_would_collect_tokens, what_is_no_challenge,
	  values_and_words, pages)
