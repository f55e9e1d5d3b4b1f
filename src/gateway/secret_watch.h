/* New values of secrets without a restart. */
#ifndef GATEHOUSE_GATEWAY_SECRET_WATCH_H
#define GATEHOUSE_GATEWAY_SECRET_WATCH_H

#include "gateway/gateway.h"

/* Begin to look whether the secrets that the configuration names, and the operator's key, have other values: one that
 * has makes the gateway read its configuration again. secrets_close ends it.
 *   Errors     ERR_BUSY, ERR_LIMIT
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err secret_watch_start(struct gateway *gateway) AWAITS;

/* Look after what the configuration names now.
 *   Runs on    loop 0 */
void secret_watch_apply(struct gateway *gateway);

#endif
