/* Which PostgreSQL a command means. */
#ifndef GATEHOUSE_CLI_SERVER_H
#define GATEHOUSE_CLI_SERVER_H

#include "cli/command.h"
#include "db/db.h"
#include "gateway/config.h"

/* From --url, --password-file and --ca-file, or else from the configuration. Who connects as somebody else (--as) has
 * another password than who serves. ret_config  the configuration, if it was asked: the server borrows from it returns
 * false: the configuration cannot be used, which was printed; a server without URL: it is SQLite */
bool server_find(const struct invocation *invocation, struct config **ret_config, struct db_server *ret_server);

#endif
