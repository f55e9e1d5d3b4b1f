/* Child processes over libuv. A child starts in a session of its own, so that its whole group
 * can be killed; its limits are set with prlimit(2) right after the start, before it can have
 * done much, because libuv offers no hook between fork and exec.
 *
 *   RUNNING --stop--> STOPPING (stdin closed) --> TERMED --> KILLED
 *      |                   |                        |          |
 *      +---- exited and all pipes at their end ----------------+--> on_exit, freed */
#include "rt/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "rt/line.h"
#include "rt/private.h"

#define CHILD_MAGIC 0x4348494cu /* "CHIL" */
#define STDIN_QUEUE_BYTES_MAX (256 * 1024)

enum child_state { CHILD_RUNNING, CHILD_STOPPING, CHILD_TERMED, CHILD_KILLED, CHILD_EXITED };

struct child_pipe {
	uv_pipe_t handle;
	struct child *child;
	struct line_reader lines;
	void (*on_line)(void *owner, struct str line);
	bool open; /* the handle is not closed yet */
};

struct child {
	uint32_t magic;
	enum child_state state;
	struct loop *loop;
	uv_process_t process;
	struct child_pipe in, out, err;
	const struct child_events *events;
	void *owner;
	int status;
	unsigned handles_open;
	struct list writers;  /* struct wait.link: fibers waiting for room in stdin */
	struct timer timer;   /* the next step of stopping */
	int64_t kill_ms;      /* from SIGTERM to SIGKILL */
	struct list all_link; /* in `living` */
};

/* Every child of the process, so that the last act can be to kill them all. */
static struct {
	pthread_mutex_t lock;
	struct list list;
	unsigned count;
} living = {.lock = PTHREAD_MUTEX_INITIALIZER, .list = {&living.list, &living.list}};

static void child_set_state(struct child *child, enum child_state state)
{
	CHECK(state > child->state);
	child->state = state;
}

unsigned child_count(void)
{
	unsigned count;

	pthread_mutex_lock(&living.lock);
	count = living.count;
	pthread_mutex_unlock(&living.lock);
	return count;
}

/* Take one of the places, before anything is opened for the child. */
static bool living_reserve(void)
{
	bool room;

	pthread_mutex_lock(&living.lock);
	room = living.count < CHILDREN_MAX;
	living.count += room;
	pthread_mutex_unlock(&living.lock);
	return room;
}

static void living_add(struct child *child)
{
	pthread_mutex_lock(&living.lock);
	list_add_tail(&living.list, &child->all_link);
	pthread_mutex_unlock(&living.lock);
}

static void living_remove(struct child *child)
{
	pthread_mutex_lock(&living.lock);
	list_remove(&child->all_link);
	living.count--;
	pthread_mutex_unlock(&living.lock);
}

void child_kill_all(void)
{
	pthread_mutex_lock(&living.lock);
	for (struct list *l = living.list.next; l != &living.list; l = l->next) {
		struct child *child = LIST_OBJ(l, struct child, all_link);

		if (child->process.pid > 0)
			kill(-child->process.pid, SIGKILL);
	}
	pthread_mutex_unlock(&living.lock);
}

/* ---- end ------------------------------------------------------------------------- */

static void wake_writers(struct child *child, enum err err)
{
	struct list *link;

	while ((link = list_pop(&child->writers)) != NULL)
		wait_done(LIST_OBJ(link, struct wait, link), err);
}

static void child_free(struct child *child)
{
	line_reader_free(&child->out.lines);
	line_reader_free(&child->err.lines);
	timer_stop(&child->timer);
	child->magic = 0;
	free(child);
}

/* The last handle is closed: nothing can come any more. */
static void handle_closed(struct child *child)
{
	if (--child->handles_open > 0)
		return;
	living_remove(child);
	wake_writers(child, ERR_CLOSED);
	if (child->events != NULL)
		child->events->on_exit(child->owner, child->status);
	child_free(child);
}

static void pipe_closed(uv_handle_t *handle)
{
	struct child_pipe *pipe = CONTAINER_OF(handle, struct child_pipe, handle);

	handle_closed(pipe->child);
}

static void pipe_close(struct child_pipe *pipe)
{
	if (!pipe->open)
		return;
	pipe->open = false;
	uv_close((uv_handle_t *)&pipe->handle, pipe_closed);
}

static void process_closed(uv_handle_t *handle)
{
	handle_closed(CONTAINER_OF(handle, struct child, process));
}

/* A grandchild may hold the pipes open after the child has gone: the group goes with it. */
static void process_exited(uv_process_t *process, int64_t status, int signum)
{
	struct child *child = CONTAINER_OF(process, struct child, process);

	child->status = signum != 0 ? -signum : (int)status;
	kill(-process->pid, SIGKILL);
	child_set_state(child, CHILD_EXITED);
	timer_stop(&child->timer);
	pipe_close(&child->in);
	uv_close((uv_handle_t *)process, process_closed);
	wake_writers(child, ERR_CLOSED);
}

/* ---- stopping -------------------------------------------------------------------- */

static void stop_step(struct timer *timer)
{
	struct child *child = CONTAINER_OF(timer, struct child, timer);

	if (child->state == CHILD_STOPPING) {
		child_set_state(child, CHILD_TERMED);
		kill(-child->process.pid, SIGTERM);
		timer_set(child->loop, &child->timer, child->kill_ms, stop_step);
	} else if (child->state == CHILD_TERMED) {
		child_set_state(child, CHILD_KILLED);
		kill(-child->process.pid, SIGKILL);
	}
}

void child_stop(struct child *child, int64_t term_ms, int64_t kill_ms)
{
	CHECK_OBJ(child, CHILD_MAGIC);
	if (child->state >= CHILD_TERMED)
		return;
	child->kill_ms = kill_ms;
	pipe_close(&child->in);
	if (child->state == CHILD_RUNNING)
		child_set_state(child, CHILD_STOPPING);
	if (child->timer.at_ms == 0 || child->timer.at_ms > loop_now(child->loop) + term_ms)
		timer_set(child->loop, &child->timer, term_ms, stop_step);
}

int child_pid(const struct child *child)
{
	return child->process.pid;
}

/* ---- reading --------------------------------------------------------------------- */

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	*buf = loop_read_buffer(handle->loop->data);
}

static void line_out(void *arg, struct str line)
{
	struct child_pipe *pipe = arg;

	pipe->on_line(pipe->child->owner, line);
}

static void pipe_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct child_pipe *pipe = CONTAINER_OF(stream, struct child_pipe, handle);
	struct child *child = pipe->child;

	if (n == 0)
		return;
	if (n < 0) {
		line_reader_end(&pipe->lines, line_out, pipe);
		pipe_close(pipe);
		return;
	}
	if (line_reader_take(&pipe->lines, (struct str){buf->base, (size_t)n}, line_out, pipe) != OK) {
		pipe_close(pipe); /* a line without end: nothing it says can be trusted any more */
		child_stop(child, 0, 1000);
	}
}

/* ---- writing --------------------------------------------------------------------- */

struct child_write {
	uv_write_t request;
	struct child *child;
	char bytes[];
};

static void write_done(uv_write_t *request, int status)
{
	struct child_write *write = CONTAINER_OF(request, struct child_write, request);
	struct child *child = write->child;

	free(write);
	if (status == 0 && uv_stream_get_write_queue_size((uv_stream_t *)&child->in.handle) < STDIN_QUEUE_BYTES_MAX / 2)
		wake_writers(child, OK);
}

static bool abandon_write(void *arg)
{
	struct wait *wait = arg;

	list_remove(&wait->link);
	return true;
}

AWAITS enum err child_write(struct child *child, struct str bytes)
{
	uv_stream_t *in = (uv_stream_t *)&child->in.handle;
	struct child_write *write;
	uv_buf_t buf;
	int taken;

	CHECK_OBJ(child, CHILD_MAGIC);
	while (child->in.open && uv_stream_get_write_queue_size(in) > STDIN_QUEUE_BYTES_MAX) {
		struct wait room = WAIT_INIT;

		list_add_tail(&child->writers, &room.link);
		TRY(wait_for(&room, abandon_write, &room));
	}
	if (!child->in.open)
		return ERR_CLOSED;
	buf = uv_buf_init((char *)bytes.p, (unsigned)bytes.n);
	taken = uv_try_write(in, &buf, 1);
	if (taken < 0 && taken != UV_EAGAIN)
		return ERR_CLOSED;
	bytes = str_skip(bytes, taken < 0 ? 0 : (size_t)taken);
	if (bytes.n == 0)
		return OK;
	write = malloc(sizeof(*write) + bytes.n);
	CHECK(write != NULL);
	write->child = child;
	memcpy(write->bytes, bytes.p, bytes.n);
	buf = uv_buf_init(write->bytes, (unsigned)bytes.n);
	if (uv_write(&write->request, in, &buf, 1, write_done) == 0)
		return OK;
	free(write);
	return ERR_CLOSED;
}

/* ---- start ----------------------------------------------------------------------- */

static void set_limit(int pid, int resource, uint64_t value)
{
	const struct rlimit limit = {value, value};

	/* Failing is no reason to do without the server: the limit is a second fence. */
	if (value > 0 && prlimit(pid, (enum __rlimit_resource)resource, &limit, NULL) != 0)
		errno = 0;
}

static void pipe_init(struct child *child, struct child_pipe *pipe, size_t line_bytes_max, bool cut,
		      void (*on_line)(void *owner, struct str line))
{
	pipe->child = child;
	pipe->on_line = on_line;
	pipe->open = true;
	line_reader_init(&pipe->lines, line_bytes_max, cut);
	uv_pipe_init(loop_uv(child->loop), &pipe->handle, 0);
	child->handles_open++;
}

static struct child *child_new(const struct child_spec *spec, const struct child_events *events, void *owner)
{
	struct child *child = calloc(1, sizeof(*child));

	CHECK(child != NULL);
	child->magic = CHILD_MAGIC;
	child->loop = loop_self();
	child->events = events;
	child->owner = owner;
	list_init(&child->writers);
	list_init(&child->all_link);
	list_init(&child->timer.link);
	pipe_init(child, &child->in, 0, true, NULL);
	pipe_init(child, &child->out, spec->line_bytes_max, false, events->on_line);
	pipe_init(child, &child->err, CHILD_STDERR_LINE_BYTES_MAX, true, events->on_stderr);
	return child;
}

/* The start failed: close what was opened; no callback reaches the owner. */
static enum err child_abort(struct child *child, enum err err)
{
	child->events = NULL;
	child->handles_open++; /* the process handle, which libuv wants closed even now */
	pipe_close(&child->in);
	pipe_close(&child->out);
	pipe_close(&child->err);
	uv_close((uv_handle_t *)&child->process, process_closed);
	return err;
}

static int child_start(struct child *child, const struct child_spec *spec)
{
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&child->in.handle},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->out.handle},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->err.handle},
	};
	const uv_process_options_t options = {
		.exit_cb = process_exited,
		.file = spec->file,
		.args = (char **)spec->args,
		.env = (char **)spec->env,
		.cwd = spec->cwd,
		.flags = UV_PROCESS_DETACHED, /* setsid: a group of its own */
		.stdio_count = 3,
		.stdio = stdio,
	};

	return uv_spawn(loop_uv(child->loop), &child->process, &options);
}

enum err child_spawn(const struct child_spec *spec, const struct child_events *events, void *owner,
		     struct child **ret_child)
{
	struct child *child;
	int failed;

	if (!living_reserve())
		return ERR_LIMIT;
	child = child_new(spec, events, owner);
	living_add(child);
	failed = child_start(child, spec);
	if (failed != 0)
		return child_abort(child, failed == UV_ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM);
	child->handles_open++;
	set_limit(child->process.pid, RLIMIT_AS, spec->memory_bytes_max);
	set_limit(child->process.pid, RLIMIT_NOFILE, spec->files_max);
	set_limit(child->process.pid, RLIMIT_NPROC, spec->processes_max);
	uv_read_start((uv_stream_t *)&child->out.handle, give_buffer, pipe_read);
	uv_read_start((uv_stream_t *)&child->err.handle, give_buffer, pipe_read);
	*ret_child = child;
	return OK;
}
