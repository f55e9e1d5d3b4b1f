/* What the process keeps for connectors: whoever runs their calls, and what those can ask of the gateway itself. */
#ifndef GATEHOUSE_GATEWAY_CONNECTORS_H
#define GATEHOUSE_GATEWAY_CONNECTORS_H

#include "gateway/gateway.h"

/* Begin, over the gateway's other rooms; end it when no upstream runs any more, before them.
 *   key        seals cursors; borrowed
 *   Errors     ERR_SYSTEM: a library does not start
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err connectors_start(struct gateway *gateway, const struct secret *key);
void connectors_stop(struct gateway *gateway) AWAITS;

/* As the management API asks: see struct portal_spec. `arg` is the gateway. */
const char *connectors_account_health(void *arg, struct str tenant_id, struct str place, struct str user_id);

#endif
