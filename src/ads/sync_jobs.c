/* Runs as durable jobs. The runner of jobs claims, waits between tries and keeps the lease; here each step is done in
 * turn, and a failure becomes one of three things: put off until the platform allows it, tried again by the runner, or
 * the end of the run. A run that has failed for good ends its job well: the next hour has a run of its own, and what
 * went wrong stands in sync_log, so nothing is left that somebody would have to clear away. */
#include "ads/sync_jobs.h"

#include "ads/sync_private.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"

#define MINUTE_MS 60000LL
#define STEP_ARENA_BYTES (32 << 20) /* of a round: 20,000 tenants and their wishes; else some KB */

/* One job under way. */
struct at_work {
	const struct job_call *call;
	const struct sync_function *function;
	struct sync_run run;
	struct buf found; /* by the step before */
	bool over;	  /* no step follows */
};

/* A job that is there is as good as a new one. */
AWAITS static enum err put_jobs(struct sync_run *run, const struct sync_wish *wishes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct sync_wish *wish = &wishes[i];
		char payload[64];
		int n = snprintf(payload, sizeof(payload), "{\"platform\":\"%s\"}", ads_platform_name(wish->platform));
		enum err err = job_put(run->sync->spec.db, wish->id, STR("sync-refresh-tenant"), wish->tenant_id,
				       (struct str){payload, (size_t)n}, wish->at_ms);

		if (err != ERR_EXISTS)
			TRY(err);
	}
	return OK;
}

AWAITS enum err sync_ask(struct db *db, struct arena *arena, struct str tenant_id, enum ads_platform platform,
			 struct str *ret_id)
{
	char word[ID_LEN + 1];
	struct str id;

	random_id(word);
	id = sync_run_id(arena, tenant_id, platform, (struct str){word, ID_LEN});
	TRY(job_put(db, id, STR("sync-refresh-tenant"), tenant_id,
		    arena_fmt(arena, "{\"platform\":\"%s\"}", ads_platform_name(platform)), clock_wall_ms()));
	*ret_id = id;
	return OK;
}

static bool read_platform(struct arena *arena, struct str payload, enum ads_platform *ret_platform)
{
	yyjson_val *root;

	if (json_read(arena, payload, &root) != OK)
		return false;
	*ret_platform = ads_platform_named(json_str(json_get(root, "platform")));
	return *ret_platform != ADS_PLATFORMS;
}

/* What becomes of a run whose step has failed. */
AWAITS static enum err settle(struct at_work *work, enum err err)
{
	struct sync_run *run = &work->run;
	struct str sentence = sync_sentence(run->arena, err, &run->failure);
	int64_t until_ms = sync_limited_until_ms(run, err);

	if (err == ERR_CANCELED)
		return err;
	buf_put(work->call->words, sentence);
	if (run->tenant_id.n == 0)
		return err;
	if (until_ms > 0 && until_ms < INT64_MAX) {
		*work->call->put_off_ms = until_ms;
		TRY(sync_put_off(run, until_ms));
		return err;
	}
	if (until_ms == INT64_MAX || sync_is_final(err, &run->failure) ||
	    work->call->attempt > (int64_t)work->function->retries) {
		work->over = true;
		return sync_fail(run, err);
	}
	TRY(sync_put_off(run, clock_wall_ms() + JOB_RETRY_MS_MIN));
	return err;
}

/* Each step has an arena of its own: a run of many steps holds what one of them needs. */
AWAITS static enum err do_step(struct at_work *work, size_t at)
{
	AUTO(arena) *arena = arena_new(STEP_ARENA_BYTES);
	AUTO_BUF out = {0};
	enum err err;

	work->run.arena = arena;
	work->run.found = buf_str(&work->found);
	err = sync_step(&work->run, work->function, at, &out);
	if (err != OK)
		return settle(work, err);
	work->found.n = 0;
	buf_put(&work->found, buf_str(&out));
	return OK;
}

AWAITS static enum err do_steps(struct at_work *work)
{
	size_t count = work->function->step_count[work->run.platform];

	for (size_t at = work->run.steps_done; at < count && !work->over; at++)
		TRY(do_step(work, at));
	if (!work->over)
		buf_put(work->call->words, buf_str(&work->found));
	return OK;
}

AWAITS static enum err begin(struct at_work *work)
{
	AUTO(arena) *arena = arena_new(STEP_ARENA_BYTES);
	struct sync_run *run = &work->run;
	enum err err;

	run->arena = arena;
	if (work->function->event != NULL && !read_platform(arena, work->call->payload, &run->platform))
		return ERR_RPC_PARAMS;
	err = sync_begin(run, work->function);
	work->over = true;
	if (err == ERR_BUSY)
		buf_put(work->call->words, STR("another run is under way, or waits for the platform"));
	else if (err == ERR_EXISTS)
		buf_put(work->call->words, STR("it has ended already"));
	else if (err == ERR_NOT_FOUND)
		buf_put(work->call->words, STR("the tenant is gone or disabled, or has connected nothing there"));
	else
		work->over = false;
	return work->over ? OK : err;
}

AWAITS static enum err run_job(const struct job_call *call)
{
	const struct sync_kind *kind = call->arg;
	struct at_work work = {.call = call,
			       .function = kind->function,
			       .run = {.sync = kind->sync,
				       .id = call->id,
				       .driver = STR("jobs"),
				       .tenant_id = call->tenant_id,
				       .ask = put_jobs}};
	enum err err = begin(&work);

	if (err == OK && !work.over)
		err = do_steps(&work);
	buf_free(&work.found);
	return err;
}

bool sync_is_job(struct str name)
{
	for (size_t i = 0; i < SYNC_FUNCTIONS; i++)
		if (str_eq(name, str_of(sync_functions[i].id)))
			return true;
	return false;
}

static struct str times(const struct sync_function *function, bool driven, struct str given)
{
	return function->cron != NULL && driven ? STR("never") : given;
}

enum err sync_jobs_add(struct jobs *jobs, struct sync *sync, bool driven,
		       struct str (*schedule_of)(void *arg, struct str name), void *arg)
{
	for (size_t i = 0; i < SYNC_FUNCTIONS; i++) {
		const struct sync_function *function = &sync_functions[i];
		const struct job_kind kind = {.name = function->id,
					      .about = function->about,
					      .schedule = function->cron,
					      .run_ms_max = (function->event != NULL ? 20 : 50) * MINUTE_MS,
					      .attempts_max = function->retries + 1,
					      .run = run_job,
					      .arg = &sync->kinds[i]};

		sync->kinds[i] = (struct sync_kind){sync, function};
		TRY(jobs_add(jobs, &kind, times(function, driven, schedule_of(arg, str_of(function->id))), NULL));
	}
	return OK;
}
