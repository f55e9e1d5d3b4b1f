/* Listening sockets as plain descriptors, before a loop has them. */
#ifndef GATEHOUSE_NET_LISTEN_SOCKET_H
#define GATEHOUSE_NET_LISTEN_SOCKET_H

#include "net/stream.h"

/* Make `count` listening descriptors for the same address: TCP ones share the port through
 * SO_REUSEPORT, so the kernel spreads connections over the loops; a Unix one is one socket and
 * copies of it, on which the loops race, and so are inherited ones that are fewer than `count`.
 *   out        `count` descriptors, the caller's to close
 *   ret_bound  the address with the port the kernel chose
 *   Errors     ERR_SYSTEM, with a log line */
NODISCARD enum err listen_sockets_open(const struct listener_spec *spec, unsigned count, int *out,
				       struct address *ret_bound);

/* Remove the file of a Unix socket that listen_sockets_open made. */
void listen_socket_unlink(const struct listener_spec *spec);

#endif
