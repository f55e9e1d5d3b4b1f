/* Callers' own credentials at an upstream: how they are sent, and where they come from. Without them all calls carry
 * what the configuration has under `headers`. */
#ifndef GATEHOUSE_UPSTREAM_AUTH_H
#define GATEHOUSE_UPSTREAM_AUTH_H

#include "authclient/settings.h"
#include "base/secret_text.h"
#include "http/header.h"

/* How callers' own credentials are sent, and whose they are. UPSTREAM_AUTH_NONE: the configured headers do for all. */
enum upstream_auth_kind {
	UPSTREAM_AUTH_NONE,
	UPSTREAM_AUTH_BEARER, /* Authorization: Bearer */
	UPSTREAM_AUTH_BASIC,  /* Authorization: Basic, of NAME:PASSWORD */
	UPSTREAM_AUTH_HEADER, /* a header of its own */
	UPSTREAM_AUTH_QUERY,  /* a parameter of the URL */
	UPSTREAM_AUTH_OAUTH,  /* a token of an account that a person connected, or that the gateway got as itself */
	UPSTREAM_AUTH_HMAC,   /* a signature over the request, in a header of its own */
	UPSTREAM_AUTH_SECRET, /* in no place of its own: whoever composes the request asks for it (local only) */
};
enum upstream_each { UPSTREAM_EACH_TENANT, UPSTREAM_EACH_USER };

/* What is signed, and how the signature is written. */
enum signing_digest { SIGNING_SHA256, SIGNING_SHA512 };
enum signing_encoding { SIGNING_HEX, SIGNING_BASE64 };
enum signing_clock { SIGNING_SECONDS, SIGNING_MILLISECONDS };
struct upstream_signing {
	struct str over;	   /* text with {method} {path} {query} {timestamp} {body} in it */
	struct str prefix;	   /* stands before the signature, "sha256=", or before what HEADER sends, "Token " */
	struct str id_name;	   /* the header that says whose key it is, which is kept as ID:KEY; empty: none */
	struct str timestamp_name; /* the header that says when; empty: none */
	enum signing_digest digest;
	enum signing_encoding encoding;
	enum signing_clock clock;
};

struct upstream_auth {
	enum upstream_auth_kind kind;
	struct str name; /* of the header or parameter */
	enum upstream_each each;
	struct auth_settings oauth;
	struct upstream_signing signing;
};

/* What is known of a credential besides what is sent of it. Of an account: who it is at the service. */
#define UPSTREAM_ACCOUNT_BYTES_MAX 128
#define UPSTREAM_SCOPES_BYTES_MAX 2048
struct upstream_identity {
	struct secret_text *secret; /* by itself, as somebody gave it to us, or a token */
	bool is_token;
	bool signs;	   /* what is sent depends on the request */
	bool knows_scopes; /* they are not known when the service did not say, or they are too many */
	char account_id[UPSTREAM_ACCOUNT_BYTES_MAX + 1]; /* what was picked of several, or its own id; may be empty */
	char account_name[UPSTREAM_ACCOUNT_BYTES_MAX + 1];
	char scopes[UPSTREAM_SCOPES_BYTES_MAX + 1];
};

/* One request that wants a credential. */
struct upstream_asking {
	struct str tenant_id;	      /* empty: the gateway asks for itself, to read lists */
	struct str principal;	      /* empty: the tenant's */
	struct str account;	      /* one of several of the upstream, by its name there; empty: it has but one */
	struct str method, url, body; /* method empty: none is composed yet, so that nothing can be signed */
};

/* It was answered with 401 or 403. */
struct upstream_refusal {
	int status;
	const struct http_fields *fields;
	const struct secret_text *sent;
};

/* Where callers' credentials come from. Both AWAITS, on a fiber of any loop. */
struct upstream_spec;
struct upstream_credentials {
	/* What to send with it: whole header lines, or NAME=VALUE for a query; a reference, NULL when it has no place
	 * of its own, or is a signature and there is nothing to sign yet.
	 *   ret_identity  borrowed until the next await; NULL when nothing is known. NULL: not wanted
	 * ERR_CREDENTIAL_MISSING: there is none; ERR_CREDENTIAL_REAUTH: a person must agree anew. */
	enum err (*get)(void *arg, const struct upstream_spec *spec, const struct upstream_asking *asking,
			struct secret_text **ret_lines, const struct upstream_identity **ret_identity);
	/* The server did not take them, and did nothing.
	 *   ret_again  there is something else to send by now: send it once more
	 *   returns    what the caller is told when it is not sent again */
	enum err (*refused)(void *arg, const struct upstream_spec *spec, const struct upstream_asking *asking,
			    const struct upstream_refusal *refusal, bool *ret_again);
	void *arg;
};

#endif
