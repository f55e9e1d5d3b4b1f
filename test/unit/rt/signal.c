/* Signals arrive as callbacks on loop 0, whichever thread the kernel picks. */
#include "runtime.h"

#include <signal.h>
#include <unistd.h>

#include "rt/signal.h"

struct receiver {
	struct wait wait;
	int hups, usrs;
};

static void on_hup(void *arg)
{
	struct receiver *receiver = arg;

	ck_assert_ptr_eq(loop_self(), loop_at(0));
	ck_assert_ptr_null(fiber_self());
	receiver->hups++;
}

static void on_usr(void *arg)
{
	struct receiver *receiver = arg;

	receiver->usrs++;
	wait_done(&receiver->wait, OK);
}

AWAITS static enum err raise_there(void *arg)
{
	return kill(getpid(), SIGHUP) == 0 ? OK : ERR_SYSTEM;
}

AWAITS static void signal_body(void *arg)
{
	struct receiver receiver = {.hups = 0};

	ck_ok(signal_watch(SIGHUP, on_hup, &receiver));
	ck_ok(signal_watch(SIGUSR1, on_usr, &receiver));
	ck_err(signal_watch(SIGKILL, on_hup, &receiver), ERR_SYSTEM);
	for (int i = 1; i <= 3; i++) {
		ck_ok(loop_call(loop_at(1), "raise", raise_there, NULL));
		while (receiver.hups < i)
			ck_ok(fiber_sleep(1));
	}
	ck_assert_int_eq(receiver.usrs, 0);
	ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
	ck_ok(wait_for(&receiver.wait, NULL, NULL));
	ck_assert_int_eq(receiver.hups, 3);
}

/* The watches must neither keep the loops alive nor outlive them. */
START_TEST(signals_arrive_on_the_first_loop)
{
	run(2, signal_body);
}
END_TEST

static void pipe_main(void *arg)
{
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	close(fd[0]);
	ck_assert_int_eq(write(fd[1], "x", 1), -1); /* and no SIGPIPE */
	close(fd[1]);
}

START_TEST(a_closed_pipe_is_no_signal)
{
	run(1, pipe_main);
}
END_TEST

UNIT_MAIN("signal", signals_arrive_on_the_first_loop, a_closed_pipe_is_no_signal)
