/* The giving side of an upgrade.
 *
 *     this process                          the new one
 *     gather sockets, lock, pipe
 *     fork, exec --------------------------> configuration, keys, database, rooms
 *     wait for the pipe  <--- READY=1 ------ listens
 *     MAINPID to systemd
 *     drain, end                             serves
 *
 * Both have the same sockets, so a connection that waits in a backlog is accepted by one or the other.
 * The lock of the data directory is held by the open file that both share: it is never free, and a third
 * server is refused all the time. When the pipe ends without the word, or says what is wrong, the new
 * process is killed, nothing has changed, and this one goes on. */
#include "gateway/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "gateway/handover.h"
#include "gateway/notify.h"
#include "rt/activate.h"
#include "rt/fd_watch.h"

#define UPGRADE_MAGIC 0x55504752u /* "UPGR" */
#define UPGRADE_READY_MS 50000	  /* for the new process to serve; the command line waits 60 s */
#define UPGRADE_POLL_MS 10
#define SAID_BYTES_MAX 4096

struct upgrade {
	uint32_t magic;
	struct upgrade_spec spec;
	bool running, ending;
	struct wait *heard; /* of the fiber that waits for the pipe */
	struct fd_watch *watch;
	struct timer late;
};

/* ---- what is passed -------------------------------------------------------------- */

static NODISCARD bool pass_listener(struct activation *activation, const struct listener *listener, struct str name)
{
	int fds[LOOPS_MAX];
	size_t n = listener_sockets(listener, fds);

	for (size_t i = 0; i < n; i++)
		activation_pass(activation, fds[i], name);
	return n > 0;
}

static NODISCARD bool pass_listeners(struct activation *activation, const struct gateway *gateway)
{
	for (size_t i = 0; i < gateway->listener_count; i++) {
		AUTO_BUF name = {0};

		handover_socket_name(&gateway->started_config->listen[i],
				     listener_has_foreign_file(gateway->listeners[i]), &name);
		if (!pass_listener(activation, gateway->listeners[i], buf_str(&name)))
			return false;
	}
	return pass_listener(activation, gateway->control_listener, HANDOVER_CONTROL);
}

/* The pipe goes last: there the child says it when the program cannot be executed. */
static NODISCARD bool pass_lock_and_pipe(struct activation *activation, int lock_fd, int *ret_word_fd)
{
	int lock = fcntl(lock_fd, F_DUPFD_CLOEXEC, 0), pipe[2];

	if (lock < 0)
		return false;
	activation_pass(activation, lock, HANDOVER_LOCK);
	if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	activation_pass(activation, pipe[1], HANDOVER_READY);
	*ret_word_fd = pipe[0];
	return true;
}

/* ---- its word -------------------------------------------------------------------- */

static void wake(struct upgrade *upgrade, enum err result)
{
	struct wait *heard = upgrade->heard;

	upgrade->heard = NULL;
	fd_watch_want(upgrade->watch, false, false);
	if (heard != NULL)
		wait_done(heard, result);
}

static void on_said(void *arg, struct fd_ready ready)
{
	wake(arg, OK);
}

static void on_late(struct timer *timer)
{
	wake(CONTAINER_OF(timer, struct upgrade, late), ERR_TIMEOUT);
}

/* Read until the pipe ends or a whole word came. */
AWAITS static enum err hear_all(struct upgrade *upgrade, int fd, struct buf *said)
{
	while (said->n < SAID_BYTES_MAX && !str_eq(buf_str(said), STR("READY=1\n"))) {
		ssize_t n = read(fd, buf_reserve(said, SAID_BYTES_MAX), SAID_BYTES_MAX);
		struct wait heard = WAIT_INIT;

		if (n > 0)
			said->n += (size_t)n;
		else if (n == 0 || errno != EAGAIN)
			return OK;
		else if (upgrade->ending)
			return ERR_SHUTDOWN;
		if (n > 0)
			continue;
		upgrade->heard = &heard;
		fd_watch_want(upgrade->watch, true, false);
		TRY(wait_for(&heard, NULL, NULL)); /* by the timer at the latest */
	}
	return OK;
}

AWAITS static enum err await_word(struct upgrade *upgrade, int fd, struct buf *problem)
{
	const struct str status = STR("STATUS=");
	AUTO_BUF said = {0};
	enum err err;

	upgrade->watch = fd_watch_new(fd, on_said, upgrade);
	timer_set(loop_self(), &upgrade->late, UPGRADE_READY_MS, on_late);
	err = hear_all(upgrade, fd, &said);
	timer_stop(&upgrade->late);
	fd_watch_free(upgrade->watch);
	upgrade->watch = NULL;
	if (err == ERR_TIMEOUT)
		buf_put_fmt(problem, "it was not ready within %d s", UPGRADE_READY_MS / 1000);
	else if (err != OK)
		buf_put_fmt(problem, "this process was told to end");
	if (err != OK || str_eq(buf_str(&said), STR("READY=1\n")))
		return err;
	if (str_starts(buf_str(&said), status))
		buf_put(problem, str_skip(buf_str(&said), status.n));
	return ERR_CLOSED;
}

static NODISCARD enum err may_upgrade(const struct upgrade *upgrade, struct buf *problem)
{
	const struct gateway *gateway = upgrade->spec.gateway;
	const char *why = NULL;

	if (getpid() == 1)
		why = "this process is the first of its container, which ends with it; replace the container instead";
	else if (upgrade->running)
		why = "an upgrade is under way already";
	else if (upgrade->ending || atomic_load(&gateway->draining))
		why = "this process is about to end";
	else if (!gateway->listening)
		why = "this process is still starting";
	if (why == NULL)
		return OK;
	buf_put(problem, str_of(why));
	return ERR_BUSY;
}

AWAITS static enum err start_next(struct upgrade *upgrade, struct activation *activation, int *ret_word_fd,
				  int *ret_pid)
{
	if (!pass_listeners(activation, upgrade->spec.gateway) ||
	    !pass_lock_and_pipe(activation, upgrade->spec.lock_fd, ret_word_fd))
		return ERR_SYSTEM;
	TRY(activation_run(activation, ret_pid));
	log_info("upgrade.started", LOG_INT("pid", *ret_pid), LOG_CSTR("program", activation_program(activation)));
	return OK;
}

/* What has not become a server is killed: it must not wake up later. */
AWAITS static enum err upgrade_now(struct upgrade *upgrade, struct buf *problem, int *ret_pid)
{
	const char *args[] = {"serve", upgrade->spec.config_file.p == NULL ? NULL : "--config",
			      upgrade->spec.config_file.p, NULL};
	struct activation *activation = activation_new(args);
	int word_fd = -1;
	enum err err = start_next(upgrade, activation, &word_fd, ret_pid);

	if (err != OK) {
		buf_put_fmt(problem, "no new process can be made: %s", strerror(errno));
	} else {
		err = await_word(upgrade, word_fd, problem);
		if (err != OK)
			activation_kill(*ret_pid);
		if (err == ERR_CLOSED && problem->n == 0)
			buf_put_fmt(problem, "the new process (%s, pid %d) ended before it was ready; its log says why",
				    activation_program(activation), *ret_pid);
	}
	activation_free(activation);
	if (word_fd >= 0)
		close(word_fd);
	return err;
}

/* ---- doors ----------------------------------------------------------------------- */

struct upgrade *upgrade_new(const struct upgrade_spec *spec)
{
	struct upgrade *upgrade = calloc(1, sizeof(*upgrade));

	CHECK(upgrade != NULL);
	upgrade->magic = UPGRADE_MAGIC;
	upgrade->spec = *spec;
	return upgrade;
}

AWAITS void upgrade_stop(struct upgrade *upgrade)
{
	if (upgrade == NULL)
		return;
	CHECK_OBJ(upgrade, UPGRADE_MAGIC);
	upgrade->ending = true;
	if (upgrade->watch != NULL)
		wake(upgrade, ERR_SHUTDOWN);
	while (upgrade->running)
		if (fiber_sleep(UPGRADE_POLL_MS) != OK)
			break;
}

void upgrade_free(struct upgrade *upgrade)
{
	if (upgrade == NULL)
		return;
	CHECK_OBJ(upgrade, UPGRADE_MAGIC);
	CHECK(!upgrade->running);
	upgrade->magic = 0;
	free(upgrade);
}

struct upgrading {
	struct upgrade *upgrade;
	struct buf *problem;
	int pid;
};

AWAITS static enum err upgrade_on_first_loop(void *arg)
{
	struct upgrading *upgrading = arg;
	struct upgrade *upgrade = upgrading->upgrade;
	AUTO_BUF main_pid = {0};
	enum err err = may_upgrade(upgrade, upgrading->problem);

	if (err == OK) {
		/* Who asked may go away: what was begun is carried through. */
		struct fiber_shield shield = fiber_shield_begin(2 * UPGRADE_READY_MS);

		upgrade->running = true;
		err = upgrade_now(upgrade, upgrading->problem, &upgrading->pid);
		upgrade->running = false;
		fiber_shield_end(shield);
	}
	if (err != OK) {
		log_error("upgrade.failed", LOG_ERR(err), LOG_STR("problem", buf_str(upgrading->problem)),
			  LOG_CSTR("effect", "this process goes on"));
		return err;
	}
	log_info("upgrade.handed_over", LOG_INT("pid", upgrading->pid));
	buf_put_fmt(&main_pid, "MAINPID=%d", upgrading->pid);
	buf_put_byte(&main_pid, '\0');
	notify_systemd(main_pid.p);
	upgrade->spec.on_handed_over(upgrade->spec.arg);
	return OK;
}

AWAITS enum err upgrade_run(struct upgrade *upgrade, struct buf *problem, int *ret_pid)
{
	struct upgrading upgrading = {.upgrade = upgrade, .problem = problem};

	CHECK_OBJ(upgrade, UPGRADE_MAGIC);
	TRY(loop_call(loop_at(0), "upgrade", upgrade_on_first_loop, &upgrading));
	*ret_pid = upgrading.pid;
	return OK;
}
