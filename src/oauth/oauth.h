/* The authorization server for MCP clients: OAuth 2.1 with PKCE. Serves /oauth/{authorize,token,register,revoke,
 * introspect,jwks} and the metadata under /.well-known.
 *   Source     mcp-protocol.md section 3; RFC 6749, 6750, 7009, 7591, 7636, 7662, 8252, 8414, 8707, 9068, 9207, 9728 */
#ifndef GATEHOUSE_OAUTH_OAUTH_H
#define GATEHOUSE_OAUTH_OAUTH_H

#include "audit/audit.h"
#include "identity/identity.h"
#include "identity/signing.h"
#include "identity/visit.h"
#include "signin/signin.h"
#include "state/state.h"

struct oauth;

struct oauth_spec {
	struct db *db;
	struct state *state;
	struct audit *audit;
	struct identity *identity;
	struct signin *signin;
	struct signing *signing; /* signs its tokens */
	struct secret *key;	 /* MACs of codes, refresh tokens and secrets; seals. All borrowed */
};
/* On loop 0, before anybody asks; what `spec` names must outlive it. */
struct oauth *oauth_new(const struct oauth_spec *spec);
/* After every visit has ended. */
void oauth_free(struct oauth *oauth);

/* Answer a request for one of the paths above, in OAuth's own forms of error.
 *   Errors     ERR_HTTP_ROUTE, ERR_HTTP_METHOD, ERR_RATE_LIMITED, ERR_DB ... */
NODISCARD enum err oauth_serve(struct oauth *oauth, struct visit *visit) AWAITS;

/* Append a WWW-Authenticate line for a refused request to an MCP endpoint.
 *   error      "invalid_token", "insufficient_scope"; p NULL: no token was sent
 *   scope      what it would need
 *   Source     RFC 6750 section 3, RFC 9728 section 5.1 */
void oauth_challenge(struct buf *out, struct str origin, struct str resource_path, struct str error, struct str scope,
		     struct str description);

#endif
