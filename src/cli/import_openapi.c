/* `gatehouse import openapi FILE`: turns an OpenAPI document into a connector file, for people to read, cut and change.
 */
#include <stdio.h>

#include "cli/command.h"
#include "cli/files.h"
#include "openapi/openapi.h"

const struct option import_openapi_options[] = {
	{"name", "NAME", "of the connector; without it, made from the document's title"},
	{"include", "GLOB", "only operations whose tool's name, path or tag fits"},
	{"exclude", "GLOB", "none of these"},
	{"out", "FILE", "write the file there (a new one); without it, to standard output"},
	{NULL, NULL, NULL},
};

int import_openapi_run(const struct invocation *invocation)
{
	const struct options *options = &invocation->options;
	struct str file = options->operands[0], to = options_get(options, "out");
	const struct openapi_wish wish = {.name = options_get(options, "name"),
					  .include = options_get(options, "include"),
					  .exclude = options_get(options, "exclude")};
	AUTO_BUF text = {0}, problem = {0}, out = {0};
	bool exists;

	if (file_read(file.p, &text, &exists, &problem) != OK || !exists)
		return command_failed("%.*s: %.*s", STR_ARG(file),
				      STR_ARG(problem.n > 0 ? buf_str(&problem) : STR("there is no such file")));
	if (openapi_to_connector(buf_str(&text), &wish, &problem, &out) != OK)
		return command_failed("%.*s: %.*s", STR_ARG(file), STR_ARG(buf_str(&problem)));
	if (to.p == NULL)
		command_print(&out);
	else if (file_create(to.p, buf_str(&out), &problem) != OK)
		return command_failed("%.*s", STR_ARG(buf_str(&problem)));
	return STATUS_DONE;
}
