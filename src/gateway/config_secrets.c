/* `secrets`: who is asked for the installation's secrets. A word says the provider; a map says more of the way there.
 * What it takes to ask is itself no secret of the provider's: it comes from files. */
#include "gateway/config_secrets.h"

#include "gateway/config_parts.h"
#include "gateway/config_tables.h"

#define SECRETS(member) offsetof(struct secrets_settings, member)
#define SECOND 1000LL
#define DAY (24 * 3600 * SECOND)
#define REFERENCE STR("${secret:")

static const char *const provider_names[] = {"file", "systemd", NULL};

static const struct conf_field secrets_fields[] = {
	{"provider", CONF_CHOICE, SECRETS(kind), .fallback = "file", .choices = provider_names,
	 .doc = "file: files that only the gateway's user may read. systemd: credentials of the unit "
		"(LoadCredentialEncrypted=)."},
	{"directory", CONF_STR, SECRETS(directory),
	 .doc = "Where the file provider looks; else `secrets` in the data directory. server-key and operator-key are "
		"server.key and operator.key of the data directory.",
	 .example = "/run/secrets/gatehouse"},
	{"refresh", CONF_MS, SECRETS(refresh_ms), .low = SECOND, .high = DAY, .fallback = "1min",
	 .doc = "A new value is noticed within this."},
};
const struct conf_table config_secrets_table = {"secrets", secrets_fields, ARRAY_LEN(secrets_fields)};

enum err config_read_secrets(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;

	if (node->kind != CONF_MAP)
		return conf_read_value(reading, &secrets_fields[0], node, &config->secrets);
	conf_read(reading, &config_secrets_table, node, &config->secrets);
	return OK;
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

bool config_same_secrets(const struct config *a, const struct config *b)
{
	const struct secrets_settings *left = &a->secrets, *right = &b->secrets;

	return left->kind == right->kind && left->refresh_ms == right->refresh_ms &&
	       left->production == right->production && str_eq(left->directory, right->directory);
}
