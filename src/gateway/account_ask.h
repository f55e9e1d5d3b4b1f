/* What a caller is told whose call wants an account at another service that is not there, has ended or allows too
 * little: a link to connect it. */
#ifndef GATEHOUSE_GATEWAY_ACCOUNT_ASK_H
#define GATEHOUSE_GATEWAY_ACCOUNT_ASK_H

#include "gateway/relay.h"

#define ACCOUNT_LINKS_MAX 4096 /* of a process: links that may be given once more */

/* Of a process.
 *   Runs on    loop 0, before and after the others run */
struct account_links *account_links_new(void);
void account_links_free(struct account_links *links);

/* Ask the caller to connect an account, when `err` of the call says that one is wanted; every other error is returned
 * as it is. A modern client that opens links is answered with a round, one of 2025-11-25 with error -32042, everybody
 * else with the error and a text that has the link; a caller who may not connect it learns who may. returns    OK:
 * call->answer is the round */
NODISCARD enum err account_ask(struct request *req, const struct relay *relay, struct upstream_call *call, enum err err)
	AWAITS;

/* Whether the client's answers belong to such a round, not to one of the server's. */
bool account_was_asked(const struct request *req, const struct relay *relay);

/* The store's generation has moved: clients whose link was used are told so. */
void account_links_look(struct gateway *gateway) AWAITS;

#endif
