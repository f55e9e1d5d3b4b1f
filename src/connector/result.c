/* The result of a call as clients get it: the template's object, once as structured content and once as text, and a
 * picture that a native step drew; or a refusal: the class first, then who says what, then what to do. Who asks from
 * within the process gets the object alone. */
#include "base/check.h"
#include "base/random.h"
#include "connector/run.h"
#include "rt/loop.h"

#define RESULT_BYTES_MAX (16 * 1024 * 1024)
#define RESULT_USUAL_BYTES 1000		   /* first room for one */
#define RESULT_LOOP_BYTES_MAX (256 * 1024) /* of an answer that a result is made of on the loop: 5 ms */
#define RESULT_MORE_BYTES 100		   /* what stands around the two copies of the object */

static void put_text_content(struct buf *out, struct str text, const struct native_picture *picture)
{
	buf_put(out, STR("{\"content\":[{\"type\":\"text\",\"text\":"));
	buf_put_json(out, text);
	buf_put_byte(out, '}');
	if (picture != NULL && picture->mime.n > 0) {
		buf_put(out, STR(",{\"type\":\"image\",\"data\":\""));
		base64_put(out, picture->bytes.p, picture->bytes.n);
		buf_put(out, STR("\",\"mimeType\":"));
		buf_put_json(out, picture->mime);
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, ']');
}

/* next_cursor, sealed, or null where this is the last page. */
static void put_next(struct run *run, struct buf *out)
{
	const struct tool *tool = run->tool;
	struct value next = template_holds(tool->page_more, &run->scope) ? template_value(tool->page_next, &run->scope)
									 : (struct value){.kind = VALUE_ABSENT};

	buf_put(out, out->n > 1 ? STR(",\"next_cursor\":") : STR("\"next_cursor\":"));
	if (next.kind == VALUE_ABSENT || (next.kind == VALUE_TEXT && next.text.n == 0)) {
		buf_put(out, STR("null"));
		return;
	}
	buf_put_byte(out, '"');
	page_seal(run, next, out);
	buf_put_byte(out, '"');
}

static void put_templates(struct run *run, struct buf *out)
{
	if (run->tool->result == NULL || !template_json(run->tool->result, &run->scope, out) || out->p[0] != '{') {
		out->n = 0;
		buf_put(out, STR("{}"));
	}
}

struct writing {
	struct run *run;
	struct buf *out;
};

static enum err write_elsewhere(void *arg)
{
	const struct writing *writing = arg;

	put_templates(writing->run, writing->out);
	return OK;
}

/* Thousands of rows take longer than a loop's other clients should wait. Nothing else touches the run meanwhile. */
AWAITS static enum err write_object(struct run *run, struct buf *out)
{
	struct writing writing = {run, out};

	if (run->answer.bytes >= RESULT_LOOP_BYTES_MAX)
		return work_run(write_elsewhere, &writing);
	put_templates(run, out);
	return OK;
}

AWAITS static enum err put_object(struct run *run, struct buf *out)
{
	if (run->tool->passes) {
		buf_put(out, run->answer.text.n > 0 ? run->answer.text : STR("{}"));
		return OK;
	}
	TRY(write_object(run, out));
	if (run->tool->page_next == NULL)
		return OK;
	out->n--; /* the brace */
	put_next(run, out);
	buf_put_byte(out, '}');
	return OK;
}

static enum err give(struct run *run, struct str text)
{
	struct str copy = arena_try_str(run->call->arena, text);

	if (copy.p == NULL)
		return ERR_LIMIT;
	run->call->result = copy;
	return OK;
}

AWAITS enum err result_make(struct run *run)
{
	AUTO_BUF object = {0}, out = {0};
	struct str text;

	run->scope.arena = run->answer.arena != NULL ? run->answer.arena : run->call->arena;
	buf_reserve(&object, RESULT_USUAL_BYTES);
	TRY(put_object(run, &object));
	TRY(run_budget(run));
	if (object.n > RESULT_BYTES_MAX)
		return run_fail(run, CLASS_TOO_LARGE, "the result is larger than %d MB",
				RESULT_BYTES_MAX / 1024 / 1024);
	run_blot(run, &object);
	text = buf_str(&object);
	run->call->failed = run->answer.refused;
	if (run->call->bare)
		return give(run, text);
	buf_reserve(&out, 2 * text.n + text.n / 4 + RESULT_MORE_BYTES);
	put_text_content(&out, text, &run->answer.picture);
	buf_put(&out, STR(",\"structuredContent\":"));
	buf_put(&out, text);
	buf_put(&out, run->answer.refused ? STR(",\"isError\":true}") : STR(",\"isError\":false}"));
	return give(run, buf_str(&out));
}

/* What to do. What the gateway refuses by itself says why. */
static const char *advice(enum failure_class class, bool answered)
{
	switch (class) {
	case CLASS_PERMISSION:
		return answered ? "The account may not do this." : NULL;
	case CLASS_UNSUPPORTED:
		return answered ? "This account or plan cannot do this." : NULL;
	case CLASS_QUOTA:
		return "The account's allowance is used up.";
	case CLASS_BLOCKED:
		return "The platform has blocked this account or what it sends.";
	case CLASS_TRANSIENT:
		return "Try again in a moment.";
	case CLASS_VERSION_SUNSET:
		return "The operator has to set another version of the platform's API.";
	case CLASS_UNKNOWN_OUTCOME:
		return "It may have happened: look before you try again. If it has not, call again with an "
		       "`idempotency_key` that was not used before.";
	case CLASS_TOKEN_EXPIRED:
	case CLASS_TOKEN_REVOKED:
		return "The account has to be connected again.";
	default:
		return NULL;
	}
}

static void put_sentence(struct buf *out, struct str text)
{
	if (text.n == 0)
		return;
	buf_put(out, text);
	if (text.p[text.n - 1] != '.' && text.p[text.n - 1] != '!' && text.p[text.n - 1] != '?')
		buf_put_byte(out, '.');
}

/* Who says what, and what to do. */
static void put_words(struct run *run, struct buf *text)
{
	const struct failure *failure = &run->failure;
	const char *advised = advice(failure->class, failure->status != 0);

	if (run->committed)
		buf_put(text, STR("it was carried out, but what follows was not: "));
	if (failure->status != 0)
		buf_put_fmt(text, "%.*s says (HTTP %d): ", STR_ARG(run->connector->title), failure->status);
	put_sentence(text, failure->words);
	if (failure->hint.n > 0) {
		buf_put_byte(text, ' ');
		put_sentence(text, failure->hint);
	} else if (advised != NULL) {
		buf_put_fmt(text, " %s", advised);
	}
}

static void put_bare(struct run *run, struct buf *out)
{
	AUTO_BUF words = {0};

	put_words(run, &words);
	buf_put_fmt(out, "{\"error\":{\"class\":\"%s\",\"message\":", failure_class_name(run->failure.class));
	buf_put_json(out, run_redacted(run, buf_str(&words)));
	if (run->failure.retry_after_s > 0)
		buf_put_fmt(out, ",\"retry_after_s\":%lld", (long long)run->failure.retry_after_s);
	buf_put(out, STR("}}"));
}

static void put_refusal(struct run *run, struct buf *out)
{
	const struct failure *failure = &run->failure;
	AUTO_BUF text = {0};

	buf_put_fmt(&text, "%s: ", failure_class_name(failure->class));
	put_words(run, &text);
	if (failure->retry_after_s > 0)
		buf_put_fmt(&text, " Come again in %lld seconds.", (long long)failure->retry_after_s);
	if (failure->step.n > 0)
		buf_put_fmt(&text, " (step %.*s, request %.*s)", STR_ARG(failure->step),
			    STR_ARG(run->call->request_id));
	else
		buf_put_fmt(&text, " (request %.*s)", STR_ARG(run->call->request_id));
	put_text_content(out, run_redacted(run, buf_str(&text)), NULL);
	buf_put(out, STR(",\"isError\":true}"));
}

void result_refuse(struct run *run)
{
	AUTO_BUF out = {0};

	if (run->call->bare)
		put_bare(run, &out);
	else
		put_refusal(run, &out);
	run->call->failed = true;
	if (give(run, buf_str(&out)) == OK)
		return;
	run->call->result =
		run->call->bare
			? STR("{\"error\":{\"class\":\"too_large\",\"message\":\"there is no memory left for this "
			      "call\"}}")
			: STR("{\"content\":[{\"type\":\"text\",\"text\":\"too_large: there is no memory left for this "
			      "call.\"}],\"isError\":true}");
}
