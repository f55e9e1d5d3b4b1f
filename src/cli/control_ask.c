/* Commands that need the running gateway, since it alone knows: they ask its management API over the control socket, as
 * the operator, and the audit trail says which user of the machine it was. What goes wrong is printed here, so that a
 * command has nothing left to do but end with the status. */
#include "cli/control_call.h"

#include <stdio.h>
#include <unistd.h>

#include "http/form.h"

void control_put_member(struct buf *out, const char *name, struct str value)
{
	if (value.p == NULL)
		return;
	buf_put_fmt(out, "%s\"%s\":", out->n > 1 ? "," : "", name);
	buf_put_json(out, value);
}

/* The API's own words, when it refuses. */
static int fail_with(yyjson_val *answer)
{
	struct str detail = json_str(json_get(answer, "detail"));

	if (detail.p == NULL)
		detail = json_str(json_get(answer, "title"));
	if (detail.p == NULL)
		detail = json_str(json_get(answer, "problem"));
	return command_failed("%.*s", STR_ARG(detail.p == NULL ? STR("the answer cannot be read") : detail));
}

int control_ask(struct str data_directory, struct arena *arena, const struct control_request *request,
		yyjson_val **ret_answer)
{
	AUTO_BUF content = {0}, body = {0}, problem = {0};
	char by[32];
	int status;
	enum err err;

	snprintf(by, sizeof(by), "cli:uid=%u", getuid());
	buf_put_byte(&content, '{');
	control_put_member(&content, "method", str_of(request->method));
	control_put_member(&content, "path", request->path);
	control_put_member(&content, "query", request->query);
	control_put_member(&content, "body", request->body);
	control_put_member(&content, "by", str_of(by));
	buf_put_byte(&content, '}');
	err = control_call(data_directory, "POST", "/api", buf_str(&content), &problem, &status, &body);
	if (err == ERR_NOT_FOUND)
		return command_failed("no gateway runs on this data: start it with `gatehouse serve`");
	if (err != OK)
		return command_failed("%.*s", STR_ARG(buf_str(&problem)));
	*ret_answer = NULL;
	if (body.n > 0 && json_read(arena, arena_str(arena, buf_str(&body)), ret_answer) != OK)
		return command_failed("the gateway's answer cannot be read; is it of another version?");
	return status < 400 ? STATUS_DONE : fail_with(*ret_answer);
}

struct str control_tenant_path(const struct invocation *invocation, struct arena *arena, const char *what)
{
	AUTO_BUF path = {0};

	buf_put(&path, STR("/tenants/"));
	percent_put(&path, options_get(&invocation->options, "tenant"));
	buf_put(&path, str_of(what));
	return arena_str(arena, buf_str(&path));
}
