/* `secrets`: who is asked for the installation's secrets. A word says the provider; a map says more of the way there.
 * What it takes to ask is itself no secret of the provider's: it comes from files. */
#include "gateway/config_secrets.h"

#include "gateway/config_parts.h"
#include "gateway/config_tables.h"

#define SECRETS(member) offsetof(struct secrets_settings, member)
#define SECOND 1000LL
#define DAY (24 * 3600 * SECOND)
#define REFERENCE STR("${secret:")

static const char *const provider_names[] = {"file", "systemd", "vault", "azure", NULL};

#define VAULT(member) offsetof(struct secrets_vault, member)
static const struct conf_field vault_fields[] = {
	{"url", CONF_STR, VAULT(url), .doc = "The server's URL; http only on this machine, to an agent.",
	 .example = "https://vault.internal:8200"},
	{"ca", CONF_STR, VAULT(ca_file), .doc = "Trust these certificates instead of the system's.",
	 .example = "ca.pem"},
	{"namespace", CONF_STR, VAULT(namespace_name), .doc = "The namespace, where there are some.",
	 .example = "platform"},
	{"mount", CONF_STR, VAULT(mount), .fallback = "secret", .doc = "Where the KV version 2 engine is mounted."},
	{"path", CONF_STR, VAULT(path), .fallback = "gatehouse",
	 .doc = "Below it: the secret NAME is the text `value` of the entry PATH/NAME."},
	{"login_path", CONF_STR, VAULT(login_path), .fallback = "approle", .doc = "Where AppRole is mounted."},
	{"role_id_file", CONF_STR, VAULT(role_id_file),
	 .doc = "File, mode 0600, with the role's id; read at each sign-in.", .example = "/etc/gatehouse/role-id"},
	{"secret_id_file", CONF_STR, VAULT(secret_id_file),
	 .doc = "File, mode 0600, with the secret id; read at each sign-in. A credential of the unit is one, too.",
	 .example = "/run/credentials/gatehouse.service/secret-id"},
	{"transit_mount", CONF_STR, VAULT(transit_mount), .fallback = "transit",
	 .doc = "Where the transit engine is mounted."},
	{"transit_key", CONF_STR, VAULT(transit_key),
	 .doc = "The transit engine's key that wraps tenants' keys, so that it never leaves the server; else "
		"credential-kek "
		"does.",
	 .example = "gatehouse"},
};
const struct conf_table config_vault_table = {"vault", vault_fields, ARRAY_LEN(vault_fields)};

#define AZURE(member) offsetof(struct secrets_azure, member)
static const struct conf_field azure_fields[] = {
	{"url", CONF_STR, AZURE(url), .doc = "The vault's URL.", .example = "https://acme.vault.azure.net"},
	{"tenant", CONF_STR, AZURE(tenant), .doc = "The directory's id, or one of its domains.",
	 .example = "acme.onmicrosoft.com"},
	{"client_id", CONF_STR, AZURE(client_id), .doc = "The application that may read the vault's secrets."},
	{"client_secret_file", CONF_STR, AZURE(client_secret_file),
	 .doc = "File, mode 0600, with the application's secret; read at each sign-in.",
	 .example = "/run/credentials/gatehouse.service/azure-client-secret"},
	{"authority", CONF_STR, AZURE(authority), .fallback = "https://login.microsoftonline.com",
	 .doc = "Where it signs in; others than this one in national clouds."},
	{"api_version", CONF_STR, AZURE(api_version), .fallback = "7.4", .doc = "Of the vault's interface."},
	{"ca", CONF_STR, AZURE(ca_file), .doc = "Trust these certificates instead of the system's.",
	 .example = "ca.pem"},
};
const struct conf_table config_azure_table = {"azure", azure_fields, ARRAY_LEN(azure_fields)};

static const struct conf_field secrets_fields[] = {
	{"provider", CONF_CHOICE, SECRETS(kind), .fallback = "file", .choices = provider_names,
	 .doc = "file: files that only the gateway's user may read. systemd: credentials of the unit "
		"(LoadCredentialEncrypted=). vault: Vault or OpenBao. azure: Azure Key Vault."},
	{"directory", CONF_STR, SECRETS(directory),
	 .doc = "Where the file provider looks; else `secrets` in the data directory. server-key and operator-key are "
		"server.key and operator.key of the data directory.",
	 .example = "/run/secrets/gatehouse"},
	{"refresh", CONF_MS, SECRETS(refresh_ms), .low = SECOND, .high = DAY, .fallback = "1min",
	 .doc = "A new value is noticed within this."},
	{"vault", CONF_TABLE, SECRETS(vault), .table = &config_vault_table, .doc = "How Vault or OpenBao is reached."},
	{"azure", CONF_TABLE, SECRETS(azure), .table = &config_azure_table, .doc = "How Azure Key Vault is reached."},
};
const struct conf_table config_secrets_table = {"secrets", secrets_fields, ARRAY_LEN(secrets_fields)};

/* What a provider cannot do without. */
static enum err check_provider(struct conf_reading *reading, const struct conf_node *node,
			       const struct secrets_settings *secrets)
{
	const struct secrets_vault *vault = &secrets->vault;
	const struct secrets_azure *azure = &secrets->azure;

	if (secrets->kind == SECRETS_VAULT &&
	    (vault->url.n == 0 || vault->role_id_file.n == 0 || vault->secret_id_file.n == 0)) {
		conf_problem(&reading->problems, node,
			     "secrets: vault needs `url`, `role_id_file` and `secret_id_file`");
		return ERR_CONFIG;
	}
	if (secrets->kind == SECRETS_AZURE && (azure->url.n == 0 || azure->tenant.n == 0 || azure->client_id.n == 0 ||
					       azure->client_secret_file.n == 0)) {
		conf_problem(&reading->problems, node,
			     "secrets: azure needs `url`, `tenant`, `client_id` and `client_secret_file`");
		return ERR_CONFIG;
	}
	return OK;
}

enum err config_read_secrets(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;

	if (node->kind != CONF_MAP) {
		TRY(conf_read_value(reading, &secrets_fields[0], node, &config->secrets));
		return check_provider(reading, node, &config->secrets);
	}
	conf_read(reading, &config_secrets_table, node, &config->secrets);
	return check_provider(reading, node, &config->secrets);
}

void config_secrets_defaults(struct conf_reading *reading, struct config *config)
{
	conf_defaults(reading, &config_secrets_table, &config->secrets);
}

void config_secrets_place(struct config *config)
{
	config->secrets.data = config->data;
	config->secrets.production = config->production;
}

/* ---- names ----------------------------------------------------------------------- */

static enum err note_name(struct conf_problems *problems, const struct conf_node *at, struct str name,
			  struct config_secret *secrets, size_t *count)
{
	if (!secrets_name_ok(name)) {
		conf_problem(problems, at, "${secret:%.*s}: a name has 1 to %d of a-z 0-9 -", STR_ARG(name),
			     SECRETS_NAME_MAX);
		return ERR_CONFIG;
	}
	for (size_t i = 0; i < *count; i++)
		if (str_eq(secrets[i].name, name))
			return OK;
	if (*count == CONFIG_SECRETS_MAX) {
		conf_problem(problems, at, "more than %d secrets are named", CONFIG_SECRETS_MAX);
		return ERR_CONFIG;
	}
	secrets[(*count)++] = (struct config_secret){.name = name, .at = at};
	return OK;
}

static enum err find_in_text(struct conf_problems *problems, const struct conf_node *node,
			     struct config_secret *secrets, size_t *count)
{
	struct str rest = node->text;
	const char *from;

	while (rest.n > 0 && (from = memmem(rest.p, rest.n, REFERENCE.p, REFERENCE.n)) != NULL) {
		struct str name;

		rest = str_skip(rest, (size_t)(from - rest.p) + REFERENCE.n);
		if (!str_cut(rest, '}', &name, &rest))
			return OK;
		TRY(note_name(problems, node, name, secrets, count));
	}
	return OK;
}

enum err config_secrets_find(struct conf_problems *problems, const struct conf_node *node,
			     struct config_secret *secrets, size_t *count)
{
	if (node == NULL)
		return OK;
	if (node->kind == CONF_SCALAR)
		return find_in_text(problems, node, secrets, count);
	for (size_t i = 0; i < node->count; i++)
		TRY(config_secrets_find(problems, node->entries[i].value, secrets, count));
	return OK;
}

/* ---- values ---------------------------------------------------------------------- */

/* What ends lines or texts has no place in a setting: a header would have two lines. */
static bool is_setting(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 127)
			return false;
	return str_is_utf8(text);
}

enum err config_secret_text(struct conf_reading *reading, const struct conf_node *at, struct str name,
			    struct str *ret_text)
{
	for (size_t i = 0; i < reading->secret_count; i++) {
		const struct config_secret *secret = &reading->secrets[i];

		if (!str_eq(secret->name, name) || secret->text == NULL)
			continue;
		if (!is_setting(secret_text_str(secret->text))) {
			conf_problem(&reading->problems, at,
				     "${secret:%.*s}: its value is no text of one line: it holds control characters",
				     STR_ARG(name));
			return ERR_CONFIG;
		}
		*ret_text = secret_text_str(secret->text);
		return OK;
	}
	conf_problem(&reading->problems, at, "${secret:%.*s}: no secret can be asked for here", STR_ARG(name));
	return ERR_CONFIG;
}

static bool same_vault(const struct secrets_vault *a, const struct secrets_vault *b)
{
	return str_eq(a->url, b->url) && str_eq(a->ca_file, b->ca_file) && str_eq(a->mount, b->mount) &&
	       str_eq(a->namespace_name, b->namespace_name) && str_eq(a->path, b->path) &&
	       str_eq(a->login_path, b->login_path) && str_eq(a->role_id_file, b->role_id_file) &&
	       str_eq(a->secret_id_file, b->secret_id_file) && str_eq(a->transit_mount, b->transit_mount) &&
	       str_eq(a->transit_key, b->transit_key);
}

static bool same_azure(const struct secrets_azure *a, const struct secrets_azure *b)
{
	return str_eq(a->url, b->url) && str_eq(a->tenant, b->tenant) && str_eq(a->client_id, b->client_id) &&
	       str_eq(a->client_secret_file, b->client_secret_file) && str_eq(a->authority, b->authority) &&
	       str_eq(a->api_version, b->api_version) && str_eq(a->ca_file, b->ca_file);
}

bool config_same_secrets(const struct config *a, const struct config *b)
{
	const struct secrets_settings *left = &a->secrets, *right = &b->secrets;

	return left->kind == right->kind && left->refresh_ms == right->refresh_ms &&
	       left->production == right->production && str_eq(left->directory, right->directory) &&
	       same_vault(&left->vault, &right->vault) && same_azure(&left->azure, &right->azure);
}
