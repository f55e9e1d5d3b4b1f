/* How renewals went, for /metrics. */
#ifndef GATEHOUSE_CONNECT_COUNTS_H
#define GATEHOUSE_CONNECT_COUNTS_H

#include <pthread.h>

#include "base/map.h"
#include "connect/connect.h"

enum renew_outcome {
	RENEW_OK,
	RENEW_LATER,   /* no answer, none of use, or asked to come later */
	RENEW_REFUSED, /* the service has ended the account's sign-in */
	RENEW_CLIENT,  /* it refuses the gateway as its client */
	RENEW_LOST,    /* the account was connected again, or removed, meanwhile */
	RENEW_UNKEPT,  /* the database took no new token */
	RENEW_OUTCOMES
};

struct counts {
	pthread_mutex_t lock; /* for an instant; a renewal is rare */
	struct map of;	      /* struct count by upstream */
};

/* In place, zeroed before; when nobody counts any more. Runs on    loop 0 */
void counts_init(struct counts *counts);
void counts_finish(struct counts *counts);

/* Count one. Runs on    any thread */
void counts_add(struct counts *counts, struct str upstream, enum renew_outcome outcome);

#endif
