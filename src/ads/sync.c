/* Runs of background work: what functions there are, where a run begins, how a step is done and noted, how it ends. The
 * row of sync_log is the checkpoint; steps themselves are in sync_refresh.c (a tenant's reports) and sync_round.c (who
 * is due, and the nightly work). Work without a tenant has no row: it is short, and done again as a whole. */
#include "ads/sync_private.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/sync_log.h"
#include "store/tenant.h"

#define SYNC_MAGIC 0x53594e43u /* "SYNC" */
#define LAST_WORDS_MS 10000    /* to write how a run ended, whatever became of its own time */

#define EVERYWHERE(steps)                                                                                              \
	{steps, steps, steps},                                                                                         \
	{                                                                                                              \
		ARRAY_LEN(steps), ARRAY_LEN(steps), ARRAY_LEN(steps)                                                   \
	}

const struct sync_function sync_functions[SYNC_FUNCTIONS] = {
	{"sync-scheduled-refresh", "ask for a refresh of each tenant's ad reports, spread over the hour", "0 * * * *",
	 NULL, 4, 0, EVERYWHERE(sync_round_steps)},
	{"sync-refresh-tenant",
	 "fetch the ad reports of one tenant and platform anew",
	 NULL,
	 "sync/refresh-tenant",
	 3,
	 1,
	 {sync_google_steps, sync_meta_steps, sync_tiktok_steps},
	 {SYNC_GOOGLE_STEPS, SYNC_META_STEPS, SYNC_TIKTOK_STEPS}},
	{"gdpr-purge-cache", "delete ad reports that are past their period, for good", "0 2 * * *", NULL, 3, 0,
	 EVERYWHERE(sync_purge_steps)},
	{"archive-audit-log", "move old rows of the audit trail into files, forget old runs of syncs", "0 3 * * *",
	 NULL, 3, 0, EVERYWHERE(sync_archive_steps)},
};

struct sync *sync_new(const struct sync_spec *spec)
{
	struct sync *sync = calloc(1, sizeof(*sync));

	CHECK(sync != NULL);
	sync->magic = SYNC_MAGIC;
	sync->spec = *spec;
	return sync;
}

void sync_free(struct sync *sync)
{
	if (sync == NULL)
		return;
	CHECK_OBJ(sync, SYNC_MAGIC);
	sync->magic = 0;
	free(sync);
}

struct sync_stats sync_stats(const struct sync *sync, enum ads_platform platform)
{
	if (sync == NULL)
		return (struct sync_stats){0};
	CHECK_OBJ(sync, SYNC_MAGIC);
	return (struct sync_stats){.runs = atomic_load(&sync->counts[platform].runs),
				   .failures = atomic_load(&sync->counts[platform].failures),
				   .reports = atomic_load(&sync->counts[platform].reports),
				   .busy_ms = atomic_load(&sync->counts[platform].busy_ms)};
}

static size_t steps_of(const struct sync_run *run, const struct sync_function *function,
		       const struct sync_step **ret_steps)
{
	enum ads_platform platform = run->tenant_id.n > 0 ? run->platform : ADS_GOOGLE;

	*ret_steps = function->steps[platform];
	return function->step_count[platform];
}

AWAITS enum err sync_is_connected(const struct sync_spec *spec, struct arena *arena, struct str tenant_id,
				  enum ads_platform platform, bool *ret_connected)
{
	struct ads_place *places;
	bool connected = false;
	size_t count;

	TRY(spec->source.places(spec->source.arg, tenant_id, STR(""), platform, arena, &places, &count));
	for (size_t i = 0; i < count; i++)
		connected |= places[i].connected;
	*ret_connected = connected;
	return OK;
}

/* ---- the row --------------------------------------------------------------------- */

static struct sync_log row_of(const struct sync_run *run)
{
	return (struct sync_log){.id = run->id,
				 .tenant_id = run->tenant_id,
				 .platform = str_of(ads_platform_name(run->platform)),
				 .driver = run->driver,
				 .place = run->place,
				 .error = run->problem,
				 .reports = run->reports,
				 .rows = run->rows,
				 .bytes = run->bytes,
				 .held_ms = clock_wall_ms() + SYNC_HOLD_MS};
}

/* Where nothing is connected there is nothing to say either: no row. */
AWAITS static enum err check_tenant(const struct sync_run *run)
{
	const struct sync_spec *spec = &run->sync->spec;
	struct tenant tenant;
	bool connected;

	TRY(tenant_get(spec->db, run->arena, run->tenant_id, &tenant));
	if (tenant.disabled)
		return ERR_NOT_FOUND;
	TRY(sync_is_connected(spec, run->arena, run->tenant_id, run->platform, &connected));
	return connected ? OK : ERR_NOT_FOUND;
}

AWAITS enum err sync_begin(struct sync_run *run, const struct sync_function *function)
{
	const struct sync_step *steps;
	struct sync_log row;

	CHECK_OBJ(run->sync, SYNC_MAGIC);
	run->steps_done = 0;
	run->started_ms = clock_wall_ms();
	if (run->tenant_id.n == 0)
		return OK;
	TRY(check_tenant(run));
	row = row_of(run);
	row.started_ms = run->started_ms;
	row.steps_total = (int64_t)steps_of(run, function, &steps);
	TRY(sync_log_open(run->sync->spec.db, run->arena, &row, &row));
	if (row.ended_ms > 0)
		return ERR_EXISTS;
	run->started_ms = row.started_ms;
	run->steps_done = (size_t)row.steps_done;
	return OK;
}

/* ---- steps ------------------------------------------------------------------------ */

/* The row is closed by its last step, so only what comes before is noted here. */
AWAITS static enum err note(const struct sync_run *run, size_t done)
{
	struct sync_log row = row_of(run);

	if (run->tenant_id.n == 0)
		return OK;
	row.steps_done = (int64_t)done;
	atomic_fetch_add(&run->sync->counts[run->platform].reports, (uint64_t)run->reports);
	return sync_log_note(run->sync->spec.db, &row);
}

AWAITS enum err sync_step(struct sync_run *run, const struct sync_function *function, size_t at, struct buf *out)
{
	const struct sync_step *steps;
	size_t count = steps_of(run, function, &steps), n = out->n;
	int64_t began_ms = clock_ms();
	enum err err, noted = OK;

	CHECK_OBJ(run->sync, SYNC_MAGIC);
	CHECK(at < count);
	run->failure = (struct ads_failure){0};
	run->reports = run->rows = run->bytes = 0;
	run->place = run->problem = STR("");
	err = steps[at].run(run, &steps[at], out);
	if (out->n == n)
		buf_put(out, STR("null"));
	if (err != OK || at + 1 < count)
		noted = note(run, err == OK ? at + 1 : 0);
	if (run->tenant_id.n > 0)
		atomic_fetch_add(&run->sync->counts[run->platform].busy_ms, (uint64_t)(clock_ms() - began_ms));
	return err == OK ? noted : err;
}

/* ---- failures --------------------------------------------------------------------- */

/* Classes of failures that another try would meet again. */
static const char *const final_classes[] = {"not_connected", "token_expired",  "token_revoked",	  "permission",
					    "unsupported",   "blocked",	       "not_found",	  "invalid",
					    "too_large",     "version_sunset", "unexpected_shape"};

static bool is_class(const struct ads_failure *failure, const char *const *classes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(failure->class, str_of(classes[i])))
			return true;
	return false;
}

bool sync_is_final(enum err err, const struct ads_failure *failure)
{
	switch (err) {
	case ERR_TOOL_FAILED:
		return is_class(failure, final_classes, ARRAY_LEN(final_classes));
	case ERR_CREDENTIAL_MISSING:
	case ERR_CREDENTIAL_REFUSED:
	case ERR_CREDENTIAL_REAUTH:
	case ERR_UPSTREAM_AUTH:
	case ERR_REFUSED_ADDRESS:
	case ERR_LIMIT:
		return true;
	default:
		return false;
	}
}

bool sync_is_of_account(enum err err, const struct ads_failure *failure)
{
	static const char *const classes[] = {"not_connected", "token_expired", "token_revoked"};

	if (err == ERR_TOOL_FAILED)
		return is_class(failure, classes, ARRAY_LEN(classes));
	return err == ERR_CREDENTIAL_MISSING || err == ERR_CREDENTIAL_REFUSED || err == ERR_CREDENTIAL_REAUTH ||
	       err == ERR_UPSTREAM_AUTH;
}

int64_t sync_limited_until_ms(const struct sync_run *run, enum err err)
{
	static const char *const classes[] = {"rate_limited", "quota"};
	int64_t wait_s = run->failure.retry_after_s > 0 ? run->failure.retry_after_s : SYNC_LIMIT_WAIT_S;
	int64_t until_ms;

	if (err != ERR_TOOL_FAILED || !is_class(&run->failure, classes, ARRAY_LEN(classes)))
		return 0;
	if (wait_s > SYNC_RUN_MS_MAX / 1000)
		return INT64_MAX;
	until_ms = clock_wall_ms() + wait_s * 1000;
	return until_ms > run->started_ms + SYNC_RUN_MS_MAX ? INT64_MAX : until_ms;
}

struct str sync_sentence(struct arena *arena, enum err err, const struct ads_failure *failure)
{
	if (err == ERR_TOOL_FAILED && failure->class.n > 0)
		return arena_fmt(arena, "%.*s: %.*s", STR_ARG(failure->class), STR_ARG(failure->message));
	return arena_fmt(arena, "%s: %s", err_name(err), err_text(err));
}

/* ---- ends -------------------------------------------------------------------------- */

AWAITS enum err sync_put_off(struct sync_run *run, int64_t again_ms)
{
	struct sync_log row = row_of(run);
	struct fiber_shield shield;
	enum err err;

	if (run->tenant_id.n == 0)
		return OK;
	row.again_ms = again_ms;
	row.held_ms = again_ms + SYNC_HOLD_MS;
	shield = fiber_shield_begin(LAST_WORDS_MS);
	err = sync_log_put_off(run->sync->spec.db, &row);
	fiber_shield_end(shield);
	return err;
}

AWAITS static enum err tell(const struct sync_run *run, const char *event, struct str place, const char *outcome)
{
	const struct audit_record record = {.event = str_of(event),
					    .tenant_id = run->tenant_id,
					    .target = run->id,
					    .upstream = place,
					    .outcome = str_of(outcome),
					    .duration_us = (clock_wall_ms() - run->started_ms) * 1000};

	return audit_append(run->sync->spec.audit, &record);
}

/* The row says first what there is to tell, so that nobody is told of an end that did not last. */
AWAITS static enum err close_failed(struct sync_run *run, enum err err)
{
	struct sync_log row = row_of(run);

	row.outcome = STR("failed");
	row.error = sync_sentence(run->arena, err, &run->failure);
	row.ended_ms = clock_wall_ms();
	log_warn("sync.failed", LOG_STR("run", run->id), LOG_ERR(err), LOG_STR("class", run->failure.class),
		 LOG_STR("why", run->failure.message));
	TRY(sync_log_close(run->sync->spec.db, &row));
	return tell(run, "sync.failed", run->place,
		    err == ERR_TOOL_FAILED && run->failure.class.n > 0 ? arena_str(run->arena, run->failure.class).p
								       : err_name(err));
}

AWAITS enum err sync_fail(struct sync_run *run, enum err err)
{
	struct fiber_shield shield;
	enum err written;

	if (run->tenant_id.n == 0)
		return OK;
	atomic_fetch_add(&run->sync->counts[run->platform].runs, 1);
	atomic_fetch_add(&run->sync->counts[run->platform].failures, 1);
	shield = fiber_shield_begin(LAST_WORDS_MS);
	written = close_failed(run, err);
	fiber_shield_end(shield);
	return written == ERR_NOT_FOUND ? OK : written;
}

AWAITS enum err sync_write_log(struct sync_run *run, const struct sync_step *step, struct buf *out)
{
	struct sync_log row;

	TRY(sync_log_get(run->sync->spec.db, run->arena, run->tenant_id, run->id, &row));
	if (row.ended_ms > 0)
		return OK; /* done before, and its answer was lost */
	row.outcome = row.error.n > 0 ? STR("partial") : STR("ok");
	row.ended_ms = clock_wall_ms();
	row.steps_done = row.steps_total;
	TRY(sync_log_close(run->sync->spec.db, &row));
	atomic_fetch_add(&run->sync->counts[run->platform].runs, 1);
	buf_put_fmt(out, "{\"outcome\":\"%s\",\"reports\":%lld}", row.outcome.p, (long long)row.reports);
	return tell(run, "sync.completed", row.place, row.outcome.p);
}
