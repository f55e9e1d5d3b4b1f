/* A step that asks the gateway itself: its `with` becomes one object, its answer the body that templates see. What the
 * operation refuses is a class by its name, as a platform's refusal is. */
#include "base/check.h"
#include "connector/run.h"

#define NATIVE_MS 120000 /* of one that commits, when nothing else bounds it */
#define JOURNAL_REST_MS 2000

static const struct native_op *find_op(const struct connector_runner *runner, struct str name, void **ret_room)
{
	for (size_t i = 0; i < runner->native_count; i++) {
		for (const struct native_op *op = runner->natives[i].ops; op->name != NULL; op++) {
			if (!str_eq(name, str_of(op->name)))
				continue;
			*ret_room = runner->natives[i].room;
			return op;
		}
	}
	return NULL;
}

static enum err compose_with(struct run *run, const struct named_templates *with, yyjson_val **ret_with)
{
	AUTO_BUF text = {0}, value = {0};

	buf_put_byte(&text, '{');
	for (size_t i = 0; i < with->count; i++) {
		value.n = 0;
		if (!template_json(with->items[i].value, &run->scope, &value))
			continue;
		if (text.n > 1)
			buf_put_byte(&text, ',');
		buf_put_json(&text, with->items[i].name);
		buf_put_byte(&text, ':');
		buf_put(&text, buf_str(&value));
	}
	buf_put_byte(&text, '}');
	TRY(run_budget(run));
	return json_read(run->arena, buf_str(&text), ret_with);
}

static struct media *media_of(void *arg, yyjson_val *value)
{
	return run_media(arg, value);
}

static void give(void *arg, struct media *media, struct buf *out)
{
	run_give(arg, media, out);
}

/* The answer, in the arena that the operation worked in. What is passed on as it is needs no tree. */
static enum err take_result(struct run *run, const struct step *step, const struct native_call *native)
{
	bool passed = run->tool->passes && step == &run->tool->steps[run->tool->step_count - 1];
	yyjson_val *root = NULL;
	enum err err = passed || native->result.n == 0 ? OK : json_read(native->arena, native->result, &root);

	arena_free_wiped(run->answer.arena);
	run->answer = (struct answer){.arena = native->arena,
				      .text = passed ? native->result : STR_NONE,
				      .refused = native->refused,
				      .picture = native->picture};
	TRY(err);
	run->answer.body = value_of_json(root);
	run->scope.root[ROOT_BODY] = run->answer.body;
	run->scope.root[ROOT_STATUS] = (struct value){.kind = VALUE_ABSENT};
	return OK;
}

AWAITS static enum err call_op(struct run *run, const struct step *step, const struct native_op *op, void *room,
			       struct native_call *native)
{
	int64_t left_ms = run_left_ms(run);
	struct fiber_shield shield;
	enum err err;

	if (!step->commit)
		return op->run(room, native);
	left_ms = left_ms == INT64_MAX ? NATIVE_MS : left_ms;
	TRY(fiber_status());
	TRY(journal_sending(run, left_ms + JOURNAL_REST_MS));
	shield = fiber_shield_begin(left_ms);
	err = op->run(room, native);
	fiber_shield_end(shield);
	return err;
}

/* What the operation did not do, or nobody knows whether it did. */
static enum err refuse(struct run *run, const struct step *step, const struct native_call *native, enum err err)
{
	struct str words = native->message;

	if (err == ERR_CREDENTIAL_MISSING && run->credential.err != OK)
		return run->credential.err;
	if (err != ERR_TOOL_FAILED) {
		bool known = !step->commit || err == ERR_CREDENTIAL_MISSING || err == ERR_CREDENTIAL_REAUTH ||
			     err == ERR_REFUSED_ADDRESS || err == ERR_BUSY;

		if (known)
			return err;
		words = str_of(err_text(err));
	}
	run->failure = (struct failure){
		.class = err == ERR_TOOL_FAILED ? failure_class_named(native->class) : CLASS_UNKNOWN_OUTCOME,
		.step = step->id,
		.words = run_redacted(run, str_shorten(words, RUN_WORDS_BYTES_MAX)),
	};
	if (run->failure.class == CLASS_TRANSIENT)
		run->call->sick = true;
	return ERR_TOOL_FAILED;
}

AWAITS static enum err ask(struct run *run, const struct step *step, const struct native_op *op, void *room)
{
	const struct connector_call *call = run->call;
	struct native_call native = {
		.arena = arena_new(RUN_ANSWER_ARENA_BYTES),
		.tenant_id = call->tenant_id,
		.principal = call->principal,
		.upstream = call->upstream,
		.account = call->account,
		.account_id = call->account_id,
		.account_name = call->account_name,
		.settings = call->setup->values,
		.deadline_ms = call->deadline_ms,
		.allow_private = call->terms.allow_private,
		.ca_file = call->terms.ca_file,
		.media = media_of,
		.give = give,
		.run = run,
	};
	enum err err;

	native.secret = run->credential.secret;
	native.secret_is_token = call->secret_is_token;
	err = compose_with(run, &step->with, &native.with);
	if (err == OK)
		err = call_op(run, step, op, room, &native);
	if (err == OK)
		return take_result(run, step, &native);
	run->call->wanted = (struct native_place){arena_str(run->call->arena, native.wanted.upstream),
						  arena_str(run->call->arena, native.wanted.account)};
	if (run->failure.class == CLASS_NONE) /* else the journal has refused it */
		err = refuse(run, step, &native, err);
	arena_free_wiped(native.arena);
	return err;
}

AWAITS enum err step_native(struct run *run, const struct step *step)
{
	void *room = NULL;
	const struct native_op *op = find_op(run->runner, step->native, &room);
	enum err err;

	if (op == NULL)
		return run_fail(run, CLASS_UNSUPPORTED, "this gateway has no operation `%.*s`", STR_ARG(step->native));
	/* Whether one is needed is the operation's to say. */
	err = run_credential_take(run);
	if (err == ERR_CANCELED || err == ERR_TIMEOUT)
		return err;
	TRY(failure_if_paused(run, step));
	run->failure = (struct failure){0};
	err = ask(run, step, op, room);
	if (err == ERR_TOOL_FAILED &&
	    (run->failure.class == CLASS_TOKEN_EXPIRED || run->failure.class == CLASS_TOKEN_REVOKED)) {
		bool revoked = run->failure.class == CLASS_TOKEN_REVOKED;

		err = run_credential_renew(run);
		if (err == OK && revoked)
			return ERR_CREDENTIAL_REFUSED;
		if (err == OK) {
			run->failure = (struct failure){0};
			err = ask(run, step, op, room);
		}
	}
	return err;
}
