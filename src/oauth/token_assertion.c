/* Assertions of others as grants (RFC 7523): an issuer of the configuration says who somebody is, and the gateway gives
 * a token of its own for it.
 *
 *     ID-JAG              the company's provider has decided that this client may act for this person here: typ,
 * client_id and resource must say so, and it is good for once (enterprise-managed authorization) workload token      a
 * platform says which workload it runs; the client is named by the request
 *
 * Issuers must be allowed to (`assertions: true`): that they sign people in somewhere does not mean that they may open
 * this door. Whom they speak of has an account here, found by issuer and subject, or made as the issuer's rules say.
 *   Source     draft-ietf-oauth-identity-assertion-authz-grant, MCP ext-auth */
#include "oauth/token.h"

#include "base/random.h"
#include "identity/claims.h"
#include "identity/issuers.h"
#include "oauth/resource.h"
#include "store/tenant.h"
#include "store/user.h"

#define JAG_TYPE "oauth-id-jag+jwt"
#define JAG_LIFE_MS_MAX (10 * 60 * 1000LL)
#define WORKLOAD_LIFE_MS_MAX (24 * 3600 * 1000LL) /* platforms renew them by the hour */
#define LEEWAY_MS (30 * 1000LL)
#define SUBJECT_BYTES_MAX 255

/* An assertion whose signature and times are good. */
struct assertion {
	const struct issuer_settings *issuer;
	yyjson_val *claims;
	struct str subject;
	int64_t expires_ms;
	bool jag;
};

static struct str claim(const struct assertion *assertion, const char *name)
{
	struct str text = json_str(json_get(assertion->claims, name));

	return text.p == NULL ? STR("") : text;
}

static enum err refuse(struct token_request *request, const char *problem)
{
	request->visit->problem = str_of(problem);
	return ERR_OAUTH_GRANT;
}

AWAITS static enum err prove(struct token_request *request, struct issuers *issuers, struct assertion *assertion)
{
	struct str audiences[ASSERTION_AUDIENCES];
	struct jose_expected expected = {.audiences = audiences,
					 .audience_count = ASSERTION_AUDIENCES,
					 .now_ms = request->now_ms,
					 .leeway_ms = LEEWAY_MS};
	struct jose_token token;
	enum err err;

	assertion_audiences(request->visit, audiences);
	if (jose_token_read(request->visit->arena, form_get(request->form, STR("assertion")), &token) != OK)
		return refuse(request, "the assertion is not a signed token");
	assertion->jag = str_eq_nocase(token.typ, STR(JAG_TYPE));
	err = issuers_prove(issuers, &token, &assertion->claims, &assertion->issuer);
	if (err == ERR_TOKEN_INVALID)
		return refuse(request,
			      "the assertion is not of an issuer that is known here, or its signature is wrong");
	TRY(err);
	if (!assertion->issuer->assertions)
		return refuse(request, "assertions of this issuer are not accepted");
	expected.issuer = assertion->issuer->issuer;
	expected.life_ms_max = assertion->jag ? JAG_LIFE_MS_MAX : WORKLOAD_LIFE_MS_MAX;
	if (jose_check_claims(assertion->claims, &expected, &assertion->expires_ms) != OK)
		return refuse(request, "the assertion is for another audience, or its time is over");
	assertion->subject = claim(assertion, "sub");
	return assertion->subject.n > 0 && assertion->subject.n <= SUBJECT_BYTES_MAX
		       ? OK
		       : refuse(request, "the assertion names nobody");
}

/* What the provider has decided: this client, this endpoint, once.
 *   ret_resource   of the assertion, when it names one; else as the request says */
AWAITS static enum err check_jag(struct token_request *request, const struct assertion *assertion,
				 struct str *ret_resource)
{
	const struct visit *visit = request->visit;
	struct str named = claim(assertion, "resource");

	if (!str_eq(claim(assertion, "client_id"), request->client.id))
		return refuse(request, "the assertion was given to another client");
	if (named.n > 0) {
		if (resource_match(visit->resources, visit->resource_count, named, ret_resource) != OK)
			return ERR_OAUTH_TARGET;
		TRY(token_check_resource(request, *ret_resource));
	} else {
		TRY(token_resource(request, ret_resource));
	}
	return assertion_use_once(request->oauth, assertion->issuer->issuer, claim(assertion, "jti"),
				  assertion->expires_ms - request->now_ms + LEEWAY_MS);
}

/* Addresses are kept in lower case. */
static struct str email_of(struct token_request *request, const struct assertion *assertion)
{
	struct str email = assertion->jag ? claims_verified_email(assertion->claims) : STR("");
	AUTO_BUF lower = {0};

	for (size_t i = 0; i < email.n; i++)
		buf_put_byte(&lower, email.p[i] >= 'A' && email.p[i] <= 'Z' ? (char)(email.p[i] | 0x20) : email.p[i]);
	return arena_str(request->visit->arena, buf_str(&lower));
}

AWAITS static enum err make_account(struct token_request *request, const struct assertion *assertion,
				    const struct tenant *tenant, struct user *ret_user)
{
	struct user user = {.tenant_id = tenant->id,
			    .kind = assertion->jag ? STR("person") : STR("service"),
			    .email = email_of(request, assertion),
			    .name = claim(assertion, "name"),
			    .password = STR(""),
			    .issuer = assertion->issuer->issuer,
			    .subject = assertion->subject,
			    .created_ms = request->now_ms};
	char id[ID_LEN + 1];

	if (claims_role(&assertion->issuer->claims, assertion->claims, &user.role) != OK)
		return refuse(request, "the issuer's rules give this subject no role here");
	if (user.name.n == 0)
		user.name = user.email.n > 0 ? user.email : user.subject;
	random_id(id);
	user.id = arena_str(request->visit->arena, (struct str){id, ID_LEN});
	TRY(user_insert(request->oauth->spec.db, &user));
	TRY(oauth_audit(request->oauth, request->visit, "user.created", tenant->id, user.id, user.id, OK));
	return user_get(request->oauth->spec.db, user.tenant_id, request->visit->arena, user.id, ret_user);
}

AWAITS static enum err find_account(struct token_request *request, const struct assertion *assertion,
				    struct user *ret_user)
{
	struct db *db = request->oauth->spec.db;
	struct arena *arena = request->visit->arena;
	struct tenant tenant;
	struct str name;
	enum err err;

	if (claims_tenant(&assertion->issuer->claims, assertion->claims, &name) != OK ||
	    tenant_find(db, arena, name, &tenant) != OK || tenant.disabled)
		return refuse(request, "the issuer's rules name no tenant for this subject");
	if (request->client.tenant_id.n > 0 && !str_eq(request->client.tenant_id, tenant.id))
		return refuse(request, "this client is not of that tenant");
	err = user_find_subject(db, arena, tenant.id, assertion->issuer->issuer, assertion->subject, ret_user);
	if (err == ERR_NOT_FOUND)
		err = make_account(request, assertion, &tenant, ret_user);
	if (err == ERR_EXISTS)
		return refuse(request, "there is an account with this email address already");
	TRY(err);
	return ret_user->disabled ? refuse(request, "the account is disabled") : OK;
}

AWAITS static enum err exchange(struct token_request *request, const struct assertion *assertion)
{
	unsigned allowed = request->client.scope.n > 0 ? scopes_of(request->client.scope) : SCOPE_ALL, scopes;
	struct str said = claim(assertion, "scope"), resource;
	struct oauth_grant grant;
	struct user user;

	if (assertion->jag)
		TRY(check_jag(request, assertion, &resource));
	else
		TRY(token_resource(request, &resource));
	TRY(find_account(request, assertion, &user));
	if (assertion->jag && said.n > 0)
		TRY(oauth_scopes_read(said, allowed, &scopes));
	else
		scopes = allowed;
	TRY(oauth_scopes_read(form_get(request->form, STR("scope")), scopes, &scopes));
	TRY(token_machine_grant(request, user.tenant_id, user.id, resource, allowed, &grant));
	TRY(oauth_audit(request->oauth, request->visit, "oauth.flow_completed", grant.tenant_id, grant.user_id,
			request->client.id, OK));
	return token_answer(request, &grant, scopes, STR_NONE);
}

AWAITS enum err token_of_assertion(struct token_request *request)
{
	AUTO(issuers) *issuers = identity_issuers(request->oauth->spec.identity);
	struct assertion assertion = {0};

	if (form_get(request->form, STR("assertion")).n == 0) {
		request->visit->problem = STR("assertion is missing");
		return ERR_OAUTH_REQUEST;
	}
	if (issuers == NULL)
		return refuse(request, "assertions are not accepted here");
	TRY(prove(request, issuers, &assertion));
	return exchange(request, &assertion);
}
