/* The inside of a meter, for meters.c (the table and its rows) and meter_draw.c (the fleet's counters). */
#ifndef GATEHOUSE_GATEWAY_METERS_PRIVATE_H
#define GATEHOUSE_GATEWAY_METERS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "gateway/meters.h"
#include "rt/fiber.h"

#define METER_KEY_BYTES_MAX 72 /* two ids and a month */

struct meter {
	uint32_t magic;
	bool drawing;	  /* its calls are drawn from a counter that the fleet shares */
	atomic_uint refs; /* the table's is one */
	atomic_llong calls, failures;
	int64_t written_calls, written_failures; /* the writer's */
	struct str key;
	char key_text[METER_KEY_BYTES_MAX];
	struct str tenant_id, principal; /* in key_text */
	int month;

	/* meter_draw.c's, where `drawing` */
	atomic_llong drawn;	   /* and not used yet */
	atomic_llong sent_calls;   /* written ones, and those on their way to the row */
	atomic_llong max;	   /* the quota that was last drawn for; 0: none yet */
	atomic_uint unsure;	   /* turns of the writer for which the counter may know too little */
	atomic_bool drawing_block; /* somebody is: others draw for themselves */
	atomic_llong alone_window; /* whose share is in alone_left */
	atomic_llong alone_left;
	int64_t settled_calls; /* the writer's: as many as there were at its last turn */
};

struct meters {
	uint32_t magic;
	struct db *db;
	struct state *state;
	pthread_mutex_t lock; /* guards the table, references that are taken from it, and shares of its meters */
	struct map by_key;
	struct group writer; /* loop 0's */
};

/* Use what is drawn already.
 *   Runs on    any thread */
bool meter_take_drawn(struct meter *meter);

/* Draw, and use one of it.
 *   Errors     ERR_QUOTA; ERR_DB and others: how much is left cannot be told */
NODISCARD enum err meter_draw(struct meters *meters, struct meter *meter, int64_t max) AWAITS;

/* Calls went by without being drawn. */
void meter_undrawn(struct meter *meter);

/* A turn of the writer, behind its write: put back what nobody seems to need (`all`: everything), and see to it that
 * counters know what the rows say.
 *   Runs on    a fiber of loop 0 */
void meters_settle(struct meters *meters, bool all) AWAITS;

/* Whether it can be let go of, as far as the fleet's counter is concerned. */
bool meter_is_settled(const struct meter *meter);

#endif
