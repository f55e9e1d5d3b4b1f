/* A code becomes tokens, once. It is bound to the client, the redirect and the verifier of its beginning: who lacks
 * one of them gets nothing. A code that comes a second time has been seen by somebody else, so that everything issued
 * for its grant ends (RFC 6749 section 4.1.2). */
#include "oauth/token.h"

#include "base/pkce.h"
#include "store/oauth_code.h"

AWAITS static enum err replayed(struct token_request *request, const struct oauth_code *code)
{
	TRY(oauth_grant_revoke(request->oauth->spec.db, DB_ALL_TENANTS, code->grant_id, request->now_ms));
	TRY(oauth_audit(request->oauth, request->visit, "oauth.token_revoked", STR(""), STR(""), code->grant_id,
			ERR_OAUTH_GRANT));
	request->visit->problem = STR("this code was used before; what it was exchanged for has been revoked");
	return ERR_OAUTH_GRANT;
}

/* Whether this is the request that the code was made for. */
static enum err check(const struct token_request *request, const struct oauth_code *code)
{
	struct str redirect = form_get(request->form, STR("redirect_uri"));

	if (!str_eq(code->client_id, request->client.id) || code->expires_ms <= request->now_ms ||
	    (redirect.p != NULL && !str_eq(redirect, code->redirect_uri)))
		return ERR_OAUTH_GRANT;
	if (!pkce_verify(form_get(request->form, STR("code_verifier")), code->challenge))
		return ERR_OAUTH_GRANT;
	return token_check_resource(request, code->resource);
}

AWAITS enum err token_of_code(struct token_request *request)
{
	struct oauth *oauth = request->oauth;
	struct str text = form_get(request->form, STR("code"));
	char refresh[OAUTH_TOKEN_TEXT_MAX] = "";
	struct oauth_grant grant;
	struct oauth_code code;
	uint8_t mac[32];
	unsigned scopes;
	enum err err;

	if (text.n == 0) {
		request->visit->problem = STR("code is missing");
		return ERR_OAUTH_REQUEST;
	}
	oauth_secret_mac(oauth, "code", text, mac);
	err = oauth_code_get(oauth->spec.db, request->visit->arena, mac, &code);
	if (err != OK)
		return err == ERR_NOT_FOUND ? ERR_OAUTH_GRANT : err;
	if (code.used_ms != 0)
		return replayed(request, &code);
	TRY(check(request, &code));
	err = oauth_code_use(oauth->spec.db, mac, request->now_ms);
	if (err != OK)
		return err == ERR_NOT_FOUND ? replayed(request, &code) : err;
	TRY(token_grant(request, code.grant_id, &grant));
	TRY(oauth_scopes_read(code.scope, OAUTH_SCOPES_ANY, &scopes));
	if ((scopes & OAUTH_OFFLINE) != 0)
		TRY(token_first_refresh(request, &grant, refresh));
	TRY(oauth_audit(oauth, request->visit, "oauth.flow_completed", grant.tenant_id, grant.user_id,
			request->client.id, OK));
	err = token_answer(request, &grant, scopes, str_of(refresh));
	crypto_wipe(refresh, sizeof(refresh));
	return err;
}
