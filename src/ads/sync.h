/* Background work over reports, as lists of steps, so that two drivers can run the same: the gateway's own jobs, and
 * Inngest. A step may be done twice; a finished one is not repeated after a crash (fetch steps look whether the report
 * was fetched since their run began). */
#ifndef GATEHOUSE_ADS_SYNC_H
#define GATEHOUSE_ADS_SYNC_H

#include "ads/source.h"

struct ads; /* see ads.h */

/* One run of a function. */
struct sync_run {
	struct ads *ads;
	struct str id;	      /* the job's or the run's: row of sync_log */
	struct str driver;    /* "jobs", "inngest" */
	struct str tenant_id; /* empty: all */
	enum ads_platform platform;
	int64_t started_ms; /* wall time: what is fetched since then is done */
	struct arena *arena;
};

struct sync_step {
	const char *id; /* "fetch-campaign_days" */
	/* AWAITS. Appends what it found as JSON (nothing: null).
	 *   Errors  ERR_TOOL_FAILED ...: to be tried again, or not, as sync_is_final says */
	enum err (*run)(struct sync_run *run, const struct sync_step *step, struct buf *out);
	int arg; /* enum report_kind of fetch steps */
};

struct sync_function {
	const char *id;	   /* "sync-refresh-tenant" */
	const char *cron;  /* UTC; NULL: by its event */
	const char *event; /* "sync/refresh-tenant"; NULL: by time */
	unsigned retries;
	unsigned concurrency_per_tenant;	      /* 0: no bound */
	const struct sync_step *steps[ADS_PLATFORMS]; /* by platform; those without one use the first */
	size_t step_count[ADS_PLATFORMS];
};
extern const struct sync_function sync_functions[];
extern const size_t sync_function_count;

/* Whether trying again is of no use: the account must be connected anew, the platform forbids it. */
bool sync_is_final(enum err err, const struct ads_failure *failure);

#endif
