/* Child processes: lines both ways, environment, limits, and that a whole group dies. */
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/child.h"
#include "rt/sanitizer.h"

#define LINE_BYTES_MAX (1024 * 1024)

struct watch {
	struct child *child;
	struct buf out, err; /* lines, each followed by \n */
	size_t lines;
	struct wait exited;
	int status, exits;
};

static void on_line(void *owner, struct str line)
{
	struct watch *watch = owner;

	ck_assert_int_eq(watch->exits, 0);
	buf_put(&watch->out, line);
	buf_put_byte(&watch->out, '\n');
	watch->lines++;
}

static void on_stderr(void *owner, struct str line)
{
	struct watch *watch = owner;

	buf_put(&watch->err, line);
	buf_put_byte(&watch->err, '\n');
}

static void on_exit_(void *owner, int status)
{
	struct watch *watch = owner;

	watch->status = status;
	watch->exits++;
	watch->child = NULL;
	wait_done(&watch->exited, OK);
}

static const struct child_events events = {on_line, on_stderr, on_exit_};

/* Strings are const here, argv is not. */
static struct child_spec spec_of(const char *file, const char *const *args, const char *const *env)
{
	return (struct child_spec){.file = file,
				   .args = (char *const *)(uintptr_t)args,
				   .env = (char *const *)(uintptr_t)env,
				   .line_bytes_max = LINE_BYTES_MAX};
}

static enum err shell(struct watch *watch, const char *script)
{
	const char *const args[] = {"sh", "-c", script, NULL}, *const env[] = {"PATH=/usr/bin:/bin", NULL};
	const struct child_spec spec = spec_of("sh", args, env);

	*watch = (struct watch){.child = NULL};
	return child_spawn(&spec, &events, watch, &watch->child);
}

AWAITS static void await_exit(struct watch *watch)
{
	ck_ok(wait_for(&watch->exited, NULL, NULL));
	ck_assert_int_eq(watch->exits, 1);
}

static void watch_free(struct watch *watch)
{
	buf_free(&watch->out);
	buf_free(&watch->err);
}

/* Gone: no process has this id, or only one that nobody has reaped yet. */
AWAITS static void await_gone(pid_t pid)
{
	char path[64], text[512], *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while ((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = '\0';
		state = strrchr(text, ')');
		if (state == NULL || state[2] == 'Z' || state[2] == 'X')
			return;
		ck_ok(fiber_sleep(5));
	}
}

/* The number on the n-th line. */
static int number_on_line(struct watch *watch, size_t n)
{
	struct str rest = buf_str(&watch->out), line = STR_NONE;
	uint64_t number;

	for (size_t i = 0; i <= n; i++)
		ck_assert(str_cut(rest, '\n', &line, &rest));
	ck_ok(str_to_u64(line, &number));
	return (int)number;
}

AWAITS static void await_lines(struct watch *watch, size_t lines)
{
	while (watch->lines < lines)
		ck_ok(fiber_sleep(5));
}

/* ---- lines ----------------------------------------------------------------------- */

AWAITS static void lines_body(void *arg)
{
	struct watch watch;

	ck_ok(shell(&watch, "echo one; echo two >&2; printf three; exit 7"));
	ck_assert_int_gt(child_pid(watch.child), 1);
	ck_assert_uint_eq(child_count(), 1);
	await_exit(&watch);
	ck_assert_int_eq(watch.status, 7);
	ck_bytes(buf_str(&watch.out), STR("one\nthree\n"));
	ck_bytes(buf_str(&watch.err), STR("two\n"));
	ck_assert_uint_eq(child_count(), 0);
	watch_free(&watch);
}

START_TEST(lines_come_before_the_exit)
{
	run(1, lines_body);
}
END_TEST

AWAITS static void echo_body(void *arg)
{
	static char line[200 * 1024];
	struct watch watch;

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	ck_ok(shell(&watch, "exec cat"));
	for (int i = 0; i < 20; i++) /* more than the pipes and the queue hold: it waits */
		ck_ok(child_write(watch.child, (struct str){line, sizeof(line)}));
	child_stop(watch.child, 60000, 60000); /* closes stdin, after what is queued */
	ck_err(child_write(watch.child, STR("late\n")), ERR_CLOSED);
	await_exit(&watch);
	ck_assert_int_eq(watch.status, 0);
	ck_assert_uint_eq(watch.lines, 20);
	ck_assert_uint_eq(watch.out.n, 20 * sizeof(line));
	watch_free(&watch);
}

START_TEST(what_is_written_comes_back)
{
	run(1, echo_body);
}
END_TEST

struct writer {
	struct watch *watch;
	struct fiber *fiber;
	enum err got;
	bool back;
};

AWAITS static void writer_main(void *arg)
{
	static char block[64 * 1024];
	struct writer *writer = arg;

	do
		writer->got = child_write(writer->watch->child, (struct str){block, sizeof(block)});
	while (writer->got == OK);
	writer->back = true;
}

/* Two writers wait on a child that never reads; one is canceled, the other sees it die. */
AWAITS static void full_body(void *arg)
{
	struct watch watch;
	struct writer one = {.watch = &watch}, two = {.watch = &watch};

	ck_ok(shell(&watch, "exec sleep 60"));
	ck_ok(fiber_spawn(loop_self(), "writer", writer_main, &one, 0, &one.fiber));
	ck_ok(fiber_spawn(loop_self(), "writer", writer_main, &two, 0, &two.fiber));
	ck_ok(fiber_sleep(30));
	ck_assert(!one.back && !two.back);
	fiber_cancel(one.fiber);
	ck_ok(fiber_sleep(20));
	ck_assert(one.back && !two.back);
	ck_err(one.got, ERR_CANCELED);
	child_stop(watch.child, 0, 0);
	await_exit(&watch);
	ck_ok(fiber_sleep(1));
	ck_assert(two.back);
	ck_err(two.got, ERR_CLOSED);
	watch_free(&watch);
}

START_TEST(writers_wait_for_room)
{
	run(1, full_body);
}
END_TEST

AWAITS static void closed_stdin_body(void *arg)
{
	struct watch watch;
	enum err err;

	ck_ok(shell(&watch, "exec <&-; echo closed; sleep 60"));
	await_lines(&watch, 1);
	do
		err = child_write(watch.child, STR("anybody?\n"));
	while (err == OK && fiber_sleep(1) == OK);
	ck_err(err, ERR_CLOSED);
	child_stop(watch.child, 0, 1000);
	await_exit(&watch);
	watch_free(&watch);
}

START_TEST(a_closed_stdin_is_seen)
{
	run(1, closed_stdin_body);
}
END_TEST

AWAITS static void long_line_body(void *arg)
{
	struct watch watch;

	ck_ok(shell(&watch, "echo short; head -c 3000000 /dev/zero; sleep 60"));
	await_exit(&watch);
	ck_assert_int_eq(watch.status, -SIGKILL);
	ck_bytes(buf_str(&watch.out), STR("short\n"));
	watch_free(&watch);
}

START_TEST(a_line_without_end_is_the_end)
{
	run(1, long_line_body);
}
END_TEST

AWAITS static void long_stderr_body(void *arg)
{
	struct watch watch;

	ck_ok(shell(&watch, "head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo after >&2"));
	await_exit(&watch);
	ck_assert_int_eq(watch.status, 0);
	ck_assert_uint_eq(watch.err.n, 8192 + 1 + sizeof("after"));
	watch_free(&watch);
}

START_TEST(a_long_line_of_stderr_is_cut)
{
	run(1, long_stderr_body);
}
END_TEST

/* ---- environment and limits ------------------------------------------------------ */

AWAITS static void env_body(void *arg)
{
	const char *const args[] = {"env", NULL}, *const env[] = {"ONLY=this", NULL};
	const struct child_spec spec = spec_of("env", args, env);
	struct watch watch = {.child = NULL};

	ck_assert_int_eq(setenv("GATEHOUSE_TEST_SECRET", "leaked", 1), 0);
	ck_ok(child_spawn(&spec, &events, &watch, &watch.child)); /* found in the default PATH */
	await_exit(&watch);
	ck_bytes(buf_str(&watch.out), STR("ONLY=this\n"));
	watch_free(&watch);
}

START_TEST(the_environment_is_what_was_given)
{
	run(1, env_body);
}
END_TEST

/* Descriptors that this process would hand to anybody; the runtime itself opens none such. */
static int inheritable(void)
{
	int count = 0;

	for (int fd = 3; fd < 256; fd++) {
		int flags = fcntl(fd, F_GETFD);

		count += flags >= 0 && (flags & FD_CLOEXEC) == 0;
	}
	return count;
}

AWAITS static void setting_body(void *arg)
{
	const char *const args[] = {"sh", "-c", "read go; pwd; ulimit -n; ulimit -v; ls /proc/self/fd | wc -l", NULL};
	const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
	struct child_spec spec = spec_of("sh", args, env);
	struct watch watch = {.child = NULL};
	char want[64];

	spec.cwd = "/usr";
	spec.memory_bytes_max = 1 << 30;
	spec.files_max = 33;
	ck_ok(child_spawn(&spec, &events, &watch, &watch.child));
	ck_ok(child_write(watch.child, STR("go\n")));
	await_exit(&watch);
	/* 0, 1, 2 and the one that ls reads the directory with */
	snprintf(want, sizeof(want), "/usr\n33\n1048576\n%d\n", 4 + inheritable());
	ck_bytes(buf_str(&watch.out), str_of(want));
	watch_free(&watch);
}

START_TEST(directory_limits_and_descriptors)
{
	run(1, setting_body);
}
END_TEST

static enum err try_file(const char *file, const char *path, const char *cwd)
{
	const char *const args[] = {"x", NULL}, *const env[] = {path, NULL};
	struct child_spec spec = spec_of(file, args, env);
	struct watch watch = {.child = NULL};

	spec.cwd = cwd;
	return child_spawn(&spec, &events, &watch, &watch.child);
}

AWAITS static void missing_body(void *arg)
{
	ck_err(try_file("gatehouse-no-such-program", NULL, NULL), ERR_NOT_FOUND);
	ck_err(try_file("/gatehouse/no/such/program", NULL, NULL), ERR_NOT_FOUND);
	ck_err(try_file("sh", "PATH=/gatehouse-no-such-directory:.:", "/bin"), ERR_NOT_FOUND);
	ck_err(try_file("", NULL, NULL), ERR_NOT_FOUND);
	ck_err(try_file("sh", NULL, "/gatehouse-no-such-directory"), ERR_NOT_FOUND);
	ck_err(try_file("/etc/passwd", NULL, NULL), ERR_SYSTEM);
	ck_ok(fiber_sleep(1));
	ck_assert_uint_eq(child_count(), 0);
}

START_TEST(a_missing_program_is_not_found)
{
	run(1, missing_body);
}
END_TEST

/* Neither what this process ignores nor what the loop's thread blocks reaches the child. */
AWAITS static enum err signals_there(void *arg)
{
	struct watch watch;

	ck_ok(shell(&watch, "kill -PIPE $$; exit 0"));
	await_exit(&watch);
	ck_assert_int_eq(watch.status, -SIGPIPE);
	ck_ok(shell(&watch, "kill -TERM $$; exit 0"));
	await_exit(&watch);
	ck_assert_int_eq(watch.status, -SIGTERM);
	return OK;
}

AWAITS static void signals_body(void *arg)
{
	ck_ok(loop_call(loop_at(1), "signals", signals_there, NULL));
}

START_TEST(signals_are_as_in_a_fresh_process)
{
	run(2, signals_body);
}
END_TEST

/* ---- the group ------------------------------------------------------------------- */

AWAITS static void group_body(void *arg)
{
	struct watch watch;
	int grandchild;

	ck_ok(shell(&watch, "sleep 60 & echo $!; wait"));
	await_lines(&watch, 1);
	grandchild = number_on_line(&watch, 0);
	ck_assert_int_eq(kill(grandchild, 0), 0);
	child_stop(watch.child, 0, 10000);
	await_exit(&watch);
	ck_assert_int_eq(watch.status, -SIGTERM);
	await_gone(grandchild);
	watch_free(&watch);
}

START_TEST(stop_reaches_grandchildren)
{
	run(1, group_body);
}
END_TEST

AWAITS static void deaf_body(void *arg)
{
	struct watch watch;
	int grandchild;

	ck_ok(shell(&watch, "trap '' TERM; sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' & "
			    "while :; do sleep 1; done"));
	await_lines(&watch, 1);
	grandchild = number_on_line(&watch, 0);
	child_stop(watch.child, 100000, 100000);
	child_stop(watch.child, 10, 40); /* only sooner */
	child_stop(watch.child, 100000, 100000);
	await_exit(&watch);
	ck_assert_int_eq(watch.status, -SIGKILL);
	await_gone(grandchild);
	watch_free(&watch);
}

START_TEST(who_ignores_sigterm_gets_sigkill)
{
	run(1, deaf_body);
}
END_TEST

AWAITS static void orphan_body(void *arg)
{
	struct watch watch;
	int grandchild;

	/* The child ends by itself and leaves a helper that holds its pipes. */
	ck_ok(shell(&watch, "sleep 60 & echo $!; exit 3"));
	await_exit(&watch);
	ck_assert_int_eq(watch.status, 3);
	grandchild = number_on_line(&watch, 0);
	await_gone(grandchild);
	watch_free(&watch);
}

START_TEST(helpers_do_not_outlive_the_child)
{
	run(1, orphan_body);
}
END_TEST

AWAITS static void escaped_body(void *arg)
{
	struct watch watch;
	int64_t began_ms = clock_ms();

	/* A helper in a session of its own is out of reach, but must not keep us waiting. */
	ck_ok(shell(&watch, "setsid sh -c 'echo $$; exec sleep 5' & read go; exit 0"));
	await_lines(&watch, 1);
	ck_ok(child_write(watch.child, STR("go\n")));
	await_exit(&watch);
	ck_assert_int_lt(clock_ms() - began_ms, 4000);
	(void)kill(number_on_line(&watch, 0), SIGKILL);
	watch_free(&watch);
}

START_TEST(an_escaped_helper_does_not_hold_us_up)
{
	run(1, escaped_body);
}
END_TEST

AWAITS static void kill_all_body(void *arg)
{
	struct watch one, two;

	ck_ok(shell(&one, "exec sleep 60"));
	ck_ok(shell(&two, "exec sleep 60"));
	ck_assert_uint_eq(child_count(), 2);
	child_kill_all();
	await_exit(&one);
	await_exit(&two);
	ck_assert_int_eq(one.status, -SIGKILL);
	ck_assert_int_eq(two.status, -SIGKILL);
	watch_free(&one);
	watch_free(&two);
}

START_TEST(kill_all_kills_all)
{
	run(1, kill_all_body);
}
END_TEST

/* 100 children, one after the other: neither descriptors nor places leak. */
AWAITS static void churn_body(void *arg)
{
	int before = -1, after;
	struct watch watch;

	for (int i = 0; i < 100; i++) {
		if (i == 1)
			before = dup(0); /* what libuv opens once is open now */
		ck_ok(shell(&watch, "exec cat"));
		child_stop(watch.child, 1000, 1000);
		await_exit(&watch);
		watch_free(&watch);
	}
	after = dup(0);
	ck_assert_int_eq(after, before + 1);
	close(after);
	close(before);
	ck_assert_uint_eq(child_count(), 0);
}

START_TEST(churn_leaks_nothing)
{
	ck_ok(rt_run(1, churn_body, NULL));
}
END_TEST

UNIT_MAIN("child", lines_come_before_the_exit, what_is_written_comes_back, writers_wait_for_room,
	  a_closed_stdin_is_seen, a_line_without_end_is_the_end, a_long_line_of_stderr_is_cut,
	  the_environment_is_what_was_given, directory_limits_and_descriptors, a_missing_program_is_not_found,
	  signals_are_as_in_a_fresh_process, stop_reaches_grandchildren, who_ignores_sigterm_gets_sigkill,
	  helpers_do_not_outlive_the_child, an_escaped_helper_does_not_hold_us_up, kill_all_kills_all,
	  churn_leaks_nothing)
