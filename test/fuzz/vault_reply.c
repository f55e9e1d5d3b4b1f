/* Answers of a Vault: whatever comes, a token can stand in a header, names are names, words are printable. */
#include "base/check.h"
#include "secrets/secrets.h"
#include "secrets/vault_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str body = {(const char *)bytes, n}, text, *names;
	AUTO(arena) *arena = arena_new(64 << 20);
	int64_t version, changed_ms;
	struct vault_auth auth;
	size_t count;

	if (vault_auth_read(arena, body, &auth) == OK)
		CHECK(auth.token.n > 0 && str_is_printable(auth.token) && auth.lease_ms >= 0);
	if (vault_names_read(arena, body, &names, &count) == OK)
		for (size_t i = 0; i < count; i++)
			CHECK(secrets_name_ok(names[i]));
	if (vault_facts_read(arena, body, &version, &changed_ms) == OK)
		CHECK(version >= 0);
	if (vault_value_read(arena, body, &text) == OK)
		CHECK(text.n <= SECRET_TEXT_BYTES_MAX);
	CHECK(str_is_printable(vault_words(arena, body)));
	return 0;
}
