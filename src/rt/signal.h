/* Signals of the process, delivered on loop 0. */
#ifndef GATEHOUSE_RT_SIGNAL_H
#define GATEHOUSE_RT_SIGNAL_H

#include "rt/loop.h"

/* Call `on` on loop 0 each time the process gets `signum`. Handles are closed when the loop
 * ends; they do not keep it alive.
 *   Runs on    loop 0, before or while it runs
 *   Errors     ERR_SYSTEM */
NODISCARD enum err signal_watch(int signum, void (*on)(void *arg), void *arg);

#endif
