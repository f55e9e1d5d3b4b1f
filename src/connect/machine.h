/* Tokens that no person has to agree to in a browser: the gateway's own, and those it gets by saying who the caller
 * is. */
#ifndef GATEHOUSE_CONNECT_MACHINE_H
#define GATEHOUSE_CONNECT_MACHINE_H

#include "connect/grant.h"
#include "connect/target.h"

/* Ask for one, as the flow of the settings has it. It is asked once: what is refused is refused, and no other way is
 * tried.
 *   arena        of TARGET_ARENA_BYTES or more, not the request's: free it wiped
 *   scope        beside those that the target has; may be empty
 *   problem      what is wrong, for the operator; never a token
 *   ret_grant    without refresh token: a machine asks again
 *   ret_refusal  on ERR_UPSTREAM_AUTH
 *   Errors       as connect_target_find; ERR_CONFIG, ERR_NOT_FOUND, ERR_SYSTEM: the file with the token to start from;
 *                ERR_CRYPTO: the private key of the settings
 *   Runs on      a fiber, any loop
 *   Source       RFC 6749 section 4.4, RFC 7523, RFC 8693; MCP extensions oauth-client-credentials,
 *                enterprise-managed-authorization, wif */
NODISCARD enum err machine_ask(struct connect *connect, struct arena *arena, const struct connect_at *at,
			       struct str scope, struct buf *problem, struct grant *ret_grant,
			       enum token_refusal *ret_refusal) AWAITS;

#endif
