/* Hot reload: read the configuration again and swap it in. */
#ifndef GATEHOUSE_GATEWAY_RELOAD_H
#define GATEHOUSE_GATEWAY_RELOAD_H

#include "gateway/gateway.h"

/* Read the file the process was started with, check it, and put it in place: limits, origins,
 * toolsets and upstreams at once, requests in flight end under the old one. What only a
 * restart can change (listen addresses, workers, data) is named in a log line and left.
 *   problem    why nothing changed, with line and column
 *   Errors     ERR_CONFIG: the old configuration stays
 *   Runs on    a fiber, any loop (the work is done on loop 0) */
NODISCARD enum err gateway_reload(struct gateway *gateway, struct buf *problem) AWAITS;

/* Make this configuration's issuers those whose tokens are believed.
 *   Runs on    a fiber of loop 0 */
void gateway_configure_identity(struct gateway *gateway, struct config *config) AWAITS;

/* The HTTP server's settings as this config wants them. */
struct http_server_spec gateway_http_spec(struct gateway *gateway, const struct config *config);

#endif
