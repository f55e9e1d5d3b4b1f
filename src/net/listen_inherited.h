/* Descriptors that whoever started this process passed to it: the socket-activation protocol, of which
 * rt/activate.h is the other end. */
#ifndef GATEHOUSE_NET_LISTEN_INHERITED_H
#define GATEHOUSE_NET_LISTEN_INHERITED_H

#include "rt/activate.h"

struct inherited {
	int fd;		 /* closed on exec */
	struct str name; /* what LISTEN_FDNAMES says of it; empty when it says nothing */
};

/* Take what was passed, and clear the variables, so that no child believes them to be meant for it.
 *   out        room for `cap`; the descriptors are the caller's
 *   names      owns the text of the names
 *   returns    how many; 0 when nothing was passed to this process
 *   Runs on    before other threads start: it changes the environment
 *   Source     sd_listen_fds_with_names(3) */
size_t inherited_take(struct inherited *out, size_t cap, struct buf *names);

#endif
