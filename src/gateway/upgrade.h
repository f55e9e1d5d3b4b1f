/* Replacing the program without closing a door: the new one is started by the old one, is handed the
 * sockets, and the old one drains. */
#ifndef GATEHOUSE_GATEWAY_UPGRADE_H
#define GATEHOUSE_GATEWAY_UPGRADE_H

#include "gateway/gateway.h"

struct upgrade;

struct upgrade_spec {
	struct gateway *gateway;
	struct str config_file;		   /* p NULL: the defaults; NUL-terminated */
	int lock_fd;			   /* of the data directory; borrowed */
	void (*on_handed_over)(void *arg); /* the new process serves: drain and end. Called on loop 0 */
	void *arg;
};

/* One for the process, before the control socket opens. The spec is copied; what it names outlives it. */
struct upgrade *upgrade_new(const struct upgrade_spec *spec);

/* End an attempt that is under way, and refuse others. NULL is fine.
 *   Runs on    a fiber of loop 0 */
void upgrade_stop(struct upgrade *upgrade) AWAITS;

/* After upgrade_stop. */
void upgrade_free(struct upgrade *upgrade);

/* Start the program that now lies where this one was started from, give it the sockets, and wait until it
 * says that it serves. Then on_handed_over is called.
 *   ret_pid    the new process
 *   problem    why there is none; this process goes on as if nothing had been asked
 *   Errors     ERR_BUSY (one is under way, this process starts, ends, or is a container's first),
 *              ERR_SYSTEM (it cannot be started), ERR_CLOSED (it ended), ERR_TIMEOUT
 *   Limits     UPGRADE_READY_MS
 *   Runs on    a fiber, any loop (the work is done on loop 0) */
NODISCARD enum err upgrade_run(struct upgrade *upgrade, struct buf *problem, int *ret_pid) AWAITS;

#endif
