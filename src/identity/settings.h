/* What the configuration says about identity: parsed by gateway/config, read by the rooms that sign people and
 * machines in. Part of the immutable snapshot: every string lives as long as it. */
#ifndef GATEHOUSE_IDENTITY_SETTINGS_H
#define GATEHOUSE_IDENTITY_SETTINGS_H

#include "base/str.h"

/* "this value of the claim means that": a group to a role, a domain to a tenant. */
struct claim_mapping {
	struct str value, meaning;
};

/* How the claims of a foreign token become a tenant and a role. */
struct claim_rules {
	struct str tenant;		     /* always this one; empty: by claim, then by domain */
	struct str tenant_claim;	     /* whose value is a tenant's name; empty: none */
	const struct claim_mapping *domains; /* the domain of a verified email to a tenant */
	size_t domain_count;
	struct str role_claim;		   /* a string or an array: "groups"; empty: none */
	const struct claim_mapping *roles; /* its values to roles; the first that matches */
	size_t role_count;
	struct str role; /* when none does; empty: refused */
};

/* An issuer whose JWTs are accepted as they are. */
struct issuer_settings {
	struct str name;	     /* in the log */
	struct str issuer;	     /* compared exactly */
	struct str jwks_uri;	     /* empty: discovered */
	const struct str *audiences; /* besides the resource that is asked; */
	size_t audience_count;
	unsigned algorithms; /* bits of enum jose_alg */
	struct claim_rules claims;
	bool assertions;    /* its ID-JAGs and workload tokens may be exchanged at /oauth/token (RFC 7523) */
	bool allow_private; /* may be at a private address */
};

/* The company's OpenID provider, where people sign in. */
struct provider_settings {
	struct str name;  /* [a-z0-9-]: in its callback, /login/{name}/callback */
	struct str title; /* on the button */
	struct str issuer, client_id;
	struct str client_secret_file; /* empty: a public client */
	struct str scopes;	       /* "openid email profile" */
	struct claim_rules claims;
	bool create_users; /* just in time */
	bool allow_private;
};

struct identity_settings {
	struct str public_url;	      /* origin without a slash at its end; empty: as the request came in on loopback */
	struct str operator_key_file; /* empty: DATA/operator.key */
	const struct issuer_settings *issuers;
	size_t issuer_count;
	const struct provider_settings *providers;
	size_t provider_count;
	bool local_accounts;
	int64_t web_session_ms; /* at most, however much it is used */
	int64_t web_idle_ms;
	bool oauth;		      /* the authorization server */
	bool registration;	      /* RFC 7591 */
	bool documents;		      /* client id metadata documents */
	bool documents_allow_private; /* at private addresses too, and by http on this machine */
	int64_t access_ms, refresh_ms, refresh_idle_ms, signing_key_ms;
	const struct str *redirect_schemes; /* private-use schemes that clients may name: "cursor" */
	size_t redirect_scheme_count;
	int64_t key_life_ms;	 /* of API keys that name no expiry */
	int64_t key_life_ms_max; /* 0: any */
	int64_t key_grace_ms;	 /* of a rotated key */
};

#endif
