/* A watched socket says when it can be read and written, says nothing when nothing was asked for, and can be let go
 * from within its own callback. */
#include "runtime.h"

#include <sys/socket.h>
#include <unistd.h>

#include "rt/fd_watch.h"

struct end {
	struct fd_watch *watch;
	int fd;
	struct wait wait;
	struct fd_ready ready;
	int calls;
	bool frees; /* itself, in the callback */
};

static void on_ready(void *arg, struct fd_ready ready)
{
	struct end *end = arg;

	ck_assert_ptr_null(fiber_self());
	end->calls++;
	end->ready = ready;
	if (end->frees)
		fd_watch_free(end->watch);
	else
		fd_watch_want(end->watch, false, false);
	wait_done(&end->wait, OK);
}

AWAITS static void await(struct end *end)
{
	end->wait = WAIT_INIT;
	ck_ok(wait_for(&end->wait, NULL, NULL));
}

AWAITS static void watch_body(void *arg)
{
	struct end end = {.calls = 0};
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	end.fd = pair[0];
	end.watch = fd_watch_new(end.fd, on_ready, &end);
	ck_assert_int_eq(write(pair[1], "x", 1), 1);
	for (int i = 0; i < 3; i++)
		ck_ok(fiber_yield());
	ck_assert_int_eq(end.calls, 0); /* nothing was asked for */

	fd_watch_want(end.watch, true, false);
	await(&end);
	ck_assert(end.ready.readable && !end.ready.writable && !end.ready.failed);

	fd_watch_want(end.watch, false, true);
	await(&end);
	ck_assert(end.ready.writable && !end.ready.readable);

	close(pair[1]);
	end.frees = true;
	fd_watch_want(end.watch, true, false);
	await(&end);
	ck_assert(end.ready.readable);
	ck_assert_int_eq(end.calls, 3);
	close(end.fd);
	fd_watch_free(NULL);
}

START_TEST(a_socket_says_when_it_is_ready)
{
	run(1, watch_body);
}
END_TEST

UNIT_MAIN("fd_watch", a_socket_says_when_it_is_ready)
