/* A flow begins with an address and ends with a query. The query is a stranger's until its state and its issuer prove
 * otherwise. */
#include "authclient/authorize.h"

#include "authclient/scope.h"
#include "authclient/words.h"
#include "base/pkce.h"

static void put_challenge(struct buf *out, struct str verifier, enum auth_pkce pkce)
{
	char challenge[PKCE_CHALLENGE_MAX];

	if (pkce == PKCE_OFF || verifier.n == 0)
		return;
	pkce_challenge(verifier, pkce == PKCE_HEX, challenge);
	form_put(out, STR("code_challenge"), str_of(challenge));
	form_put(out, STR("code_challenge_method"), STR("S256"));
}

void authorize_put(const struct authorize_request *request, struct str endpoint, const struct auth_dialect *dialect,
		   struct buf *out)
{
	AUTO_BUF scope = {0};

	buf_put(out, endpoint);
	if (memchr(endpoint.p, '?', endpoint.n) == NULL)
		buf_put_byte(out, '?');
	form_put(out, STR("response_type"), STR("code"));
	form_put(out, dialect_client_id(dialect), request->client_id);
	form_put(out, STR("redirect_uri"), request->redirect_uri);
	scope_put(&scope, request->scope, dialect);
	if (scope.n > 0)
		form_put(out, STR("scope"), buf_str(&scope));
	if (request->resource.n > 0)
		form_put(out, STR("resource"), request->resource);
	form_put(out, STR("state"), request->state);
	if (request->nonce.n > 0)
		form_put(out, STR("nonce"), request->nonce);
	put_challenge(out, request->verifier, dialect->pkce);
	if (dialect->authorize_more != NULL)
		buf_put_fmt(out, "&%s", dialect->authorize_more);
}

static enum err refuse(struct buf *problem, const char *words)
{
	buf_put(problem, str_of(words));
	return ERR_FORBIDDEN;
}

static enum err check_issuer(const struct form *query, const struct issuer_facts *issuer, struct buf *problem)
{
	struct str iss = form_get(query, STR("iss"));

	if (issuer->issuer.n == 0) /* endpoints that were given alone: nothing to compare with */
		return OK;
	if (iss.p == NULL)
		return issuer->iss_promised ? refuse(problem, "the answer does not say which server it is from") : OK;
	return str_eq(iss, issuer->issuer) ? OK : refuse(problem, "the answer is from another server");
}

enum err authorize_answer(const struct form *query, const struct auth_dialect *dialect, struct str state,
			  const struct issuer_facts *issuer, struct buf *problem, struct str *ret_code)
{
	const struct str single[] = {STR("state"), STR("iss"), dialect_code(dialect), STR("error")};
	struct str error, code;

	for (size_t i = 0; i < ARRAY_LEN(single); i++)
		if (form_repeats(query, single[i]))
			return refuse(problem, "the answer says something twice");
	if (state.n == 0 || !str_eq_secret(form_get(query, STR("state")), state))
		return refuse(problem, "this sign-in was not begun here, or is over; begin again");
	TRY(check_issuer(query, issuer, problem));
	error = form_get(query, STR("error"));
	code = form_get(query, dialect_code(dialect));
	if (error.n > 0) {
		buf_put_fmt(problem, "%.*s %.*s", STR_ARG(words_of(error)),
			    STR_ARG(words_of(form_get(query, STR("error_description")))));
		return ERR_UPSTREAM_AUTH;
	}
	if (code.n == 0)
		return refuse(problem, "the answer holds no code");
	*ret_code = code;
	return OK;
}
