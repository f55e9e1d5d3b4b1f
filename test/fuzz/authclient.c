/* Documents and answers of authorization servers: what is taken from them can stand in a header's line and a URL. */
#include "authclient/authorize.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str text = {(const char *)bytes, n};
	AUTO(arena) *arena = arena_new(8 << 20);
	AUTO_BUF problem = {0};
	enum token_refusal refusal;
	struct client_identity client;
	struct token_answer answer;
	int64_t expires_ms;

	read_documents(arena, text);
	if (token_answer_read(arena, 200, text, 1000, &problem, &answer, &refusal) == OK)
		CHECK(is_word(answer.access_token) && answer.expires_ms >= 0);
	(void)!token_answer_read(arena, 400, text, 1000, &problem, &answer, &refusal);
	CHECK(problem.n == 0 || str_is_printable(buf_str(&problem)));
	if (registration_answer_read(arena, 201, text, &problem, &client, &expires_ms) == OK)
		CHECK(is_word(client.id) && expires_ms >= 0);
	return 0;
}
