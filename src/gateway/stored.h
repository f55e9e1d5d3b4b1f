/* Upstreams and toolsets made at run time: the running gateway follows the rows that say so. */
#ifndef GATEHOUSE_GATEWAY_STORED_H
#define GATEHOUSE_GATEWAY_STORED_H

#include "gateway/gateway.h"

struct stored;

/* Put the rows of now in force beside the file's configuration, and go on following their changes: each is in force
 * some IDENTITY_POLL_MS after its write. Rows that cannot be read or used are told in the log and change nothing.
 *   Runs on    a fiber of loop 0, after the file's upstreams were started */
NODISCARD enum err stored_start(struct gateway *gateway, struct stored **ret_stored) AWAITS;

/* Stop following; no reload may be running. NULL is fine. */
void stored_stop(struct stored *stored) AWAITS;

/* The file's configuration with the rows of now.
 *   ret_config one reference
 *   Errors     those of the database
 *   Runs on    a fiber of loop 0, with gateway->reloading held */
NODISCARD enum err stored_merge(struct gateway *gateway, struct config *file, struct config **ret_config) AWAITS;

#endif
