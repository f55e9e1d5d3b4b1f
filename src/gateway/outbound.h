/* Credentials for upstreams, from what is kept sealed to what a request sends. Each loop keeps what it has made ready.
 */
#ifndef GATEHOUSE_GATEWAY_OUTBOUND_H
#define GATEHOUSE_GATEWAY_OUTBOUND_H

#include "upstream/upstream.h"

#define OUTBOUND_KEPT_MAX 4096	 /* of a loop: 1 MB of locked pages when all are short */
#define OUTBOUND_NONCES_MAX 1024 /* of a loop: one for each server that wants them */

struct gateway;
struct outbound;

/* One loop's.
 *   Runs on    loop 0, before and after the others run */
struct outbound *outbound_new(void);
void outbound_free(struct outbound *outbound);

/* As upstreams want it. One that is kept costs a look into a table. */
struct upstream_credentials outbound_source(struct gateway *gateway);

/* A header line or NAME=VALUE from what a person has given us.
 *   Errors     ERR_RPC_PARAMS: it cannot stand in a header */
NODISCARD enum err outbound_form(const struct upstream_auth *auth, struct str plain, struct secret_text **ret_text);

/* The header lines that sign one request with a key as it is kept: KEY, or ID:KEY where the signature names it. Pure.
 *   now_ms     wall time
 *   Errors     ERR_RPC_PARAMS: it is no such key */
NODISCARD enum err outbound_sign(const struct upstream_auth *auth, struct str plain,
				 const struct upstream_asking *asking, int64_t now_ms, struct secret_text **ret_lines);

#endif
