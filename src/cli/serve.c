/* `gatehouse serve`: runs the server; gateway/serve.c does all of it. Here it is only decided
 * whether somebody is there to be welcomed: the first key is shown on a terminal, when asked for,
 * and to those who start without any configuration. It is not written to a service's log. */
#include "gateway/serve.h"

#include <unistd.h>

#include "cli/command.h"

const struct option serve_options_table[] = {
	{"welcome", NULL, "print endpoint, first key and client snippets also when this is no terminal"},
	{NULL, NULL, NULL},
};

int serve_run(const struct invocation *invocation)
{
	bool configured = invocation->config_file.p != NULL || access("gatehouse.yaml", F_OK) == 0;
	const struct serve_options options = {
		.config_file = invocation->config_file,
		.print_welcome =
			options_has(&invocation->options, "welcome") || isatty(STDOUT_FILENO) == 1 || !configured,
	};

	return serve(&options);
}
