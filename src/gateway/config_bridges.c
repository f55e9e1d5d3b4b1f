/* `bridges`: identity providers in front of which clients register here. Parsed into the structs that the room bridge
 * reads. What is checked here is what would otherwise only show when the first client registers. */
#include "gateway/config.h"
#include "gateway/config_parts.h"
#include "gateway/config_tables.h"
#include "http/client.h"

#define SECOND 1000LL
#define HOUR (60 * 60 * SECOND)
#define DAY (24 * HOUR)
#define BRIDGE(member) offsetof(struct bridge_settings, member)
#define GRAPH_API "00000003-0000-0000-c000-000000000000"
#define SECRET_TOTAL_MS_MAX (730 * DAY) /* what the provider gives a secret at most */

static const char *const type_names[] = {"entra", NULL};

static const struct conf_field bridge_fields[] = {
	{"type", CONF_CHOICE, BRIDGE(type), .fallback = "entra", .choices = type_names,
	 .doc = "What the provider is: Microsoft Entra."},
	{"tenant", CONF_STR, BRIDGE(tenant), .doc = "The directory's id, or one of its domains.",
	 .example = "acme.onmicrosoft.com"},
	{"client_id", CONF_STR, BRIDGE(client_id),
	 .doc = "The application that the gateway is there, with the permission Application.ReadWrite.OwnedBy."},
	{"client_secret", CONF_STR, BRIDGE(client_secret), .doc = "Its secret.", .example = "${secret:entra-bridge}"},
	{"authority", CONF_STR, BRIDGE(authority), .fallback = "https://login.microsoftonline.com",
	 .doc = "Where people and the gateway sign in; others than this one in national clouds."},
	{"graph", CONF_STR, BRIDGE(graph), .fallback = "https://graph.microsoft.com",
	 .doc = "Where applications are made; others than this one in national clouds."},
	{"redirect_hosts", CONF_STRS, BRIDGE(redirect_hosts), BRIDGE(redirect_host_count),
	 .doc = "Hosts that https redirect URIs may lead to, each as it is: no wildcards.",
	 .example = "[claude.ai, vscode.dev]"},
	{"loopback", CONF_BOOL, BRIDGE(loopback), .fallback = "true",
	 .doc = "Redirect URIs may lead to the user's own machine, as those of programs do."},
	{"scopes", CONF_CUSTOM, .custom = config_read_bridge_scopes,
	 .doc = "Scopes that clients may have, and the permission of an API, API-ID/PERMISSION-ID, that stands for "
		"each; openid, profile, email and offline_access need none named, and are what there is without this.",
	 .example = "{openid: , \"api://acme/tools\": 6d1e.../77ab...}"},
	{"quota", CONF_UINT, BRIDGE(quota), .low = 1, .high = 10000, .fallback = "20",
	 .doc = "Clients that one tenant may have."},
	{"rate", CONF_RATE, BRIDGE(rate), .fallback = "30/h", .doc = "Registrations of one tenant."},
	{"secret_life", CONF_MS, BRIDGE(secret_life_ms), .low = SECOND, .high = SECRET_TOTAL_MS_MAX, .fallback = "90d",
	 .doc = "A client's secret gets a successor after this."},
	{"overlap", CONF_MS, BRIDGE(overlap_ms), .low = SECOND, .high = 90 * DAY, .fallback = "24h",
	 .doc = "The old secret is good so long beside the new one."},
	{"grace", CONF_MS, BRIDGE(grace_ms), .low = SECOND, .high = 30 * DAY, .fallback = "1h",
	 .doc = "What is unfinished, or has no counterpart, is removed when it is older than this."},
	{"ca", CONF_STR, BRIDGE(ca_file), .doc = "Trust these certificates instead of the system's.",
	 .example = "ca.pem"},
	{"allow_private", CONF_BOOL, BRIDGE(allow_private), .fallback = "false",
	 .doc = "The provider may be at a private address, and on loopback without TLS."},
};
const struct conf_table config_bridge_table = {"bridge", bridge_fields, ARRAY_LEN(bridge_fields)};

/* Permissions of Microsoft Graph that every directory has. */
static const struct bridge_scope known_scopes[] = {
	{{"openid", 6}, {GRAPH_API, 36}, {"37f7f235-527c-4136-accd-4a02d197296e", 36}},
	{{"profile", 7}, {GRAPH_API, 36}, {"14dad69e-099b-42c9-810b-d002981feec1", 36}},
	{{"email", 5}, {GRAPH_API, 36}, {"64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0", 36}},
	{{"offline_access", 14}, {GRAPH_API, 36}, {"7427e0e9-2fba-42fe-b0c0-848c9e6a8182", 36}},
};

static enum err complain(struct conf_reading *reading, const struct conf_node *node, const char *what)
{
	conf_problem(&reading->problems, node, "%s", what);
	return ERR_CONFIG;
}

/* A word that can stand between spaces. */
static bool is_scope(struct str text)
{
	return text.n > 0 && text.n <= 256 && str_is_printable(text) && memchr(text.p, ' ', text.n) == NULL &&
	       memchr(text.p, '"', text.n) == NULL && memchr(text.p, '\\', text.n) == NULL;
}

static enum err read_scope(struct conf_reading *reading, const struct conf_entry *entry, struct bridge_scope *scope)
{
	struct str value = entry->value->kind == CONF_SCALAR ? str_trim(entry->value->text) : STR_NONE;

	*scope = (struct bridge_scope){.name = entry->key->text};
	if (!is_scope(scope->name))
		return complain(reading, entry->key, "scopes: a scope is a word without spaces and quotes");
	if (value.n == 0) {
		for (size_t i = 0; i < ARRAY_LEN(known_scopes); i++)
			if (str_eq(known_scopes[i].name, scope->name))
				*scope = known_scopes[i];
		return OK;
	}
	if (!str_cut(value, '/', &scope->resource, &scope->permission) || scope->resource.n == 0 ||
	    scope->permission.n == 0)
		return complain(reading, entry->value, "scopes: what stands for one is API-ID/PERMISSION-ID");
	return OK;
}

enum err config_read_bridge_scopes(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct bridge_settings *settings = object;
	struct bridge_scope *scopes;

	if (node->kind != CONF_MAP || node->count > BRIDGE_SCOPES_MAX)
		return complain(reading, node, "scopes: must be a map of scopes and permissions, at most 32");
	scopes = arena_zalloc(reading->arena, (node->count + 1) * sizeof(*scopes));
	for (size_t i = 0; i < node->count; i++)
		TRY(read_scope(reading, &node->entries[i], &scopes[i]));
	settings->scopes = scopes;
	settings->scope_count = node->count;
	return OK;
}

/* An origin, its slash at the end taken away. */
static bool take_origin(struct str *text, bool allow_private)
{
	struct url url;

	if (text->n > 0 && text->p[text->n - 1] == '/')
		text->n--;
	return url_is_usable(*text, allow_private, &url) && str_eq(url.path, STR("/")) &&
	       memchr(text->p, '"', text->n) == NULL && memchr(text->p, '?', text->n) == NULL;
}

/* It becomes part of URLs. */
static bool is_directory(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '.'))
			return false;
	}
	return text.n > 0 && text.n <= 253;
}

static enum err read_bridge(struct conf_reading *reading, const struct conf_entry *entry,
			    struct bridge_settings *settings)
{
	settings->name = entry->key->text;
	if (!config_name_fits_path(settings->name))
		return complain(reading, entry->key, "a bridge's name has 1 to 32 of a-z 0-9 -");
	settings->scopes = known_scopes;
	settings->scope_count = ARRAY_LEN(known_scopes);
	conf_defaults(reading, &config_bridge_table, settings);
	conf_read(reading, &config_bridge_table, entry->value, settings);
	if (!is_directory(settings->tenant) || settings->client_id.n == 0 || settings->client_secret.n == 0)
		return complain(reading, entry->key,
				"a bridge needs its `tenant`, and the `client_id` and `client_secret` that the gateway "
				"has there");
	if (!take_origin(&settings->authority, settings->allow_private) ||
	    !take_origin(&settings->graph, settings->allow_private))
		return complain(reading, entry->key, "`authority` and `graph` must be https origins, without a path");
	if (settings->secret_life_ms + settings->overlap_ms > SECRET_TOTAL_MS_MAX)
		return complain(reading, entry->key, "`secret_life` and `overlap` together are at most two years");
	if (settings->redirect_host_count == 0 && !settings->loopback)
		return complain(reading, entry->key, "without `redirect_hosts` and `loopback` nobody could register");
	return OK;
}

enum err config_read_bridges(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;
	struct bridge_settings *bridges;

	if (node->kind == CONF_SCALAR && node->text.n == 0)
		return OK;
	if (node->kind != CONF_MAP || node->count > BRIDGES_MAX)
		return complain(reading, node, "bridges: must be a map of names and bridges, at most 16");
	bridges = arena_zalloc(reading->arena, (node->count + 1) * sizeof(*bridges));
	for (size_t i = 0; i < node->count; i++)
		if (read_bridge(reading, &node->entries[i], &bridges[config->bridge_count]) == OK)
			config->bridge_count++;
	config->bridges = bridges;
	return OK;
}
