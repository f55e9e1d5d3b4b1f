/* `gatehouse db copy`: the installation in the data directory into a PostgreSQL whose tables `gatehouse migrate` has
 * made. A gateway that still runs would go on writing what the copy has not: it must be stopped. */
#include "store/copy.h"

#include <stdio.h>

#include "cli/control_call.h"
#include "cli/installation.h"
#include "cli/server.h"

const struct option db_copy_options[] = {
	{"url", "URL", "the target: postgresql://USER@HOST:PORT/NAME"},
	{"as", "USER", "the role that owns its tables"},
	{"password-file", "FILE", "the password of the role that connects"},
	{"ca-file", "FILE", "certificates of who may answer; makes TLS and the server's name compulsory"},
	{0},
};

struct opening {
	struct db_server server;
	struct str data;
	struct owner *owner;
	struct buf *problem;
};

static enum err open_work(void *arg)
{
	struct opening *opening = arg;
	AUTO_BUF problem = {0}, body = {0};
	int code;

	if (control_call(opening->data, "GET", "/status", STR_NONE, &problem, &code, &body) != ERR_NOT_FOUND) {
		buf_put_fmt(opening->problem, "a gateway runs on the data in %.*s: stop it first",
			    STR_ARG(opening->data));
		return ERR_BUSY;
	}
	return owner_open(&opening->server, opening->problem, &opening->owner);
}

static enum err close_work(void *arg)
{
	owner_close(arg);
	return OK;
}

struct telling {
	bool json;
	unsigned tables;
};

static void tell(void *arg, const char *table, int64_t rows)
{
	struct telling *telling = arg;

	if (telling->json)
		printf("%s{\"table\":\"%s\",\"rows\":%lld}", telling->tables == 0 ? "[" : ",\n", table,
		       (long long)rows);
	else
		printf("%-16s %10lld rows\n", table, (long long)rows);
	telling->tables++;
}

AWAITS static enum err copy(struct installation *installation)
{
	struct opening *opening = installation->arg;
	struct telling telling = {.json = installation->invocation->json};
	enum err err;

	opening->data = installation->config->data;
	opening->problem = &installation->problem;
	TRY(work_run(open_work, opening));
	err = copy_all(installation->db, opening->owner, tell, &telling, &installation->problem);
	if (work_run(close_work, opening->owner) != OK)
		owner_close(opening->owner);
	if (telling.json && telling.tables > 0)
		printf("]\n");
	else if (err == OK)
		printf("copied; keep the data directory's keys, name the database in the configuration, start again\n");
	return err;
}

int db_copy_run(const struct invocation *invocation)
{
	struct opening opening = {0};

	/* The configuration may name the source still. */
	if (!options_has(&invocation->options, "url"))
		return command_misused(invocation, "--url is missing");
	if (!server_find(invocation, NULL, &opening.server))
		return STATUS_FAILED;
	return installation_run(invocation, INSTALLATION_USE, copy, &opening);
}
