/* Whom to ask for tokens of a server, and as which client: from the settings, or discovered. */
#ifndef GATEHOUSE_CONNECT_TARGET_H
#define GATEHOUSE_CONNECT_TARGET_H

#include "authclient/token.h"
#include "connect/connect.h"

#define TARGET_ARENA_BYTES (2 * 1024 * 1024) /* an arena that all of a discovery's documents fit in */

struct connect_target {
	struct issuer_facts issuer;    /* issuer.issuer empty: its settings do not say */
	struct client_identity client; /* with CLIENT_AUTH_JWT without its assertion: see connect_client_prove */
	struct str resource;	       /* to be named in each request for a token; empty: none is */
	struct str scope;	       /* to be asked for; empty: what the server gives by itself */
	struct str redirect_uri;       /* ours */
	const struct auth_dialect *dialect;
};

/* Find it.
 *   challenge   the server's WWW-Authenticate, lines joined by commas; p NULL: it is asked for one
 *   problem     what is wrong, for the operator; with a stranger's words, so printable and cut
 *   ret_target  strings in `arena` (TARGET_ARENA_BYTES), which holds the client's secret afterwards: free it wiped
 *   Errors      ERR_UPSTREAM_AUTH: it is not to be believed, or there is no way to become its client (the operator has
 *               to do something); ERR_UPSTREAM_DOWN, ERR_UPSTREAM_TIMEOUT: later; ERR_REFUSED_ADDRESS, ERR_CONFIG (a
 *               URL that may not be asked); ERR_LIMIT, ERR_DB ...
 *   Runs on     a fiber, any loop
 *   Source      MCP 2026-07-28 basic/authorization */
NODISCARD enum err connect_target_find(struct connect *connect, struct arena *arena, const struct connect_at *at,
				       struct str challenge, struct buf *problem, struct connect_target *ret_target)
	AWAITS;

/* Sign what proves a client that has a key, on a worker thread. Nothing to do for others.
 *   client      its assertion is set, in `arena`
 *   issuer      for whom it is
 *   Errors      ERR_CRYPTO: the private key of the settings is none that can sign; ERR_BUSY ...
 *   Runs on     a fiber, any loop */
NODISCARD enum err connect_client_prove(struct arena *arena, const struct connect_at *at, struct str issuer,
					struct client_identity *client) AWAITS;

#endif
