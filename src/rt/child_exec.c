/* Finding a program and starting it with exactly the environment, directory and limits that were
 * asked for.
 *
 * The pipes are pipes, not the socket pairs libuv would make: twice as fast, and programs may
 * open /dev/stdin. The program is looked up here, in the PATH of the child's own environment,
 * since execvp would fall back on a default of its own. Limits are set with prlimit(2) as soon as
 * uv_spawn has returned, which is after the exec: libuv has no hook in the child, and what they
 * bound is what a server may grow to, not its first few hundred microseconds; it has not read a
 * byte by then. A helper of the prlimit(1) kind would close that gap for a second exec and one
 * more program to depend on. */
#include "rt/child_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"

#define PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin"

static struct str path_of(char *const *env)
{
	for (size_t i = 0; env != NULL && env[i] != NULL; i++) {
		struct str entry = str_of(env[i]);

		if (str_starts(entry, STR("PATH=")))
			return str_skip(entry, sizeof("PATH=") - 1);
	}
	return STR(PATH_DEFAULT);
}

static bool is_program(const char *path)
{
	struct stat stat_;

	return stat(path, &stat_) == 0 && S_ISREG(stat_.st_mode) && access(path, X_OK) == 0;
}

enum err child_find(const struct child_spec *spec, struct buf *out)
{
	struct str file = str_of(spec->file), left = path_of(spec->env), directory;

	if (file.n == 0)
		return ERR_NOT_FOUND;
	if (memchr(file.p, '/', file.n) != NULL) {
		buf_put(out, file);
		buf_put_byte(out, '\0');
		return OK; /* execve says whether it is there, seen from the child's directory */
	}
	while (left.n > 0) {
		(void)str_cut(left, ':', &directory, &left);
		if (directory.n == 0 || directory.p[0] != '/')
			continue; /* the current directory, in disguise */
		out->n = 0;
		buf_put(out, directory);
		buf_put_byte(out, '/');
		buf_put(out, file);
		buf_put_byte(out, '\0');
		if (is_program(out->p))
			return OK;
	}
	return ERR_NOT_FOUND;
}

/* ---- pipes ----------------------------------------------------------------------- */

struct ends {
	int ours[3], theirs[3]; /* -1: closed or handed over */
};

static void ends_close(int fd[3])
{
	for (int i = 0; i < 3; i++) {
		if (fd[i] >= 0)
			CHECK(close(fd[i]) == 0);
		fd[i] = -1;
	}
}

static int ends_open(struct ends *ends)
{
	*ends = (struct ends){{-1, -1, -1}, {-1, -1, -1}};
	for (int i = 0; i < 3; i++) {
		int fd[2];

		if (pipe2(fd, O_CLOEXEC) != 0)
			return uv_translate_sys_error(errno);
		ends->ours[i] = fd[i == 0 ? 1 : 0];
		ends->theirs[i] = fd[i == 0 ? 0 : 1];
	}
	return 0;
}

/* Our ends become the child's streams, which then own them. */
static int ends_adopt(struct child *child, struct ends *ends)
{
	struct child_pipe *const pipe[3] = {&child->in, &child->out, &child->err};

	for (int i = 0; i < 3; i++) {
		int failed = uv_pipe_open(&pipe[i]->handle, ends->ours[i]);

		if (failed != 0)
			return failed;
		ends->ours[i] = -1;
	}
	return 0;
}

/* ---- start ----------------------------------------------------------------------- */

static void limit(pid_t pid, __rlimit_resource_t resource, const char *name, uint64_t value)
{
	struct rlimit wanted = {value, value}, present;

	if (value == 0)
		return;
	/* Never above what we may grant: without privilege that would fail and leave no limit. */
	if (prlimit(pid, resource, NULL, &present) == 0 && present.rlim_max < wanted.rlim_max)
		wanted.rlim_cur = wanted.rlim_max = present.rlim_max;
	if (prlimit(pid, resource, &wanted, NULL) != 0)
		log_warn("child.limit", LOG_INT("pid", pid), LOG_CSTR("limit", name),
			 LOG_CSTR("reason", strerrordesc_np(errno)));
}

static int spawn(struct child *child, const struct child_spec *spec, const struct ends *ends, const char *path,
		 uv_exit_cb on_exit)
{
	static char *no_env[] = {NULL};
	uv_stdio_container_t stdio[3];
	const uv_process_options_t options = {
		.exit_cb = on_exit,
		.file = path,
		.args = (char **)spec->args,
		.env = spec->env != NULL ? (char **)spec->env : no_env,
		.cwd = spec->cwd,
		.flags = UV_PROCESS_DETACHED, /* setsid: a session and a process group of its own */
		.stdio_count = 3,
		.stdio = stdio,
	};

	for (int i = 0; i < 3; i++)
		stdio[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = ends->theirs[i]};
	child->has_process = true;
	child->handles++;
	return uv_spawn(&child->loop->uv, &child->process, &options);
}

enum err child_exec(struct child *child, const struct child_spec *spec, const char *path, uv_exit_cb on_exit)
{
	struct ends ends;
	int failed = ends_open(&ends);

	if (failed == 0)
		failed = ends_adopt(child, &ends);
	if (failed == 0)
		failed = spawn(child, spec, &ends, path, on_exit);
	ends_close(ends.ours);
	ends_close(ends.theirs);
	if (failed == UV_ENOENT)
		return ERR_NOT_FOUND;
	if (failed != 0) {
		log_warn("child.spawn", LOG_CSTR("file", spec->file), LOG_CSTR("reason", uv_strerror(failed)));
		return ERR_SYSTEM;
	}
	limit(child->process.pid, RLIMIT_AS, "memory", spec->memory_bytes_max);
	limit(child->process.pid, RLIMIT_NOFILE, "files", spec->files_max);
	limit(child->process.pid, RLIMIT_NPROC, "processes", spec->processes_max);
	return OK;
}
