/* Child processes: spawned into their own process group with a scrubbed environment,
 * rlimits and a working directory; killed as a group. Lines of stdout arrive by callback,
 * lines of stderr too; stdin is written with backpressure. Who restarts what, and when, is
 * the owner's business (upstream/channel_stdio.c). */
#ifndef GATEHOUSE_RT_CHILD_H
#define GATEHOUSE_RT_CHILD_H

#include "rt/loop.h"

struct child;

struct child_spec {
	const char *file;	   /* looked up in the PATH of `env` (or /usr/local/bin:/usr/bin:/bin) */
	char *const *args;	   /* argv, NULL-terminated */
	char *const *env;	   /* the whole environment, NULL-terminated: nothing is inherited */
	const char *cwd;	   /* NULL: the gateway's */
	uint64_t memory_bytes_max; /* RLIMIT_AS; 0 none (node needs much address space) */
	uint64_t files_max;	   /* RLIMIT_NOFILE; 0 none */
	uint64_t processes_max;	   /* RLIMIT_NPROC; 0 none */
	size_t line_bytes_max;	   /* of stdout; a longer one: SIGKILL, writes ERR_LIMIT */
};

/* Callbacks, all on the child's loop, never from inside child_spawn.
 *   on_line    one line of stdout without its newline, valid during the call
 *   on_stderr  one line of stderr (cut at CHILD_STDERR_LINE_BYTES_MAX)
 *   on_exit    exactly once, after the last line: exit status or -signal; the child is freed
 *              after it returns */
struct child_events {
	void (*on_line)(void *owner, struct str line);
	void (*on_stderr)(void *owner, struct str line);
	void (*on_exit)(void *owner, int status);
};

/* Start a child on the calling loop.
 *   ret_child  valid until on_exit returned
 *   Errors     ERR_NOT_FOUND (no such file), ERR_SYSTEM, ERR_LIMIT (CHILDREN_MAX)
 *   Runs on    a loop, fiber or callback */
NODISCARD enum err child_spawn(const struct child_spec *spec, const struct child_events *events, void *owner,
			       struct child **ret_child);

/* Write to stdin; waits while more than 256 KB are queued.
 *   Errors     ERR_CLOSED (it closed stdin, was stopped or exited), ERR_LIMIT (a line was too
 *              long), ERR_CANCELED, ERR_TIMEOUT; once OK, all of the bytes are on their way
 *   Runs on    a fiber of the child's loop */
NODISCARD enum err child_write(struct child *child, struct str bytes) AWAITS;

/* Close stdin, then SIGTERM its group after `term_ms`, SIGKILL after `kill_ms` more. on_exit
 * follows. Calling it again only shortens the times. */
void child_stop(struct child *child, int64_t term_ms, int64_t kill_ms);

/* Its process id, for logs and status. */
int child_pid(const struct child *child);

/* Children alive in this process. */
unsigned child_count(void);

/* SIGKILL every child group at once: the last act of a process that must end now. */
void child_kill_all(void);

#endif
