/* Which PostgreSQL a command means. */
#ifndef GATEHOUSE_CLI_SERVER_H
#define GATEHOUSE_CLI_SERVER_H

#include "cli/command.h"
#include "db/db.h"

/* From --url, --password-file and --ca-file; strings belong to the command line.
 *   returns    false: none is named, it is SQLite */
bool server_of_options(const struct invocation *invocation, struct db_server *ret_server);

#endif
