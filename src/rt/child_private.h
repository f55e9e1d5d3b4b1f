/* What the files of a child process share: child.c its life, child_io.c its pipes, child_exec.c
 * finding and starting it. */
#ifndef GATEHOUSE_RT_CHILD_PRIVATE_H
#define GATEHOUSE_RT_CHILD_PRIVATE_H

#include "rt/child.h"
#include "rt/line.h"
#include "rt/loop_private.h"

#define CHILD_MAGIC 0x4348494cu /* "CHIL" */
#define CHILD_STDIN_BYTES_MAX (256 * 1024)
#define CHILD_DRAIN_MS 500 /* after the exit, for the last lines; somebody else may hold the pipe */

enum child_state {
	CHILD_STARTING,
	CHILD_RUNNING,
	CHILD_STOPPING,
	CHILD_TERMINATED,
	CHILD_KILLED,
	CHILD_EXITED,
	CHILD_CLOSING,
};

struct child_pipe {
	uv_pipe_t handle;
	struct child *child;
	bool open; /* uv_close has not been called */
	struct line_reader reader;
	void (*on_line)(void *owner, struct str line);
};

struct child {
	uint32_t magic;
	enum child_state state;
	enum err failure; /* why writes are refused: ERR_CLOSED, or ERR_LIMIT after a long line */
	struct loop *loop;
	struct child_events events;
	void *owner;
	unsigned slot; /* in the table of the process's children */
	int status;    /* exit status or -signal */

	uv_process_t process;
	bool has_process; /* uv_spawn has been called: the handle wants to be closed */
	struct child_pipe in, out, err;
	uv_shutdown_t shutdown;
	bool ending;	     /* stdin is to be closed once it is flushed */
	unsigned handles;    /* that are not closed yet */
	unsigned writing;    /* fibers inside child_write */
	struct list waiting; /* of those, who wait for room */

	struct timer timer;
	int64_t term_at_ms, kill_at_ms; /* on loop_now(), while stopping */
};

/* ---- child_exec.c ---------------------------------------------------------------- */

/* The file to execute: spec->file itself if it names a path, else as found in the child's PATH.
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err child_find(const struct child_spec *spec, struct buf *out);

/* Start the process `path` with its pipes and limits. After a failure, too, the child has handles
 * to close.
 *   Errors     ERR_NOT_FOUND, ERR_SYSTEM (logged) */
NODISCARD enum err child_exec(struct child *child, const struct child_spec *spec, const char *path, uv_exit_cb on_exit);

/* ---- child_io.c ------------------------------------------------------------------ */

/* Begin to read lines. */
void child_read_start(struct child *child);

/* Refuse writes from now on, with the reason, and close stdin: at once or when it is flushed. */
void child_stdin_end(struct child *child, enum err reason, bool flush);

/* Close a pipe; child_closed will be called. */
void child_pipe_close(struct child_pipe *pipe);

/* ---- child.c --------------------------------------------------------------------- */

/* A handle has been closed. */
void child_closed(struct child *child);

/* A pipe has come to its end. */
void child_pipe_ended(struct child *child);

/* It broke the rules: SIGKILL now. */
void child_fail(struct child *child, enum err reason);

/* A fiber has left child_write. */
void child_writer_left(struct child *child);

#endif
