/* The control socket: DATA/control.sock, for the command line tools of the same user. Who can
 * open it is an operator; the file's mode (0600) is the lock. */
#ifndef GATEHOUSE_GATEWAY_CONTROL_H
#define GATEHOUSE_GATEWAY_CONTROL_H

#include "gateway/gateway.h"

/* Listen. GET /status answers the status document, POST /reload reloads the configuration,
 * POST /upgrade starts the program anew and hands over to it.
 *   problem    why it cannot listen
 *   Errors     ERR_SYSTEM, ERR_CONFIG (the path is too long) */
NODISCARD enum err control_start(struct gateway *gateway, struct buf *problem, struct http_server **ret_control) AWAITS;

/* The socket's path under a data directory, in `out` (at most 107 bytes, the kernel's limit). */
struct str control_path(struct str data_directory, struct buf *out);

#endif
