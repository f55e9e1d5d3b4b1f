/* `gatehouse serve`: runs the server; gateway/serve.c does all of it. Here it is only decided
 * whether somebody is there to be welcomed: on a terminal, when asked for, and when there is no
 * configuration at all. A service's log gets no key. */
#include "gateway/serve.h"

#include <unistd.h>

#include "cli/command.h"

const struct option serve_options_table[] = {
	{"welcome", NULL, "print the endpoint, a key made for it (30 days) and client snippets"},
	{NULL, NULL, NULL},
};

int serve_run(const struct invocation *invocation)
{
	bool configured = invocation->config_file.p != NULL || access("gatehouse.yaml", F_OK) == 0;
	const struct serve_options options = {
		.config_file = invocation->config_file,
		.fresh_key = options_has(&invocation->options, "welcome"),
		.print_welcome =
			options_has(&invocation->options, "welcome") || isatty(STDOUT_FILENO) == 1 || !configured,
	};

	return serve(&options);
}
