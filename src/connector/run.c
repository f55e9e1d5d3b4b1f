/* A call of a connector's tool, from its arguments to its result. The steps are made in order on the caller's fiber;
 * what they share is the run, which lives in the call's arena. */
#include "base/check.h"
#include "base/clock.h"
#include "connector/chunk.h"
#include "connector/run.h"

#define SECRET_BYTES_MIN 6 /* a shorter secret would blot out ordinary words */

/* ---- what all use ---- */

enum err run_fail(struct run *run, enum failure_class class, const char *fmt, ...)
{
	AUTO_BUF words = {0};
	char line[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	buf_put(&words,
		str_shorten((struct str){line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1}, sizeof(line)));
	run->failure = (struct failure){.class = class, .words = arena_str(run->call->arena, buf_str(&words))};
	return ERR_TOOL_FAILED;
}

int64_t run_left_ms(const struct run *run)
{
	int64_t own_ms = fiber_deadline(), call_ms = run->call->deadline_ms, until_ms;

	if (own_ms == 0 && call_ms == 0)
		return INT64_MAX;
	until_ms = own_ms == 0 ? call_ms : call_ms == 0 ? own_ms : own_ms < call_ms ? own_ms : call_ms;
	return until_ms - clock_ms();
}

AWAITS enum err run_progress(struct run *run, unsigned part, struct str text)
{
	const struct connector_call *call = run->call;

	if (call->progress == NULL)
		return OK;
	return call->progress(call->arg, run->step_at * 1000 + (part > 999 ? 999 : part), run->tool->step_count * 1000,
			      text);
}

enum err run_budget(struct run *run)
{
	return run->budget.spent ? ERR_LIMIT : OK;
}

enum err run_keep(struct run *run, struct value value, struct value *ret_value)
{
	AUTO_BUF text = {0};
	yyjson_val *root;
	struct str copy;

	if (value.kind == VALUE_TEXT) {
		copy = arena_try_str(run->arena, value.text);
		if (copy.p == NULL)
			return ERR_LIMIT;
		*ret_value = value_of_text(copy);
	} else if (value.kind == VALUE_JSON) {
		json_write(&text, value.json);
		TRY(json_read(run->arena, buf_str(&text), &root));
		*ret_value = value_of_json(root);
	} else {
		*ret_value = value;
	}
	return OK;
}

void run_capture(struct run *run, struct str name, struct value value)
{
	struct capture *capture = run->captures;

	while (capture != NULL && !str_eq(capture->name, name))
		capture = capture->next;
	if (capture == NULL) {
		capture = ARENA_NEW(run->call->arena, struct capture);
		capture->name = arena_str(run->call->arena, name);
		capture->next = run->captures;
		run->captures = capture;
	}
	capture->value = value;
}

struct media *run_media(struct run *run, yyjson_val *value)
{
	int64_t number;

	if (!json_int(json_get(value, "$media"), &number) || number < 0 || (uint64_t)number >= run->media_count)
		return NULL;
	return run->media[number];
}

void run_give(struct run *run, struct media *media, struct buf *out)
{
	if (run->media_count >= RUN_MEDIA_MAX) {
		media_close(media);
		buf_put(out, STR("null"));
		return;
	}
	if (run->media == NULL)
		run->media = arena_alloc(run->call->arena, RUN_MEDIA_MAX * sizeof(struct media *));
	run->media[run->media_count++] = media;
	media_describe(media, run->media_count - 1, out);
}

void run_put_account(const struct run *run, struct buf *out)
{
	const struct connector_call *call = run->call;
	const struct str parts[] = {call->tenant_id, call->upstream, call->account, call->holder, call->account_id};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (i > 0)
			buf_put_byte(out, '\n');
		buf_put(out, parts[i]);
	}
}

/* Each occurrence of a word becomes stars. */
static void blot(struct buf *text, struct str word)
{
	char *at = text->p;

	while (word.n >= SECRET_BYTES_MIN &&
	       (at = memmem(at, text->n - (size_t)(at - text->p), word.p, word.n)) != NULL)
		memset(at, '*', word.n);
}

/* The secret may come back as it was sent, encoded for a URL, or escaped for JSON, which changes none of the characters
 * that tokens have. */
void run_blot(const struct run *run, struct buf *text)
{
	const struct secret_text *secret = run->credential.secret;

	if (secret != NULL)
		blot(text, secret_text_str(secret));
}

struct str run_redacted(struct run *run, struct str text)
{
	AUTO_BUF whole = {0};
	struct str copy;

	if (text.n == 0)
		return STR("");
	buf_put(&whole, text);
	run_blot(run, &whole);
	copy = arena_try_str(run->arena, buf_str(&whole));
	return copy.p == NULL ? STR("") : copy;
}

/* ---- the call ---- */

static struct value scope_capture(const void *arg, struct str name)
{
	const struct run *run = arg;

	for (const struct capture *capture = run->captures; capture != NULL; capture = capture->next)
		if (str_eq(capture->name, name))
			return capture->value;
	return (struct value){.kind = VALUE_ABSENT};
}

static struct value scope_header(const void *arg, struct str name)
{
	const struct run *run = arg;

	return value_of_text(run->answer.fields == NULL ? STR_NONE : http_field_find(run->answer.fields, name));
}

static const struct tool *find_tool(const struct connector *connector, struct str name)
{
	for (size_t i = 0; i < connector->tool_count; i++)
		if (str_eq(connector->tools[i].name, name))
			return &connector->tools[i];
	return NULL;
}

static struct run *run_new(struct connector_runner *runner, struct connector *connector, struct connector_call *call)
{
	struct run *run = ARENA_NEW(call->arena, struct run);

	run->magic = RUN_MAGIC;
	run->runner = runner;
	run->connector = connector_ref(connector);
	run->call = call;
	run->arena = arena_new(RUN_ARENA_BYTES);
	run->budget.steps = connector->internal ? TEMPLATE_STEPS_INTERNAL_MAX : TEMPLATE_STEPS_MAX;
	run->scope = (struct scope){
		.arena = run->arena,
		.budget = &run->budget,
		.capture = scope_capture,
		.header = scope_header,
		.run = run,
	};
	return run;
}

static void run_done(struct run *run)
{
	run_credential_done(run);
	for (size_t i = 0; i < run->media_count; i++)
		media_close(run->media[i]);
	arena_free_wiped(run->answer.arena);
	arena_free_wiped(run->arena);
	connector_unref(run->connector);
	run->magic = 0;
}

AWAITS static enum err run_steps(struct run *run)
{
	const struct tool *tool = run->tool;

	for (; run->step_at < tool->step_count && !run->over; run->step_at++) {
		enum err err = step_run(run, &tool->steps[run->step_at]);

		/* What it is for has happened; who asked has gone. What there is goes under the key. */
		if (run->committed && err == ERR_CANCELED)
			break;
		if (err != OK)
			return err;
	}
	return result_make(run);
}

AWAITS static enum err run_all(struct run *run)
{
	TRY(run_open(run));
	TRY(journal_open(run));
	if (run->journal.kept.p == NULL)
		return run_steps(run);
	run->call->result = run->journal.kept;
	run->call->failed = str_ends(run->journal.kept, STR("\"isError\":true}"));
	return OK;
}

AWAITS enum err connector_run(struct connector_runner *runner, struct connector *connector, struct connector_call *call)
{
	struct run *run;
	enum err err;

	CHECK_OBJ(runner, RUNNER_MAGIC);
	CHECK_OBJ(connector, CONNECTOR_MAGIC);
	run = run_new(runner, connector, call);
	run->tool = find_tool(connector, call->tool);
	if (run->tool == NULL) {
		run_done(run);
		return ERR_MCP_UNKNOWN_TOOL;
	}
	err = run_all(run);
	if (err == ERR_TOOL_FAILED)
		result_refuse(run);
	journal_close(run, err);
	run_done(run);
	return err == ERR_TOOL_FAILED ? OK : err;
}
