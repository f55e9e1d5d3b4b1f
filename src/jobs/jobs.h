/* Work that is to be done at a time, once in the whole fleet, and again if it fails: kept as rows (store/job.h), run by
 * whichever replica is free. A run that dies with its replica is run again by another, so what a job does must bear
 * being done twice.
 *
 *     jobs_new -> jobs_add(kind)... -> jobs_start ... jobs_stop -> jobs_free */
#ifndef GATEHOUSE_JOBS_JOBS_H
#define GATEHOUSE_JOBS_JOBS_H

#include "db/db.h"
#include "rt/loop.h"

#define JOB_KINDS_MAX 64
#define JOBS_AT_ONCE 8	      /* runs of one process at the same time */
#define JOBS_ONCE_AT_ONCE 7   /* of jobs that run once: however many wait, what has a schedule finds a place */
#define JOBS_POLL_MS 1000     /* how late a job may start on an idle process; a run that ends makes it look at once */
#define JOB_LEASE_MS 30000    /* how long after its replica's death a job waits for another one */
#define JOB_RETRY_MS_MIN 5000 /* after the first failure; doubling, spread by a fifth */
#define JOB_RETRY_MS_MAX 3600000
#define JOB_WORDS_BYTES_MAX 500

struct jobs;

/* One run, as its kind sees it. */
struct job_call {
	struct str id, tenant_id, payload; /* borrowed */
	int64_t attempt;		   /* 1 the first time */
	void *arg;			   /* the kind's */
	struct buf *words;		   /* a line for the history; JOB_WORDS_BYTES_MAX are kept of it */
	/* Set by a run that fails because it has to wait for somebody: when (wall time) to try again. It does not count
	 * as an attempt. */
	int64_t *put_off_ms;
};

struct job_kind {
	const char *name;      /* static: "retention" */
	const char *about;     /* a line for people */
	const char *schedule;  /* see cron.h; NULL: only what is asked for by job_put */
	int64_t run_ms_max;    /* then it is canceled */
	unsigned attempts_max; /* of a job that runs once; a schedule goes on for ever */
	enum err (*run)(const struct job_call *call) /* AWAITS */;
	void *arg; /* borrowed until jobs_stop */
};

/*   node       of this process, not 0
 *   Runs on    loop 0, like all of these */
struct jobs *jobs_new(struct db *db, uint64_t node);
void jobs_free(struct jobs *jobs); /* NULL is fine; stopped or never started */

/* Make a kind known, before jobs_start.
 *   schedule   instead of the kind's own; empty: that one
 *   Errors     ERR_CONFIG: no schedule, with `problem` (may be NULL) */
NODISCARD enum err jobs_add(struct jobs *jobs, const struct job_kind *kind, struct str schedule, struct buf *problem);

/* Write the schedules and begin.
 *   Errors     ERR_DB ..., ERR_BUSY */
NODISCARD enum err jobs_start(struct jobs *jobs) AWAITS;

/* Take no more; cancel what runs, which another replica (or the next start) then runs again. NULL is fine. */
void jobs_stop(struct jobs *jobs) AWAITS;

/* Ask for one run.
 *   id         what keeps it from being asked for twice; empty: a new one
 *   Errors     ERR_EXISTS, ERR_LIMIT, ERR_DB ...
 *   Runs on    any fiber */
NODISCARD enum err job_put(struct db *db, struct str id, struct str kind, struct str tenant_id, struct str payload,
			   int64_t at_ms) AWAITS;

/* For /metrics, since the start; NULL: nothing yet.
 *   Runs on    any thread; approximate */
struct jobs_stats {
	uint64_t runs, failures, running;
};
struct jobs_stats jobs_stats(const struct jobs *jobs);

#endif
