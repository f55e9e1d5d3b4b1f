/* The authorization endpoint: a browser comes with a client's request, and leaves with a code once its person has
 * agreed.
 *
 *     GET   read the request ── client or redirect not proved ──▶ a page, never a redirect
 *            │                └─ anything else wrong ──▶ back to the client with an error
 *            ▼
 *           signed in? ── no ──▶ signin_begin, which leads back here
 *            ▼
 *           agreed before, and it is sure who the client is? ── yes ──▶ back with a code
 *            ▼
 *           the consent page
 *     POST  the page's form: the same request is read again, then the token of the session decides
 *
 * A GET changes nothing but for a code on an agreement that is there already. Why an agreement is not always
 * remembered stands in doc/decisions/0012-oauth-grants.md. */
#include "oauth/oauth_private.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/pkce.h"
#include "authclient/redirect.h"
#include "oauth/resource.h"
#include "store/oauth_code.h"

static const struct rate authorize_rate = {.limit = 120, .window_ms = 60 * 1000};

/* ---- reading -------------------------------------------------------------------------- */

/* The redirect that is asked for, as the client has it in its list; with one in the list it need not be named. */
static enum err read_redirect(struct visit *visit, struct authorization *authorization)
{
	struct str asked = form_get(&authorization->form, STR("redirect_uri"));
	yyjson_val *list, *item;
	size_t index, max;

	TRY(json_read(visit->arena, authorization->client.redirect_uris, &list));
	if (asked.p == NULL && yyjson_arr_size(list) == 1)
		asked = json_str(yyjson_arr_get_first(list));
	yyjson_arr_foreach(list, index, max, item)
	{
		if (asked.p != NULL && redirect_matches(json_str(item), asked)) {
			authorization->redirect_uri = asked;
			return OK;
		}
	}
	visit->problem = STR("the redirect_uri is not one that this client has registered");
	return ERR_OAUTH_REDIRECT;
}

static enum err read_prompt(struct visit *visit, struct authorization *authorization)
{
	struct str rest = form_get(&authorization->form, STR("prompt"));

	while (rest.n > 0) {
		struct str word;

		str_cut(rest, ' ', &word, &rest);
		authorization->prompt_none |= str_eq(word, STR("none"));
		authorization->prompt_consent |= str_eq(word, STR("consent"));
	}
	if (authorization->prompt_none && authorization->prompt_consent) {
		visit->problem = STR("prompt=none goes with nothing else");
		return ERR_OAUTH_REQUEST;
	}
	return OK;
}

static enum err read_challenge(struct visit *visit, struct authorization *authorization)
{
	authorization->challenge = form_get(&authorization->form, STR("code_challenge"));
	if (str_eq(form_get(&authorization->form, STR("code_challenge_method")), STR("S256")) &&
	    pkce_challenge_ok(authorization->challenge))
		return OK;
	visit->problem = STR("PKCE is needed: code_challenge with code_challenge_method=S256");
	return ERR_OAUTH_REQUEST;
}

static enum err read_resource(struct visit *visit, struct authorization *authorization)
{
	struct str asked = form_get(&authorization->form, STR("resource"));

	if (asked.n == 0)
		asked = visit->resources[0];
	return resource_match(visit->resources, visit->resource_count, asked, &authorization->resource) == OK
		       ? OK
		       : ERR_OAUTH_TARGET;
}

/* What is wrong from here on is the client's business: it is told by the redirect. */
static enum err read_rest(struct visit *visit, struct authorization *authorization)
{
	const struct form *form = &authorization->form;
	struct str mode = form_get(form, STR("response_mode"));
	unsigned allowed = authorization->client.scope.n > 0 ? scopes_of(authorization->client.scope) | OAUTH_OFFLINE
							     : OAUTH_SCOPES_ANY;

	for (size_t i = 0; i < form->count; i++)
		if (form_repeats(form, form->field[i].name)) {
			visit->problem = STR("a parameter is repeated");
			return ERR_OAUTH_REQUEST;
		}
	if (form_get(form, STR("request")).p != NULL || form_get(form, STR("request_uri")).p != NULL ||
	    (mode.n > 0 && !str_eq(mode, STR("query")))) {
		visit->problem = STR("request objects and response modes other than query are not supported");
		return ERR_OAUTH_REQUEST;
	}
	if (!str_eq(form_get(form, STR("response_type")), STR("code")))
		return ERR_OAUTH_RESPONSE_TYPE;
	TRY(read_prompt(visit, authorization));
	TRY(read_challenge(visit, authorization));
	TRY(read_resource(visit, authorization));
	return oauth_scopes_read(form_get(form, STR("scope")), allowed, &authorization->scopes);
}

AWAITS static enum err read_request(struct oauth *oauth, struct visit *visit, struct str query, bool may_fetch,
				    struct authorization *authorization)
{
	struct form *form = &authorization->form;

	authorization->query = query;
	if (form_read(visit->arena, query, form) != OK || form_repeats(form, STR("client_id")) ||
	    form_repeats(form, STR("redirect_uri")))
		return ERR_OAUTH_REQUEST;
	TRY(client_find(oauth, visit, form_get(form, STR("client_id")), may_fetch, &authorization->client));
	TRY(read_redirect(visit, authorization));
	if (!form_repeats(form, STR("state")))
		authorization->state = form_get(form, STR("state"));
	return read_rest(visit, authorization);
}

/* ---- deciding -------------------------------------------------------------------------- */

/* A client is surely the one it says when its secret or its own web site must answer for the code. On this machine,
 * or behind a private scheme, any program could be waiting: there a person agrees each time. */
static bool client_is_sure(const struct authorization *authorization)
{
	return !str_eq(authorization->client.auth_method, STR("none")) ||
	       str_starts(authorization->redirect_uri, STR("https://"));
}

AWAITS static enum err agreed_before(struct oauth *oauth, struct visit *visit,
				     const struct authorization *authorization, const struct user *user,
				     bool *ret_agreed)
{
	struct oauth_grant grant;
	enum err err;

	*ret_agreed = false;
	if (authorization->prompt_consent || !client_is_sure(authorization))
		return OK;
	err = oauth_grant_find(oauth->spec.db, user->tenant_id, visit->arena, user->id, authorization->client.id,
			       authorization->resource, clock_wall_ms(), &grant);
	if (err == ERR_NOT_FOUND)
		return OK;
	TRY(err);
	*ret_agreed = (authorization->scopes & SCOPE_ALL & ~scopes_of(grant.scope)) == 0;
	return OK;
}

static bool may_have_refresh(struct visit *visit, const struct authorization *authorization)
{
	return (authorization->scopes & OAUTH_OFFLINE) != 0 ||
	       client_lists(visit->arena, authorization->client.grant_types, STR("refresh_token"));
}

AWAITS static enum err issue(struct oauth *oauth, struct visit *visit, const struct authorization *authorization,
			     const struct user *user)
{
	int64_t now_ms = clock_wall_ms();
	char text[OAUTH_TOKEN_TEXT_MAX], id[ID_LEN + 1];
	unsigned scopes = authorization->scopes;
	struct oauth_grant grant = {.tenant_id = user->tenant_id,
				    .user_id = user->id,
				    .client_id = authorization->client.id,
				    .resource = authorization->resource,
				    .created_ms = now_ms,
				    .expires_ms = now_ms + visit->settings->refresh_ms};
	struct oauth_code code = {.client_id = authorization->client.id,
				  .redirect_uri = authorization->redirect_uri,
				  .challenge = authorization->challenge,
				  .resource = authorization->resource,
				  .expires_ms = now_ms + OAUTH_CODE_MS};

	random_id(id);
	if (may_have_refresh(visit, authorization))
		scopes |= OAUTH_OFFLINE;
	grant.id = code.grant_id = (struct str){id, ID_LEN};
	grant.scope = code.scope = oauth_scopes_text(visit->arena, scopes);
	oauth_secret_make("ghc_", text);
	oauth_secret_mac(oauth, "code", str_of(text), code.mac);
	TRY(oauth_grant_insert(oauth->spec.db, &grant));
	TRY(oauth_code_insert(oauth->spec.db, user->tenant_id, &code));
	return consent_return(visit, authorization, str_of(text), OK);
}

AWAITS static enum err show(struct oauth *oauth, struct visit *visit, struct authorization *authorization)
{
	struct str return_to = arena_fmt(visit->arena, "/oauth/authorize?%.*s", STR_ARG(visit->exchange->query));
	enum err session, err;
	struct user user;
	struct str csrf;
	bool agreed;

	session = signin_session(oauth->spec.signin, visit, &user, &csrf);
	if (session != OK && session != ERR_UNAUTHENTICATED)
		return session;
	err = read_request(oauth, visit, visit->exchange->query, session == OK, authorization);
	if (err == ERR_NOT_FOUND) /* a document, which is not fetched for strangers */
		return signin_begin(oauth->spec.signin, visit, return_to);
	TRY(err);
	if (session != OK)
		return authorization->prompt_none ? ERR_OAUTH_LOGIN
						  : signin_begin(oauth->spec.signin, visit, return_to);
	if (authorization->client.tenant_id.n > 0 && !str_eq(authorization->client.tenant_id, user.tenant_id))
		return ERR_OAUTH_DENIED;
	TRY(agreed_before(oauth, visit, authorization, &user, &agreed));
	if (agreed)
		return issue(oauth, visit, authorization, &user);
	if (authorization->prompt_none)
		return ERR_OAUTH_CONSENT;
	TRY(oauth_audit(oauth, visit, "oauth.flow_started", user.tenant_id, user.id, authorization->client.id, OK));
	return consent_show(visit, authorization, &user, csrf);
}

AWAITS static enum err decide(struct oauth *oauth, struct visit *visit, struct authorization *authorization)
{
	struct form *form;
	struct user user;
	struct str csrf;

	TRY(signin_check_origin(visit));
	TRY(oauth_form(visit, &form));
	TRY(signin_session(oauth->spec.signin, visit, &user, &csrf));
	if (csrf.n == 0 || !str_eq_secret(form_get(form, STR("csrf")), csrf)) {
		visit->problem = STR("this form is not of your session; go back to the program and sign in again");
		return ERR_FORBIDDEN;
	}
	TRY(read_request(oauth, visit, form_get(form, STR("request")), true, authorization));
	if (authorization->client.tenant_id.n > 0 && !str_eq(authorization->client.tenant_id, user.tenant_id))
		return ERR_OAUTH_DENIED;
	if (str_eq(form_get(form, STR("decision")), STR("allow")))
		return issue(oauth, visit, authorization, &user);
	TRY(oauth_audit(oauth, visit, "oauth.flow_failed", user.tenant_id, user.id, authorization->client.id,
			ERR_OAUTH_DENIED));
	return ERR_OAUTH_DENIED;
}

/* Errors that the client may know of; what the gateway itself lacks is for the page. */
static bool is_for_client(enum err err)
{
	return err >= ERR_OAUTH_REQUEST && err <= ERR_OAUTH_CONSENT;
}

AWAITS enum err authorize_serve(struct oauth *oauth, struct visit *visit)
{
	struct authorization *authorization = ARENA_NEW(visit->arena, struct authorization);
	bool post = visit->exchange->method == HTTP_POST;
	enum err err, written;

	err = oauth_take(oauth, visit, 'a', &authorize_rate);
	if (err == OK)
		err = post ? decide(oauth, visit, authorization) : show(oauth, visit, authorization);
	if (err == OK || visit->exchange->answered)
		return err;
	if (authorization->redirect_uri.p != NULL && is_for_client(err))
		written = consent_return(visit, authorization, STR_NONE, err);
	else
		written = consent_refuse(visit, err);
	return written == OK ? err : written;
}
