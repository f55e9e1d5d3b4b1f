/* Starting a program with descriptors passed to it: the socket-activation protocol. Unlike a child
 * (rt/child.h) it has our environment, our standard streams and our process group: it is what we are,
 * later. */
#ifndef GATEHOUSE_RT_ACTIVATE_H
#define GATEHOUSE_RT_ACTIVATE_H

#include <sys/types.h>

#include "base/attrs.h"
#include "base/err.h"
#include "base/str.h"

#define ACTIVATION_FIRST_FD 3	/* where they begin: sd_listen_fds(3) */
#define ACTIVATION_FDS_MAX 2112 /* 32 listeners' sockets on 64 loops, and a few more */

struct activation;

/* An order to be filled. The program is the path that this process was executed by, as it was written:
 * a link that now leads to another version is followed anew.
 *   args       argv[1] and on, NULL-terminated; borrowed until activation_run has returned */
struct activation *activation_new(const char *const *args);

/* Pass a descriptor under a name without ':'. The order owns it from here on. ACTIVATION_FDS_MAX. */
void activation_pass(struct activation *activation, int fd, struct str name);

/* Start it. LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES are set, WATCHDOG_PID is not passed on. Our copies of
 * the descriptors are closed in any case. If the program cannot be executed the child writes
 * "STATUS=why" to the descriptor that was passed last, and ends with status 127.
 *   ret_pid    the caller's to wait for
 *   Errors     ERR_SYSTEM (no descriptors, no processes; errno says which), ERR_BUSY, ERR_CANCELED
 *   Runs on    a fiber */
NODISCARD enum err activation_run(struct activation *activation, pid_t *ret_pid) AWAITS;

/* The program's path, as it was written; lives as long as the process. */
const char *activation_program(const struct activation *activation);

/* Forget the order, and close what it still holds; the process that was made goes on. */
void activation_free(struct activation *activation);

/* Kill a process that activation_run made, and wait for its end.
 *   Runs on    a fiber */
void activation_kill(pid_t pid) AWAITS;

#endif
