/* Documents and answers of authorization servers: what is taken from them can stand in a header's line and a URL. */
#include "authclient/authorize.h"
#include "authclient/providers.h"
#include "authclient/register.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static bool is_word(struct str text)
{
	return text.n > 0 && str_is_printable(text);
}

static void read_documents(struct arena *arena, struct str text)
{
	AUTO_BUF problem = {0};
	struct resource_facts resource;
	struct issuer_facts issuer;
	struct url server;

	CHECK(url_parse(STR("https://h.example/mcp"), &server) == OK);
	if (resource_facts_read(arena, text, &server, &problem, &resource) == OK)
		CHECK(is_word(resource.resource) && is_word(resource.issuer));
	if (issuer_facts_read(arena, text, STR("https://as.example"), false, &problem, &issuer) == OK)
		CHECK(is_word(issuer.token_endpoint));
}

static void read_answer(struct arena *arena, const struct auth_dialect *dialect, struct str text)
{
	AUTO_BUF problem = {0};
	enum token_refusal refusal;
	struct token_answer answer;

	if (token_answer_read(arena, dialect, 200, text, 1000, &problem, &answer, &refusal) == OK)
		CHECK(is_word(answer.access_token) && answer.expires_ms >= 0 && str_is_printable(answer.scope));
	(void)!token_answer_read(arena, dialect, 400, text, 1000, &problem, &answer, &refusal);
	CHECK(problem.n == 0 || str_is_printable(buf_str(&problem)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str text = {(const char *)bytes, n};
	AUTO(arena) *arena = arena_new(8 << 20);
	AUTO_BUF problem = {0};
	struct client_identity client;
	int64_t expires_ms;

	read_documents(arena, text);
	read_answer(arena, auth_dialect_of(STR_NONE), text);
	for (size_t i = 0; auth_provider_at(i) != NULL; i++)
		read_answer(arena, &auth_provider_at(i)->dialect, text);
	if (registration_answer_read(arena, 201, text, CLIENT_AUTH_BASIC, &problem, &client, &expires_ms) == OK)
		CHECK(is_word(client.id) && expires_ms >= 0);
	return 0;
}
