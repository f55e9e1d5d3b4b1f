/* What is asked of a token endpoint, and what its answer means. Pure: texts in, texts out; sending is the caller's.
 * Both sides are secret: whoever holds the buffers wipes them. */
#ifndef GATEHOUSE_AUTHCLIENT_TOKEN_H
#define GATEHOUSE_AUTHCLIENT_TOKEN_H

#include "authclient/dialect.h"
#include "authclient/discovery.h"

/* Who asks, as registered there. */
struct client_identity {
	struct str id;
	struct str secret;    /* for basic and post */
	struct str assertion; /* for private_key_jwt: the signed JWT */
	enum client_auth auth;
};

enum token_grant {
	GRANT_CODE,
	GRANT_REFRESH,
	GRANT_CLIENT,	  /* client_credentials */
	GRANT_JWT_BEARER, /* RFC 7523 section 2.1 */
	GRANT_EXCHANGE,	  /* RFC 8693 */
};

/* One request. Fields that a grant has no use for stay empty; of the others the empty ones are left out. */
struct token_request {
	enum token_grant grant;
	struct str scope; /* separated by spaces */
	struct str resource;
	struct str code, verifier, redirect_uri; /* GRANT_CODE */
	struct str refresh_token;		 /* GRANT_REFRESH */
	struct str assertion;			 /* GRANT_JWT_BEARER */
	struct str subject_token, subject_type;	 /* GRANT_EXCHANGE; types are URIs */
	struct str requested_type, audience;
};

/* Append the form, and the header lines that belong to it. With a dialect that asks by GET the form is a query.
 *   Source     RFC 6749 sections 2.3.1, 4.1.3, 4.4.2, 6; RFC 8707 */
void token_request_put(const struct token_request *request, const struct client_identity *client,
		       const struct auth_dialect *dialect, struct buf *headers, struct buf *form);

enum token_type { TOKEN_BEARER, TOKEN_DPOP, TOKEN_NOT_APPLICABLE };

#define TOKEN_BYTES_MAX 16384 /* of one token: identity providers put whole directories into theirs */

struct token_answer {
	enum token_type type;
	struct str access_token;
	struct str refresh_token; /* p NULL: keep the old one */
	struct str id_token;
	struct str scope;	    /* p NULL: as asked */
	int64_t expires_ms;	    /* wall time; 0: it does not say */
	int64_t refresh_expires_ms; /* the same */
};

/* What a refusal means for what is done next. */
enum token_refusal {
	REFUSAL_OTHER,	    /* not to be mended by asking again */
	REFUSAL_GRANT,	    /* invalid_grant: the person must sign in again */
	REFUSAL_CLIENT,	    /* invalid_client: our registration is gone, or its secret is */
	REFUSAL_SCOPE,	    /* invalid_scope */
	REFUSAL_DPOP_NONCE, /* once more, with the nonce of the answer's header */
	REFUSAL_LATER,	    /* 429 and 5xx: nothing is known, what we have stays good */
};

/* Read an answer.
 *   now_ms       wall time
 *   ret_refusal  on ERR_UPSTREAM_AUTH
 *   problem      the server's words, cut and printable; never a token
 *   Errors       ERR_UPSTREAM_AUTH (refused), ERR_UPSTREAM_DOWN (REFUSAL_LATER's statuses), ERR_UPSTREAM_GARBAGE
 *   Source       RFC 6749 sections 5.1, 5.2 */
NODISCARD enum err token_answer_read(struct arena *arena, int status, struct str body, int64_t now_ms,
				     struct buf *problem, struct token_answer *ret_answer,
				     enum token_refusal *ret_refusal);

#endif
