/* The options with which commands name a PostgreSQL. Those of the configuration are for serving; who makes the tables
 * or fills them often is another role, on another day, from another machine. */
#include "cli/server.h"

bool server_of_options(const struct invocation *invocation, struct db_server *ret_server)
{
	const struct options *options = &invocation->options;

	*ret_server = (struct db_server){
		.url = options_get(options, "url").p,
		.password_file = options_get(options, "password-file").p,
		.ca_file = options_get(options, "ca-file").p,
	};
	return ret_server->url != NULL;
}
