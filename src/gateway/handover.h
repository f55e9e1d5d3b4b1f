/* What one process of an installation passes to the next: listening sockets, the lock of the data
 * directory, the control socket, and a pipe on which the next one says that it serves. All of it
 * goes by the socket-activation protocol; the names of the descriptors say what is what:
 *
 *     handover.lock                    data directory's lock, held
 *     handover.ready                   pipe: READY=1, or STATUS=what is wrong
 *     handover.control                 the control socket
 *     handover.listen.127.0.0.1_8080   one for each socket of a listener of ours
 *     handover.passed.unix_/run/x      the same, of one that systemd made for us
 *
 * Sockets without such a name were passed by systemd and take the places of the listeners in order. */
#ifndef GATEHOUSE_GATEWAY_HANDOVER_H
#define GATEHOUSE_GATEWAY_HANDOVER_H

#include "gateway/config.h"
#include "net/listen_inherited.h"
#include "rt/loop.h"

#define HANDOVER_LOCK STR("handover.lock")
#define HANDOVER_READY STR("handover.ready")
#define HANDOVER_CONTROL STR("handover.control")

struct handover;

/* Take what this process was started with. NULL when it was started with nothing. handover_free closes what nobody
 * took.
 *   Runs on    the main thread, before others start */
struct handover *handover_receive(void);
void handover_free(struct handover *handover);

/* Whether an earlier process passes its work on (and waits for handover_say); systemd does not. Of NULL: no. */
bool handover_is_upgrade(const struct handover *handover);

/* Take a descriptor by its name, the caller's from then on; -1 when there is none. */
int handover_take(struct handover *handover, struct str name);

/* Sockets for a listener of the configuration, which are the caller's from then on.
 *   index        its place in the configuration
 *   out          room for LOOPS_MAX
 *   ret_foreign  systemd made them: a Unix socket's file is not ours
 *   returns      how many; 0: make your own */
size_t handover_sockets(struct handover *handover, const struct config_listen *listen, size_t index, int out[],
			bool *ret_foreign);

/* The name that handover_sockets of the next process looks for. */
void handover_socket_name(const struct config_listen *listen, bool foreign, struct buf *out);

/* Tell the process before us that we serve (`problem` empty), or why we do not. Once; does nothing when
 * nobody waits for it. */
void handover_say(struct handover *handover, struct str problem);

#endif
