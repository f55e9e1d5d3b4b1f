/* Callers' own credentials at an upstream: how they are sent, and where they come from. Without them all calls carry
 * what the configuration has under `headers`. */
#ifndef GATEHOUSE_UPSTREAM_AUTH_H
#define GATEHOUSE_UPSTREAM_AUTH_H

#include "base/secret_text.h"

/* How callers' own credentials are sent, and whose they are. UPSTREAM_AUTH_NONE: the configured headers do for all. */
enum upstream_auth_kind {
	UPSTREAM_AUTH_NONE,
	UPSTREAM_AUTH_BEARER, /* Authorization: Bearer */
	UPSTREAM_AUTH_BASIC,  /* Authorization: Basic, of NAME:PASSWORD */
	UPSTREAM_AUTH_HEADER, /* a header of its own */
	UPSTREAM_AUTH_QUERY,  /* a parameter of the URL */
};
enum upstream_each { UPSTREAM_EACH_TENANT, UPSTREAM_EACH_USER };
struct upstream_auth {
	enum upstream_auth_kind kind;
	struct str name; /* of the header or parameter */
	enum upstream_each each;
};

/* Where callers' credentials come from. Both AWAITS, on a fiber of any loop. */
struct upstream_spec;
struct upstream_credentials {
	/* What to send for a tenant (principal empty) or one of its users: a whole header line, or NAME=VALUE for a
	 * query; a reference. ERR_CREDENTIAL_MISSING: there is none. */
	enum err (*get)(void *arg, const struct upstream_spec *spec, struct str tenant_id, struct str principal,
			struct secret_text **ret_text);
	/* The server answered 401 or 403 to it. */
	void (*refused)(void *arg, const struct upstream_spec *spec, struct str tenant_id, struct str principal);
	void *arg;
};

#endif
