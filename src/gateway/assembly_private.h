/* What assembly.c and assembly_judge.c share. All of it is loop 0's. */
#ifndef GATEHOUSE_GATEWAY_ASSEMBLY_PRIVATE_H
#define GATEHOUSE_GATEWAY_ASSEMBLY_PRIVATE_H

#include <pthread.h>

#include "gateway/gateway.h"

#define CATALOG_WAIT_MS 5000 /* for the catalog that does without those who leave */
#define CHOICE_WAIT_MS 5000  /* for requests that have not come to their upstream yet: rates, access classes */
#define BURST_MS 20	     /* changes this close together make one catalog */

struct member {
	struct upstream *upstream;
	const struct upstream_spec *spec; /* in `config` */
	struct config *config;
	struct offer *offer; /* the newest; NULL until it offered something */
	bool fresh;	     /* the shelf is not of this offer, or not of this config */
	struct shelf *shelf; /* NULL until it offered something */
	bool unjudged;	     /* the shelf's tools were not compared with their pins yet */
	bool reported;	     /* came up or failed at least once */
	bool shown;	     /* the published catalog knows its first report */
};

struct assembly {
	uint32_t magic;
	struct gateway *gateway;
	pthread_mutex_t lock; /* over members and count, for readers on other loops */
	struct member *members;
	size_t count;
	struct member *leaving; /* not in the config any more, still to be stopped */
	size_t leaving_count;
	struct config *config; /* whose toolsets the next catalog has */
	uint64_t version;
	uint64_t applied, shown; /* configs taken; the one that the published catalog is of */
	uint64_t asked, judged;	 /* reviews asked for; the last one that the published catalog shows */
	bool dirty, stopping, ended;
	bool applying;	      /* members are being started: their news waits */
	struct list early;    /* of struct news */
	struct wait *sleeper; /* the builder, waiting for a change */
	struct wait *stopper; /* assembly_stop, waiting for the builder's end */
	atomic_bool settled;
};

/* Have the builder look for what has changed. */
void assembly_wake(struct assembly *assembly);

/* Compare what was not compared yet with its pins. Nothing is published without: when this returns OK,
 * the build must take its shelves before anything waits.
 *   Errors     those of the database
 *   Runs on    the builder */
NODISCARD enum err assembly_judge(struct assembly *assembly) AWAITS;

#endif
