/* The first minute: what `gatehouse serve` prints on a terminal. */
#ifndef GATEHOUSE_GATEWAY_WELCOME_H
#define GATEHOUSE_GATEWAY_WELCOME_H

#include "gateway/gateway.h"

/* Note where the gateway listens; the first address is the one the welcome shows. */
void welcome_address(const struct address *address, bool tls);

/* Wait (with a progress line) until the upstreams have settled, then print the endpoint, the
 * key if it is fresh (empty: none), a curl line that works and JSON for client configs. Stdout
 * only; the key appears nowhere else. */
void welcome_print(struct gateway *gateway, const char *first_key) AWAITS;

#endif
