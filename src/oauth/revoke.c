/* Ending and asking about tokens. Either kind of token names its grant, and revoking a token ends the grant: a refresh
 * token because it is the grant's only key (RFC 7009 section 2.1), an access token because there is no list of revoked
 * ones. Whoever asks is told nothing about a token that is not theirs to ask about: it is answered like one that does
 * not exist. */
#include "oauth/oauth_private.h"

#include "base/clock.h"
#include "store/oauth_refresh.h"

static const struct rate revoke_rate = {.limit = 300, .window_ms = 60 * 1000};

/* A token that somebody has sent, and what it belongs to. */
struct found {
	struct oauth_grant grant;
	bool live, access;
	struct str scope, jti;
	int64_t expires_ms, issued_ms;
};

/* Signature, issuer and time; the audience is not asked: it may be any endpoint's.
 *   Errors     ERR_NOT_FOUND: none of ours, or its time is over */
AWAITS static enum err read_access(struct oauth *oauth, struct visit *visit, struct str text, struct found *found,
				   struct str *ret_grant_id)
{
	const struct jose_expected expected = {.issuer = visit->origin, .now_ms = clock_wall_ms()};
	AUTO(jose_keys) *keys = NULL;
	struct jose_token token;
	yyjson_val *claims;
	int64_t issued_s;

	if (jose_token_read(visit->arena, text, &token) != OK)
		return ERR_NOT_FOUND;
	TRY(signing_keys(oauth->spec.signing, &keys));
	if (jose_verify(&token, keys, JOSE_ES256, &claims) != OK ||
	    jose_check_claims(claims, &expected, &found->expires_ms) != OK || !str_eq(token.typ, STR("at+jwt")))
		return ERR_NOT_FOUND;
	found->access = true;
	found->scope = json_str(json_get(claims, "scope"));
	found->jti = json_str(json_get(claims, "jti"));
	found->issued_ms = json_int(json_get(claims, "iat"), &issued_s) ? issued_s * 1000 : 0;
	*ret_grant_id = json_str(json_get(claims, "gid"));
	return OK;
}

AWAITS static enum err read_refresh(struct oauth *oauth, struct visit *visit, struct str text, struct found *found,
				    struct str *ret_grant_id)
{
	struct oauth_refresh token;
	uint8_t mac[32];

	oauth_secret_mac(oauth, "refresh", text, mac);
	TRY(oauth_refresh_get(oauth->spec.db, visit->arena, mac, &token));
	found->scope = token.scope;
	found->expires_ms = token.expires_ms;
	found->issued_ms = token.created_ms;
	found->live = token.used_ms == 0 && token.expires_ms > clock_wall_ms();
	*ret_grant_id = token.grant_id;
	return OK;
}

/* What a token is: its own form says which kind, so that token_type_hint is not needed.
 *   Errors     ERR_NOT_FOUND */
AWAITS static enum err find(struct oauth *oauth, struct visit *visit, struct str text, struct found *ret_found)
{
	const struct oauth_grant *grant = &ret_found->grant;
	struct str grant_id = STR("");
	int64_t now_ms = clock_wall_ms();

	if (str_starts(text, STR("ghr_")))
		TRY(read_refresh(oauth, visit, text, ret_found, &grant_id));
	else
		TRY(read_access(oauth, visit, text, ret_found, &grant_id));
	TRY(oauth_grant_get(oauth->spec.db, DB_ALL_TENANTS, visit->arena, grant_id, &ret_found->grant));
	ret_found->live = (ret_found->live || ret_found->access) && grant->revoked_ms == 0 &&
			  (grant->expires_ms == 0 || grant->expires_ms > now_ms) && !grant->tenant_disabled &&
			  !grant->user_disabled && !grant->client_disabled;
	return OK;
}

AWAITS static enum err token_of_form(struct oauth *oauth, struct visit *visit, struct form **ret_form,
				     struct str *ret_token)
{
	TRY(oauth_take(oauth, visit, 'v', &revoke_rate));
	TRY(oauth_form(visit, ret_form));
	*ret_token = form_get(*ret_form, STR("token"));
	if (ret_token->n > 0)
		return OK;
	visit->problem = STR("token is missing");
	return ERR_OAUTH_REQUEST;
}

AWAITS enum err revoke_serve(struct oauth *oauth, struct visit *visit)
{
	struct oauth_client client;
	struct found found = {0};
	struct form *form;
	struct str text;
	enum err err;

	TRY(token_of_form(oauth, visit, &form, &text));
	TRY(client_authenticate(oauth, visit, form, &client));
	err = find(oauth, visit, text, &found);
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	if (err == OK && str_eq(found.grant.client_id, client.id) && found.grant.revoked_ms == 0) {
		TRY(oauth_grant_revoke(oauth->spec.db, found.grant.tenant_id, found.grant.id, clock_wall_ms()));
		TRY(oauth_audit(oauth, visit, "oauth.token_revoked", found.grant.tenant_id, found.grant.user_id,
				found.grant.id, OK));
	}
	return reply_json(visit->exchange, 200, STR(""), STR("{}"));
}

/* ---- introspection (RFC 7662) ----------------------------------------------------------- */

/* Who asks: a client with a secret about tokens of its own or, if it is a tenant's, of that tenant; or an
 * administrator's API key about those of its tenant. */
struct asker {
	struct str client_id, tenant_id;
};

AWAITS static enum err read_asker(struct oauth *oauth, struct visit *visit, const struct form *form,
				  struct asker *ret_asker)
{
	struct str header = http_field_get(&visit->exchange->fields, HTTP_AUTHORIZATION), scheme, key;
	struct caller *caller = ARENA_NEW(visit->arena, struct caller);
	struct oauth_client client;

	if (str_cut(header, ' ', &scheme, &key) && str_eq_nocase(scheme, STR("bearer"))) {
		TRY(identity_of_key(oauth->spec.identity, str_trim(key), caller));
		if (caller->role < ROLE_ADMIN || caller->tenant_id[0] == '\0')
			return ERR_FORBIDDEN;
		*ret_asker = (struct asker){STR(""), str_of(caller->tenant_id)};
		return OK;
	}
	TRY(client_authenticate(oauth, visit, form, &client));
	if (str_eq(client.auth_method, STR("none")))
		return ERR_OAUTH_CLIENT;
	*ret_asker = (struct asker){client.id, client.tenant_id};
	return OK;
}

static bool may_know(const struct asker *asker, const struct oauth_grant *grant)
{
	return (asker->client_id.n > 0 && str_eq(asker->client_id, grant->client_id)) ||
	       (asker->tenant_id.n > 0 && str_eq(asker->tenant_id, grant->tenant_id));
}

static void put_member(struct buf *out, const char *name, struct str value)
{
	buf_put_fmt(out, ",\"%s\":", name);
	buf_put_json(out, value);
}

static void put_found(struct buf *out, const struct visit *visit, const struct found *found)
{
	const struct oauth_grant *grant = &found->grant;

	buf_put(out, STR("{\"active\":true"));
	put_member(out, "iss", visit->origin);
	put_member(out, "sub", grant->user_id);
	put_member(out, "aud", grant->resource);
	put_member(out, "client_id", grant->client_id);
	put_member(out, "username", grant->user_name);
	put_member(out, "scope", found->scope);
	put_member(out, "tid", grant->tenant_id);
	put_member(out, "gid", grant->id);
	if (found->access) {
		put_member(out, "jti", found->jti);
		put_member(out, "token_type", STR("Bearer"));
	}
	buf_put_fmt(out, ",\"iat\":%lld,\"exp\":%lld}", (long long)(found->issued_ms / 1000),
		    (long long)(found->expires_ms / 1000));
}

AWAITS enum err introspect_serve(struct oauth *oauth, struct visit *visit)
{
	struct found found = {0};
	AUTO_BUF json = {0};
	struct asker asker;
	struct form *form;
	struct str text;
	enum err err;

	TRY(token_of_form(oauth, visit, &form, &text));
	TRY(read_asker(oauth, visit, form, &asker));
	err = find(oauth, visit, text, &found);
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	if (err == OK && found.live && may_know(&asker, &found.grant))
		put_found(&json, visit, &found);
	else
		buf_put(&json, STR("{\"active\":false}"));
	return reply_json(visit->exchange, 200, STR(""), buf_str(&json));
}
