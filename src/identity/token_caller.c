/* Tokens to callers. Our own name a grant, and are as good as its row: the grant, its client, its user and their tenant
 * are read at each proof, so nothing has to be revoked anywhere else. Those of configured issuers are what their claims
 * say, by the issuer's rules; who they are is an id made of issuer and subject, or the account that a provider's
 * subject is known by here.
 *
 * Which of the two it is, its issuer says; that decides only whose keys are tried.
 *   Source     RFC 9068 section 4, RFC 8725 section 3 */
#include "base/check.h"
#include "base/clock.h"
#include "identity/claims.h"
#include "identity/identity_private.h"
#include "identity/issuers.h"
#include "identity/signing.h"
#include "store/oauth_grant.h"
#include "store/tenant.h"
#include "store/user.h"

#define OWN_LEEWAY_MS 2000	/* clocks of processes on one database */
#define FOREIGN_LEEWAY_MS 30000 /* clocks of strangers */
#define AUDIENCES_MAX 65
#define SUBJECT_BYTES_MAX 255 /* OpenID Connect Core section 2 */

static bool copy_text(char *out, size_t size, struct str text)
{
	if (text.n >= size)
		return false;
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	return true;
}

static struct str claim(yyjson_val *claims, const char *name)
{
	struct str text = json_str(json_get(claims, name));

	return text.p == NULL ? STR("") : text;
}

/* --- our own --- */

/* For the endpoint that is asked; or where any of ours will do, for one of ours. */
static enum err check_own_claims(yyjson_val *claims, const struct credential_text *credential, int64_t *ret_expires_ms)
{
	const struct jose_expected expected = {
		.issuer = credential->origin,
		.audiences = &credential->resource,
		.audience_count = credential->resource.n > 0,
		.now_ms = clock_wall_ms(),
		.leeway_ms = OWN_LEEWAY_MS,
	};
	struct str audience = claim(claims, "aud");

	TRY(jose_check_claims(claims, &expected, ret_expires_ms));
	*ret_expires_ms -= OWN_LEEWAY_MS;
	if (credential->resource.n == 0 && !(str_starts(audience, credential->origin) &&
					     str_starts(str_skip(audience, credential->origin.n), STR("/"))))
		return ERR_TOKEN_AUDIENCE;
	return OK;
}

bool grant_is_live(const struct oauth_grant *grant)
{
	return grant->revoked_ms == 0 && !grant->tenant_disabled && !grant->user_disabled && !grant->client_disabled &&
	       (grant->expires_ms == 0 || grant->expires_ms > clock_wall_ms());
}

static enum err caller_of_grant(const struct oauth_grant *grant, yyjson_val *claims, int64_t expires_ms,
				struct caller *ret_caller)
{
	struct caller caller = {
		.credential = CREDENTIAL_TOKEN,
		.scopes = scopes_of(claim(claims, "scope")) & scopes_of(grant->scope),
		.role = role_of(grant->user_role),
		.expires_ms = expires_ms,
	};

	if (!grant_is_live(grant) || !str_eq(grant->user_id, claim(claims, "sub")) ||
	    !str_eq(grant->client_id, claim(claims, "client_id")) ||
	    !jose_same_audience(grant->resource, claim(claims, "aud")))
		return ERR_TOKEN_INVALID;
	if (!copy_text(caller.tenant_id, sizeof(caller.tenant_id), grant->tenant_id) ||
	    !copy_text(caller.principal, sizeof(caller.principal), grant->user_id) ||
	    !copy_text(caller.user_id, sizeof(caller.user_id), grant->user_id) ||
	    !copy_text(caller.grant_id, sizeof(caller.grant_id), grant->id) ||
	    !copy_text(caller.client, sizeof(caller.client), grant->client_id) ||
	    !copy_text(caller.role_name, sizeof(caller.role_name), grant->user_role) ||
	    !copy_text(caller.tenant_name, sizeof(caller.tenant_name), grant->tenant_name))
		return ERR_TOKEN_INVALID;
	*ret_caller = caller;
	return OK;
}

AWAITS static enum err own_caller(struct identity *identity, struct arena *arena, const struct jose_token *token,
				  const struct credential_text *credential, struct caller *ret_caller)
{
	AUTO(jose_keys) *keys = NULL;
	struct oauth_grant grant;
	yyjson_val *claims;
	int64_t expires_ms;
	enum err err;

	if (identity->signing == NULL || !str_eq(token->typ, STR("at+jwt")))
		return ERR_TOKEN_INVALID;
	TRY(signing_keys(identity->signing, &keys));
	err = jose_verify(token, keys, JOSE_ES256, &claims);
	if (err != OK)
		return ERR_TOKEN_INVALID;
	TRY(check_own_claims(claims, credential, &expires_ms));
	err = oauth_grant_get(identity->db, claim(claims, "tid"), arena, claim(claims, "gid"), &grant);
	if (err != OK)
		return err == ERR_NOT_FOUND ? ERR_TOKEN_INVALID : err;
	return caller_of_grant(&grant, claims, expires_ms, ret_caller);
}

/* --- those of configured issuers --- */

/* Access tokens and plain JWTs; not what was signed for another purpose (ID-JAG, logout, DPoP ...). */
static bool type_is_access(struct str typ)
{
	return typ.p == NULL || str_eq_nocase(typ, STR("JWT")) || str_eq_nocase(typ, STR("at+jwt")) ||
	       str_eq_nocase(typ, STR("application/at+jwt"));
}

static enum err check_foreign_claims(struct arena *arena, yyjson_val *claims, const struct issuer_settings *issuer,
				     struct str resource, int64_t *ret_expires_ms)
{
	struct str audiences[AUDIENCES_MAX];
	struct jose_expected expected = {
		.issuer = issuer->issuer, .now_ms = clock_wall_ms(), .leeway_ms = FOREIGN_LEEWAY_MS};
	size_t count = 0;

	if (resource.n > 0)
		audiences[count++] = resource;
	for (size_t i = 0; i < issuer->audience_count && count < AUDIENCES_MAX; i++)
		audiences[count++] = issuer->audiences[i];
	if (count == 0)
		return ERR_TOKEN_AUDIENCE; /* nothing would be everything */
	expected.audiences = audiences;
	expected.audience_count = count;
	return jose_check_claims(claims, &expected, ret_expires_ms);
}

/* What the token was given for, where it speaks of our scopes; else all that a client of MCP does, which the role
 * limits. The management API must be named. */
static unsigned foreign_scopes(yyjson_val *claims)
{
	unsigned scopes = scopes_of(claim(claims, "scope")) | scopes_of(claim(claims, "scp"));

	return scopes != 0 ? scopes : SCOPE_READ | SCOPE_TOOLS;
}

void identity_foreign_id(struct str tenant_id, struct str issuer, struct str subject, char ret_id[ID_LEN + 1])
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	AUTO_BUF text = {0};
	uint8_t digest[32];

	buf_put_fmt(&text, "%.*s\n%.*s\n%.*s", STR_ARG(tenant_id), STR_ARG(issuer), STR_ARG(subject));
	crypto_sha256(buf_str(&text), digest);
	for (size_t i = 0; i < ID_LEN; i++)
		ret_id[i] = alphabet[digest[i] & 31];
	ret_id[ID_LEN] = '\0';
}

/* Whom the rules speak of, and as what.
 *   ret_user   with an empty id when they have no account here */
AWAITS static enum err find_person(struct identity *identity, struct arena *arena, yyjson_val *claims,
				   const struct issuer_settings *issuer, struct tenant *ret_tenant,
				   struct user *ret_user, struct str *ret_role)
{
	struct str name;
	enum err err;

	if (claims_tenant(&issuer->claims, claims, &name) != OK)
		return ERR_TOKEN_INVALID;
	err = tenant_find(identity->db, arena, name, ret_tenant);
	if (err != OK)
		return err == ERR_NOT_FOUND || err == ERR_RPC_PARAMS ? ERR_TOKEN_INVALID : err;
	*ret_user = (struct user){.id = STR("")};
	err = user_find_subject(identity->db, arena, ret_tenant->id, issuer->issuer, claim(claims, "sub"), ret_user);
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	if (ret_tenant->disabled || (err == OK && ret_user->disabled))
		return ERR_TOKEN_INVALID;
	if (claims_role(&issuer->claims, claims, ret_role) == OK)
		return OK;
	*ret_role = ret_user->role;
	return err == OK ? OK : ERR_TOKEN_INVALID;
}

AWAITS static enum err caller_of_claims(struct identity *identity, struct arena *arena, yyjson_val *claims,
					const struct issuer_settings *issuer, int64_t expires_ms,
					struct caller *ret_caller)
{
	struct caller caller = {
		.credential = CREDENTIAL_JWT, .scopes = foreign_scopes(claims), .expires_ms = expires_ms};
	struct str subject = claim(claims, "sub"), client = claim(claims, "client_id"), role;
	struct tenant tenant;
	struct user user;

	if (subject.n == 0 || subject.n > SUBJECT_BYTES_MAX)
		return ERR_TOKEN_INVALID;
	TRY(find_person(identity, arena, claims, issuer, &tenant, &user, &role));
	if (client.n == 0)
		client = claim(claims, "azp");
	caller.role = role_of(role);
	if (user.id.n > 0)
		(void)copy_text(caller.principal, sizeof(caller.principal), user.id);
	else
		identity_foreign_id(tenant.id, issuer->issuer, subject, caller.principal);
	if (!copy_text(caller.tenant_id, sizeof(caller.tenant_id), tenant.id) ||
	    !copy_text(caller.user_id, sizeof(caller.user_id), user.id) ||
	    !copy_text(caller.client, sizeof(caller.client), client) ||
	    !copy_text(caller.role_name, sizeof(caller.role_name), role) ||
	    !copy_text(caller.tenant_name, sizeof(caller.tenant_name), tenant.name))
		return ERR_TOKEN_INVALID;
	*ret_caller = caller;
	return OK;
}

AWAITS static enum err foreign_caller(struct identity *identity, struct arena *arena, const struct jose_token *token,
				      struct str resource, struct caller *ret_caller)
{
	AUTO(issuers) *issuers = identity_issuers(identity);
	const struct issuer_settings *issuer;
	yyjson_val *claims;
	int64_t expires_ms;

	if (issuers == NULL || !type_is_access(token->typ))
		return ERR_TOKEN_INVALID;
	TRY(issuers_prove(issuers, token, &claims, &issuer));
	TRY(check_foreign_claims(arena, claims, issuer, resource, &expires_ms));
	return caller_of_claims(identity, arena, claims, issuer, expires_ms, ret_caller);
}

AWAITS enum err token_caller(struct identity *identity, struct arena *arena, const struct credential_text *credential,
			     struct caller *ret_caller)
{
	struct jose_token token;

	TRY(jose_token_read(arena, credential->text, &token));
	if (credential->origin.n > 0 && token.issuer.p != NULL && str_eq(token.issuer, credential->origin))
		return own_caller(identity, arena, &token, credential, ret_caller);
	return foreign_caller(identity, arena, &token, credential->resource, ret_caller);
}
