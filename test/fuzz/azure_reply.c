/* Answers of a Key Vault: a challenge that is believed is for this vault, names are names, words are printable. */
#include "base/check.h"
#include "secrets/azure_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str text = {(const char *)bytes, n}, value, next;
	AUTO(arena) *arena = arena_new(64 << 20);
	struct secret_fact *facts = arena_alloc(arena, SECRETS_LISTED_MAX * sizeof(*facts));
	struct azure_challenge challenge;
	AUTO_BUF problem = {0};
	size_t count = 0;
	struct url vault;

	CHECK(url_parse(STR("https://acme.vault.azure.net"), &vault) == OK);
	if (azure_challenge_read(arena, text, &vault, STR("https://login.example/t"), &problem, &challenge) == OK)
		CHECK(str_is_printable(challenge.scope) && str_eq(challenge.authority, STR("https://login.example/t")));
	if (azure_value_read(arena, text, &value) == OK)
		CHECK(value.n <= SECRET_TEXT_BYTES_MAX);
	if (azure_page_read(arena, text, &vault, facts, &count, &next) == OK)
		for (size_t i = 0; i < count; i++)
			CHECK(secrets_name_ok(facts[i].name) && facts[i].changed_ms >= 0);
	CHECK(str_is_printable(azure_words(arena, text)));
	return 0;
}
