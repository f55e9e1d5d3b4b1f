/* `gatehouse migrate`: makes a PostgreSQL's tables what this version needs, as the role that owns them, and gives the
 * role that serves its rights. With SQLite there is nothing to do by hand: opening the file is what migrates it. */
#include "store/migrate.h"

#include <stdio.h>

#include "cli/installation.h"
#include "cli/server.h"
#include "gateway/conf_value.h"

const struct option migrate_options[] = {
	{"url", "URL", "the database, with the role that serves, instead of the configuration's"},
	{"as", "USER", "the role that owns the tables; without it, who serves owns them too"},
	{"password-file", "FILE", "the password of the role that connects"},
	{"ca-file", "FILE", "certificates of who may answer; makes TLS and the server's name compulsory"},
	{"keep", "TIME",
	 "rows of the trail that are younger are not archived, whatever who serves asks for; at first 1d"},
	{"dry-run", NULL, "try everything and take it back"},
	{0},
};

enum migrate_what { MIGRATE_UP, MIGRATE_REHEARSE, MIGRATE_STATUS };

struct migration {
	struct db_server server;
	enum migrate_what what;
	int64_t keep_ms; /* -1: as it is */
	struct migrate_state before, after;
	struct buf problem;
};

static enum err migrate_work(void *arg)
{
	struct migration *migration = arg;
	AUTO(owner) *owner = NULL;
	struct str runtime;

	TRY(owner_open(&migration->server, &migration->problem, &owner));
	TRY(owner_runtime_name(owner, &migration->problem, &runtime));
	TRY(migrate_read(owner, runtime, &migration->problem, &migration->before));
	migration->after = migration->before;
	if (migration->what == MIGRATE_STATUS)
		return OK;
	return migrate_up(owner, runtime, migration->keep_ms, migration->what == MIGRATE_REHEARSE, &migration->problem,
			  &migration->after);
}

static void put_json(const struct migration *migration)
{
	printf("{\"database\":\"postgresql\",\"from\":%lld,\"to\":%lld,\"newest\":%lld,\"trail_protected\":%s}\n",
	       (long long)migration->before.number, (long long)migration->after.number,
	       (long long)migration->after.newest, migration->after.two_roles ? "true" : "false");
}

static void put_text(const struct migration *migration)
{
	const struct migrate_state *before = &migration->before, *after = &migration->after;
	const char *did = migration->what == MIGRATE_REHEARSE ? "would be made" : "made";

	if (migration->what == MIGRATE_STATUS)
		printf("PostgreSQL: %lld of %lld steps are made\n", (long long)before->number,
		       (long long)before->newest);
	for (int64_t i = before->number; i < after->number; i++)
		printf("%s: step %d, %s\n", did, store_postgres_migrations[i].number,
		       store_postgres_migrations[i].name);
	if (migration->what != MIGRATE_STATUS && before->number == after->number)
		printf("nothing is missing; the rights are given\n");
	if (!after->two_roles)
		fprintf(stderr, "gatehouse: the role that serves owns the tables: the audit trail is not protected "
				"from it; use two roles and --as\n");
}

static int run(const struct invocation *invocation, enum migrate_what what)
{
	struct migration migration = {.what = what, .keep_ms = -1};
	struct str keep = options_get(&invocation->options, "keep");
	AUTO(config) *config = NULL;
	int status = STATUS_DONE;
	enum err err;

	if (keep.p != NULL && (conf_parse_ms(keep, &migration.keep_ms) != OK || migration.keep_ms > INT64_MAX / 2))
		return command_misused(invocation, "--keep is not a time such as 1d");
	if (!server_find(invocation, &config, &migration.server))
		return STATUS_FAILED;
	if (migration.server.url == NULL) {
		printf(invocation->json ? "{\"database\":\"sqlite\",\"newest\":%zu}\n"
					: "SQLite: its file is migrated when it is opened (%zu steps)\n",
		       store_migration_count);
		return STATUS_DONE;
	}
	err = migrate_work(&migration);
	if (err == OK && config != NULL && config->retention.audit_ms > 0 &&
	    migration.keep_ms > config->retention.audit_ms)
		fprintf(stderr, "gatehouse: `retention.audit` is shorter than --keep: rows stay until --keep lets them "
				"go, nothing is archived before\n");
	if (err != OK)
		status = command_failed("%.*s", STR_ARG(buf_str(&migration.problem)));
	else if (invocation->json)
		put_json(&migration);
	else
		put_text(&migration);
	buf_free(&migration.problem);
	return status;
}

int migrate_run(const struct invocation *invocation)
{
	return run(invocation, options_has(&invocation->options, "dry-run") ? MIGRATE_REHEARSE : MIGRATE_UP);
}

int migrate_status_run(const struct invocation *invocation)
{
	return run(invocation, MIGRATE_STATUS);
}
