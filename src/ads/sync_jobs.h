/* The driver that is always there: background work over reports as durable jobs, a kind for each function. */
#ifndef GATEHOUSE_ADS_SYNC_JOBS_H
#define GATEHOUSE_ADS_SYNC_JOBS_H

#include "ads/sync.h"
#include "jobs/jobs.h"

/* Make the kinds known.
 *   schedule_of  another schedule for a kind by its name; empty: its own
 *   driven       somebody else keeps the times: none of them begins by itself, what is asked for is done all the same
 *   Errors       ERR_CONFIG: no schedule */
NODISCARD enum err sync_jobs_add(struct jobs *jobs, struct sync *sync, bool driven,
				 struct str (*schedule_of)(void *arg, struct str name), void *arg);

/* Whether a kind of job is one of these. */
bool sync_is_job(struct str name);

/* Ask for a run now.
 *   ret_id     in `arena`
 *   Errors     ERR_LIMIT, ERR_DB ... */
NODISCARD enum err sync_ask(struct db *db, struct arena *arena, struct str tenant_id, enum ads_platform platform,
			    struct str *ret_id) AWAITS;

#endif
