/* `gatehouse why WHO TOOL`: whether somebody may call something, and which rule, role or narrowing says so. The
 * running server is asked, since it knows what there is; without one the database is opened, and the tool's label is
 * believed. */
#include <stdio.h>

#include "base/json.h"
#include "cli/control_call.h"
#include "cli/installation.h"
#include "gateway/why.h"

const struct option why_options[] = {
	{"arguments", "JSON", "judge a call with these arguments, conditions and hours included"},
	{"ip", "ADDRESS", "as if it came from there; default 127.0.0.1"},
	{NULL, NULL, NULL},
};

static struct why_question question_of(const struct invocation *invocation)
{
	const struct options *options = &invocation->options;

	return (struct why_question){
		.who = options->operands[0],
		.item = options->operands[1],
		.arguments = options_get(options, "arguments"),
		.ip = options_get(options, "ip"),
	};
}

static void put_member(struct buf *out, const char *name, struct str value)
{
	if (value.p == NULL)
		return;
	buf_put_fmt(out, "%s\"%s\":", out->n > 1 ? "," : "", name);
	buf_put_json(out, value);
}

static void put_question(const struct why_question *question, struct buf *out)
{
	buf_put_byte(out, '{');
	put_member(out, "who", question->who);
	put_member(out, "item", question->item);
	put_member(out, "arguments", question->arguments);
	put_member(out, "ip", question->ip);
	buf_put_byte(out, '}');
}

static void put_text(yyjson_val *answer, struct buf *out)
{
	struct str verdict = json_str(json_get(answer, "answer")), rule = json_str(json_get(answer, "rule"));
	struct str item = json_str(json_get(answer, "item")), reason = json_str(json_get(answer, "reason"));
	struct str shadow = json_str(json_get(answer, "shadow")), role = json_str(json_get(answer, "role"));

	if (str_eq(verdict, STR("allow")))
		buf_put_fmt(out, "allowed: %.*s", STR_ARG(item));
	else if (str_eq(verdict, STR("refuse")))
		buf_put_fmt(out, "refused: %.*s", STR_ARG(item));
	else
		buf_put_fmt(out, "it depends on the call: %.*s; ask again with --arguments", STR_ARG(item));
	buf_put_fmt(out, "\n  tenant %.*s, role %.*s\n", STR_ARG(json_str(json_get(answer, "tenant"))), STR_ARG(role));
	if (reason.n > 0)
		buf_put_fmt(out, "  because %.*s\n", STR_ARG(reason));
	else if (rule.n > 0)
		buf_put_fmt(out, "  by the rule %.*s\n", STR_ARG(rule));
	else
		buf_put(out, STR("  by the role: no rule is in force\n"));
	if (shadow.n > 0)
		buf_put_fmt(out, "  the rule %.*s, on trial, would refuse it\n", STR_ARG(shadow));
}

static int print(const struct invocation *invocation, struct str document)
{
	AUTO(arena) *arena = arena_new(1024 * 1024);
	yyjson_val *answer;
	AUTO_BUF out = {0};

	if (json_read(arena, document, &answer) != OK)
		return command_failed("the server's answer cannot be read; is it of another version?");
	if (!yyjson_is_true(json_get(answer, "ok")))
		return command_failed("%.*s", STR_ARG(json_str(json_get(answer, "problem"))));
	if (invocation->json)
		buf_put(&out, document);
	else
		put_text(answer, &out);
	command_print(&out);
	return STATUS_DONE;
}

AWAITS static enum err ask_directly(struct installation *installation)
{
	struct why_question question = question_of(installation->invocation);
	struct access *access = access_new(installation->db, NULL);
	enum err err;

	access_configure(access, installation->config->rules, installation->config->rule_count);
	err = why_write(installation->db, access, NULL, &question, &installation->problem, installation->arg);
	access_free(access);
	return err;
}

int why_run(const struct invocation *invocation)
{
	const struct why_question question = question_of(invocation);
	AUTO_BUF problem = {0}, content = {0}, body = {0};
	AUTO(config) *config = NULL;
	int code, status;
	enum err err;

	if (!installation_config(invocation, &config))
		return STATUS_FAILED;
	put_question(&question, &content);
	err = control_call(config->data, "POST", "/why", buf_str(&content), &problem, &code, &body);
	if (err == ERR_NOT_FOUND) {
		status = installation_run(invocation, INSTALLATION_USE, ask_directly, &body);
		return status == STATUS_DONE ? print(invocation, buf_str(&body)) : status;
	}
	if (err != OK)
		return command_failed("%.*s", STR_ARG(buf_str(&problem)));
	return print(invocation, buf_str(&body));
}
