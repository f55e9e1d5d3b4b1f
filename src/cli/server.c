/* The options with which commands name a PostgreSQL. Those of the configuration are for serving; who makes the tables
 * or fills them often is another role, on another day, from another machine. */
#include "cli/server.h"

#include "cli/installation.h"

bool server_find(const struct invocation *invocation, struct config **ret_config, struct db_server *ret_server)
{
	const struct options *options = &invocation->options;

	if (!options_has(options, "url")) {
		if (!installation_config(invocation, ret_config))
			return false;
		*ret_server = config_db_spec(*ret_config).server;
		if (options_has(options, "as") || options_has(options, "password-file"))
			ret_server->password_file = options_get(options, "password-file").p;
		ret_server->user = options_get(options, "as").p;
		return true;
	}
	*ret_server = (struct db_server){
		.url = options_get(options, "url").p,
		.user = options_get(options, "as").p,
		.password_file = options_get(options, "password-file").p,
		.ca_file = options_get(options, "ca-file").p,
	};
	return true;
}
