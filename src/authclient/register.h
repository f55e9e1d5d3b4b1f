/* How this gateway becomes a client of an authorization server: as the operator registered it there, by a document that
 * describes it at a URL, or by asking to be registered. Pure.
 *   Source     MCP 2026-07-28 basic/authorization/client-registration, RFC 7591 */
#ifndef GATEHOUSE_AUTHCLIENT_REGISTER_H
#define GATEHOUSE_AUTHCLIENT_REGISTER_H

#include "authclient/token.h"

enum registration {
	REGISTRATION_GIVEN,    /* by the operator, for this issuer */
	REGISTRATION_DOCUMENT, /* our id is the URL of our metadata */
	REGISTRATION_DYNAMIC,
	REGISTRATION_NONE, /* there is no way: the operator has to register us */
};

/* The first that is possible.
 *   given      the operator has registered us at this issuer
 *   document   our metadata is at an https URL that the server can reach */
enum registration registration_choose(const struct issuer_facts *issuer, bool given, bool document);

/* How to prove who we are, of what the server takes (all, when it does not say) and what we have.
 *   returns    CLIENT_AUTH_NONE when nothing else is possible; a key that is all there is, is used */
enum client_auth client_auth_choose(unsigned auths, bool has_secret, bool has_key);

/* What describes us. */
struct client_description {
	struct str client_id; /* only in the document; empty in a request */
	struct str name;
	struct str redirect_uri;
	struct str uri;	  /* where we are; empty: left out */
	struct str scope; /* empty: left out */
	enum client_auth auth;
	struct str jwks_uri; /* with CLIENT_AUTH_JWT */
};

/* Append it as JSON: the document, and the body of a registration. */
void client_description_put(const struct client_description *description, struct buf *json);

/* Read the answer to a registration.
 *   asked              as description->auth: what counts when the answer names no method
 *   ret_client         strings as the document's
 *   ret_expires_ms     of the secret, wall time; 0 never
 *   Errors             ERR_UPSTREAM_AUTH: refused; ERR_UPSTREAM_DOWN: later; ERR_UPSTREAM_GARBAGE */
NODISCARD enum err registration_answer_read(struct arena *arena, int status, struct str body, enum client_auth asked,
					    struct buf *problem, struct client_identity *ret_client,
					    int64_t *ret_expires_ms);

#endif
