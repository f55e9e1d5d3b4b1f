/* The runner: one fiber looks for due rows, and every row it could claim runs in a fiber of its own.
 *
 *     waiting --claim--> running --went well--> (schedule) waiting / (once) gone
 *                           |------failed-----> waiting, later each time; (once, too often) dead
 *                           |------its replica died: the lease ends--> waiting
 *
 * It looks once a second, and again as soon as a run has ended: many short jobs do not wait for each other's seconds.
 * While a job runs, a second fiber extends its lease. A job that has been begun as often as it may be tried without
 * ever coming back (it takes the process with it) is dead without another try. */
#include "jobs/jobs.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "jobs/cron.h"
#include "store/job.h"

#define JOBS_MAGIC 0x4a4f4253u /* "JOBS" */
#define DUE_ARENA_BYTES (1 << 20)
#define DUE_ROWS 16
#define FINISH_MS 10000 /* for the rows of a run that was canceled */

struct kind {
	struct job_kind kind;
	struct cron cron;
	bool scheduled;
	struct buf schedule; /* its text */
};

struct run {
	struct jobs *jobs;
	const struct kind *kind;
	struct fiber *fiber; /* its own */
	struct group heart;  /* one fiber, which extends the lease */
	struct list link;
	struct arena *arena; /* holds the job */
	struct job job;
	int64_t put_off_ms; /* wall time; 0: not put off */
	bool once;	    /* it has no schedule */
};

struct jobs {
	uint32_t magic;
	struct db *db;
	int64_t node;
	struct kind kinds[JOB_KINDS_MAX];
	size_t kind_count;
	struct group runner, runs;
	struct list open; /* struct run */
	unsigned once_running;
	struct wait *resting; /* the runner's between two looks */
	struct timer poll;
	bool look_again; /* a run has ended since the last look began */
	bool started;
	bool failing; /* said so already */
	atomic_uint_fast64_t run_total, failure_total, running;
};

struct jobs *jobs_new(struct db *db, uint64_t node)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	CHECK(jobs != NULL && node != 0);
	jobs->magic = JOBS_MAGIC;
	jobs->db = db;
	jobs->node = (int64_t)node;
	list_init(&jobs->open);
	return jobs;
}

void jobs_free(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	CHECK_OBJ(jobs, JOBS_MAGIC);
	CHECK(!jobs->started);
	for (size_t i = 0; i < jobs->kind_count; i++)
		buf_free(&jobs->kinds[i].schedule);
	jobs->magic = 0;
	free(jobs);
}

enum err jobs_add(struct jobs *jobs, const struct job_kind *kind, struct str schedule, struct buf *problem)
{
	struct kind *slot = &jobs->kinds[jobs->kind_count];

	CHECK_OBJ(jobs, JOBS_MAGIC);
	CHECK(jobs->kind_count < JOB_KINDS_MAX && !jobs->started);
	if (schedule.n == 0 && kind->schedule != NULL)
		schedule = str_of(kind->schedule);
	if (schedule.n > 0)
		TRY(cron_read(schedule, &slot->cron, problem));
	slot->kind = *kind;
	slot->scheduled = schedule.n > 0;
	buf_put(&slot->schedule, schedule);
	jobs->kind_count++;
	return OK;
}

static const struct kind *find_kind(const struct jobs *jobs, struct str name)
{
	for (size_t i = 0; i < jobs->kind_count; i++)
		if (str_eq(name, str_of(jobs->kinds[i].kind.name)))
			return &jobs->kinds[i];
	return NULL;
}

/* ---- one run -------------------------------------------------------------------- */

static int64_t retry_delay_ms(int64_t attempt)
{
	int64_t delay_ms = JOB_RETRY_MS_MIN;
	uint32_t spread;

	for (int64_t i = 1; i < attempt && delay_ms < JOB_RETRY_MS_MAX; i++)
		delay_ms *= 2;
	if (delay_ms > JOB_RETRY_MS_MAX)
		delay_ms = JOB_RETRY_MS_MAX;
	random_bytes(&spread, sizeof(spread));
	return delay_ms + (int64_t)(spread % (uint64_t)(delay_ms / 5 + 1));
}

/* A schedule's next time also ends its row of failures: what could not be done today is tried tomorrow. */
static struct job_end end_of(const struct run *run, enum err err, int64_t now_ms)
{
	const struct kind *kind = run->kind;
	struct job_end end = {.fate = kind->scheduled || err != OK ? JOB_AGAIN : JOB_DONE,
			      .next_ms = kind->scheduled ? cron_next(&kind->cron, now_ms) : CRON_NEVER_MS};
	int64_t again_ms = now_ms;

	if (err == OK)
		return end;
	end.attempts = run->job.attempts;
	if (err == ERR_CANCELED) {
		end.attempts--; /* it was not its fault */
	} else if (run->put_off_ms > 0) {
		end.attempts--;
		again_ms = run->put_off_ms;
	} else if (end.attempts < (int64_t)kind->kind.attempts_max) {
		again_ms += retry_delay_ms(end.attempts);
	} else if (kind->scheduled) {
		end.attempts = 0;
		again_ms = end.next_ms;
	} else {
		end.fate = JOB_DEAD;
	}
	if (end.next_ms > again_ms)
		end.next_ms = again_ms;
	return end;
}

AWAITS static void finish(struct run *run, enum err err, int64_t started_ms, struct buf *words)
{
	char id[ID_LEN + 1];
	int64_t now_ms = clock_wall_ms();
	struct job_end end = end_of(run, err, now_ms);
	struct fiber_shield shield;
	enum err written;

	random_id(id);
	end.run =
		(struct job_run){.id = {id, ID_LEN},
				 .job_id = run->job.id,
				 .kind = run->job.kind,
				 .node = run->jobs->node,
				 .attempt = run->job.attempts,
				 .started_ms = started_ms,
				 .ended_ms = now_ms,
				 .outcome = err == OK ? STR("ok") : str_of(err_name(err)),
				 .words = {words->p, words->n > JOB_WORDS_BYTES_MAX ? JOB_WORDS_BYTES_MAX : words->n}};
	shield = fiber_shield_begin(FINISH_MS);
	written = job_finish(run->jobs->db, &end);
	fiber_shield_end(shield);
	if (written == ERR_NOT_FOUND)
		log_warn("job.lost", LOG_STR("job", run->job.id),
			 LOG_CSTR("effect", "its lease had ended; another replica runs it"));
	else if (written != OK)
		log_error("job.unwritten", LOG_STR("job", run->job.id), LOG_ERR(written));
	if (err == OK || err == ERR_CANCELED || run->put_off_ms > 0)
		return;
	atomic_fetch_add(&run->jobs->failure_total, 1);
	log_error(end.fate == JOB_DEAD ? "job.dead" : "job.failed", LOG_STR("job", run->job.id), LOG_ERR(err),
		  LOG_INT("attempt", run->job.attempts), LOG_STR("words", end.run.words));
}

AWAITS static enum err work(struct run *run, struct buf *words)
{
	const struct job_call call = {.id = run->job.id,
				      .tenant_id = run->job.tenant_id,
				      .payload = run->job.payload,
				      .attempt = run->job.attempts,
				      .arg = run->kind->kind.arg,
				      .words = words,
				      .put_off_ms = &run->put_off_ms};

	if (!run->kind->scheduled && run->job.attempts > (int64_t)run->kind->kind.attempts_max) {
		buf_put(words, STR("it was begun as often as it may be and never came back"));
		return ERR_LIMIT;
	}
	fiber_deadline_set(clock_ms() + run->kind->kind.run_ms_max);
	return run->kind->kind.run(&call);
}

/* A run that has lost its lease is canceled: somebody else may have begun it. */
static AWAITS void heart_main(void *arg)
{
	struct run *run = arg;

	while (fiber_sleep(JOB_LEASE_MS / 3) == OK) {
		int64_t now_ms = clock_wall_ms();

		if (job_extend(run->jobs->db, run->job.id, run->jobs->node, now_ms, now_ms + JOB_LEASE_MS) ==
		    ERR_NOT_FOUND) {
			fiber_cancel(run->fiber);
			return;
		}
	}
}

AWAITS static enum err work_with_lease(struct run *run, struct buf *words)
{
	enum err err;

	group_init(&run->heart, loop_self());
	TRY(group_spawn(&run->heart, "job-lease", heart_main, run));
	err = work(run, words);
	group_cancel(&run->heart);
	if (group_join(&run->heart) != OK && err == OK)
		log_debug("job.canceled_late", LOG_STR("job", run->job.id));
	return err;
}

static void look_again(struct jobs *jobs)
{
	struct wait *resting = jobs->resting;

	jobs->look_again = true;
	if (resting == NULL)
		return;
	jobs->resting = NULL;
	timer_stop(&jobs->poll);
	wait_done(resting, OK);
}

/* Claiming comes first: of replicas that see the same row at the same time one gets it. */
static AWAITS void run_main(void *arg)
{
	struct run *run = arg;
	struct jobs *jobs = run->jobs;
	int64_t started_ms = clock_wall_ms();
	AUTO_BUF words = {0};
	enum err claimed, err;

	run->fiber = fiber_self();
	claimed = err = job_claim(jobs->db, run->job.id, jobs->node, started_ms, started_ms + JOB_LEASE_MS);
	if (claimed == OK) {
		atomic_fetch_add(&jobs->run_total, 1);
		err = work_with_lease(run, &words);
		finish(run, err, started_ms, &words);
	} else if (err != ERR_NOT_FOUND && err != ERR_CANCELED) {
		log_warn("job.unclaimed", LOG_STR("job", run->job.id), LOG_ERR(err));
	}
	list_remove(&run->link);
	atomic_fetch_sub(&jobs->running, 1);
	jobs->once_running -= run->once;
	if (claimed == OK)
		look_again(jobs);
	arena_free(run->arena);
	free(run);
}

/* ---- the runner ----------------------------------------------------------------- */

static bool runs_here(const struct jobs *jobs, struct str id)
{
	for (struct list *link = jobs->open.next; link != &jobs->open; link = link->next)
		if (str_eq(LIST_OBJ(link, struct run, link)->job.id, id))
			return true;
	return false;
}

AWAITS static enum err begin(struct jobs *jobs, const struct kind *kind, const struct job *job)
{
	struct run *run = calloc(1, sizeof(*run));
	enum err err;

	CHECK(run != NULL);
	run->jobs = jobs;
	run->kind = kind;
	run->once = job->schedule.n == 0;
	run->arena = arena_new(JOB_PAYLOAD_BYTES_MAX + 4096);
	run->job = (struct job){.id = arena_str(run->arena, job->id),
				.kind = arena_str(run->arena, job->kind),
				.tenant_id = arena_str(run->arena, job->tenant_id),
				.payload = arena_str(run->arena, job->payload),
				.attempts = job->attempts + 1};
	err = group_spawn(&jobs->runs, kind->kind.name, run_main, run);
	if (err != OK) {
		arena_free(run->arena);
		free(run);
		return err;
	}
	list_add_tail(&jobs->open, &run->link);
	atomic_fetch_add(&jobs->running, 1);
	jobs->once_running += run->once;
	return OK;
}

static bool has_room(const struct jobs *jobs, bool scheduled)
{
	return atomic_load(&jobs->running) < JOBS_AT_ONCE && (scheduled || jobs->once_running < JOBS_ONCE_AT_ONCE);
}

/* Kinds that this version does not know are left to one that does. */
AWAITS static enum err take(struct jobs *jobs, bool scheduled)
{
	AUTO(arena) *arena = arena_new(DUE_ARENA_BYTES);
	struct job *due;
	size_t count;

	if (!has_room(jobs, scheduled))
		return OK;
	TRY(job_due(jobs->db, arena, scheduled, clock_wall_ms(), DUE_ROWS, &due, &count));
	for (size_t i = 0; i < count && has_room(jobs, scheduled); i++) {
		const struct kind *kind = find_kind(jobs, due[i].kind);

		if (kind != NULL && !runs_here(jobs, due[i].id))
			TRY(begin(jobs, kind, &due[i]));
	}
	return OK;
}

AWAITS static enum err look(struct jobs *jobs)
{
	TRY(take(jobs, true));
	return take(jobs, false);
}

static void on_poll(struct timer *timer)
{
	look_again((struct jobs *)((char *)timer - offsetof(struct jobs, poll)));
}

static bool forget_rest(void *arg)
{
	struct jobs *jobs = arg;

	jobs->resting = NULL;
	timer_stop(&jobs->poll);
	return true;
}

/* Until it is time to look again. */
AWAITS static enum err rest(struct jobs *jobs)
{
	struct wait wait = WAIT_INIT;

	if (jobs->look_again)
		return fiber_yield();
	jobs->resting = &wait;
	timer_set(loop_self(), &jobs->poll, JOBS_POLL_MS, on_poll);
	return wait_for(&wait, forget_rest, jobs);
}

static AWAITS void runner_main(void *arg)
{
	struct jobs *jobs = arg;

	do {
		enum err err;

		jobs->look_again = false;
		err = look(jobs);

		if (err == ERR_CANCELED)
			break;
		if (err != OK && !jobs->failing)
			log_error("jobs.failing", LOG_ERR(err));
		jobs->failing = err != OK;
	} while (rest(jobs) == OK);
}

AWAITS static enum err write_schedules(struct jobs *jobs)
{
	int64_t now_ms = clock_wall_ms();

	for (size_t i = 0; i < jobs->kind_count; i++) {
		const struct kind *kind = &jobs->kinds[i];

		if (kind->scheduled)
			TRY(job_schedule(jobs->db, str_of(kind->kind.name), buf_str(&kind->schedule),
					 cron_next(&kind->cron, now_ms), now_ms));
	}
	return OK;
}

AWAITS enum err jobs_start(struct jobs *jobs)
{
	CHECK_OBJ(jobs, JOBS_MAGIC);
	CHECK(loop_index(loop_self()) == 0 && !jobs->started);
	TRY(write_schedules(jobs));
	group_init(&jobs->runner, loop_self());
	group_init(&jobs->runs, loop_self());
	TRY(group_spawn(&jobs->runner, "jobs", runner_main, jobs));
	jobs->started = true;
	return OK;
}

AWAITS void jobs_stop(struct jobs *jobs)
{
	if (jobs == NULL || !jobs->started)
		return;
	CHECK_OBJ(jobs, JOBS_MAGIC);
	group_cancel(&jobs->runner);
	if (group_join(&jobs->runner) != OK)
		log_warn("jobs.slow_stop", LOG_CSTR("part", "runner"));
	group_cancel(&jobs->runs);
	if (group_join(&jobs->runs) != OK)
		log_warn("jobs.slow_stop", LOG_CSTR("part", "runs"));
	jobs->started = false;
}

AWAITS enum err job_put(struct db *db, struct str id, struct str kind, struct str tenant_id, struct str payload,
			int64_t at_ms)
{
	struct job job = {.id = id,
			  .kind = kind,
			  .tenant_id = tenant_id,
			  .payload = payload,
			  .next_ms = at_ms,
			  .created_ms = clock_wall_ms()};
	char fresh[ID_LEN + 1];

	if (id.n == 0) {
		random_id(fresh);
		job.id = (struct str){fresh, ID_LEN};
	}
	return job_insert(db, &job);
}

struct jobs_stats jobs_stats(const struct jobs *jobs)
{
	if (jobs == NULL)
		return (struct jobs_stats){0};
	CHECK_OBJ(jobs, JOBS_MAGIC);
	return (struct jobs_stats){.runs = atomic_load(&jobs->run_total),
				   .failures = atomic_load(&jobs->failure_total),
				   .running = atomic_load(&jobs->running)};
}
