/* The two ends of a person's consent at another authorization server: where the browser is sent, and what it comes back
 * with. Pure. */
#ifndef GATEHOUSE_AUTHCLIENT_AUTHORIZE_H
#define GATEHOUSE_AUTHCLIENT_AUTHORIZE_H

#include "authclient/dialect.h"
#include "authclient/discovery.h"
#include "http/form.h"

struct authorize_request {
	struct str client_id, redirect_uri;
	struct str scope;    /* separated by spaces; empty: left out */
	struct str resource; /* empty: left out */
	struct str state;
	struct str verifier; /* PKCE's; its digest is sent */
	struct str nonce;    /* OpenID Connect's; empty: left out */
};

/* Append the URL to open. */
void authorize_put(const struct authorize_request *request, struct str endpoint, const struct auth_dialect *dialect,
		   struct buf *out);

/* Judge what came back: the state is the flow's own, and the issuer is the one that was asked. Only then are the other
 * parameters looked at, an error's words too: a mixed-up server must not get to show its text.
 *   problem    the server's error, or what is wrong
 *   ret_code   slice of the query
 *   Errors     ERR_FORBIDDEN: not an answer to this request; ERR_UPSTREAM_AUTH: the server or the person refused
 *   Source     RFC 6749 section 4.1.2, RFC 9207 section 2.4 */
NODISCARD enum err authorize_answer(const struct form *query, const struct auth_dialect *dialect, struct str state,
				    const struct issuer_facts *issuer, struct buf *problem, struct str *ret_code);

#endif
