/* A refresh token becomes the next one.
 *
 *     new ── first use ──▶ used, names its successor
 *                           │ within the grace: the same successor again
 *                           └ later: it was stolen, or its thief was first; the grant ends
 *
 * The grace is for clients that run as several processes over one stored token, and for answers that were lost on the
 * way. The successor is sealed beside the used token, so that the answer can be given again without keeping it
 * readable. */
#include "oauth/token.h"

#include "store/oauth_refresh.h"

#define REFRESH_ATTEMPTS 2 /* of two requests at the same moment the later finds the token used, and reads again */

AWAITS static enum err reused(struct token_request *request, const struct oauth_grant *grant)
{
	TRY(oauth_grant_revoke(request->oauth->spec.db, grant->tenant_id, grant->id, request->now_ms));
	TRY(oauth_audit(request->oauth, request->visit, "oauth.token_revoked", grant->tenant_id, grant->user_id,
			grant->id, ERR_OAUTH_GRANT));
	request->visit->problem = STR("this refresh token was used before; the sign-in it belongs to has ended");
	return ERR_OAUTH_GRANT;
}

/* The successor that a used token was answered with. */
AWAITS static enum err answer_again(struct token_request *request, const struct oauth_refresh *token,
				    const struct oauth_grant *grant, char ret_next[OAUTH_TOKEN_TEXT_MAX])
{
	struct str bound = {(const char *)token->mac, sizeof(token->mac)};
	size_t n;

	if (request->now_ms - token->used_ms > OAUTH_REUSE_GRACE_MS ||
	    token->successor.n >= OAUTH_TOKEN_TEXT_MAX + CRYPTO_SEAL_OVERHEAD)
		return reused(request, grant);
	TRY(crypto_open(request->oauth->spec.key, token->successor, bound, ret_next, &n));
	ret_next[n] = '\0';
	return OK;
}

AWAITS static enum err rotate(struct token_request *request, const struct oauth_refresh *token,
			      const struct oauth_grant *grant, char ret_next[OAUTH_TOKEN_TEXT_MAX])
{
	struct str bound = {(const char *)token->mac, sizeof(token->mac)};
	struct oauth_refresh next = {.grant_id = grant->id,
				     .scope = token->scope,
				     .created_ms = request->now_ms,
				     .expires_ms = request->now_ms + request->visit->settings->refresh_idle_ms};
	AUTO_BUF sealed = {0};

	oauth_secret_make("ghr_", ret_next);
	oauth_secret_mac(request->oauth, "refresh", str_of(ret_next), next.mac);
	crypto_seal(request->oauth->spec.key, str_of(ret_next), bound, &sealed);
	return oauth_refresh_rotate(request->oauth->spec.db, token->mac, buf_str(&sealed), &next);
}

/* What a refresh is about, once the token was found. */
struct refreshed {
	struct oauth_grant grant;
	unsigned scopes;
	char next[OAUTH_TOKEN_TEXT_MAX];
};

/* All that can be wrong with the request is said before the token is used up. Fewer scopes may be asked for; the
 * refresh token keeps what it has (RFC 6749 section 6). */
static enum err check(struct token_request *request, const struct oauth_refresh *token, struct refreshed *refreshed)
{
	struct str asked = form_get(request->form, STR("scope"));

	TRY(token_check_resource(request, refreshed->grant.resource));
	TRY(oauth_scopes_read(token->scope, OAUTH_SCOPES_ANY, &refreshed->scopes));
	return asked.n == 0 ? OK : oauth_scopes_read(asked, refreshed->scopes, &refreshed->scopes);
}

/* One try: ERR_BUSY when another request was faster. */
AWAITS static enum err refresh(struct token_request *request, const uint8_t mac[32], struct refreshed *refreshed)
{
	struct oauth_refresh token;
	enum err err = oauth_refresh_get(request->oauth->spec.db, request->visit->arena, mac, &token);

	if (err != OK)
		return err == ERR_NOT_FOUND ? ERR_OAUTH_GRANT : err;
	TRY(token_grant(request, token.grant_id, &refreshed->grant));
	TRY(check(request, &token, refreshed));
	if (token.used_ms != 0)
		return answer_again(request, &token, &refreshed->grant, refreshed->next);
	if (token.expires_ms <= request->now_ms)
		return ERR_OAUTH_GRANT;
	err = rotate(request, &token, &refreshed->grant, refreshed->next);
	return err == ERR_NOT_FOUND ? ERR_BUSY : err;
}

AWAITS enum err token_of_refresh(struct token_request *request)
{
	struct str text = form_get(request->form, STR("refresh_token"));
	struct refreshed refreshed = {0};
	enum err err = ERR_BUSY;
	uint8_t mac[32];

	if (text.n == 0) {
		request->visit->problem = STR("refresh_token is missing");
		return ERR_OAUTH_REQUEST;
	}
	oauth_secret_mac(request->oauth, "refresh", text, mac);
	for (int i = 0; i < REFRESH_ATTEMPTS && err == ERR_BUSY; i++)
		err = refresh(request, mac, &refreshed);
	TRY(err);
	TRY(oauth_audit(request->oauth, request->visit, "oauth.token_refreshed", refreshed.grant.tenant_id,
			refreshed.grant.user_id, request->client.id, OK));
	err = token_answer(request, &refreshed.grant, refreshed.scopes, str_of(refreshed.next));
	crypto_wipe(refreshed.next, sizeof(refreshed.next));
	return err;
}
