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
	GRANT_LONGER,	  /* the dialect's: an access token for one that lives longer */
};

/* One request. Fields that a grant has no use for stay empty; of the others the empty ones are left out. */
struct token_request {
	enum token_grant grant;
	struct str scope; /* separated by spaces */
	struct str resource;
	struct str code, verifier, redirect_uri; /* GRANT_CODE */
	struct str refresh_token;		 /* GRANT_REFRESH */
	struct str access_token; /* GRANT_LONGER; GRANT_REFRESH, for dialects that exchange it for itself */
	struct str assertion;	 /* GRANT_JWT_BEARER */
	struct str subject_token, subject_type; /* GRANT_EXCHANGE; types are URIs */
	struct str requested_type, audience;
};

/* Append what is sent, as its carriage wants it: a form, an object or a query; and the header lines that belong to it.
 *   Source     RFC 6749 sections 2.3.1, 4.1.3, 4.4.2, 6; RFC 8707 */
void token_request_put(const struct token_request *request, const struct client_identity *client,
		       const struct auth_dialect *dialect, struct buf *headers, struct buf *text);

/* How that request travels. */
enum auth_carriage token_carriage(const struct token_request *request, const struct auth_dialect *dialect);

/* Whether an account can be renewed by asking with what is kept of it; where it cannot, a person has to agree again.
 *   expires_ms  of the access token; 0: it does not say */
bool token_renews(const struct auth_dialect *dialect, struct str refresh_token, struct str access_token,
		  int64_t expires_ms, int64_t now_ms);

/* What ends a token. */
struct token_ending {
	struct str method, headers, body; /* in the arena */
};

/* Make it. The texts are secret.
 *   refresh_token, access_token  one of them may be empty
 *   Source     RFC 7009 section 2.1 */
void token_ending_make(struct arena *arena, struct str refresh_token, struct str access_token,
		       const struct client_identity *client, const struct auth_dialect *dialect,
		       struct token_ending *ret_ending);

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

/* Read an answer.
 *   now_ms       wall time
 *   ret_answer   its scopes separated by spaces, whatever the dialect does; strings as the body, or in `arena`
 *   ret_refusal  on ERR_UPSTREAM_AUTH and ERR_UPSTREAM_DOWN
 *   problem      the server's words, cut and printable; never a token
 *   Errors       ERR_UPSTREAM_AUTH (refused), ERR_UPSTREAM_DOWN (REFUSAL_LATER), ERR_UPSTREAM_GARBAGE
 *   Source       RFC 6749 sections 5.1, 5.2 */
NODISCARD enum err token_answer_read(struct arena *arena, const struct auth_dialect *dialect, int status,
				     struct str body, int64_t now_ms, struct buf *problem,
				     struct token_answer *ret_answer, enum token_refusal *ret_refusal);

#endif
