/* The company's OpenID provider as it describes itself, kept for a while; and what is asked of it. */
#ifndef GATEHOUSE_SIGNIN_PROVIDER_H
#define GATEHOUSE_SIGNIN_PROVIDER_H

#include "base/json.h"
#include "jose/jose.h"
#include "signin/signin_private.h"

struct providers;

/* On loop 0. */
struct providers *providers_new(void);
void providers_free(struct providers *providers);

/* What the provider's discovery document says. In the arena it was read into. */
struct provider_facts {
	struct str authorization_endpoint, token_endpoint, jwks_uri;
	struct str userinfo_endpoint; /* p NULL none */
	bool iss_promised;	      /* its answers name it (RFC 9207) */
	bool basic;		      /* takes the client's secret by HTTP Basic; else in the form */
};

/* Read a discovery document.
 *   plain      its endpoints may be http
 *   Errors     ERR_TOKEN_INVALID: it is another issuer's, or lacks what is needed
 *   Source     OpenID Connect Discovery 1.0 section 3 and 4.3 */
NODISCARD enum err provider_facts_read(struct arena *arena, struct str json, struct str issuer, bool plain,
				       struct provider_facts *ret_facts);

/* Its facts, from memory or fetched.
 *   Errors     as provider_facts_read and http_fetch */
NODISCARD enum err provider_facts_get(struct signin *signin, struct arena *arena,
				      const struct provider_settings *settings, struct provider_facts *ret_facts)
	AWAITS;

/* Its keys. `again`: those in memory have not the one that is needed; asked at most once a minute.
 *   ret_keys   one reference
 *   Errors     as jose_keys_read and http_fetch */
NODISCARD enum err provider_keys_get(struct signin *signin, const struct provider_settings *settings,
				     struct str jwks_uri, bool again, struct jose_keys **ret_keys) AWAITS;

/* Exchange a code for the claims of the person, all of them verified.
 *   ret_claims in `arena`: of the id token, and where it leaves out what is asked for, of the provider's userinfo
 *   Errors     ERR_TOKEN_*: the provider's answer is not one; ERR_CONFIG: the secret's file; as http_fetch */
struct provider_code {
	struct str code, verifier, nonce, redirect_uri;
};
NODISCARD enum err provider_exchange(struct signin *signin, struct arena *arena,
				     const struct provider_settings *settings, const struct provider_facts *facts,
				     const struct provider_code *code, yyjson_val **ret_claims) AWAITS;

/* What an id token must say besides its signature: pure.
 *   Errors     ERR_TOKEN_*
 *   Source     OpenID Connect Core 1.0 section 3.1.3.7 */
NODISCARD enum err provider_check_claims(yyjson_val *claims, const struct provider_settings *settings, struct str nonce,
					 int64_t now_ms);

/* /login/{provider}/start and /login/{provider}/callback.
 *   Errors     ERR_HTTP_ROUTE, ERR_HTTP_METHOD, ERR_DB ... */
NODISCARD enum err provider_serve(struct signin *signin, struct visit *visit) AWAITS;

/* The user that verified claims mean: found by issuer and subject, never by an address; made when the settings say so;
 * given the role that the claims map to.
 *   problem    on ERR_FORBIDDEN: a sentence for the person
 *   Errors     ERR_FORBIDDEN, ERR_DB ... */
NODISCARD enum err person_of(struct signin *signin, struct visit *visit, const struct provider_settings *settings,
			     yyjson_val *claims, struct user *ret_user, const char **problem) AWAITS;

#endif
