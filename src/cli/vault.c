/* `gatehouse vault rotate|destroy`: new data keys for old, and no keys at all. Both work beside running gateways, which
 * read on: see room vault. A rotation that was cut short goes on with `--finish`, or by itself with the daily job. */
#include <stdio.h>

#include "base/clock.h"
#include "cli/installation.h"
#include "vault/vault.h"

const struct option vault_rotate_options[] = {
	{"finish", NULL, "make no new keys: end what was begun, wrap data keys with the present KEK"},
	{NULL, NULL, NULL},
};
const struct option vault_destroy_options[] = {
	{"tenant", "NAME", "whose keys (needed)"},
	{"yes", NULL, "needed: there is no way back"},
	{NULL, NULL, NULL},
};

AWAITS static enum err rotate(struct installation *installation)
{
	bool finish = options_has(&installation->invocation->options, "finish");
	struct vault_rotation rotation = {.made_before_ms = finish ? 0 : clock_wall_ms()};
	AUTO_BUF out = {0};

	TRY(installation_vault(installation));
	TRY(vault_rotate(installation->vault, &rotation));
	TRY(installation_audit(installation, "vault.rotated", STR(""), STR("")));
	buf_put_fmt(&out, "%llu tenants: %llu keys made, %llu wrapped anew, %llu values sealed anew\n",
		    (unsigned long long)rotation.tenants, (unsigned long long)rotation.keys_made,
		    (unsigned long long)rotation.keys_wrapped, (unsigned long long)rotation.values_sealed);
	command_print(&out);
	if (rotation.tenants_failed + rotation.values_unreadable == 0)
		return OK;
	return installation_fail(installation, ERR_CRYPTO,
				 "%llu tenants whose keys do not open, %llu values that do not: they are as they were; "
				 "the log names them",
				 (unsigned long long)rotation.tenants_failed,
				 (unsigned long long)rotation.values_unreadable);
}

AWAITS static enum err destroy(struct installation *installation)
{
	const struct options *options = &installation->invocation->options;
	struct str name = options_get(options, "tenant");
	struct tenant tenant;
	AUTO_BUF out = {0};

	if (name.p == NULL || !options_has(options, "yes"))
		return installation_fail(installation, ERR_USAGE,
					 "say whose keys with --tenant, and --yes: this cannot be undone");
	if (tenant_find(installation->db, installation->arena, name, &tenant) != OK)
		return installation_fail(installation, ERR_NOT_FOUND, "there is no tenant \"%.*s\"", STR_ARG(name));
	TRY(installation_vault(installation));
	TRY(vault_destroy(installation->vault, tenant.id));
	TRY(installation_audit(installation, "vault.destroyed", tenant.id, tenant.id));
	buf_put_fmt(&out, "the data keys of %.*s are destroyed: no credential of theirs can be read any more\n",
		    STR_ARG(name));
	command_print(&out);
	return OK;
}

int vault_rotate_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, rotate, NULL);
}

int vault_destroy_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, destroy, NULL);
}
