/* The process itself: what it may do, and that it is alone with its data. */
#ifndef GATEHOUSE_GATEWAY_PROCESS_H
#define GATEHOUSE_GATEWAY_PROCESS_H

#include "gateway/handover.h"

/* No core files with keys in them, no new privileges, as many files as we may. */
void process_harden(void);

/* One server per data directory: two would both believe the audit chain's end to be theirs.
 *   handover   may hold the lock already; NULL: there is none
 *   lock_fd    the lock, also when it was not got; the caller closes it
 *   problem    what is wrong and what to do
 *   Errors     ERR_SYSTEM, ERR_EXISTS: another one serves it */
NODISCARD enum err process_lock_data(struct str data, struct handover *handover, int *lock_fd, struct buf *problem);

#endif
