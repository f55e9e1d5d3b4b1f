/* `gatehouse tenant create|list`. The only command that makes a data directory where there is
 * none: an installation may be prepared before its first start. */
#include <stdio.h>

#include "base/clock.h"
#include "cli/installation.h"

AWAITS static enum err create(struct installation *installation)
{
	struct str name = installation->invocation->options.operands[0];
	AUTO_BUF out = {0};
	struct tenant tenant;
	enum err err = tenant_create(installation->db, installation->arena, name, &tenant);

	if (err == ERR_EXISTS)
		return installation_fail(installation, err, "there is a tenant \"%.*s\" already", STR_ARG(name));
	if (err == ERR_RPC_PARAMS)
		return installation_fail(installation, ERR_USAGE, "a tenant's name has 1 to 63 of a-z 0-9 -");
	TRY(err);
	TRY(installation_audit(installation, "tenant.created", tenant.id, tenant.id));
	if (installation->invocation->json)
		buf_put_fmt(&out, "{\"id\":\"%.*s\",\"name\":\"%.*s\"}\n", STR_ARG(tenant.id), STR_ARG(tenant.name));
	else
		buf_put_fmt(&out, "tenant %.*s is made; `gatehouse key create --tenant %.*s` makes its first key\n",
			    STR_ARG(name), STR_ARG(name));
	command_print(&out);
	return OK;
}

int tenant_create_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_MAKE, create, NULL);
}

static void put_tenant(struct buf *out, const struct tenant *tenant, bool json)
{
	char made[CLOCK_ISO_LEN + 1];

	clock_iso(tenant->created_ms, made);
	if (json)
		buf_put_fmt(out, "{\"id\":\"%.*s\",\"name\":\"%.*s\",\"created\":\"%s\",\"disabled\":%s}",
			    STR_ARG(tenant->id), STR_ARG(tenant->name), made, tenant->disabled ? "true" : "false");
	else
		buf_put_fmt(out, "%-24.*s  %.*s  %.10s%s\n", STR_ARG(tenant->name), STR_ARG(tenant->id), made,
			    tenant->disabled ? "  disabled" : "");
}

AWAITS static enum err list(struct installation *installation)
{
	bool json = installation->invocation->json;
	struct tenant *tenants;
	AUTO_BUF out = {0};
	size_t count;

	TRY(tenant_list(installation->db, installation->arena, &tenants, &count));
	buf_put(&out, json ? STR("[") : STR(""));
	for (size_t i = 0; i < count; i++) {
		buf_put(&out, json && i > 0 ? STR(",") : STR(""));
		put_tenant(&out, &tenants[i], json);
	}
	buf_put(&out, json ? STR("]\n") : STR(""));
	command_print(&out);
	return OK;
}

int tenant_list_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, list, NULL);
}
