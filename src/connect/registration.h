/* The gateway's registrations at authorization servers: made when the first account of a tenant is connected, kept
 * sealed, used at the server that gave them and nowhere else. */
#ifndef GATEHOUSE_CONNECT_REGISTRATION_H
#define GATEHOUSE_CONNECT_REGISTRATION_H

#include "authclient/register.h"
#include "connect/connect.h"

#define REGISTRATION_SPARE_MS (15 * 60 * 1000LL) /* a secret that ends within a flow's life is made anew before it */

/* The tenant's registration at an issuer that registers whoever asks: the one that is kept, if it is of this issuer,
 * for this redirect URI and not about to end; else a new one, in its place.
 *   description  what is registered
 *   problem      the server's words
 *   ret_client   strings in `arena`
 *   Errors       ERR_UPSTREAM_AUTH: refused; ERR_UPSTREAM_DOWN, ERR_UPSTREAM_GARBAGE; ERR_BUSY: others register at the
 *                same time; ERR_LIMIT, ERR_DB ...
 *   Runs on      a fiber, as all of these */
NODISCARD enum err registration_get(struct connect *connect, struct arena *arena, const struct connect_at *at,
				    const struct issuer_facts *issuer, const struct client_description *description,
				    struct buf *problem, struct client_identity *ret_client) AWAITS;

/* A client that the operator has registered belongs to the issuer that it was first used at: its secret is not for
 * whomever the server names one day.
 *   Errors       ERR_UPSTREAM_AUTH: it has been used at another one */
NODISCARD enum err registration_bind(struct connect *connect, const struct connect_at *at, struct str issuer,
				     struct str client_id, struct buf *problem) AWAITS;

/* The server does not know this client any more: the next account gets a new one.
 *   Errors       ERR_DB ... */
NODISCARD enum err registration_forget(struct connect *connect, const struct connect_at *at, struct str client_id)
	AWAITS;

#endif
