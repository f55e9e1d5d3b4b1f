/* When a job runs: a cron expression in UTC, or a period. */
#ifndef GATEHOUSE_JOBS_CRON_H
#define GATEHOUSE_JOBS_CRON_H

#include "base/err.h"
#include "base/str.h"

#define CRON_PERIOD_MS_MIN 1000

struct cron {
	uint64_t minutes;	      /* bit n: minute n; the same for the others */
	uint32_t hours, days, months; /* days 1-31, months 1-12 */
	uint32_t weekdays;	      /* 0-6 from Sunday */
	bool any_day, any_weekday;    /* with both given, either is enough (POSIX crontab) */
	bool never;
	int64_t period_ms; /* not 0: just this, aligned, so that all replicas mean the same moments */
};

/* Read "MINUTE HOUR DAY MONTH WEEKDAY" (lists, ranges, steps, names of months and weekdays), @hourly, @daily, @weekly,
 * @monthly, "every 15m" (s, m, h, d), or never.
 *   problem    what is wrong, as a sentence; may be NULL
 *   Errors     ERR_CONFIG
 *   Runs on    any thread */
NODISCARD enum err cron_read(struct str text, struct cron *ret_cron, struct buf *problem);

/* The first moment after `after_ms` (wall time); CRON_NEVER_MS when there is none within five years ("0 0 30 2 *"). */
#define CRON_NEVER_MS (INT64_MAX / 2)
int64_t cron_next(const struct cron *cron, int64_t after_ms);

#endif
