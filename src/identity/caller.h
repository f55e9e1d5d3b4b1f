/* Who is calling: what every credential turns into. Flat, so that it is copied and kept as bytes. */
#ifndef GATEHOUSE_IDENTITY_CALLER_H
#define GATEHOUSE_IDENTITY_CALLER_H

#include "base/random.h"

/* The roles that every tenant has; others are its own, by name. Ordered: each may do what the lesser ones may. */
enum role { ROLE_NONE, ROLE_VIEWER, ROLE_MEMBER, ROLE_ADMIN, ROLE_OWNER };

/* How a caller has shown who it is. */
enum credential {
	CREDENTIAL_NONE,     /* auth: none */
	CREDENTIAL_OPERATOR, /* the operator's key: every tenant, no tools */
	CREDENTIAL_KEY,
	CREDENTIAL_JWT,	  /* of a configured issuer */
	CREDENTIAL_TOKEN, /* an access token of our own */
	CREDENTIAL_COOKIE,
	CREDENTIAL_CERTIFICATE,
};

/* What a credential may be used for at all; a role may allow less. */
enum scope {
	SCOPE_READ = 1 << 0,  /* mcp:read: lists, resources, prompts */
	SCOPE_TOOLS = 1 << 1, /* mcp:tools: call tools */
	SCOPE_API = 1 << 2,   /* api: the management API */
	SCOPE_ALL = SCOPE_READ | SCOPE_TOOLS | SCOPE_API,
};

#define CALLER_ROLE_MAX 64
#define CALLER_TOOLSETS_MAX 256
#define CALLER_CLIENT_MAX 256 /* a client_id may be a URL */

struct caller {
	char tenant_id[ID_LEN + 1]; /* empty: the operator */
	char principal[ID_LEN + 1]; /* who is limited, bound to sessions, written into the trail: a user's id, or that
				     * of a key that is nobody's; "anonymous" when auth is off, "operator" */
	char user_id[ID_LEN + 1];   /* the person or service account behind it; empty: none */
	char grant_id[ID_LEN + 1];  /* tokens: what it was issued for; keys: their own id; certificates: how
				     * their fingerprint begins, in hex; else empty */
	char client[CALLER_CLIENT_MAX]; /* tokens: the OAuth client; else empty */
	char tenant_name[64];
	char role_name[CALLER_ROLE_MAX];
	char toolsets[CALLER_TOOLSETS_MAX]; /* names between spaces that it is narrowed to; empty: not narrowed */
	enum credential credential;
	unsigned scopes;    /* bits of enum scope */
	enum role role;	    /* ROLE_NONE: a role of the tenant's own, role_name */
	int64_t expires_ms; /* of the credential, wall time; 0 never */
};

/* "owner" ...; ROLE_NONE for anything unknown. */
enum role role_of(struct str name);
const char *role_name(enum role role);

/* Scopes between spaces to bits and back. Unknown words are left out: RFC 6749 section 3.3 allows it. */
unsigned scopes_of(struct str text);
void scopes_put(unsigned scopes, struct buf *out);

#endif
