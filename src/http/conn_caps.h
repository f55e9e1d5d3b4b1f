/* Caps on connections: in all, and for each peer. Shared by the loops. */
#ifndef GATEHOUSE_HTTP_CONN_CAPS_H
#define GATEHOUSE_HTTP_CONN_CAPS_H

#include "net/address.h"

struct conn_caps;
struct conn_peer; /* a peer's count */

/* Counts of a server; freed when the last connection has left.
 *   Runs on    any thread */
struct conn_caps *conn_caps_new(void);

/* Release them.
 *   Runs on    any thread, once nobody is counted any more */
void conn_caps_free(struct conn_caps *caps);

/* Count one more connection.
 *   address    NULL: counts in all, but for no peer (a trusted proxy carries many)
 *   ret_peer   to be handed back to conn_caps_leave; NULL for no peer
 *   Errors     ERR_LIMIT when either cap is reached
 *   Runs on    any thread */
NODISCARD enum err conn_caps_enter(struct conn_caps *caps, const struct address *address, unsigned total_max,
				   unsigned per_peer_max, struct conn_peer **ret_peer);
void conn_caps_leave(struct conn_caps *caps, struct conn_peer *peer);

/* One connection of this peer (NULL is fine) counts in all, but no more for the peer: hand NULL back for it. */
void conn_caps_trust(struct conn_caps *caps, struct conn_peer *peer);

#endif
