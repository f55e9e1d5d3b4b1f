/* `gatehouse user export|erase` and `tenant erase`: what is kept of somebody, handed out or forgotten. What there is
 * and in which order it goes is for the retention room; here it is asked for twice and recorded. The rows about it name
 * an id that by then leads nowhere. */
#include <stdio.h>

#include "cli/installation.h"
#include "retention/retention.h"
#include "store/user.h"

const struct option erase_options[] = {
	{"yes", NULL, "needed: there is no way back"},
	{NULL, NULL, NULL},
};

AWAITS static enum err find(struct installation *installation, struct user *ret_user)
{
	struct str id = installation->invocation->options.operands[0];
	enum err err = user_get(installation->db, DB_ALL_TENANTS, installation->arena, id, ret_user);

	return err == ERR_NOT_FOUND
		       ? installation_fail(installation, err, "there is no user with the id \"%.*s\"", STR_ARG(id))
		       : err;
}

static enum err be_sure(struct installation *installation)
{
	if (options_has(&installation->invocation->options, "yes"))
		return OK;
	return installation_fail(installation, ERR_USAGE, "this cannot be undone: say --yes");
}

/* The rows are gone either way; only what the log still has of them may have to wait. */
static enum err tell_scrub(struct installation *installation, enum err err)
{
	if (err != ERR_BUSY)
		return err;
	return installation_fail(
		installation, err,
		"it is erased; but a reader keeps old pages in gatehouse.db-wal: stop the server once, or "
		"run this again");
}

AWAITS static enum err user_export(struct installation *installation)
{
	AUTO_BUF out = {0};
	struct user user;

	TRY(find(installation, &user));
	TRY(retention_export_user(installation->db, installation->keys.seal, user.tenant_id, user.id, &out));
	TRY(installation_audit(installation, "user.exported", user.tenant_id, user.id));
	command_print(&out);
	return OK;
}

AWAITS static enum err user_erase(struct installation *installation)
{
	AUTO_BUF out = {0};
	struct user user;
	enum err err;

	TRY(be_sure(installation));
	TRY(find(installation, &user));
	err = retention_erase_user(installation->db, user.tenant_id, user.id);
	if (err != OK && err != ERR_BUSY)
		return err;
	TRY(installation_audit(installation, "user.erased", user.tenant_id, user.id));
	TRY(tell_scrub(installation, err));
	buf_put_fmt(&out, "user %.*s is erased\n", STR_ARG(user.id));
	command_print(&out);
	return OK;
}

AWAITS static enum err tenant_erase(struct installation *installation)
{
	struct str name = installation->invocation->options.operands[0];
	AUTO_BUF out = {0};
	struct tenant tenant;
	enum err err;

	TRY(be_sure(installation));
	err = tenant_find(installation->db, installation->arena, name, &tenant);
	if (err == ERR_NOT_FOUND)
		return installation_fail(installation, err, "there is no tenant \"%.*s\"", STR_ARG(name));
	TRY(err);
	err = retention_erase_tenant(installation->db, tenant.id);
	if (err != OK && err != ERR_BUSY)
		return err;
	TRY(installation_audit(installation, "tenant.erased", tenant.id, tenant.id));
	TRY(tell_scrub(installation, err));
	buf_put_fmt(&out, "tenant %.*s is erased\n", STR_ARG(tenant.id));
	command_print(&out);
	return OK;
}

int user_export_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, user_export, NULL);
}

int user_erase_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, user_erase, NULL);
}

int tenant_erase_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, tenant_erase, NULL);
}
