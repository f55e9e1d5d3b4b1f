/* Speaking to the service that a grant is of. Private to the room. */
#ifndef GATEHOUSE_CONNECT_ACCOUNT_H
#define GATEHOUSE_CONNECT_ACCOUNT_H

#include "authclient/ask.h"
#include "authclient/dpop.h"
#include "connect/grant.h"

/* Whom to ask, as the client that the grant was given to. */
struct account_client {
	struct token_endpoint endpoint;
	struct client_identity identity;
	struct dpop_key *dpop;
};

/*   url        of the service's, from the grant
 *   ret_client account_client_end when done, on errors too; strings of `arena`, `at` and `grant`. Zeroed before
 *   Errors     ERR_CRYPTO: a key that cannot be read ...
 *   Runs on    a fiber */
NODISCARD enum err account_client(struct arena *arena, const struct connect_at *at, const struct grant *grant,
				  struct str url, struct account_client *ret_client) AWAITS;
void account_client_end(struct account_client *client);

/* End its tokens at the service.
 *   problem    why not
 *   Errors     ERR_NOT_FOUND: it has no way to; as token_end
 *   Runs on    a fiber */
NODISCARD enum err account_revoke(struct arena *arena, const struct connect_at *at, const struct grant *grant,
				  struct buf *problem) AWAITS;

#endif
