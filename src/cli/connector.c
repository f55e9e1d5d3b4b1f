/* `gatehouse connector check FILE`: compiles a connector file as the gateway would, and says what is in it, or
 * everything that is wrong with it. Nothing is sent anywhere. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/files.h"
#include "connector/connector.h"

static void put_problems(struct buf *out, struct str problems)
{
	struct str line;

	buf_put(out, STR("{\"ok\":false,\"problems\":["));
	for (bool first = true; problems.n > 0; first = false) {
		str_cut(problems, '\n', &line, &problems);
		if (!first)
			buf_put_byte(out, ',');
		buf_put_json(out, line);
	}
	buf_put(out, STR("]}\n"));
}

static void put_json(struct buf *out, const struct connector *connector)
{
	buf_put(out, STR("{\"ok\":true,\"connector\":"));
	buf_put_json(out, connector_name(connector));
	buf_put(out, STR(",\"tools\":["));
	for (size_t i = 0; i < connector_tool_count(connector); i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		buf_put_json(out, connector_tool_name(connector, i));
	}
	buf_put(out, STR("]}\n"));
}

static void put_text(struct buf *out, struct str file, const struct connector *connector)
{
	const struct connector_setting *settings;
	const struct connector_auth *auths;
	size_t setting_count = connector_settings(connector, &settings);
	size_t auth_count = connector_auths(connector, &auths);

	buf_put_fmt(out, "%.*s is valid: %.*s\n", STR_ARG(file), STR_ARG(connector_title(connector)));
	for (size_t i = 0; i < auth_count; i++)
		buf_put_fmt(out, "  auth      %.*s\n", STR_ARG(auths[i].type));
	for (size_t i = 0; i < setting_count; i++)
		buf_put_fmt(out, "  setting   %.*s%s\n", STR_ARG(settings[i].name),
			    settings[i].required ? " (required)" : "");
	for (size_t i = 0; i < connector_tool_count(connector); i++) {
		struct str name = connector_tool_name(connector, i);

		buf_put_fmt(out, "  tool      %.*s\n", STR_ARG(name));
	}
}

int connector_check_run(const struct invocation *invocation)
{
	struct str file = invocation->options.operands[0];
	AUTO(connector) *connector = NULL;
	AUTO_BUF text = {0}, problem = {0}, out = {0};
	bool exists;

	if (file_read(file.p, &text, &exists, &problem) != OK || !exists)
		return command_failed("%.*s: %.*s", STR_ARG(file),
				      STR_ARG(problem.n > 0 ? buf_str(&problem) : STR("there is no such file")));
	if (connector_compile(buf_str(&text), file, &problem, &connector) != OK) {
		if (invocation->json)
			put_problems(&out, buf_str(&problem));
		else
			fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&problem)));
		command_print(&out);
		return STATUS_FAILED;
	}
	if (invocation->json)
		put_json(&out, connector);
	else
		put_text(&out, file, connector);
	command_print(&out);
	return STATUS_DONE;
}
