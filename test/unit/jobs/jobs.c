/* Jobs run once in the fleet, again when they fail, and are let go of when they fail too often; what a stop cuts short
 * is begun again. */
#include "../store_database.h"

#include "base/clock.h"
#include "jobs/jobs.h"
#include "store/job.h"

struct counter {
	int runs;
	enum err answer;
	bool holds; /* until it is canceled */
	int64_t put_off_ms;
};

static AWAITS enum err count_run(const struct job_call *call)
{
	struct counter *counter = call->arg;

	counter->runs++;
	buf_put_fmt(call->words, "%.*s/%lld", STR_ARG(call->payload), (long long)call->attempt);
	*call->put_off_ms = counter->put_off_ms;
	if (counter->holds)
		TRY(fiber_sleep(600000));
	return counter->answer;
}

static struct job_kind kind_of(const char *schedule, unsigned attempts_max, struct counter *counter)
{
	return (struct job_kind){.name = "count",
				 .about = "counts",
				 .schedule = schedule,
				 .run_ms_max = 60000,
				 .attempts_max = attempts_max,
				 .run = count_run,
				 .arg = counter};
}

AWAITS static struct jobs *start(struct db *db, const struct job_kind *kind, uint64_t node)
{
	struct jobs *jobs = jobs_new(db, node);

	ck_ok(jobs_add(jobs, kind, STR(""), NULL));
	ck_ok(jobs_start(jobs));
	return jobs;
}

AWAITS static void stop(struct jobs *jobs)
{
	jobs_stop(jobs);
	jobs_free(jobs);
}

/* Until the history has `count` rows. */
AWAITS static void await_runs(struct db *db, int64_t count)
{
	int64_t until_ms = clock_ms() + 20000;

	while (test_int(db, "SELECT count(*) FROM job_run") < count) {
		ck_assert_msg(clock_ms() < until_ms, "the runs did not come");
		ck_ok(fiber_sleep(20));
	}
}

AWAITS static struct job_run last_run(struct db *db, struct arena *arena)
{
	struct job_run *runs;
	size_t count;

	ck_ok(job_runs(db, arena, STR("count"), 1, &runs, &count));
	ck_assert_uint_eq(count, 1);
	return runs[0];
}

/* Two processes on one database: what was asked for is done once. */
static AWAITS void once_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct counter counter = {.answer = OK};
	struct job_kind kind = kind_of(NULL, 3, &counter);
	struct jobs *one, *other;

	for (int i = 0; i < 5; i++)
		ck_ok(job_put(db, STR(""), STR("count"), STR(""), STR("words"), 0));
	ck_ok(job_put(db, STR("named"), STR("count"), STR(""), STR(""), 0));
	ck_err(job_put(db, STR("named"), STR("count"), STR(""), STR(""), 0), ERR_EXISTS);
	ck_ok(job_put(db, STR("later"), STR("count"), STR(""), STR(""), clock_wall_ms() + 3600000));
	ck_ok(job_put(db, STR("strange"), STR("another"), STR(""), STR(""), 0)); /* nobody here knows the kind */
	one = start(db, &kind, 1);
	other = start(db, &kind, 2);
	await_runs(db, 6);
	stop(one);
	stop(other);
	ck_assert_int_eq(counter.runs, 6);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM job"), 2);
	ck_str(last_run(db, arena).outcome, "ok");
}

START_TEST(what_is_asked_for_is_done_once)
{
	test_with_store(1, once_body);
}
END_TEST

static AWAITS void failing_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct counter counter = {.answer = ERR_UPSTREAM_DOWN};
	struct job_kind kind = kind_of(NULL, 2, &counter);
	struct jobs *jobs;
	struct job *all;
	size_t count;

	ck_ok(job_put(db, STR("j"), STR("count"), STR(""), STR("p"), 0));
	jobs = start(db, &kind, 1);
	await_runs(db, 1);
	ck_ok(job_list(db, arena, STR(""), 10, &all, &count));
	ck_assert(count == 1 && !all[0].dead && all[0].attempts == 1 && all[0].next_ms > clock_wall_ms() + 3000);
	ck_str(all[0].error, "UPSTREAM_DOWN");
	ck_str(last_run(db, arena).words, "p/1");

	ck_ok(test_write(db, "UPDATE job SET next_ms = 0"));
	await_runs(db, 2);
	ck_assert_int_eq(test_int(db, "SELECT dead FROM job"), 1);

	counter.answer = OK;
	ck_ok(job_hurry(db, STR("j"), 0));
	await_runs(db, 3);
	stop(jobs);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM job"), 0);
}

START_TEST(what_fails_is_tried_again_and_then_waits_for_somebody)
{
	test_with_store(1, failing_body);
}
END_TEST

static AWAITS void schedule_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct counter counter = {.answer = ERR_DB};
	struct job_kind kind = kind_of("every 1s", 1, &counter);
	struct jobs *jobs = start(db, &kind, 1);
	struct job *all;
	size_t count;

	await_runs(db, 2); /* a schedule goes on after a failure */
	stop(jobs);
	ck_ok(job_list(db, arena, STR(""), 10, &all, &count));
	ck_assert(count == 1 && !all[0].dead && all[0].attempts == 0);
	ck_str(all[0].schedule, "every 1s");

	kind.schedule = "never";
	stop(start(db, &kind, 1));
	ck_ok(job_list(db, arena, STR(""), 10, &all, &count));
	ck_str(all[0].schedule, "never");
	ck_assert(all[0].next_ms > clock_wall_ms() * 2);
}

START_TEST(schedules_go_on)
{
	test_with_store(1, schedule_body);
}
END_TEST

/* A stop gives the job back at once, and it does not count as an attempt. */
static AWAITS void stopped_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct counter counter = {.answer = OK, .holds = true};
	struct job_kind kind = kind_of(NULL, 1, &counter);
	struct jobs *jobs;

	ck_ok(job_put(db, STR("j"), STR("count"), STR(""), STR(""), 0));
	jobs = start(db, &kind, 1);
	while (counter.runs == 0)
		ck_ok(fiber_sleep(5));
	stop(jobs);
	ck_str(last_run(db, arena).outcome, "CANCELED");
	ck_assert_int_eq(test_int(db, "SELECT attempts FROM job"), 0);
	counter.holds = false;
	jobs = start(db, &kind, 2);
	await_runs(db, 2);
	stop(jobs);
	ck_str(last_run(db, arena).outcome, "ok");
}

START_TEST(what_a_stop_cuts_short_is_begun_again)
{
	test_with_store(1, stopped_body);
}
END_TEST

/* What a replica's death leaves: a lease that ends. And a job that kills every process that takes it. */
static AWAITS void dead_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct counter counter = {.answer = OK};
	struct job_kind kind = kind_of(NULL, 2, &counter);
	int64_t now_ms = clock_wall_ms();
	struct job *due;
	size_t count;
	struct jobs *jobs;

	ck_ok(job_put(db, STR("j"), STR("count"), STR(""), STR(""), 0));
	ck_ok(job_claim(db, STR("j"), 7, now_ms, now_ms + 1000));
	ck_err(job_claim(db, STR("j"), 8, now_ms + 999, now_ms + 5000), ERR_NOT_FOUND);
	ck_ok(job_due(db, arena, false, now_ms + 999, 10, &due, &count));
	ck_assert_uint_eq(count, 0);
	ck_ok(job_extend(db, STR("j"), 7, now_ms, now_ms + 2000));
	ck_ok(job_claim(db, STR("j"), 8, now_ms + 2000, now_ms + 2001));
	ck_err(job_extend(db, STR("j"), 7, now_ms + 2000, now_ms + 9000), ERR_NOT_FOUND);
	ck_err(job_finish(db, &(struct job_end){.run = {.id = STR("r"), .job_id = STR("j"), .node = 7}}),
	       ERR_NOT_FOUND);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM job_run"), 0);

	ck_ok(test_write(db, "UPDATE job SET lease_until_ms = 0"));
	jobs = start(db, &kind, 1);
	await_runs(db, 1);
	stop(jobs);
	ck_assert_int_eq(counter.runs, 0);
	ck_assert_int_eq(test_int(db, "SELECT dead FROM job"), 1);
}

START_TEST(a_replica_that_dies_loses_its_job)
{
	test_with_store(1, dead_body);
}
END_TEST

/* Forty short jobs do not take ten looks of a second. */
static AWAITS void many_body(struct db *db)
{
	struct counter counter = {.answer = OK};
	struct job_kind kind = kind_of(NULL, 1, &counter);
	int64_t began_ms = clock_ms();
	struct jobs *jobs;

	for (int i = 0; i < 40; i++)
		ck_ok(job_put(db, STR(""), STR("count"), STR(""), STR(""), 0));
	jobs = start(db, &kind, 1);
	await_runs(db, 40);
	stop(jobs);
	ck_assert_int_lt(clock_ms() - began_ms, 40 / JOBS_AT_ONCE * JOBS_POLL_MS * 4 / 5);
}

START_TEST(the_next_one_begins_when_one_ends)
{
	test_with_store(1, many_body);
}
END_TEST

/* However many jobs wait that do not end, one with a schedule is done. */
static AWAITS void place_body(struct db *db)
{
	struct counter stuck = {.answer = OK, .holds = true}, tick = {.answer = OK};
	struct job_kind once = kind_of(NULL, 1, &stuck), often = kind_of("every 1s", 1, &tick);
	struct jobs *jobs = jobs_new(db, 1);

	often.name = "often";
	for (int i = 0; i < 3 * JOBS_AT_ONCE; i++)
		ck_ok(job_put(db, STR(""), STR("count"), STR(""), STR(""), 0));
	ck_ok(jobs_add(jobs, &once, STR(""), NULL));
	ck_ok(jobs_add(jobs, &often, STR(""), NULL));
	ck_ok(jobs_start(jobs));
	await_runs(db, 2);
	ck_assert_int_ge(tick.runs, 2);
	ck_assert_int_eq(stuck.runs, JOBS_ONCE_AT_ONCE);
	stop(jobs);
}

START_TEST(a_schedule_finds_a_place)
{
	test_with_store(1, place_body);
}
END_TEST

static AWAITS void put_off_body(struct db *db)
{
	struct counter counter = {.answer = ERR_RATE_LIMITED, .put_off_ms = clock_wall_ms() + 3600000};
	struct job_kind kind = kind_of(NULL, 1, &counter);
	struct jobs *jobs;

	ck_ok(job_put(db, STR("j"), STR("count"), STR(""), STR(""), 0));
	jobs = start(db, &kind, 1);
	await_runs(db, 1);
	ck_assert_int_eq(test_int(db, "SELECT next_ms FROM job"), counter.put_off_ms);
	ck_assert_int_eq(test_int(db, "SELECT attempts + dead FROM job"), 0);
	ck_assert_uint_eq(jobs_stats(jobs).failures, 0);
	stop(jobs);
}

START_TEST(who_has_to_wait_does_not_use_up_attempts)
{
	test_with_store(1, put_off_body);
}
END_TEST

static AWAITS void history_body(struct db *db)
{
	ck_ok(test_write(db, "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 399)"
			     " INSERT INTO job_run SELECT 'old' || i, 'x', 'count', 1, 1, 0, 0, 'ok', '' FROM n"));
	ck_ok(job_put(db, STR("j"), STR("count"), STR(""), STR(""), 0));
	ck_ok(job_claim(db, STR("j"), 7, 1, 2));
	ck_ok(job_finish(db, &(struct job_end){.fate = JOB_DONE,
					       .run = {.id = STR("zz"),
						       .job_id = STR("j"),
						       .kind = STR("count"),
						       .node = 7,
						       .outcome = STR("ok")}}));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM job_run"), JOB_RUNS_KEPT);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM job_run WHERE id = 'zz'"), 1);
}

START_TEST(the_history_is_bounded)
{
	test_with_store(1, history_body);
}
END_TEST

UNIT_MAIN("jobs", what_is_asked_for_is_done_once, what_fails_is_tried_again_and_then_waits_for_somebody,
	  schedules_go_on, what_a_stop_cuts_short_is_begun_again, a_replica_that_dies_loses_its_job,
	  the_next_one_begins_when_one_ends, a_schedule_finds_a_place, who_has_to_wait_does_not_use_up_attempts,
	  the_history_is_bounded)
