/* Loops: messages and calls between them, work on threads, ending. */
#include "runtime.h"

#include <pthread.h>
#include <stdatomic.h>

#define MESSAGES 10000

/* ---- messages -------------------------------------------------------------------- */

struct message {
	struct task task;
	int number, *last;
	struct loop *to;
	struct task back;
	struct wait *all_back;
	int *left;
};

static void on_back(struct task *task)
{
	struct message *message = CONTAINER_OF(task, struct message, back);

	if (--*message->left == 0)
		wait_done(message->all_back, OK);
}

static void on_message(struct task *task)
{
	struct message *message = CONTAINER_OF(task, struct message, task);

	ck_assert_ptr_eq(loop_self(), message->to);
	ck_assert_ptr_null(fiber_self());
	ck_assert_int_eq(message->number, *message->last + 1); /* in the order they were sent */
	*message->last = message->number;
	message->back.run = on_back;
	loop_post(loop_at(0), &message->back);
}

AWAITS static void messages_to(struct loop *to)
{
	struct message *message = calloc(MESSAGES, sizeof(*message));
	struct wait all_back = WAIT_INIT;
	int last = -1, left = MESSAGES;

	for (int i = 0; i < MESSAGES; i++) {
		message[i] = (struct message){{.run = on_message}, i, &last, to, {.run = NULL}, &all_back, &left};
		loop_post(to, &message[i].task);
		if (i % 1000 == 0)
			ck_ok(fiber_yield());
	}
	ck_ok(wait_for(&all_back, NULL, NULL));
	ck_assert_int_eq(last, MESSAGES - 1);
	free(message);
}

AWAITS static void messages_body(void *arg)
{
	ck_assert_uint_eq(loop_count(), 2);
	ck_assert_uint_eq(loop_index(loop_self()), 0);
	ck_assert_uint_eq(loop_index(loop_at(1)), 1);
	messages_to(loop_at(1));
	messages_to(loop_at(0));
}

START_TEST(messages_arrive_in_order)
{
	run(2, messages_body);
}
END_TEST

/* Posting from a thread that has no loop. */
static void *foreign_main(void *arg)
{
	struct message *message = arg;

	ck_assert_ptr_null(loop_self());
	loop_post(message->to, &message->task);
	return NULL;
}

AWAITS static void foreign_body(void *arg)
{
	struct wait back = WAIT_INIT;
	int last = -1, left = 1;
	struct message message = {{.run = on_message}, 0, &last, loop_self(), {.run = NULL}, &back, &left};
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, foreign_main, &message), 0);
	ck_ok(wait_for(&back, NULL, NULL));
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(a_foreign_thread_may_post)
{
	run(1, foreign_body);
}
END_TEST

/* ---- calls ----------------------------------------------------------------------- */

struct job {
	struct loop *ran_on;
	int64_t deadline_ms, ms;
	enum err slept;
	bool ended;
};

AWAITS static enum err job_run(void *arg)
{
	struct job *job = arg;

	job->ran_on = loop_self();
	job->deadline_ms = fiber_deadline();
	job->slept = fiber_sleep(job->ms);
	job->ended = true;
	return job->slept != OK ? job->slept : ERR_EXISTS;
}

AWAITS static void call_body(void *arg)
{
	int64_t deadline_ms = loop_now(loop_self()) + 60000;

	fiber_deadline_set(deadline_ms);
	for (unsigned i = 0; i < loop_count(); i++) {
		struct job job = {.ms = 1};

		ck_err(loop_call(loop_at(i), "job", job_run, &job), ERR_EXISTS);
		ck_assert_ptr_eq(job.ran_on, loop_at(i));
		ck_assert_int_eq(job.deadline_ms, deadline_ms);
		ck_assert(job.ended);
	}
}

START_TEST(a_call_runs_over_there)
{
	run(3, call_body);
}
END_TEST

struct remote {
	struct fiber *fiber;
	struct job job;
	enum err got;
	bool back;
};

AWAITS static void remote_main(void *arg)
{
	struct remote *remote = arg;

	remote->got = loop_call(loop_at(1), "job", job_run, &remote->job);
	remote->back = true;
}

AWAITS static void cancel_call_body(void *arg)
{
	struct remote remote = {.job.ms = 60000};

	ck_ok(fiber_spawn(loop_self(), "remote", remote_main, &remote, 0, &remote.fiber));
	ck_ok(fiber_sleep(20));
	fiber_cancel(remote.fiber);
	while (!remote.back)
		ck_ok(fiber_sleep(1));
	ck_assert(remote.job.ended); /* it has ended over there before we go on */
	ck_err(remote.job.slept, ERR_CANCELED);
	ck_err(remote.got, ERR_CANCELED);
}

START_TEST(cancel_crosses_loops)
{
	run(2, cancel_call_body);
}
END_TEST

AWAITS static void cancel_race_body(void *arg)
{
	/* Cancels at every stage of a short call; ASan and TSan watch the caller's stack. */
	for (int i = 0; i < 300; i++) {
		struct remote remote = {.job.ms = 0};

		ck_ok(fiber_spawn(loop_self(), "remote", remote_main, &remote, 0, &remote.fiber));
		for (int spins = i % 7; spins > 0 && !remote.back; spins--)
			ck_ok(fiber_yield());
		if (!remote.back)
			fiber_cancel(remote.fiber);
		while (!remote.back)
			ck_ok(fiber_yield());
		ck_assert(remote.job.ended && (remote.got == ERR_EXISTS || remote.got == ERR_CANCELED));
	}
}

START_TEST(cancel_races_with_the_end)
{
	run(2, cancel_race_body);
}
END_TEST

AWAITS static void deadline_call_body(void *arg)
{
	struct job job = {.ms = 60000};

	fiber_deadline_set(loop_now(loop_self()) + 30);
	ck_err(loop_call(loop_at(1), "job", job_run, &job), ERR_TIMEOUT);
	ck_assert(job.ended);
}

START_TEST(a_deadline_crosses_loops)
{
	run(2, deadline_call_body);
}
END_TEST

/* ---- work ------------------------------------------------------------------------ */

struct labour {
	struct loop *loop;
	pthread_t thread;
	atomic_bool *release;
	atomic_int *running;
	enum err result;
};

static enum err labour_run(void *arg)
{
	struct labour *labour = arg;

	ck_assert_ptr_null(loop_self());
	labour->thread = pthread_self();
	if (labour->running != NULL)
		atomic_fetch_add(labour->running, 1);
	while (labour->release != NULL && !atomic_load(labour->release))
		sched_yield();
	return labour->result;
}

AWAITS static void work_body(void *arg)
{
	struct labour labour = {.result = ERR_DB};

	ck_err(work_run(labour_run, &labour), ERR_DB);
	ck_assert(!pthread_equal(labour.thread, pthread_self()));
	labour.result = OK;
	ck_ok(work_run(labour_run, &labour));
}

START_TEST(work_runs_on_a_thread)
{
	run(1, work_body);
}
END_TEST

struct worker {
	struct fiber *fiber;
	struct labour labour;
	enum err got;
	int *back;
};

AWAITS static void worker_main(void *arg)
{
	struct worker *worker = arg;

	worker->got = work_run(labour_run, &worker->labour);
	++*worker->back;
}

AWAITS static void canceled_work_body(void *arg)
{
	atomic_bool release = false;
	atomic_int running = 0;
	int back = 0;
	struct worker worker = {.labour = {.release = &release, .running = &running}, .back = &back};

	ck_ok(fiber_spawn(loop_self(), "worker", worker_main, &worker, 0, &worker.fiber));
	while (atomic_load(&running) == 0)
		ck_ok(fiber_yield());
	fiber_cancel(worker.fiber);
	for (int i = 0; i < 5; i++)
		ck_ok(fiber_yield());
	ck_assert_int_eq(back, 0);
	atomic_store(&release, true);
	while (back == 0)
		ck_ok(fiber_yield());
	ck_ok(worker.got);
}

START_TEST(a_canceled_caller_waits_for_its_work)
{
	run(1, canceled_work_body);
}
END_TEST

#define CROWD (WORK_QUEUE_MAX + 200)

AWAITS static void full_queue_body(void *arg)
{
	atomic_bool release = false;
	struct worker *worker = calloc(CROWD, sizeof(*worker));
	int back = 0, busy = 0, done = 0;

	for (int i = 0; i < CROWD; i++) {
		worker[i] = (struct worker){.labour = {.release = &release}, .back = &back};
		ck_ok(fiber_spawn(loop_self(), "worker", worker_main, &worker[i], 0, NULL));
	}
	ck_ok(fiber_sleep(50));
	ck_assert_int_gt(back, 0);
	atomic_store(&release, true);
	while (back < CROWD)
		ck_ok(fiber_sleep(1));
	for (int i = 0; i < CROWD; i++) {
		busy += worker[i].got == ERR_BUSY;
		done += worker[i].got == OK;
	}
	ck_assert_int_eq(busy + done, CROWD);
	ck_assert_int_ge(done, WORK_QUEUE_MAX);
	ck_assert_int_gt(busy, 0);
	free(worker);
}

START_TEST(the_queue_of_work_has_an_end)
{
	ck_ok(rt_run(1, full_queue_body, NULL));
}
END_TEST

/* ---- locals, names, ending ------------------------------------------------------- */

static unsigned slot;

AWAITS static enum err local_run(void *arg)
{
	char name[16];

	ck_assert_ptr_null(loop_local(loop_self(), slot));
	loop_local_set(loop_self(), slot, &slot);
	ck_assert_int_eq(pthread_getname_np(pthread_self(), name, sizeof(name)), 0);
	ck_assert_str_eq(name, "gh-loop-1");
	return OK;
}

AWAITS static void local_body(void *arg)
{
	ck_ok(loop_call(loop_at(1), "local", local_run, NULL));
	ck_assert_ptr_null(loop_local(loop_at(0), slot));
	ck_assert_ptr_eq(loop_local(loop_at(1), slot), &slot);
}

START_TEST(each_loop_has_its_locals_and_name)
{
	slot = loop_local_slot();
	run(2, local_body);
}
END_TEST

static atomic_int left_over;

AWAITS static void slow_main(void *arg)
{
	struct fiber_shield shield;

	if (fiber_sleep(arg == NULL ? 60000 : 40) == ERR_CANCELED) {
		shield = fiber_shield_begin(1000);
		ck_ok(fiber_sleep(10)); /* tidying up */
		fiber_shield_end(shield);
	}
	atomic_fetch_sub(&left_over, 1);
}

AWAITS static enum err slow_spawn(void *arg)
{
	atomic_fetch_add(&left_over, 1);
	return fiber_spawn(loop_self(), "slow", slow_main, arg, 0, NULL);
}

AWAITS static void settle_body(void *arg)
{
	for (unsigned i = 0; i < loop_count(); i++)
		ck_ok(loop_call(loop_at(i), "spawn", slow_spawn, &left_over));
}

START_TEST(the_run_ends_after_the_last_fiber)
{
	run(3, settle_body);
	ck_assert_int_eq(atomic_load(&left_over), 0);
}
END_TEST

AWAITS static void stop_body(void *arg)
{
	for (unsigned i = 0; i < loop_count(); i++)
		ck_ok(loop_call(loop_at(i), "spawn", slow_spawn, NULL));
	rt_stop(30);
}

START_TEST(stop_cancels_what_is_left)
{
	int64_t began_ms = clock_ms();

	run(3, stop_body);
	ck_assert_int_eq(atomic_load(&left_over), 0);
	ck_assert_int_lt(clock_ms() - began_ms, 30000);
}
END_TEST

static void on_timer(uv_timer_t *timer)
{
	ck_abort_msg("a stopped loop fired a timer");
}

/* Nobody waits for it: a handle a room left open does not hold up a stop. */
AWAITS static void open_handle_body(void *arg)
{
	static uv_timer_t timer;

	ck_assert_int_eq(uv_timer_init(loop_uv(loop_self()), &timer), 0);
	ck_assert_int_eq(uv_timer_start(&timer, on_timer, 60000, 0), 0);
	rt_stop(0);
}

START_TEST(stop_does_not_wait_for_handles)
{
	int64_t began_ms = clock_ms();

	run(2, open_handle_body);
	ck_assert_int_lt(clock_ms() - began_ms, 30000);
}
END_TEST

/* ---- input ------------------------------------------------------------------------ */

struct reader {
	struct task task;
	struct wait woken;
	bool ran, ran_early, ran_behind;
};

static void on_input(struct task *task)
{
	struct reader *reader = CONTAINER_OF(task, struct reader, task);

	wait_done(&reader->woken, OK);
	loop_read_done(loop_self(), LOOP_INPUT_BYTES - 1);
	reader->ran_early = reader->ran;
	loop_read_done(loop_self(), 1);
	reader->ran_behind = reader->ran;
}

AWAITS static void read_much(void *arg)
{
	struct reader reader = {.task.run = on_input, .woken = WAIT_INIT};

	loop_post(loop_self(), &reader.task);
	ck_ok(wait_for(&reader.woken, NULL, NULL));
	reader.ran = true;
	ck_ok(fiber_yield());
	ck_assert(!reader.ran_early);
	ck_assert(reader.ran_behind);
}

START_TEST(much_input_lets_fibers_run)
{
	run(1, read_much);
}
END_TEST

UNIT_MAIN("loop", much_input_lets_fibers_run, messages_arrive_in_order, a_foreign_thread_may_post,
	  a_call_runs_over_there, cancel_crosses_loops, cancel_races_with_the_end, a_deadline_crosses_loops,
	  work_runs_on_a_thread, a_canceled_caller_waits_for_its_work, the_queue_of_work_has_an_end,
	  each_loop_has_its_locals_and_name, the_run_ends_after_the_last_fiber, stop_cancels_what_is_left,
	  stop_does_not_wait_for_handles)
