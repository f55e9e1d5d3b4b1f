/* The life of a child process, in a process group of its own.
 *
 *   STARTING -> RUNNING --child_stop--> STOPPING --term_ms--> TERMINATED --kill_ms--> KILLED
 *      |           |                        |                     |                     |
 *      |           +----------- exits ------+---------------------+---------------------+
 *      |                          v
 *      |                       EXITED: what is left of the group is killed, the pipes are read
 *      |                          |    to their end or for CHILD_DRAIN_MS
 *      +----- did not start ------+
 *                                 v
 *                              CLOSING: handles close; on_exit (if it ever ran); freed
 *
 * Who restarts what, and when, is the owner's business. */
#include "rt/child_private.h"

#include <signal.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"

/* The process groups of all children, process-wide so that the last act can be to kill them, and
 * atomic so that it needs no lock. 0: a free place; -1: taken, not started. */
static _Atomic(pid_t) groups[CHILDREN_MAX];

static void child_set_state(struct child *child, enum child_state state)
{
	static const uint8_t allowed[] = {
		[CHILD_STARTING] = 1 << CHILD_RUNNING | 1 << CHILD_CLOSING,
		[CHILD_RUNNING] = 1 << CHILD_STOPPING | 1 << CHILD_KILLED | 1 << CHILD_EXITED,
		[CHILD_STOPPING] = 1 << CHILD_TERMINATED | 1 << CHILD_KILLED | 1 << CHILD_EXITED,
		[CHILD_TERMINATED] = 1 << CHILD_KILLED | 1 << CHILD_EXITED,
		[CHILD_KILLED] = 1 << CHILD_EXITED,
		[CHILD_EXITED] = 1 << CHILD_CLOSING,
		[CHILD_CLOSING] = 0,
	};

	CHECK(allowed[child->state] >> state & 1);
	child->state = state;
}

/* ---- the table ------------------------------------------------------------------- */

static bool group_reserve(unsigned *ret_slot)
{
	for (unsigned i = 0; i < CHILDREN_MAX; i++) {
		pid_t free_place = 0;

		if (atomic_compare_exchange_strong(&groups[i], &free_place, -1)) {
			*ret_slot = i;
			return true;
		}
	}
	return false;
}

unsigned child_count(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CHILDREN_MAX; i++)
		count += atomic_load_explicit(&groups[i], memory_order_relaxed) != 0;
	return count;
}

void child_kill_all(void)
{
	for (unsigned i = 0; i < CHILDREN_MAX; i++) {
		pid_t group = atomic_load(&groups[i]);

		if (group > 0)
			(void)kill(-group, SIGKILL);
	}
}

/* The group outlives its first process as long as it has members, so its number cannot have
 * become somebody else's while that one is not reaped or just has been. */
static void group_kill(struct child *child, int signum)
{
	(void)kill(-child->process.pid, signum);
}

/* ---- end ------------------------------------------------------------------------- */

static void child_free(struct child *child)
{
	CHECK(child->state == CHILD_CLOSING && child->handles == 0 && child->writing == 0);
	timer_stop(&child->timer);
	buf_free(&child->out.reader.held);
	buf_free(&child->err.reader.held);
	child->magic = 0;
	free(child);
}

static void child_release(struct child *child)
{
	if (child->state == CHILD_CLOSING && child->handles == 0 && child->writing == 0)
		child_free(child);
}

void child_writer_left(struct child *child)
{
	child->writing--;
	child_release(child);
}

void child_closed(struct child *child)
{
	if (--child->handles > 0)
		return;
	/* The owner may well free itself in on_exit; a fiber that was woken out of child_write has
	 * still to pass through it. */
	if (child->events.on_exit != NULL)
		child->events.on_exit(child->owner, child->status);
	child_release(child);
}

static void on_process_closed(uv_handle_t *handle)
{
	child_closed(handle->data);
}

static void child_close(struct child *child)
{
	child_set_state(child, CHILD_CLOSING);
	atomic_store(&groups[child->slot], 0);
	timer_stop(&child->timer);
	child_stdin_end(child, ERR_CLOSED, false);
	child_pipe_close(&child->out);
	child_pipe_close(&child->err);
	if (child->has_process)
		uv_close((uv_handle_t *)&child->process, on_process_closed);
}

void child_pipe_ended(struct child *child)
{
	if (child->state == CHILD_EXITED && !child->out.open && !child->err.open)
		child_close(child);
}

static void on_drained(struct timer *timer)
{
	child_close(CONTAINER_OF(timer, struct child, timer));
}

static void on_process_exit(uv_process_t *process, int64_t status, int signum)
{
	struct child *child = process->data;

	child->status = signum != 0 ? -signum : (int)status;
	child_set_state(child, CHILD_EXITED);
	/* Helpers it left behind would hold the pipes open, and nobody would ever stop them. */
	group_kill(child, SIGKILL);
	child_stdin_end(child, ERR_CLOSED, false);
	timer_set(child->loop, &child->timer, CHILD_DRAIN_MS, on_drained);
	child_pipe_ended(child);
}

/* ---- stopping -------------------------------------------------------------------- */

static void stop_step(struct timer *timer);

static void stop_arm(struct child *child)
{
	int64_t at_ms = child->state == CHILD_STOPPING ? child->term_at_ms : child->kill_at_ms;

	timer_set(child->loop, &child->timer, at_ms - loop_now(child->loop), stop_step);
}

static void stop_step(struct timer *timer)
{
	struct child *child = CONTAINER_OF(timer, struct child, timer);

	if (child->state == CHILD_STOPPING) {
		child_set_state(child, CHILD_TERMINATED);
		group_kill(child, SIGTERM);
		stop_arm(child);
	} else {
		child_set_state(child, CHILD_KILLED);
		group_kill(child, SIGKILL);
	}
}

void child_stop(struct child *child, int64_t term_ms, int64_t kill_ms)
{
	int64_t now_ms, term_at_ms, kill_at_ms;

	CHECK_OBJ(child, CHILD_MAGIC);
	CHECK(child->loop == loop_current && term_ms >= 0 && kill_ms >= 0);
	if (child->state > CHILD_TERMINATED)
		return;
	now_ms = loop_now(child->loop);
	term_at_ms = now_ms + term_ms;
	kill_at_ms = term_at_ms + kill_ms;
	if (child->state == CHILD_RUNNING) {
		child_set_state(child, CHILD_STOPPING);
		child_stdin_end(child, ERR_CLOSED, true);
		child->term_at_ms = term_at_ms;
		child->kill_at_ms = kill_at_ms;
	}
	if (term_at_ms < child->term_at_ms)
		child->term_at_ms = term_at_ms;
	if (kill_at_ms < child->kill_at_ms)
		child->kill_at_ms = kill_at_ms;
	stop_arm(child);
}

void child_fail(struct child *child, enum err reason)
{
	child_stdin_end(child, reason, false);
	if (child->state >= CHILD_KILLED)
		return;
	timer_stop(&child->timer);
	child_set_state(child, CHILD_KILLED);
	group_kill(child, SIGKILL);
}

/* ---- start ----------------------------------------------------------------------- */

static void pipe_init(struct child *child, struct child_pipe *pipe, size_t line_bytes_max, bool cuts,
		      void (*on_line)(void *owner, struct str line))
{
	pipe->child = child;
	pipe->open = true;
	pipe->reader = (struct line_reader){.bytes_max = line_bytes_max, .cuts = cuts};
	pipe->on_line = on_line;
	CHECK(uv_pipe_init(&child->loop->uv, &pipe->handle, 0) == 0);
	pipe->handle.data = pipe;
	child->handles++;
}

static struct child *child_new(const struct child_spec *spec, const struct child_events *events, void *owner)
{
	struct child *child = calloc(1, sizeof(*child));

	CHECK(child != NULL);
	child->magic = CHILD_MAGIC;
	child->loop = loop_current;
	child->owner = owner;
	child->process.data = child;
	list_init(&child->waiting);
	pipe_init(child, &child->in, 0, false, NULL);
	pipe_init(child, &child->out, spec->line_bytes_max, false, events->on_line);
	pipe_init(child, &child->err, CHILD_STDERR_LINE_BYTES_MAX, true, events->on_stderr);
	return child;
}

enum err child_spawn(const struct child_spec *spec, const struct child_events *events, void *owner,
		     struct child **ret_child)
{
	AUTO_BUF path = {0};
	struct child *child;
	unsigned slot;
	enum err err;

	CHECK(loop_current != NULL && spec->args != NULL && spec->line_bytes_max > 0);
	TRY(child_find(spec, &path));
	if (!group_reserve(&slot))
		return ERR_LIMIT;
	child = child_new(spec, events, owner);
	child->slot = slot;
	err = child_exec(child, spec, path.p, on_process_exit);
	if (err != OK) {
		child_close(child); /* frees itself in a later turn; the owner hears nothing */
		return err;
	}
	atomic_store(&groups[slot], child->process.pid);
	child_set_state(child, CHILD_RUNNING);
	child->events = *events;
	child_read_start(child);
	*ret_child = child;
	return OK;
}

int child_pid(const struct child *child)
{
	CHECK_OBJ(child, CHILD_MAGIC);
	return child->process.pid;
}
