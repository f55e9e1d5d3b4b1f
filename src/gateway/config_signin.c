/* The settings of people's sign-in: local accounts, sessions in the browser, the company's providers, and how a
 * provider's claims become a tenant and a role. */
#include "gateway/config.h"
#include "gateway/config_parts.h"
#include "gateway/config_tables.h"
#include "http/client.h"

#define MINUTE (60 * 1000LL)
#define DAY (24 * 60 * MINUTE)
#define ID(member) offsetof(struct identity_settings, member)
#define PROVIDER(member) offsetof(struct provider_settings, member)
#define CLAIMS(member) offsetof(struct claim_rules, member)
#define PROVIDERS_MAX 16 /* buttons that fit a page */
#define MAPPINGS_MAX 1000

static const struct conf_field claims_fields[] = {
	{"tenant", CONF_STR, CLAIMS(tenant), .doc = "The tenant of everybody who signs in here.", .example = "acme"},
	{"tenant_claim", CONF_STR, CLAIMS(tenant_claim), .doc = "The claim whose value is a tenant's name.",
	 .example = "organization"},
	{"domains", CONF_CUSTOM, .custom = config_read_domains,
	 .doc = "The domain of a verified email address to a tenant's name.", .example = "{acme.example: acme}"},
	{"role_claim", CONF_STR, CLAIMS(role_claim), .doc = "The claim that holds groups or roles: a text or a list.",
	 .example = "groups"},
	{"roles", CONF_CUSTOM, .custom = config_read_roles,
	 .doc = "Values of role_claim to roles of the tenant; the first one that matches, in this order.",
	 .example = "{platform-team: admin, everyone: member}"},
	{"role", CONF_STR, CLAIMS(role), .doc = "The role when none of `roles` matches; empty: refused.",
	 .example = "member"},
};
const struct conf_table config_claims_table = {"claims", claims_fields, ARRAY_LEN(claims_fields)};

static const struct conf_field provider_fields[] = {
	{"title", CONF_STR, PROVIDER(title), .doc = "Its name on the button; else the one here.", .example = "Okta"},
	{"issuer", CONF_STR, PROVIDER(issuer),
	 .doc = "The provider's issuer, exactly as its discovery document spells it.",
	 .example = "https://login.microsoftonline.com/TENANT-ID/v2.0"},
	{"client_id", CONF_STR, PROVIDER(client_id), .doc = "As the provider has registered this gateway."},
	{"client_secret_file", CONF_STR, PROVIDER(client_secret_file),
	 .doc = "A file, mode 0600, that holds the client's secret; empty: a public client."},
	{"scopes", CONF_STR, PROVIDER(scopes), .fallback = "openid email profile", .doc = "What is asked for."},
	{"claims", CONF_TABLE, PROVIDER(claims), .table = &config_claims_table,
	 .doc = "How its claims become a tenant and a role."},
	{"create_users", CONF_BOOL, PROVIDER(create_users), .fallback = "true",
	 .doc = "Who signs in for the first time gets an account; else only who has one may."},
	{"allow_private", CONF_BOOL, PROVIDER(allow_private), .fallback = "false",
	 .doc = "The provider may be at a private address."},
};
const struct conf_table config_provider_table = {"provider", provider_fields, ARRAY_LEN(provider_fields)};

static const struct conf_field sign_in_fields[] = {
	{"local_accounts", CONF_BOOL, ID(local_accounts), .fallback = "true",
	 .doc = "People may sign in with an email address and a password (`gatehouse user create`)."},
	{"session", CONF_MS, ID(web_session_ms), .low = MINUTE, .high = 90 * DAY, .fallback = "24h",
	 .doc = "A session in the browser ends after this, used or not."},
	{"session_idle", CONF_MS, ID(web_idle_ms), .low = MINUTE, .high = 90 * DAY, .fallback = "8h",
	 .doc = "A session that is unused this long ends."},
	{"providers", CONF_CUSTOM, .custom = config_read_providers, .table = &config_provider_table,
	 .doc = "OpenID providers where people sign in, by name: the name is part of the address to register there, "
		"public_url/login/NAME/callback."},
};
const struct conf_table config_sign_in_table = {"sign_in", sign_in_fields, ARRAY_LEN(sign_in_fields)};

static enum err complain(struct conf_reading *reading, const struct conf_node *node, const char *what)
{
	conf_problem(&reading->problems, node, "%s", what);
	return ERR_CONFIG;
}

static enum err read_mappings(struct conf_reading *reading, const struct conf_node *node,
			      const struct claim_mapping **ret_mappings, size_t *ret_count)
{
	struct claim_mapping *mappings;

	if (node->kind != CONF_MAP || node->count > MAPPINGS_MAX)
		return complain(reading, node, "must be a map of texts, at most 1000");
	mappings = arena_zalloc(reading->arena, (node->count + 1) * sizeof(*mappings));
	for (size_t i = 0; i < node->count; i++) {
		if (node->entries[i].value->kind != CONF_SCALAR || node->entries[i].value->text.n == 0)
			return complain(reading, node->entries[i].key, "must map a text to a name");
		mappings[i] = (struct claim_mapping){node->entries[i].key->text, node->entries[i].value->text};
	}
	*ret_mappings = mappings;
	*ret_count = node->count;
	return OK;
}

enum err config_read_domains(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct claim_rules *rules = object;

	return read_mappings(reading, node, &rules->domains, &rules->domain_count);
}

enum err config_read_roles(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct claim_rules *rules = object;

	return read_mappings(reading, node, &rules->roles, &rules->role_count);
}

static enum err read_provider(struct conf_reading *reading, const struct conf_entry *entry,
			      struct provider_settings *provider)
{
	struct url url;

	provider->name = entry->key->text;
	if (!config_name_fits_path(provider->name))
		return complain(reading, entry->key, "a provider's name has 1 to 32 of a-z 0-9 -");
	conf_defaults(reading, &config_provider_table, provider);
	conf_read(reading, &config_provider_table, entry->value, provider);
	if (url_parse(provider->issuer, &url) != OK || (!url.tls && !provider->allow_private))
		return complain(reading, entry->key, "a provider needs its `issuer`, an https URL");
	if (provider->client_id.n == 0)
		return complain(reading, entry->key, "a provider needs the `client_id` that it knows this gateway by");
	if (provider->claims.tenant.n == 0 && provider->claims.tenant_claim.n == 0 &&
	    provider->claims.domain_count == 0)
		return complain(
			reading, entry->key,
			"a provider needs `claims` with `tenant`, `tenant_claim` or `domains`: whose are its people?");
	return OK;
}

enum err config_read_providers(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct identity_settings *settings = object;
	struct provider_settings *providers;

	if (node->kind == CONF_SCALAR && node->text.n == 0)
		return OK;
	if (node->kind != CONF_MAP || node->count > PROVIDERS_MAX)
		return complain(reading, node, "providers: must be a map of names and providers, at most 16");
	providers = arena_zalloc(reading->arena, (node->count + 1) * sizeof(*providers));
	for (size_t i = 0; i < node->count; i++)
		if (read_provider(reading, &node->entries[i], &providers[settings->provider_count]) == OK)
			settings->provider_count++;
	settings->providers = providers;
	return OK;
}
