/* Rooms that connect accounts know names of upstreams; what such a name means is in the configuration of now, of the
 * loop that asks. All of it is copied: a flow waits for other servers, and the configuration does not wait for a flow.
 */
#include "gateway/accounts.h"

#include "gateway/local.h"

void accounts_at(struct gateway *gateway, const struct upstream_spec *spec, struct str account, struct arena *arena,
		 struct connect_at *ret_at)
{
	const struct config *config = gateway_here(gateway)->config;
	struct auth_settings *settings = ARENA_NEW(arena, struct auth_settings);
	struct str origin = arena_str(arena, gateway_origin(gateway)), name = arena_str(arena, spec->name);
	struct str document = config->connect.client_document;

	auth_settings_copy(arena, &spec->auth.oauth, settings);
	if (document.n > 0)
		document = arena_str(arena, document);
	else if (str_starts(origin, STR("https://")))
		document = arena_fmt(arena, "%.*s/auth/%.*s/client.json", STR_ARG(origin), STR_ARG(name));
	*ret_at = (struct connect_at){
		.upstream = account.n == 0 ? name : arena_fmt(arena, "%.*s.%.*s", STR_ARG(name), STR_ARG(account)),
		.callback = name,
		.url = arena_str(arena, spec->url),
		.settings = settings,
		.public_url = origin,
		.client_document = document,
		.client_name = arena_str(arena, config->connect.client_name),
		.life_ms = config->connect.life_ms,
		.ca_file = spec->ca_file.n > 0 ? arena_str(arena, spec->ca_file).p : NULL,
		.allow_private = spec->allow_private,
	};
}

/* Whether an upstream has such an account: one of several by its name, or the only one without. */
static bool has_account(const struct upstream_spec *spec, struct str account)
{
	const struct local_account *accounts;

	if (spec->local == NULL || local_accounts(spec->local, &accounts) == 0)
		return account.n == 0;
	return local_account_find(spec->local, account) != NULL;
}

static enum err find_upstream(void *arg, struct str place, struct str tenant_id, struct arena *arena,
			      struct connect_at *ret_at)
{
	struct gateway *gateway = arg;
	const struct config *config = gateway_here(gateway)->config;
	struct str name, account;

	local_place_cut(place, &name, &account);
	for (size_t i = 0; i < config->upstream_count; i++) {
		const struct upstream_spec *spec = &config->upstreams[i];

		if (!str_eq(spec->name, name))
			continue;
		if (spec->auth.kind != UPSTREAM_AUTH_OAUTH || (spec->owner.n > 0 && !str_eq(spec->owner, tenant_id)) ||
		    !has_account(spec, account))
			return ERR_NOT_FOUND;
		accounts_at(gateway, spec, account, arena, ret_at);
		return OK;
	}
	return ERR_NOT_FOUND;
}

static struct str client_name(void *arg, struct arena *arena)
{
	struct gateway *gateway = arg;

	return arena_str(arena, gateway_here(gateway)->config->connect.client_name);
}

struct connect *accounts_start(struct gateway *gateway, const struct secret *key)
{
	return connect_new(&(struct connect_spec){
		.db = gateway->db,
		.vault = gateway->vault,
		.state = gateway->state,
		.audit = gateway->audit,
		.signin = gateway->signin,
		.access = gateway->access,
		.signing = gateway->signing,
		.key = key,
		.find_upstream = find_upstream,
		.client_name = client_name,
		.arg = gateway,
	});
}
