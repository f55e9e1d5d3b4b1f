/* Readiness of a foreign library's socket (libpq, hiredis): the library reads and writes, the
 * loop only says when it can. */
#ifndef GATEHOUSE_RT_FD_WATCH_H
#define GATEHOUSE_RT_FD_WATCH_H

#include <stdbool.h>

struct fd_watch;

/* What the socket is ready for; `failed`: it is broken, and both are true so that the library finds out. */
struct fd_ready {
	bool readable, writable, failed;
};

/* Watch a socket of the running loop; nothing is asked for yet. The descriptor stays its owner's.
 *   on_ready   a callback of the loop: it may not await; it may free the watch
 *   Runs on    the loop that will call */
struct fd_watch *fd_watch_new(int fd, void (*on_ready)(void *arg, struct fd_ready ready), void *arg);

/* What to ask for from now on; both false: nothing. Free when nothing changes. */
void fd_watch_want(struct fd_watch *watch, bool readable, bool writable);

/* Stop. No call follows; the descriptor may be closed as soon as this returns. NULL is fine. */
void fd_watch_free(struct fd_watch *watch);

#endif
