/* The inside of the fleet's results, for fleet_results.c (claims) and fleet_epochs.c (what is over). */
#ifndef GATEHOUSE_GATEWAY_FLEET_RESULTS_PRIVATE_H
#define GATEHOUSE_GATEWAY_FLEET_RESULTS_PRIVATE_H

#include <pthread.h>

#include "base/map.h"
#include "gateway/fleet_results.h"
#include "rt/loop.h"

struct fleet_results {
	uint32_t magic;
	struct state *state;
	struct secret *name_key, *seal_key;
	pthread_mutex_t lock; /* guards the next two */
	struct map ending;    /* epochs that are to end: see fleet_epochs.c */
	bool posted;
	struct task task;
	struct group writer;  /* loop 0's, as the next two */
	struct wait *sleeper; /* the writer, with nothing to do */
	bool woken;
};

/* The epoch of an upstream's results, as it is now.
 *   Errors     ERR_BUSY: the shared state is down, or this process still has to end it; ERR_CANCELED ... */
NODISCARD enum err fleet_epoch_read(struct fleet_claim *claim) AWAITS;

/* Start and stop the writer.
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err fleet_epochs_start(struct fleet_results *results) AWAITS;
void fleet_epochs_stop(struct fleet_results *results) AWAITS;

#endif
