/* Accounts at other services: what room connect has to know of the gateway that runs. */
#ifndef GATEHOUSE_GATEWAY_ACCOUNTS_H
#define GATEHOUSE_GATEWAY_ACCOUNTS_H

#include "connect/connect.h"
#include "gateway/gateway.h"

/* The gateway's room for accounts, over its other rooms; end it with connect_free before them.
 *   key        seals what flows leave in the state room; borrowed
 *   Runs on    loop 0 */
struct connect *accounts_start(struct gateway *gateway, const struct secret *key);

/* Where the accounts of an upstream are, but for whose: in `arena`.
 *   account    the name of one of several that it has; empty: of the only one
 *   Runs on    any loop */
void accounts_at(struct gateway *gateway, const struct upstream_spec *spec, struct str account, struct arena *arena,
		 struct connect_at *ret_at);

#endif
