/* What several endpoints do in the same way: errors in OAuth's words, rates for strangers, rows in the trail, forms,
 * and the secrets that are handed out and kept only as MACs. */
#include "oauth/oauth_private.h"

#include <stdio.h>

#include "base/random.h"

#define REFUSAL_WINDOW_MS 60000

static const struct {
	enum err err;
	const char *word;
} words[] = {
	{ERR_OAUTH_REQUEST, "invalid_request"},
	{ERR_OAUTH_CLIENT, "invalid_client"},
	{ERR_OAUTH_GRANT, "invalid_grant"},
	{ERR_OAUTH_UNAUTHORIZED, "unauthorized_client"},
	{ERR_OAUTH_GRANT_TYPE, "unsupported_grant_type"},
	{ERR_OAUTH_RESPONSE_TYPE, "unsupported_response_type"},
	{ERR_OAUTH_SCOPE, "invalid_scope"},
	{ERR_OAUTH_TARGET, "invalid_target"},
	{ERR_OAUTH_REDIRECT, "invalid_redirect_uri"},
	{ERR_OAUTH_METADATA, "invalid_client_metadata"},
	{ERR_OAUTH_DENIED, "access_denied"},
	{ERR_OAUTH_LOGIN, "login_required"},
	{ERR_OAUTH_CONSENT, "consent_required"},
	{ERR_HTTP_ROUTE, "not_found"},
	{ERR_HTTP_METHOD, "invalid_request"},
	{ERR_RATE_LIMITED, "slow_down"},
	{ERR_UNAUTHENTICATED, "invalid_token"},
	{ERR_FORBIDDEN, "access_denied"},
	{ERR_HTTP_TYPE, "invalid_request"},
	{ERR_HTTP_BODY_TOO_LARGE, "invalid_request"},
};

const char *oauth_error_word(enum err err)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i].err == err)
			return words[i].word;
	return err_row(err)->retryable ? "temporarily_unavailable" : "server_error";
}

AWAITS enum err oauth_error_answer(struct visit *visit, enum err err)
{
	struct str problem = visit->problem.n > 0 ? visit->problem : str_of(err_text(err));
	struct str headers = STR("");
	AUTO_BUF json = {0};

	/* RFC 6749 section 5.2: who tried Authorization is told which scheme there is. */
	if (err == ERR_OAUTH_CLIENT && http_field_get(&visit->exchange->fields, HTTP_AUTHORIZATION).p != NULL)
		headers = STR("WWW-Authenticate: Basic realm=\"gatehouse\"\r\n");
	if (err == ERR_HTTP_METHOD)
		headers = STR("Allow: POST\r\n");
	buf_put_fmt(&json, "{\"error\":\"%s\",\"error_description\":", oauth_error_word(err));
	buf_put_json(&json, problem);
	buf_put_byte(&json, '}');
	return reply_json(visit->exchange, err_row(err)->http_status, headers, buf_str(&json));
}

AWAITS enum err oauth_take(struct oauth *oauth, struct visit *visit, char kind, const struct rate *rate)
{
	char key[20] = {'o', 'a', kind};

	address_peer_key(&visit->exchange->peer, (uint8_t *)key + 3);
	return visit_take(visit, oauth->spec.state, (struct str){key, 19}, rate);
}

AWAITS enum err oauth_audit(struct oauth *oauth, struct visit *visit, const char *event, struct str tenant_id,
			    struct str principal, struct str target, enum err outcome)
{
	return audit_append(oauth->spec.audit,
			    &(struct audit_record){.event = str_of(event),
						   .tenant_id = tenant_id,
						   .principal = principal,
						   .ip = visit->ip,
						   .request_id = visit->request_id,
						   .target = target,
						   .outcome = outcome == OK ? STR("ok") : str_of(err_name(outcome))});
}

AWAITS enum err oauth_audit_refusal(struct oauth *oauth, struct visit *visit, struct str client_id, enum err why)
{
	char key[20] = {'o', 'f', (char)why};
	uint32_t count;

	address_peer_key(&visit->exchange->peer, (uint8_t *)key + 3);
	TRY(state_count(oauth->spec.state, (struct str){key, 19}, REFUSAL_WINDOW_MS, &count));
	return count > 1 ? OK : oauth_audit(oauth, visit, "oauth.flow_failed", STR(""), STR(""), client_id, why);
}

enum err oauth_form(struct visit *visit, struct form **ret_form)
{
	struct str type = http_field_get(&visit->exchange->fields, HTTP_CONTENT_TYPE), media, rest;
	struct form *form = ARENA_NEW(visit->arena, struct form);

	str_cut(type, ';', &media, &rest);
	if (!str_eq_nocase(str_trim(media), STR("application/x-www-form-urlencoded"))) {
		visit->problem = STR("Content-Type must be application/x-www-form-urlencoded");
		return ERR_OAUTH_REQUEST;
	}
	if (form_read(visit->arena, visit->exchange->body, form) != OK)
		return ERR_OAUTH_REQUEST;
	/* RFC 6749 section 3.2; `resource` may repeat (RFC 8707), but a token is for one. */
	for (size_t i = 0; i < form->count; i++)
		if (form_repeats(form, form->field[i].name)) {
			visit->problem = STR("a parameter is repeated");
			return ERR_OAUTH_REQUEST;
		}
	*ret_form = form;
	return OK;
}

void oauth_secret_make(const char *prefix, char ret_text[OAUTH_TOKEN_TEXT_MAX])
{
	AUTO_BUF text = {0};

	random_text_put(&text, 32);
	snprintf(ret_text, OAUTH_TOKEN_TEXT_MAX, "%s%.*s", prefix, STR_ARG(buf_str(&text)));
	crypto_wipe(text.p, text.n);
}

void oauth_secret_mac(const struct oauth *oauth, const char *purpose, struct str text, uint8_t ret_mac[32])
{
	const struct str pieces[] = {str_of(purpose), STR("\n"), text};

	crypto_mac(oauth->spec.key, pieces, ARRAY_LEN(pieces), ret_mac);
}
