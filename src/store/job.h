/* Jobs as rows: what is to run when, who runs it now, what became of earlier runs. */
#ifndef GATEHOUSE_STORE_JOB_H
#define GATEHOUSE_STORE_JOB_H

#include "store/store.h"

#define JOB_PAYLOAD_BYTES_MAX 16384
#define JOBS_MAX 100000	  /* rows that wait; more are refused */
#define JOB_RUNS_KEPT 100 /* rows of history for each kind */

struct job {
	struct str id, kind;
	struct str tenant_id; /* empty: the installation's */
	struct str payload;   /* JSON */
	struct str schedule;  /* empty: once */
	int64_t next_ms;      /* not before; wall time, as all of these */
	int64_t attempts;     /* since it last went well */
	bool dead;	      /* failed too often: waits for an operator */
	int64_t lease_by;     /* node; 0 never taken */
	int64_t lease_until_ms;
	struct str error; /* of the last run; empty: it went well */
	int64_t created_ms;
};

struct job_run {
	struct str id, job_id, kind;
	int64_t node, attempt, started_ms, ended_ms;
	struct str outcome; /* "ok" or an error's name */
	struct str words;
};

/* Keep a job that runs once.
 *   job        id, kind, tenant_id, payload, next_ms, created_ms count; an id that says what it is for keeps it from
 *              being there twice
 *   Errors     ERR_EXISTS, ERR_LIMIT (JOBS_MAX, JOB_PAYLOAD_BYTES_MAX) */
NODISCARD enum err job_insert(struct db *db, const struct job *job) AWAITS;

/* Keep a job with a schedule under its kind. One that is there keeps its next time unless the schedule is another. */
NODISCARD enum err job_schedule(struct db *db, struct str kind, struct str schedule, int64_t next_ms, int64_t now_ms)
	AWAITS;

/* Those that may run at `now_ms` and that nobody runs, the longest due first.
 *   scheduled  those with a schedule; else those that run once */
NODISCARD enum err job_due(struct db *db, struct arena *arena, bool scheduled, int64_t now_ms, size_t limit,
			   struct job **ret_jobs, size_t *ret_count) AWAITS;

/* Take one that is due; attempts grows. ERR_NOT_FOUND: somebody else was quicker. Go on having it: ERR_NOT_FOUND: it
 * was lost. */
NODISCARD enum err job_claim(struct db *db, struct str id, int64_t node, int64_t now_ms, int64_t until_ms) AWAITS;
NODISCARD enum err job_extend(struct db *db, struct str id, int64_t node, int64_t now_ms, int64_t until_ms) AWAITS;

/* What becomes of a job after a run, and the run's row, in one write.
 *   Errors     ERR_NOT_FOUND: the lease was lost meanwhile; nothing is written */
enum job_fate { JOB_AGAIN, JOB_DONE, JOB_DEAD };
struct job_end {
	enum job_fate fate;
	int64_t next_ms, attempts; /* JOB_AGAIN */
	struct job_run run;
};
NODISCARD enum err job_finish(struct db *db, const struct job_end *end) AWAITS;

/* All jobs after `after` by id; the latest runs of a kind (empty: of all), newest first.
 *   ret_x      in `arena` */
NODISCARD enum err job_list(struct db *db, struct arena *arena, struct str after, size_t limit, struct job **ret_jobs,
			    size_t *ret_count) AWAITS;
NODISCARD enum err job_runs(struct db *db, struct arena *arena, struct str kind, size_t limit,
			    struct job_run **ret_runs, size_t *ret_count) AWAITS;

/* Let a job run as soon as somebody is free, a dead one as well; forget one that runs once.
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err job_hurry(struct db *db, struct str id, int64_t now_ms) AWAITS;
NODISCARD enum err job_delete(struct db *db, struct str id) AWAITS;

#endif
