/* What background work over ad reports did: a row for each run, so that a run which was cut short goes on where it was,
 * and people see how fresh their figures are and why not. */
#ifndef GATEHOUSE_STORE_SYNC_LOG_H
#define GATEHOUSE_STORE_SYNC_LOG_H

#include "store/store.h"

#define SYNC_ERROR_BYTES_MAX 500 /* of a row's sentence; cut */
#define SYNC_PLACE_BYTES_MAX 200 /* of the names of its upstreams; cut */

struct sync_log {
	struct str id; /* says what it is for: "sync:TENANT:google:2026-11-22T01" */
	struct str tenant_id;
	struct str platform; /* "google" */
	struct str place;    /* the upstreams that it asked, between commas; empty: none yet */
	struct str driver;   /* "jobs", "inngest" */
	int64_t started_ms;  /* wall time, like all of these */
	int64_t ended_ms;    /* 0: it is under way */
	int64_t held_ms;     /* under way: until then nobody else begins one for this tenant and platform */
	int64_t again_ms;    /* "waiting": when it goes on */
	struct str outcome;  /* "running", "waiting", "ok", "partial", "failed", "abandoned" */
	int64_t steps_done, steps_total;
	int64_t reports, rows, bytes; /* fetched */
	struct str error;	      /* the first failure as a sentence; empty: none */
};

/* Begin a run, or go on with it: a row of this id that is there stays as it is. One of another id that has let its time
 * pass is over ("abandoned").
 *   run        id, tenant_id, platform, driver, started_ms (now), held_ms and steps_total count
 *   ret_run    the row, in `arena`
 *   Errors     ERR_BUSY: another run is under way; ERR_DB ... */
NODISCARD enum err sync_log_open(struct db *db, struct arena *arena, const struct sync_log *run,
				 struct sync_log *ret_run) AWAITS;

/* Note a finished step, or one that was tried: steps_done grows to this number if it is larger; reports, rows and bytes
 * are added; an error stays the first one.
 *   run        id, tenant_id, place (empty: as it was), held_ms, steps_done, reports, rows, bytes and error count
 *   Errors     ERR_NOT_FOUND: it is not under way */
NODISCARD enum err sync_log_note(struct db *db, const struct sync_log *run) AWAITS;

/* It goes on at run->again_ms; nobody else begins before run->held_ms. Or: it has ended at run->ended_ms with
 * run->outcome. An error counts if there was none, steps_done if it is larger.
 *   Errors     ERR_NOT_FOUND: it is not under way */
NODISCARD enum err sync_log_put_off(struct db *db, const struct sync_log *run) AWAITS;
NODISCARD enum err sync_log_close(struct db *db, const struct sync_log *run) AWAITS;

/*   tenant_id  p NULL: of any
 *   ret_run    in `arena`
 *   Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err sync_log_get(struct db *db, struct arena *arena, struct str tenant_id, struct str id,
				struct sync_log *ret_run) AWAITS;

/* Which are asked for. Empty texts: any. */
struct sync_log_query {
	struct str tenant_id; /* p NULL: of all tenants */
	struct str platform, outcome;
	int64_t before_ms; /* begin after this row: its started_ms and id; 0: with the latest */
	struct str before_id;
	size_t limit;
};

/* The latest first; ret_runs in `arena`. */
NODISCARD enum err sync_log_list(struct db *db, struct arena *arena, const struct sync_log_query *query,
				 struct sync_log **ret_runs, size_t *ret_count) AWAITS;

#endif
