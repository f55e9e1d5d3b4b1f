/* The credential that a request to an HTTP server carries, when its upstream has `auth`. Private to the room. */
#ifndef GATEHOUSE_UPSTREAM_CREDENTIAL_H
#define GATEHOUSE_UPSTREAM_CREDENTIAL_H

#include "upstream/upstream_private.h"

/* A credential on its way into one request. Zero it to start. */
struct carried {
	struct secret_text *text; /* NULL: none is needed */
	struct buf path;	  /* with the credential in its query */
	struct buf *head;	  /* where it stands as a line; NULL nowhere */
	size_t head_from;
};

/* Get it: of a tenant or its user as the upstream's `auth` says; tenant empty: the gateway asks for itself.
 *   Errors     ERR_CREDENTIAL_MISSING, ERR_CRYPTO, ERR_DB ... */
NODISCARD enum err carried_take(struct upstream *upstream, struct str tenant_id, struct str principal,
				struct carried *carried) AWAITS;

/* Put it in: the last line of `head`, to which nothing is appended afterwards, or the path that is returned. */
struct str carried_put(struct upstream *upstream, struct carried *carried, struct buf *head);

/* The request has gone out, or never will: wipe what was put and let go. */
void carried_done(struct carried *carried);

#endif
