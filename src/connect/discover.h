/* From a server's address to the authorization server that it believes, by what both publish. Private to the room. */
#ifndef GATEHOUSE_CONNECT_DISCOVER_H
#define GATEHOUSE_CONNECT_DISCOVER_H

#include "authclient/discovery.h"
#include "connect/documents.h"

struct discovered {
	struct issuer_facts issuer;
	struct str resource; /* empty: it does not describe itself */
	struct str asked;    /* scopes that its challenge names; p NULL none */
	struct str scopes;   /* those that its document names; p NULL none */
};

/* Ask all that has to be asked; of each document one that is not about whom it should be ends it.
 *   challenge, problem, Errors  as connect_target_find
 *   ret_discovered              strings in `arena` */
NODISCARD enum err discover_server(struct documents *documents, struct arena *arena, const struct connect_at *at,
				   struct str challenge, struct buf *problem, struct discovered *ret_discovered) AWAITS;

/* The same of an issuer that is known. */
NODISCARD enum err discover_issuer(struct documents *documents, struct arena *arena, const struct connect_at *at,
				   struct str issuer, struct buf *problem, struct issuer_facts *ret_issuer) AWAITS;

#endif
