/* Fibers and waits: order, cancel, deadlines, shields, abandoned waits, overflow, numbers. */
#include "runtime.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "rt/sanitizer.h"

struct sleeper {
	struct wait wait;
	struct fiber *fiber;
	enum err got, again;
	int64_t ms;
	bool can_forget, asked, ended;
};

static bool on_abandon(void *arg)
{
	struct sleeper *sleeper = arg;

	sleeper->asked = true;
	return sleeper->can_forget;
}

AWAITS static void wait_main(void *arg)
{
	struct sleeper *sleeper = arg;

	sleeper->got = wait_for(&sleeper->wait, on_abandon, sleeper);
	sleeper->again = fiber_sleep(1);
	sleeper->ended = true;
}

AWAITS static void turns(int count)
{
	while (count-- > 0)
		ck_ok(fiber_yield());
}

/* ---- birth, order ---------------------------------------------------------------- */

AWAITS static void trace_main(void *arg)
{
	struct trace *trace = arg;

	trace_add(trace, 'b');
	ck_ok(fiber_yield());
	trace_add(trace, 'd');
}

AWAITS static void never_at_once_body(void *arg)
{
	struct trace trace = {.n = 0};

	ck_ok(fiber_spawn(loop_self(), "trace", trace_main, &trace, 0, NULL));
	trace_add(&trace, 'a');
	ck_ok(fiber_yield());
	trace_add(&trace, 'c');
	turns(2);
	trace_add(&trace, 'e');
	if (arg == NULL)
		ck_assert_str_eq(trace.text, "abcde");
	else
		ck_assert(trace.text[0] == 'a' && trace.text[trace.n - 1] == 'e' && trace.n == 5);
}

START_TEST(a_spawned_fiber_runs_later)
{
	ck_assert_ptr_null(fiber_self());
	ck_assert_ptr_null(loop_self());
	run(1, never_at_once_body);
}
END_TEST

AWAITS static void wake_body(void *arg)
{
	struct sleeper sleeper = {.can_forget = true};

	ck_ok(fiber_spawn(loop_self(), "sleeper", wait_main, &sleeper, 0, NULL));
	turns(2);
	ck_assert(!sleeper.ended);
	wait_done(&sleeper.wait, ERR_IO);
	ck_assert(!sleeper.ended); /* nothing resumes on the spot */
	ck_ok(fiber_sleep(50));
	ck_assert(sleeper.ended && !sleeper.asked);
	ck_err(sleeper.got, ERR_IO);
	ck_err(sleeper.again, OK);
}

START_TEST(a_completion_wakes)
{
	run(1, wake_body);
}
END_TEST

AWAITS static void early_body(void *arg)
{
	struct wait wait = WAIT_INIT;

	wait_done(&wait, ERR_EXISTS);
	ck_err(wait_for(&wait, NULL, NULL), ERR_EXISTS);
}

START_TEST(a_completion_that_comes_first_is_remembered)
{
	run(1, early_body);
}
END_TEST

/* ---- cancel ---------------------------------------------------------------------- */

AWAITS static void cancel_body(void *arg)
{
	struct sleeper sleeper = {.can_forget = true};

	ck_ok(fiber_spawn(loop_self(), "sleeper", wait_main, &sleeper, 0, &sleeper.fiber));
	turns(2);
	fiber_cancel(sleeper.fiber);
	fiber_cancel(sleeper.fiber);
	turns(3);
	ck_assert(sleeper.ended && sleeper.asked);
	ck_err(sleeper.got, ERR_CANCELED);
	ck_err(sleeper.again, ERR_CANCELED); /* sticky */
}

START_TEST(cancel_is_sticky)
{
	run(1, cancel_body);
}
END_TEST

AWAITS static void cancel_first_body(void *arg)
{
	struct sleeper sleeper = {.can_forget = true};

	ck_ok(fiber_spawn(loop_self(), "sleeper", wait_main, &sleeper, 0, &sleeper.fiber));
	fiber_cancel(sleeper.fiber);
	turns(2);
	ck_assert(sleeper.ended);
	ck_err(sleeper.got, ERR_CANCELED);
}

START_TEST(cancel_before_the_first_run)
{
	run(1, cancel_first_body);
}
END_TEST

AWAITS static void unforgotten_body(void *arg)
{
	struct sleeper sleeper = {.can_forget = false};

	ck_ok(fiber_spawn(loop_self(), "sleeper", wait_main, &sleeper, 0, &sleeper.fiber));
	turns(2);
	fiber_cancel(sleeper.fiber);
	turns(5);
	ck_assert(sleeper.asked && !sleeper.ended); /* somebody still points into its stack */
	fiber_cancel(sleeper.fiber);
	turns(2);
	ck_assert(!sleeper.ended);
	wait_done(&sleeper.wait, OK);
	turns(3);
	ck_assert(sleeper.ended);
	ck_err(sleeper.got, ERR_CANCELED);
}

START_TEST(a_wait_not_forgotten_is_waited_for)
{
	run(1, unforgotten_body);
}
END_TEST

AWAITS static void both_body(void *arg)
{
	struct sleeper sleeper = {.can_forget = true};

	ck_ok(fiber_spawn(loop_self(), "sleeper", wait_main, &sleeper, 0, &sleeper.fiber));
	turns(2);
	fiber_cancel(sleeper.fiber);
	wait_done(&sleeper.wait, OK); /* what was handed over must not be lost */
	turns(3);
	ck_assert(sleeper.ended && !sleeper.asked);
	ck_err(sleeper.got, OK);
	ck_err(sleeper.again, ERR_CANCELED);
}

START_TEST(a_completion_wins_over_a_cancel_of_the_same_turn)
{
	run(1, both_body);
}
END_TEST

/* ---- deadlines ------------------------------------------------------------------- */

AWAITS static void deadline_body(void *arg)
{
	struct sleeper sleeper = {.can_forget = true};
	int64_t began_ms = clock_ms();

	ck_ok(fiber_spawn(loop_self(), "sleeper", wait_main, &sleeper, began_ms + 40, NULL));
	while (!sleeper.ended)
		ck_ok(fiber_sleep(1));
	ck_err(sleeper.got, ERR_TIMEOUT);
	ck_err(sleeper.again, ERR_TIMEOUT);
	ck_assert_int_ge(clock_ms() - began_ms, 39);
}

START_TEST(a_deadline_ends_a_wait)
{
	run(1, deadline_body);
}
END_TEST

AWAITS static void earlier_body(void *arg)
{
	int64_t now_ms = loop_now(loop_self());

	ck_assert_int_eq(fiber_deadline(), 0);
	fiber_deadline_set(now_ms + 100000);
	fiber_deadline_set(now_ms + 200000);
	ck_assert_int_eq(fiber_deadline(), now_ms + 100000);
	fiber_deadline_set(now_ms + 30);
	ck_ok(fiber_status());
	ck_err(fiber_sleep(60000), ERR_TIMEOUT);
	ck_err(fiber_status(), ERR_TIMEOUT);
	ck_err(fiber_yield(), ERR_TIMEOUT);
}

START_TEST(a_deadline_only_moves_closer)
{
	run(1, earlier_body);
}
END_TEST

AWAITS static void stopped_body(void *arg)
{
	struct sleeper sleeper = {.can_forget = true};

	ck_ok(fiber_spawn(loop_self(), "stopped", wait_main, &sleeper, loop_now(loop_self()) + 40, &sleeper.fiber));
	turns(2);
	fiber_clock_stop(sleeper.fiber);
	fiber_clock_stop(sleeper.fiber);
	ck_ok(fiber_sleep(100)); /* past its deadline */
	ck_assert(!sleeper.ended);
	fiber_clock_go(sleeper.fiber);
	ck_ok(fiber_sleep(30));
	ck_assert(!sleeper.ended); /* stopped twice */
	fiber_clock_go(sleeper.fiber);
	turns(2);
	ck_assert(!sleeper.ended); /* what was left of its time is left still */
	while (!sleeper.ended)
		ck_ok(fiber_sleep(5));
	ck_err(sleeper.got, ERR_TIMEOUT);
}

START_TEST(a_stopped_clock_is_not_run_down)
{
	run(1, stopped_body);
}
END_TEST

AWAITS static void stopped_in_time_body(void *arg)
{
	struct fiber *self = fiber_self();
	struct fiber_shield shield;

	fiber_deadline_set(loop_now(loop_self()) + 60);
	fiber_clock_stop(self);
	shield = fiber_shield_begin(20);
	ck_err(fiber_sleep(60000), ERR_TIMEOUT); /* a shield's time runs on */
	fiber_clock_go(self);
	fiber_shield_end(shield);
	ck_ok(fiber_sleep(20));
	fiber_clock_stop(self);
	fiber_cancel(self);
	ck_err(fiber_sleep(60000), ERR_CANCELED); /* a stopped clock is no shield */
}

START_TEST(a_stopped_clock_leaves_shields_and_cancels_alone)
{
	run(1, stopped_in_time_body);
}
END_TEST

/* ---- shields --------------------------------------------------------------------- */

struct shielded {
	struct fiber *fiber;
	struct wait go;
	bool in_shield, out_of_shield;
	enum err inside, outside;
};

static bool forget_nothing(void *arg)
{
	ck_abort_msg("a shielded wait was interrupted");
	return false;
}

AWAITS static void shielded_main(void *arg)
{
	struct shielded *it = arg;
	struct fiber_shield shield = fiber_shield_begin(60000);

	it->in_shield = true;
	it->inside = wait_for(&it->go, forget_nothing, NULL);
	fiber_shield_end(shield);
	it->outside = fiber_sleep(30);
	it->out_of_shield = true;
}

AWAITS static void shield_body(void *arg)
{
	struct shielded it = {0};

	ck_ok(fiber_spawn(loop_self(), "shielded", shielded_main, &it, loop_now(loop_self()) + 10, &it.fiber));
	turns(2);
	ck_assert(it.in_shield);
	fiber_cancel(it.fiber);
	ck_ok(fiber_sleep(40)); /* past its deadline */
	ck_assert(!it.out_of_shield);
	wait_done(&it.go, OK);
	while (!it.out_of_shield)
		ck_ok(fiber_sleep(5));
	ck_err(it.inside, OK); /* neither the cancel nor the old deadline */
	ck_err(it.outside, ERR_CANCELED);
}

START_TEST(a_shield_hides_cancel_and_deadline)
{
	run(1, shield_body);
}
END_TEST

AWAITS static void nested_body(void *arg)
{
	int64_t began_ms = loop_now(loop_self());
	struct fiber_shield outer = fiber_shield_begin(40), inner = fiber_shield_begin(60000);

	ck_err(fiber_sleep(60000), ERR_TIMEOUT); /* an inner shield does not outlast the outer */
	ck_assert_int_lt(loop_now(loop_self()) - began_ms, 30000);
	fiber_shield_end(inner);
	ck_err(fiber_status(), ERR_TIMEOUT);
	fiber_shield_end(outer);
	ck_ok(fiber_status());
	ck_assert_int_eq(fiber_deadline(), 0);
	ck_ok(fiber_sleep(1));
}

START_TEST(shields_nest_and_end_by_themselves)
{
	run(1, nested_body);
}
END_TEST

/* ---- numbers --------------------------------------------------------------------- */

/* TSan has room for some 8,000 fibers in a process. */
#define MANY (RT_TSAN ? 2000 : 10000)

AWAITS static void count_main(void *arg)
{
	int *ended = arg;

	ck_ok(fiber_sleep(20));
	++*ended;
}

AWAITS static void many_body(void *arg)
{
	struct rt_stats stats;
	int ended = 0;

	for (int i = 0; i < MANY; i++)
		ck_ok(fiber_spawn(loop_self(), "one of many", count_main, &ended, 0, NULL));
	while (ended < MANY)
		ck_ok(fiber_sleep(10));
	stats = rt_stats();
	ck_assert_uint_eq(stats.fibers_live, 1);
	ck_assert_uint_ge(stats.fibers_peak, MANY);
	ck_assert_uint_ge(stats.fibers_spawned, MANY);
	ck_assert_uint_gt(stats.stack_bytes_peak, 0);
	ck_assert_uint_le(stats.stack_bytes_peak, FIBER_STACK_BYTES_SANITIZED);
}

START_TEST(ten_thousand_fibers)
{
	ck_ok(rt_run(1, many_body, NULL));
}
END_TEST

static void idle_main(void *arg)
{
}

AWAITS static void limit_body(void *arg)
{
	enum err err;
	int spawned = 0;

	while ((err = fiber_spawn(loop_self(), "filler", idle_main, NULL, 0, NULL)) == OK)
		spawned++;
	ck_err(err, ERR_BUSY);
	ck_assert_int_le(spawned, FIBERS_MAX);
	turns(2 + FIBERS_MAX / 256);
	ck_ok(fiber_spawn(loop_self(), "after", idle_main, NULL, 0, NULL));
}

START_TEST(fibers_have_a_limit)
{
	if (!RT_TSAN)
		ck_ok(rt_run(1, limit_body, NULL));
}
END_TEST

/* ---- overflow -------------------------------------------------------------------- */

__attribute__((noinline)) static int dig(int depth)
{
	volatile char frame[2048];

	frame[depth % 2048] = (char)depth;
	return depth > 1000000 ? 0 : dig(depth + 1) + frame[depth % 2048];
}

AWAITS static void overflow_body(void *arg)
{
	*(volatile int *)arg = dig(0);
}

/* A neighbour's stack lies right below: without the guard this would corrupt it in silence. */
START_TEST(overflow_hits_the_guard)
{
	const struct rlimit no_core = {0, 0};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		static int sink;

		setrlimit(RLIMIT_CORE, &no_core);
		fclose(stderr);
		(void)!rt_run(1, overflow_body, &sink);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (RT_ASAN || RT_TSAN)
		ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) != 0); /* their handler has caught it */
	else
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}
END_TEST

UNIT_MAIN("fiber", a_spawned_fiber_runs_later, a_completion_wakes, a_completion_that_comes_first_is_remembered,
	  cancel_is_sticky, cancel_before_the_first_run, a_wait_not_forgotten_is_waited_for,
	  a_completion_wins_over_a_cancel_of_the_same_turn, a_deadline_ends_a_wait, a_deadline_only_moves_closer,
	  a_stopped_clock_is_not_run_down, a_stopped_clock_leaves_shields_and_cancels_alone,
	  a_shield_hides_cancel_and_deadline, shields_nest_and_end_by_themselves, ten_thousand_fibers,
	  fibers_have_a_limit, overflow_hits_the_guard)
