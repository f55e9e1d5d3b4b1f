/* Background work over reports, as lists of steps, so that two drivers can run the same: the gateway's own jobs
 * (sync_jobs.h), and Inngest.
 *
 *     sync_begin ─▶ sync_step 0, 1, 2 ... ─▶ the last one ends it
 *        │             └ failed ─▶ sync_is_final or the last try? ─yes─▶ sync_fail
 *        │                            └no─▶ sync_put_off, and later sync_begin again
 *        └ ERR_BUSY, ERR_EXISTS, ERR_NOT_FOUND: nothing to do
 *
 * A step may be done twice; a finished one is not repeated after a crash: how many are finished stands in the run's row
 * of sync_log, and a fetch step leaves alone what was fetched since the run began.
 *
 *   Source     doc/decisions/0018-ad-analytics.md */
#ifndef GATEHOUSE_ADS_SYNC_H
#define GATEHOUSE_ADS_SYNC_H

#include "ads/ads.h"
#include "store/retention.h"

#define SYNC_TENANTS_MAX 20000			/* of one round; more are left out and logged */
#define SYNC_HOLD_MS (30LL * 60 * 1000)		/* a run without a sign of life for so long is given up */
#define SYNC_RUN_MS_MAX (24LL * 3600 * 1000)	/* from its beginning, waits included; then it has failed */
#define SYNC_WANTED_MS (7LL * 24 * 3600 * 1000) /* reports that nobody has asked for since are not kept fresh */
#define SYNC_LIMIT_WAIT_S 900			/* after a refusal for its rate that does not say how long */

struct audit;
struct sync; /* a process's */
struct sync_run;

struct sync_spec {
	struct ads *ads;	  /* borrowed, as all of these */
	struct ads_source source; /* for its tenants and places */
	struct db *db;
	struct audit *audit;
	/* What other rooms do.   AWAITS
	 *   clear      delete rows of a kind that are past their period, for good
	 *   archive    move old rows of the trail into files
	 *   words      a line about it */
	enum err (*clear)(void *arg, enum retention_kind kind, struct buf *words);
	enum err (*archive)(void *arg, struct buf *words);
	void *arg;
};

/*   Runs on    loop 0; free after all runs */
struct sync *sync_new(const struct sync_spec *spec);
void sync_free(struct sync *sync);

/* A run that a round asks for. */
struct sync_wish {
	struct str id; /* "sync:TENANT:google:2026-11-22T01": to be there once */
	struct str tenant_id;
	enum ads_platform platform;
	int64_t at_ms; /* wall time: spread over the hour, the same minute each hour */
};

/* One run of a function: what a driver fills in, and what becomes of it. */
struct sync_run {
	struct sync *sync;
	struct str id;		    /* the job's or the run's: row of sync_log */
	struct str driver;	    /* "jobs", "inngest" */
	struct str tenant_id;	    /* empty: all */
	enum ads_platform platform; /* with a tenant */
	struct arena *arena;	    /* of this try */
	struct str found;	    /* what the step before has found: JSON; empty: it is the first */
	/* Begin sync-refresh-tenant, not before its time. Asked for again it is there once: OK.   AWAITS */
	enum err (*ask)(struct sync_run *run, const struct sync_wish *wishes, size_t count);
	void *arg; /* the driver's */

	size_t steps_done;	    /* set by sync_begin */
	int64_t started_ms;	    /* wall time, of the first try: what is fetched since then is done */
	struct ads_failure failure; /* after a step that failed with ERR_TOOL_FAILED; texts in `arena` */
	/* What the present step has done, for sync_log. */
	int64_t reports, rows, bytes;
	struct str place, problem;
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
	const char *about; /* a line for people */
	const char *cron;  /* UTC; NULL: by its event */
	const char *event; /* "sync/refresh-tenant"; NULL: by time */
	unsigned retries;
	unsigned concurrency_per_tenant;	      /* and platform; 0: no bound */
	const struct sync_step *steps[ADS_PLATFORMS]; /* by platform; the first for those without a tenant */
	size_t step_count[ADS_PLATFORMS];
};
#define SYNC_FUNCTIONS 4
extern const struct sync_function sync_functions[SYNC_FUNCTIONS];

/* Begin a run or go on with it.
 *   Errors     ERR_BUSY: another run for this tenant and platform is under way, or waits until it may ask again;
 *              ERR_EXISTS: it has ended; ERR_NOT_FOUND: no such tenant, or it is disabled, or has connected nothing
 * there; ERR_DB ... */
NODISCARD enum err sync_begin(struct sync_run *run, const struct sync_function *function) AWAITS;

/* Do a step and note it. The last one ends the run.
 *   out        what it found is appended: JSON
 *   Errors     those of the step */
NODISCARD enum err sync_step(struct sync_run *run, const struct sync_function *function, size_t at, struct buf *out)
	AWAITS;

/* Whether trying again is of no use: the account must be connected anew, the platform forbids it. */
bool sync_is_final(enum err err, const struct ads_failure *failure);

/* When to try again what the platform refuses for its rate (wall time); 0: for another reason, the driver knows when.
 * INT64_MAX: it would be too late for this run. */
int64_t sync_limited_until_ms(const struct sync_run *run, enum err err);

/* It will be tried again at `again_ms`. Or: it has failed for good. Both keep what they write from a deadline or cancel
 * of the caller.
 *   Errors     ERR_DB ... */
NODISCARD enum err sync_put_off(struct sync_run *run, int64_t again_ms) AWAITS;
NODISCARD enum err sync_fail(struct sync_run *run, enum err err) AWAITS;

/* The id of a run: of an hour, so that it is there once; or of a person's wish, `word` being new. In `arena`. */
struct str sync_run_id(struct arena *arena, struct str tenant_id, enum ads_platform platform, struct str word);

/* Counters since the start.
 *   Runs on    any thread */
struct sync_stats {
	uint64_t runs, failures, reports, busy_ms;
};
struct sync_stats sync_stats(const struct sync *sync, enum ads_platform platform); /* NULL: zeros */

#endif
