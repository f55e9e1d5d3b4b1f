/* How the rows of platforms read in the reference: their addresses as they are, their deviations in words, what an
 * operator has to know as the row says it. What settings override is the guide's. */
#include "authclient/providers.h"

static void put_fact(struct buf *out, const char *what, const char *text)
{
	if (text != NULL)
		buf_put_fmt(out, "- %s: `%s`\n", what, text);
}

/* The deviations that an operator may see in a trace, in words. */
static void put_deviations(struct buf *out, const struct auth_dialect *dialect)
{
	static const char *const carriages[] = {[CARRY_FORM] = NULL,
						[CARRY_JSON] = "requests for tokens are JSON",
						[CARRY_QUERY] = "tokens are asked for by GET"};
	const char *words[] = {
		dialect->pkce == PKCE_OFF ? "no PKCE" : NULL,
		dialect->scope_separator != NULL ? "scopes are separated by commas on the wire" : NULL,
		carriages[dialect->carriage],
		dialect->longer.grant != NULL ? "the first token is exchanged at once for one that lives longer" : NULL,
		dialect->again.grant != NULL ? "a token is renewed by exchanging itself, before it ends" : NULL,
		dialect->refresh_none ? "nothing is renewed" : NULL,
	};
	bool first = true;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (words[i] == NULL)
			continue;
		buf_put(out, first ? STR("- otherwise than the standard: ") : STR("; "));
		buf_put(out, str_of(words[i]));
		first = false;
	}
	buf_put(out, first ? STR("") : STR("\n"));
}

void auth_provider_reference_write(struct buf *out)
{
	const struct auth_provider *row;

	buf_put(out, STR("# Providers\n\nWritten by `./dev docs` from src/authclient/providers.c; edit nothing here by "
			 "hand. What\n"
			 "`auth: {type: oauth, provider: NAME}` of an upstream fills in, so that only a client has to "
			 "be given\n"
			 "([guide](guides/credentials.md)). What the configuration says itself goes before it; with a "
			 "`token_url`\n"
			 "of its own it has to give the other addresses too.\n"));
	for (size_t i = 0; (row = auth_provider_at(i)) != NULL; i++) {
		buf_put_fmt(out, "\n## %s\n\n%s.\n\n", row->name, row->title);
		put_fact(out, "people agree at", row->authorize_url);
		put_fact(out, "tokens", row->token_url);
		put_fact(out, "revocation", row->revoke_url);
		put_fact(out, "default scope", row->scope);
		put_fact(out, "whose account it is", row->identity_url);
		put_fact(out, "one of these is picked", row->pick_url);
		put_fact(out, "its id is sent in", row->pick_header);
		put_fact(out, "the token is sent in", row->dialect.token_header);
		put_deviations(out, &row->dialect);
		if (row->needs != NULL)
			buf_put_fmt(out, "\n%s\n", row->needs);
	}
}
