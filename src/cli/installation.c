/* The one way from a command to the data: config -> keys -> database -> work -> everything closed
 * again, on a loop that lives as long as the command. Errors are worded here once for all. */
#include "cli/installation.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/audit.h"
#include "cli/control_call.h"
#include "gateway/kek.h"
#include "store/store.h"

#define ARENA_BYTES_MAX (64u * 1024 * 1024)

struct running {
	struct installation installation;
	bool changed; /* what a running server keeps in memory */
	enum err err;
};

enum err installation_fail(struct installation *installation, enum err err, const char *fmt, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) >= 0)
		buf_put(&installation->problem, str_of(text));
	va_end(args);
	free(text);
	return err;
}

bool installation_config(const struct invocation *invocation, struct config **ret_config)
{
	AUTO_BUF problem = {0};

	if (config_load(invocation->config_file, &problem, ret_config) == OK)
		return true;
	fprintf(stderr, "%.*s%s", STR_ARG(buf_str(&problem)), str_ends(buf_str(&problem), STR("\n")) ? "" : "\n");
	return false;
}

AWAITS static enum err open_storage(struct installation *installation)
{
	const struct config *config = installation->config;
	struct db_spec spec = config_db_spec(config);

	TRY(secrets_open(&config->secrets, &installation->problem, &installation->secrets));
	TRY(keys_load(config->data, installation->secrets, &installation->problem, &installation->keys));
	return db_open(&spec, &installation->problem, &installation->db);
}

AWAITS static void close_storage(struct installation *installation)
{
	if (installation->audit != NULL)
		audit_stop(installation->audit);
	vault_free(installation->vault);
	kek_close(installation->kek);
	if (installation->db != NULL)
		db_close(installation->db);
	keys_free(&installation->keys);
	secrets_close(installation->secrets);
}

/* A database without tables has no generation: the work says what is wrong with that. */
AWAITS static enum err do_work(struct running *running)
{
	struct installation *installation = &running->installation;
	int64_t before, after;
	bool known = store_generation(installation->db, &before) == OK;
	enum err err = installation->work(installation);

	running->changed = known && store_generation(installation->db, &after) == OK && after != before;
	return err;
}

/* The server would notice by itself in half a second; nothing is lost when it cannot be told. */
static void tell_server(const struct config *config)
{
	AUTO_BUF problem = {0}, body = {0};
	int status;

	(void)!control_call(config->data, "POST", "/look", STR_NONE, &problem, &status, &body);
}

AWAITS_ENTRY static void work_main(void *arg)
{
	struct running *running = arg;
	struct installation *installation = &running->installation;

	running->err = open_storage(installation);
	if (running->err == OK)
		running->err = do_work(running);
	close_storage(installation);
	rt_stop(1000);
}

static int report(const struct running *running)
{
	struct str problem = buf_str(&running->installation.problem);

	if (running->err == OK)
		return STATUS_DONE;
	if (problem.n == 0)
		problem = str_of(err_text(running->err));
	if (running->err == ERR_USAGE)
		return command_misused(running->installation.invocation, "%.*s", STR_ARG(problem));
	return command_failed("%.*s", STR_ARG(problem));
}

/* PostgreSQL has no file here: what shows that there is an installation is its key, unless that is kept elsewhere. */
bool installation_is_made(const struct config *config)
{
	bool on_sqlite = str_eq(config->database.url, STR("sqlite"));
	AUTO_BUF path = {0};

	if (!on_sqlite && config->secrets.kind != SECRETS_FILE)
		return true;
	buf_put(&path, config->data);
	buf_put(&path, on_sqlite ? STR("/gatehouse.db") : STR("/server.key"));
	buf_put_byte(&path, '\0');
	return access(path.p, F_OK) == 0;
}

int installation_run(const struct invocation *invocation, enum installation_mode mode,
		     enum err (*work)(struct installation *installation), void *arg)
{
	struct running running = {.installation = {.invocation = invocation, .work = work, .arg = arg}};
	AUTO(config) *config = NULL;
	int status;

	if (!installation_config(invocation, &config))
		return STATUS_FAILED;
	if (mode == INSTALLATION_USE && !installation_is_made(config))
		return command_failed("there is no data in %.*s yet: start `gatehouse serve` once, or name the right "
				      "configuration with --config",
				      STR_ARG(config->data));
	log_setup(LOG_WARN, LOG_AUTO); /* the answer is on standard output; only trouble is logged */
	running.installation.config = config;
	running.installation.arena = arena_new(ARENA_BYTES_MAX);
	if (rt_run(1, work_main, &running) != OK)
		status = command_failed("the event loop cannot be started: is the limit of open files too low?");
	else
		status = report(&running);
	if (running.changed)
		tell_server(config);
	buf_free(&running.installation.problem);
	arena_free(running.installation.arena);
	return status;
}

AWAITS enum err installation_vault(struct installation *installation)
{
	struct secret *own = installation->keys.kek;

	if (installation->vault != NULL)
		return OK;
	installation->keys.kek = NULL;
	TRY(kek_open(installation->secrets, own, &installation->problem, &installation->kek));
	installation->vault =
		vault_new(&(struct vault_spec){.db = installation->db, .kek = kek_source(installation->kek)});
	return OK;
}

AWAITS enum err installation_audit_open(struct installation *installation)
{
	struct secret *key = installation->keys.audit;

	if (installation->audit != NULL)
		return OK;
	installation->keys.audit = NULL;
	return audit_start(installation->db, key, AUDIT_STRICT, &installation->audit);
}

AWAITS enum err installation_audit(struct installation *installation, const char *event, struct str tenant_id,
				   struct str target)
{
	char principal[32];
	const struct audit_record record = {
		.event = str_of(event),
		.tenant_id = tenant_id,
		.principal = {principal, (size_t)snprintf(principal, sizeof(principal), "cli:uid=%u", getuid())},
		.target = target,
		.outcome = STR("ok"),
	};

	TRY(installation_audit_open(installation));
	if (audit_append(installation->audit, &record) == OK)
		return OK;
	return installation_fail(
		installation, ERR_BUSY,
		"%s happened, but the audit trail did not take the row in time; run `gatehouse doctor`", event);
}

AWAITS static enum err append_keys(struct installation *installation, const struct tenant *tenant,
				   struct api_key **keys, size_t *count)
{
	struct api_key *more, *all;
	size_t more_count;

	TRY(api_key_list(installation->db, installation->arena, tenant->id, &more, &more_count));
	if (more_count == 0)
		return OK;
	all = arena_try_grow(installation->arena, *keys, *count * sizeof(*all), (*count + more_count) * sizeof(*all));
	if (all == NULL)
		return ERR_LIMIT;
	memcpy(all + *count, more, more_count * sizeof(*all));
	*keys = all;
	*count += more_count;
	return OK;
}

AWAITS enum err installation_keys(struct installation *installation, struct str tenant_name, struct api_key **ret_keys,
				  size_t *ret_count)
{
	struct api_key *keys = arena_alloc(installation->arena, sizeof(*keys));
	struct tenant *tenants;
	size_t tenant_count, count = 0;
	bool found = false;

	TRY(tenant_list(installation->db, installation->arena, &tenants, &tenant_count));
	for (size_t i = 0; i < tenant_count; i++) {
		if (tenant_name.p != NULL && !str_eq(tenants[i].name, tenant_name))
			continue;
		found = true;
		TRY(append_keys(installation, &tenants[i], &keys, &count));
	}
	if (tenant_name.p != NULL && !found)
		return installation_fail(installation, ERR_NOT_FOUND,
					 "there is no tenant \"%.*s\"; `gatehouse tenant list` shows them",
					 STR_ARG(tenant_name));
	*ret_keys = keys;
	*ret_count = count;
	return OK;
}

AWAITS enum err installation_tenant(struct installation *installation, struct str name, struct tenant *ret_tenant)
{
	enum err err = tenant_find(installation->db, installation->arena, name, ret_tenant);

	if (err == ERR_NOT_FOUND)
		err = tenant_get(installation->db, installation->arena, name, ret_tenant);
	if (err == ERR_NOT_FOUND)
		return installation_fail(installation, err, "no tenant '%.*s'; `gatehouse tenant list` lists them",
					 STR_ARG(name));
	return err;
}
