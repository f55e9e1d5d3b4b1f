/* A child of ours as a channel: how it is started, what becomes of its stderr, how it ends. Each
 * line of its stdout is one message (channel_take.c), each message to it one line on its stdin.
 * When it is started again is instance.c's business.
 *
 * A child gets PATH, HOME, LANG and TMPDIR of ours and what the config names; nothing else
 * is inherited, so that no credential of the gateway's ever reaches it. */
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "rt/child.h"
#include "upstream/channel.h"

#define STDIO_MAGIC 0x53544401u
#define STOP_TERM_MS 2000 /* what a server may take to write its files after EOF */
#define STOP_KILL_MS 3000
#define STDERR_LINES_MAX 100 /* logged in one STDERR_WINDOW_MS; the rest is counted */
#define STDERR_WINDOW_MS 10000

struct stdio {
	struct channel channel;
	uint32_t magic;
	struct child *child; /* NULL: it has exited */
	int64_t window_at_ms;
	unsigned window_lines, dropped_lines;
};

static struct stdio *stdio_of(struct channel *channel)
{
	struct stdio *stdio = CONTAINER_OF(channel, struct stdio, channel);

	CHECK_OBJ(stdio, STDIO_MAGIC);
	return stdio;
}

static void on_line(void *owner, struct str line)
{
	struct stdio *stdio = owner;

	CHECK_OBJ(stdio, STDIO_MAGIC);
	channel_take(stdio->channel.instance, line);
}

static void report_dropped(struct stdio *stdio)
{
	if (stdio->dropped_lines > 0)
		log_warn("upstream.stderr_dropped", LOG_STR("upstream", stdio->channel.instance->upstream->spec.name),
			 LOG_INT("lines", stdio->dropped_lines));
	stdio->dropped_lines = 0;
}

static void on_stderr(void *owner, struct str line)
{
	struct stdio *stdio = owner;
	struct upstream *upstream = stdio->channel.instance->upstream;
	int64_t now = loop_now(upstream->home);

	CHECK_OBJ(stdio, STDIO_MAGIC);
	if (now - stdio->window_at_ms >= STDERR_WINDOW_MS) {
		report_dropped(stdio);
		stdio->window_at_ms = now;
		stdio->window_lines = 0;
	}
	if (++stdio->window_lines > STDERR_LINES_MAX) {
		stdio->dropped_lines++;
		return;
	}
	log_info("upstream.stderr", LOG_STR("upstream", upstream->spec.name), LOG_INT("pid", child_pid(stdio->child)),
		 LOG_STR("line", line));
}

static void on_exit_status(void *owner, int status)
{
	struct stdio *stdio = owner;
	struct instance *instance = stdio->channel.instance;
	struct upstream *upstream = instance->upstream;
	bool asked = instance->state == INSTANCE_STOPPING;

	CHECK_OBJ(stdio, STDIO_MAGIC);
	report_dropped(stdio);
	LOG_AT(asked ? LOG_DEBUG : LOG_WARN, "upstream.exit", LOG_STR("upstream", upstream->spec.name),
	       LOG_INT("pid", child_pid(stdio->child)), LOG_INT("status", status));
	stdio->child = NULL;
	atomic_fetch_sub(&upstream->children, 1);
	channel_ended(&stdio->channel, ERR_UPSTREAM_DOWN);
}

static const struct child_events child_events = {
	.on_line = on_line,
	.on_stderr = on_stderr,
	.on_exit = on_exit_status,
};

static const char *const inherited[] = {"PATH", "HOME", "LANG", "TMPDIR"};

static bool is_configured(const struct upstream_spec *spec, const char *name)
{
	for (size_t i = 0; i < spec->env_count; i++)
		if (str_eq(spec->env[i].name, str_of(name)))
			return true;
	return false;
}

static char **build_env(struct arena *arena, const struct upstream_spec *spec)
{
	char **env = arena_zalloc(arena, (spec->env_count + ARRAY_LEN(inherited) + 1) * sizeof(*env));
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(inherited); i++) {
		const char *value = getenv(inherited[i]);

		if (value != NULL && !is_configured(spec, inherited[i]))
			env[n++] = (char *)arena_fmt(arena, "%s=%s", inherited[i], value).p;
	}
	for (size_t i = 0; i < spec->env_count; i++)
		env[n++] =
			(char *)arena_fmt(arena, "%.*s=%.*s", STR_ARG(spec->env[i].name), STR_ARG(spec->env[i].value))
				.p;
	return env;
}

static char **build_args(struct arena *arena, const struct upstream_spec *spec)
{
	char **args = arena_zalloc(arena, (spec->arg_count + 2) * sizeof(*args));

	args[0] = (char *)arena_str(arena, spec->command).p;
	for (size_t i = 0; i < spec->arg_count; i++)
		args[i + 1] = (char *)arena_str(arena, spec->args[i]).p;
	return args;
}

/* One line: line ends inside the message can only be space between tokens. */
AWAITS static enum err stdio_write(struct channel *channel, struct buf *message)
{
	struct stdio *stdio = stdio_of(channel);

	for (size_t i = 0; i < message->n; i++)
		if (message->p[i] == '\n' || message->p[i] == '\r')
			message->p[i] = ' ';
	buf_put_byte(message, '\n');
	return stdio->child == NULL ? ERR_CLOSED : child_write(stdio->child, buf_str(message));
}

/* stdin closed, SIGTERM, SIGKILL. */
static void stdio_stop(struct channel *channel)
{
	child_stop(stdio_of(channel)->child, STOP_TERM_MS, STOP_KILL_MS);
}

static void stdio_kill(struct channel *channel, int64_t kill_ms)
{
	child_stop(stdio_of(channel)->child, 0, kill_ms);
}

static void stdio_free(struct channel *channel)
{
	struct stdio *stdio = stdio_of(channel);

	stdio->magic = 0;
	free(stdio);
}

static const struct channel_ops stdio_ops = {
	.write = stdio_write,
	.stop = stdio_stop,
	.kill = stdio_kill,
	.free = stdio_free,
};

enum err stdio_open(struct instance *instance)
{
	struct upstream *upstream = instance->upstream;
	const struct upstream_spec *spec = &upstream->spec;
	AUTO(arena) *arena = arena_new(4 * 1024 * 1024);
	struct stdio *stdio = calloc(1, sizeof(*stdio));
	const struct child_spec child = {
		.file = arena_str(arena, spec->command).p,
		.args = build_args(arena, spec),
		.env = build_env(arena, spec),
		.cwd = spec->cwd.n > 0 ? arena_str(arena, spec->cwd).p : NULL,
		.memory_bytes_max = spec->memory_bytes_max,
		.files_max = spec->files_max,
		.processes_max = spec->processes_max,
		/* A line somewhat over the bound is still read, to tell whose answer is too large. */
		.line_bytes_max = spec->answer_bytes_max + spec->answer_bytes_max / 4,
	};
	enum err err;

	CHECK(stdio != NULL && instance->channel == NULL);
	stdio->magic = STDIO_MAGIC;
	err = child_spawn(&child, &child_events, stdio, &stdio->child);
	if (err != OK) {
		log_warn("upstream.spawn", LOG_STR("upstream", spec->name), LOG_STR("command", spec->command),
			 LOG_ERR(err));
		free(stdio);
		upstream_note_error(upstream, err == ERR_NOT_FOUND ? ERR_UPSTREAM_DOWN : err,
				    err == ERR_NOT_FOUND ? STR("the command was not found")
							 : STR("the command could not be started"));
		return err == ERR_LIMIT ? ERR_LIMIT : ERR_UPSTREAM_DOWN;
	}
	channel_begin(&stdio->channel, &stdio_ops, instance);
	atomic_fetch_add(&upstream->children, 1);
	log_debug("upstream.spawned", LOG_STR("upstream", spec->name), LOG_INT("pid", child_pid(stdio->child)));
	return OK;
}
