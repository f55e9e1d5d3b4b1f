/* The token endpoint: a form comes from a client that proves itself, and leaves with tokens. Which kinds of grant
 * there are stands in a table; what they share is here: live grants, access tokens, the answer.
 *
 * An access token is a JWT (RFC 9068) that names its grant. Nothing of it is kept: it is good as long as the grant's
 * row is, and no longer than a while. */
#include "oauth/token.h"

#include "base/clock.h"
#include "base/random.h"
#include "oauth/resource.h"
#include "store/oauth_refresh.h"

static const struct rate token_rate = {.limit = 600, .window_ms = 60 * 1000};

static const struct {
	const char *name;
	/* AWAITS */
	enum err (*run)(struct token_request *request);

} kinds[] = {
	{"authorization_code", token_of_code},
	{"refresh_token", token_of_refresh},
	{"client_credentials", token_of_client},
	{"urn:ietf:params:oauth:grant-type:jwt-bearer", token_of_assertion},
};

AWAITS enum err token_grant(struct token_request *request, struct str id, struct oauth_grant *ret_grant)
{
	enum err err = oauth_grant_get(request->oauth->spec.db, DB_ALL_TENANTS, request->visit->arena, id, ret_grant);

	if (err == ERR_NOT_FOUND)
		return ERR_OAUTH_GRANT;
	TRY(err);
	if (ret_grant->revoked_ms != 0 || (ret_grant->expires_ms != 0 && ret_grant->expires_ms <= request->now_ms) ||
	    ret_grant->tenant_disabled || ret_grant->user_disabled || ret_grant->client_disabled ||
	    !str_eq(ret_grant->client_id, request->client.id))
		return ERR_OAUTH_GRANT;
	return OK;
}

enum err token_resource(const struct token_request *request, struct str *ret_resource)
{
	const struct visit *visit = request->visit;
	struct str asked = form_get(request->form, STR("resource"));

	if (asked.n == 0) {
		*ret_resource = visit->resources[0];
		return OK;
	}
	return resource_match(visit->resources, visit->resource_count, asked, ret_resource) == OK ? OK
												  : ERR_OAUTH_TARGET;
}

enum err token_check_resource(const struct token_request *request, struct str resource)
{
	struct str asked = form_get(request->form, STR("resource")), found;

	if (asked.n == 0)
		return OK;
	return resource_match(&resource, 1, asked, &found) == OK ? OK : ERR_OAUTH_TARGET;
}

AWAITS enum err token_first_refresh(struct token_request *request, const struct oauth_grant *grant,
				    char ret_text[OAUTH_TOKEN_TEXT_MAX])
{
	int64_t idle_ms = request->visit->settings->refresh_idle_ms;
	struct oauth_refresh token = {.grant_id = grant->id,
				      .scope = grant->scope,
				      .created_ms = request->now_ms,
				      .expires_ms = request->now_ms + idle_ms};

	oauth_secret_make("ghr_", ret_text);
	oauth_secret_mac(request->oauth, "refresh", str_of(ret_text), token.mac);
	return oauth_refresh_insert(request->oauth->spec.db, grant->tenant_id, &token);
}

static void put_claim(struct buf *out, const char *name, struct str value)
{
	buf_put_fmt(out, ",\"%s\":", name);
	buf_put_json(out, value);
}

/* RFC 9068, and two members of ours: the tenant and the grant. */
AWAITS static enum err make_access(struct token_request *request, const struct oauth_grant *grant, struct str scope,
				   int64_t life_ms, struct buf *out)
{
	AUTO_BUF claims = {0};
	char jti[ID_LEN + 1];

	random_id(jti);
	buf_put_fmt(&claims, "{\"jti\":\"%s\"", jti);
	put_claim(&claims, "iss", request->visit->origin);
	put_claim(&claims, "sub", grant->user_id);
	put_claim(&claims, "aud", grant->resource);
	put_claim(&claims, "client_id", grant->client_id);
	put_claim(&claims, "scope", scope);
	put_claim(&claims, "tid", grant->tenant_id);
	put_claim(&claims, "gid", grant->id);
	buf_put_fmt(&claims, ",\"iat\":%lld,\"exp\":%lld}", (long long)(request->now_ms / 1000),
		    (long long)((request->now_ms + life_ms) / 1000));
	return signing_sign(request->oauth->spec.signing, request->visit->settings->signing_key_ms, STR("at+jwt"),
			    buf_str(&claims), out);
}

AWAITS enum err token_answer(struct token_request *request, const struct oauth_grant *grant, unsigned scopes,
			     struct str refresh)
{
	struct str scope = oauth_scopes_text(request->visit->arena, scopes & ~OAUTH_OFFLINE);
	int64_t life_ms = request->visit->settings->access_ms;
	AUTO_BUF token = {0}, json = {0};
	enum err err;

	if (grant->expires_ms != 0 && grant->expires_ms - request->now_ms < life_ms)
		life_ms = grant->expires_ms - request->now_ms;
	TRY(make_access(request, grant, scope, life_ms, &token));
	buf_put_fmt(&json, "{\"access_token\":\"%.*s\",\"token_type\":\"Bearer\",\"expires_in\":%lld",
		    STR_ARG(buf_str(&token)), (long long)(life_ms / 1000));
	if (refresh.n > 0)
		put_claim(&json, "refresh_token", refresh);
	put_claim(&json, "scope", scope);
	buf_put_byte(&json, '}');
	err = reply_json(request->visit->exchange, 200, STR("Pragma: no-cache\r\n"), buf_str(&json));
	crypto_wipe(json.p, json.n);
	crypto_wipe(token.p, token.n);
	return err;
}

AWAITS enum err token_machine_grant(struct token_request *request, struct str tenant_id, struct str user_id,
				    struct str resource, unsigned scopes, struct oauth_grant *ret_grant)
{
	struct arena *arena = request->visit->arena;
	struct db *db = request->oauth->spec.db;
	struct oauth_grant grant = {.tenant_id = tenant_id,
				    .user_id = user_id,
				    .client_id = request->client.id,
				    .resource = resource,
				    .scope = oauth_scopes_text(arena, scopes),
				    .created_ms = request->now_ms};
	char id[ID_LEN + 1];
	enum err err;

	err = oauth_grant_find(db, tenant_id, arena, user_id, request->client.id, resource, request->now_ms, ret_grant);
	if (err != ERR_NOT_FOUND)
		TRY(err);
	if (err == OK && str_eq(ret_grant->scope, grant.scope))
		return token_grant(request, ret_grant->id, ret_grant);
	random_id(id);
	grant.id = arena_str(arena, (struct str){id, ID_LEN});
	TRY(oauth_grant_insert(db, &grant));
	return token_grant(request, grant.id, ret_grant);
}

/* ---- the endpoint ----------------------------------------------------------------------- */

AWAITS static enum err run(struct token_request *request)
{
	struct str name = form_get(request->form, STR("grant_type"));

	if (name.n == 0) {
		request->visit->problem = STR("grant_type is missing");
		return ERR_OAUTH_REQUEST;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!str_eq(name, str_of(kinds[i].name)))
			continue;
		TRY(client_authenticate(request->oauth, request->visit, request->form, &request->client));
		if (!client_lists(request->visit->arena, request->client.grant_types, name) &&
		    kinds[i].run != token_of_refresh)
			return ERR_OAUTH_UNAUTHORIZED;
		return kinds[i].run(request);
	}
	return ERR_OAUTH_GRANT_TYPE;
}

AWAITS enum err token_serve(struct oauth *oauth, struct visit *visit)
{
	struct token_request *request = ARENA_NEW(visit->arena, struct token_request);
	struct form *form;
	enum err err;

	request->oauth = oauth;
	request->visit = visit;
	request->now_ms = clock_wall_ms();
	TRY(oauth_take(oauth, visit, 't', &token_rate));
	TRY(oauth_form(visit, &form));
	request->form = form;
	err = run(request);
	if (err != OK && !visit->exchange->answered)
		TRY(oauth_audit_refusal(oauth, visit, request->client.id, err));
	return err;
}
