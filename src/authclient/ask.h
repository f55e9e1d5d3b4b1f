/* Asking: the pure pieces of this room with http/fetch.h between them. What was sent is wiped. */
#ifndef GATEHOUSE_AUTHCLIENT_ASK_H
#define GATEHOUSE_AUTHCLIENT_ASK_H

#include "authclient/dpop.h"
#include "authclient/register.h"

/* Whom to ask, and as whom. */
struct token_endpoint {
	struct str url;
	struct str longer_url; /* where a code's token is exchanged for one that lives longer; empty: at `url` */
	const struct auth_dialect *dialect;
	const struct client_identity *client;
	const struct dpop_key *dpop; /* proofs go along, once more with the nonce that is asked for; NULL none */
	const char *ca_file;	     /* trusted instead of the system's certificates; NULL these */
	bool allow_private;	     /* it may be at a private address */
};

/* Ask for a token; for one that lives longer, too, where the dialect has it so.
 *   ret_answer, ret_refusal, problem, Errors   as token_answer_read; as http_fetch
 *   Runs on    a fiber */
NODISCARD enum err token_ask(struct arena *arena, const struct token_endpoint *endpoint,
			     const struct token_request *request, struct buf *problem, struct token_answer *ret_answer,
			     enum token_refusal *ret_refusal) AWAITS;

/* End an account's tokens at the server.
 *   endpoint   its url is where that is done
 *   problem    what the server said against it
 *   Errors     ERR_UPSTREAM_AUTH: refused; ERR_UPSTREAM_DOWN: later; as http_fetch
 *   Runs on    a fiber */
NODISCARD enum err token_end(struct arena *arena, const struct token_endpoint *endpoint, struct str refresh_token,
			     struct str access_token, struct buf *problem) AWAITS;

#endif
