/* Fork and exec, with descriptors at the places where the protocol wants them.
 *
 * libuv's children will not do: LISTEN_PID must name the child, which is only known after the fork. So
 * everything is prepared before, the fork is done by a worker thread (copying the page tables of a large
 * process takes a while), and between fork and exec only memory that is there already is touched and only
 * what may be called in the child of a process with threads is called. */
#include "rt/activate.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "rt/loop.h"

#define ACTIVATION_MAGIC 0x41435456u /* "ACTV" */
#define ARGS_MAX 8
#define PID_DIGITS_MAX 20
#define KILL_MS 10000

struct activation {
	uint32_t magic;
	const char *program;
	const char *args[ARGS_MAX];
	char **env;
	struct buf names, count_text;
	char pid_text[sizeof("LISTEN_PID=") + PID_DIGITS_MAX];
	size_t count;
	int fds[ACTIVATION_FDS_MAX];
	pid_t pid;
	int reason; /* errno of the worker's thread */
};

struct activation *activation_new(const char *const *args)
{
	struct activation *activation = calloc(1, sizeof(*activation));
	size_t n = 0;

	CHECK(activation != NULL);
	activation->magic = ACTIVATION_MAGIC;
	activation->program = (const char *)getauxval(AT_EXECFN);
	activation->args[n++] = activation->program;
	for (; *args != NULL; args++) {
		CHECK(n < ARGS_MAX - 1);
		activation->args[n++] = *args;
	}
	return activation;
}

void activation_pass(struct activation *activation, int fd, struct str name)
{
	CHECK_OBJ(activation, ACTIVATION_MAGIC);
	CHECK(activation->count < ACTIVATION_FDS_MAX);
	buf_put(&activation->names, activation->count == 0 ? STR("LISTEN_FDNAMES=") : STR(":"));
	buf_put(&activation->names, name);
	activation->fds[activation->count++] = fd;
}

static void close_all(struct activation *activation)
{
	while (activation->count > 0)
		close(activation->fds[--activation->count]);
}

/* Out of the way of the places that they are copied to in the child. */
static NODISCARD bool lift(struct activation *activation)
{
	int free_from = ACTIVATION_FIRST_FD + (int)activation->count;

	for (size_t i = 0; i < activation->count; i++) {
		int low = activation->fds[i], high;

		if (low >= free_from)
			continue;
		high = fcntl(low, F_DUPFD_CLOEXEC, free_from);
		if (high < 0)
			return false;
		close(low);
		activation->fds[i] = high;
	}
	return true;
}

/* Without WATCHDOG_PID, which names this process, systemd's variables of the watchdog are for anybody. */
static bool is_passed_on(const char *variable)
{
	return strncmp(variable, "LISTEN_", 7) != 0 && strncmp(variable, "WATCHDOG_PID=", 13) != 0;
}

static void set_environment(struct activation *activation)
{
	size_t n = 0, count = 0;

	while (environ[count] != NULL)
		count++;
	activation->env = calloc(count + 4, sizeof(*activation->env)); /* three of ours, and the end */
	CHECK(activation->env != NULL);
	for (size_t i = 0; i < count; i++)
		if (is_passed_on(environ[i]))
			activation->env[n++] = environ[i];
	buf_put_fmt(&activation->count_text, "LISTEN_FDS=%zu", activation->count);
	buf_put_byte(&activation->count_text, '\0');
	buf_put_byte(&activation->names, '\0');
	memcpy(activation->pid_text, "LISTEN_PID=", sizeof("LISTEN_PID=")); /* the child adds its own */
	activation->env[n++] = activation->count_text.p;
	activation->env[n++] = activation->names.p;
	activation->env[n++] = activation->pid_text;
}

/* In the child. A signal that came before the exec must not run our handlers, so the thread's mask,
 * which blocks all of them, is opened last; a handler is a default one after the exec. */
static void become(struct activation *activation)
{
	int last = ACTIVATION_FIRST_FD + (int)activation->count - 1;
	char digits[PID_DIGITS_MAX], *at = digits + sizeof(digits);
	const struct sigaction by_default = {.sa_handler = SIG_DFL};
	const char *why;
	sigset_t none;

	for (size_t i = 0; i < activation->count; i++)
		if (dup2(activation->fds[i], ACTIVATION_FIRST_FD + (int)i) < 0)
			_exit(127);
	for (unsigned left = (unsigned)getpid(); left > 0; left /= 10)
		*--at = (char)('0' + left % 10);
	memcpy(activation->pid_text + sizeof("LISTEN_PID=") - 1, at, (size_t)(digits + sizeof(digits) - at));
	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &by_default, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execve(activation->program, (char *const *)activation->args, activation->env);
	why = strerrordesc_np(errno);
	(void)!write(last, "STATUS=it cannot be executed: ", 30);
	(void)!write(last, why, strlen(why));
	_exit(127);
}

/* Signals are blocked over the fork: the child has our handlers, which would write to our loop's pipe. */
static enum err fork_and_become(void *arg)
{
	struct activation *activation = arg;
	sigset_t all, before;

	sigfillset(&all);
	CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
	activation->pid = fork();
	if (activation->pid == 0)
		become(activation);
	activation->reason = errno;
	CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	return activation->pid < 0 ? ERR_SYSTEM : OK;
}

AWAITS enum err activation_run(struct activation *activation, pid_t *ret_pid)
{
	enum err err = ERR_SYSTEM;

	CHECK_OBJ(activation, ACTIVATION_MAGIC);
	CHECK(activation->count > 0 && activation->env == NULL);
	if (lift(activation)) {
		set_environment(activation);
		err = work_run(fork_and_become, activation);
	} else {
		activation->reason = errno;
	}
	close_all(activation);
	if (err == OK)
		*ret_pid = activation->pid;
	else
		errno = activation->reason;
	return err;
}

const char *activation_program(const struct activation *activation)
{
	CHECK_OBJ(activation, ACTIVATION_MAGIC);
	return activation->program;
}

void activation_free(struct activation *activation)
{
	CHECK_OBJ(activation, ACTIVATION_MAGIC);
	close_all(activation);
	buf_free(&activation->names);
	buf_free(&activation->count_text);
	free(activation->env);
	activation->magic = 0;
	free(activation);
}

static enum err kill_and_wait(void *arg)
{
	pid_t pid = *(pid_t *)arg;

	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return OK;
}

AWAITS void activation_kill(pid_t pid)
{
	struct fiber_shield shield = fiber_shield_begin(KILL_MS);

	(void)!work_run(kill_and_wait, &pid);
	fiber_shield_end(shield);
}
