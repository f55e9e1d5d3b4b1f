/* `connector` of an upstream: tools that need no server. Which file they are in, what its settings are here, and which
 * accounts it works with. Everything that the file says about settings is held against what stands here, with the line
 * where it stands; what comes out is one immutable object (local.h).
 *
 *     use, file ─▶ text ─▶ connector_compile ─▶ settings, accounts ─▶ struct upstream_local
 *                                └▶ ways of signing in ─▶ what `auth` begins with
 *
 * It is read before the rest of its upstream, since `auth` is laid over the file's. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/json.h"
#include "connector/builtin.h"
#include "connector/connector.h"
#include "gateway/config.h"
#include "gateway/config_parts.h"
#include "gateway/config_tables.h"
#include "gateway/local.h"
#include "http/client.h"
#include "schema/pattern.h"
#include "yaml/conf_json.h"

#define PATTERN_WORK 1000000 /* units, see schema/pattern.h: a setting is short */

struct connector_conf {
	struct str use, file, ca, webhook_secret, webhook_verify_token;
	bool allow_private;
};

#define AT(member) offsetof(struct connector_conf, member)

/* They are read when the file is known: see read_settings. */
static enum err later(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	return OK;
}

enum err config_read_settings(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	return later(reading, node, object);
}

enum err config_read_accounts(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	return later(reading, node, object);
}

static const struct conf_field webhook_fields[] = {
	{"secret", CONF_STR, AT(webhook_secret), .doc = "What the platform proves its messages with.",
	 .example = "${secret:whatsapp-app}"},
	{"verify_token", CONF_STR, AT(webhook_verify_token), .doc = "What it shows when the address is set up there."},
};
static const struct conf_table webhook_table = {"webhook", webhook_fields, ARRAY_LEN(webhook_fields)};

static const struct conf_field connector_fields[] = {
	{"use", CONF_STR, AT(use), .doc = "One that is built in: see doc/connectors.md.", .example = "telegram"},
	{"file", CONF_STR, AT(file),
	 .doc = "Or a connector file of one's own, beside the configuration: see doc/guides/write-a-connector.md.",
	 .example = "./tickets.yaml"},
	{"settings", CONF_CUSTOM, .custom = config_read_settings,
	 .doc = "What the connector wants to be told, by name."},
	{"accounts", CONF_CUSTOM, .custom = config_read_accounts,
	 .doc = "Several accounts, by name, each with settings of its own: tools then take an argument `account`, and "
		"credentials are kept for UPSTREAM.ACCOUNT.",
	 .example = "{ sales: { address: sales@example.com } }"},
	{"allow_private", CONF_BOOL, AT(allow_private), .fallback = "false",
	 .doc = "May its host names resolve to loopback and private networks?"},
	{"ca", CONF_STR, AT(ca), .doc = "PEM file with certificates to trust instead of the system's."},
	{"webhook", CONF_TABLE, 0, .table = &webhook_table, .doc = "What the platform sends here of its own accord."},
};
const struct conf_table config_connector_table = {"connector", connector_fields, ARRAY_LEN(connector_fields)};

/* One connector while it is read. */
struct reading_connector {
	struct conf_reading *reading;
	const struct conf_node *node;
	struct connector_conf conf;
	struct str text;
	struct connector *connector;
	const struct connector_setting *settings;
	size_t setting_count;
	bool is_private; /* a setting spells out a private address */
};

static enum err complain(struct reading_connector *it, const struct conf_node *at, const char *what)
{
	conf_problem(&it->reading->problems, at, "connector: %s", what);
	return ERR_CONFIG;
}

/* ---- the file ------------------------------------------------------------------------ */

static enum err find_builtin(struct reading_connector *it)
{
	AUTO_BUF known = {0};
	struct str name, text;

	for (size_t i = 0; connector_builtin_at(i, &name, &text); i++) {
		if (str_eq(name, it->conf.use)) {
			it->text = text;
			return OK;
		}
		buf_put_fmt(&known, "%s%.*s", i == 0 ? "" : ", ", STR_ARG(name));
	}
	conf_problem(&it->reading->problems, conf_get(it->node, "use"),
		     "use: \"%.*s\" is not built in; there are: %.*s", STR_ARG(it->conf.use), STR_ARG(buf_str(&known)));
	return ERR_CONFIG;
}

static enum err read_bytes(struct arena *arena, const char *path, struct str *ret_text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err err = ERR_SYSTEM;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= CONNECTOR_BYTES_MAX) {
		char *p = arena_alloc(arena, (size_t)st.st_size + 1);
		ssize_t n = read(fd, p, (size_t)st.st_size);

		if (n >= 0) {
			*ret_text = (struct str){p, (size_t)n};
			err = OK;
		}
	}
	close(fd);
	return err;
}

static enum err read_file(struct reading_connector *it)
{
	struct conf_reading *reading = it->reading;
	const struct conf_node *at = conf_get(it->node, "file");
	struct str path = it->conf.file;
	enum err err;

	if (reading->literal)
		return complain(it, at, "`file` is for the configuration file");
	if (!str_starts(path, STR("/")))
		path = arena_fmt(reading->arena, "%.*s%s%.*s", STR_ARG(reading->directory),
				 str_ends(reading->directory, STR("/")) ? "" : "/", STR_ARG(path));
	err = read_bytes(reading->arena, path.p, &it->text);
	if (err == ERR_NOT_FOUND)
		conf_problem(&reading->problems, at, "file: there is no %.*s", STR_ARG(path));
	else if (err != OK)
		conf_problem(&reading->problems, at, "file: %.*s cannot be read, or is no file of at most 8 MB",
			     STR_ARG(path));
	return err == OK ? OK : ERR_CONFIG;
}

static void put_problem(struct conf_problems *problems, struct str text)
{
	problems->count++;
	if (problems->out == NULL)
		return;
	if (problems->out->n > 0)
		buf_put_byte(problems->out, '\n');
	buf_put(problems->out, str_trim(text));
}

static void unref_connector(void *connector)
{
	connector_unref(connector);
}

static enum err compile(struct reading_connector *it)
{
	struct str file = it->conf.file;
	AUTO_BUF problem = {0};

	if ((it->conf.use.n > 0) == (it->conf.file.n > 0))
		return complain(it, it->node, "needs one of `use` and `file`");
	TRY(it->conf.use.n > 0 ? find_builtin(it) : read_file(it));
	if (it->conf.use.n > 0)
		file = arena_fmt(it->reading->arena, "connectors/%.*s.yaml", STR_ARG(it->conf.use));
	if (connector_compile(it->text, file, &problem, &it->connector) != OK) {
		put_problem(&it->reading->problems, buf_str(&problem));
		return ERR_CONFIG;
	}
	arena_defer(it->reading->arena, unref_connector, it->connector);
	it->setting_count = connector_settings(it->connector, &it->settings);
	return OK;
}

/* ---- settings ------------------------------------------------------------------------- */

static enum err unknown_setting(struct reading_connector *it, const struct conf_node *key)
{
	AUTO_BUF known = {0};

	for (size_t i = 0; i < it->setting_count; i++)
		buf_put_fmt(&known, "%s%.*s", i == 0 ? "" : ", ", STR_ARG(it->settings[i].name));
	conf_problem(&it->reading->problems, key, "\"%.*s\" is no setting of %.*s; there are: %.*s", STR_ARG(key->text),
		     STR_ARG(connector_name(it->connector)),
		     STR_ARG(it->setting_count == 0 ? STR("none") : buf_str(&known)));
	return ERR_CONFIG;
}

static bool fits(struct str pattern_text, struct str value)
{
	AUTO(pattern) *pattern = NULL;
	uint64_t work = PATTERN_WORK;
	bool matched = false;

	if (pattern_text.n == 0)
		return true;
	return pattern_compile(pattern_text, NULL, &pattern) == OK && str_is_utf8(value) &&
	       pattern_match(pattern, value, &work, &matched) == OK && matched;
}

static enum err check_setting(struct reading_connector *it, const struct connector_setting *setting,
			      const struct conf_node *at, struct str value)
{
	struct url url;

	if (value.n > LOCAL_SETTING_BYTES_MAX || str_has_control(value))
		return complain(it, at, "a setting is one line of at most 8 KB");
	if (it->reading->literal && setting->operator_only) {
		conf_problem(&it->reading->problems, at, "%.*s: is for the configuration file", STR_ARG(setting->name));
		return ERR_CONFIG;
	}
	if (!fits(setting->pattern, value)) {
		conf_problem(&it->reading->problems, at, "%.*s: must match %.*s", STR_ARG(setting->name),
			     STR_ARG(setting->pattern));
		return ERR_CONFIG;
	}
	if (!setting->is_url)
		return OK;
	if (url_is_usable(value, true, &url)) {
		it->is_private |= config_names_private_address(value);
		return OK;
	}
	conf_problem(&it->reading->problems, at, "%.*s: must be an http or https URL", STR_ARG(setting->name));
	return ERR_CONFIG;
}

/* Settings of one map into `values`, which is parallel to the connector's; all problems are told. */
static enum err take_settings(struct reading_connector *it, const struct conf_node *map, struct str *values)
{
	enum err result = OK;

	if (map == NULL || (map->kind == CONF_SCALAR && map->text.n == 0))
		return OK;
	if (map->kind != CONF_MAP)
		return complain(it, map, "settings are a map of names and texts");
	for (size_t i = 0; i < map->count; i++) {
		const struct conf_node *key = map->entries[i].key, *value = map->entries[i].value;
		enum err err = ERR_CONFIG;
		size_t s = 0;

		while (s < it->setting_count && !str_eq(it->settings[s].name, key->text))
			s++;
		if (s == it->setting_count)
			err = unknown_setting(it, key);
		else if (value->kind != CONF_SCALAR)
			err = complain(it, value, "a setting is a text");
		else if ((err = conf_expand(it->reading, value, &values[s])) == OK)
			err = check_setting(it, &it->settings[s], value, values[s]);
		result = err == OK ? result : err;
	}
	return result;
}

static enum err check_required(struct reading_connector *it, const struct conf_node *at, struct str account,
			       const struct str *values)
{
	for (size_t i = 0; i < it->setting_count; i++) {
		const struct connector_setting *setting = &it->settings[i];

		if (!setting->required || values[i].p != NULL)
			continue;
		conf_problem(&it->reading->problems, at, "%s%.*s%sthe setting `%.*s` is needed: %.*s",
			     account.n > 0 ? "account " : "", STR_ARG(account), account.n > 0 ? ": " : "",
			     STR_ARG(setting->name), STR_ARG(setting->about));
		return ERR_CONFIG;
	}
	return OK;
}

static struct str *defaults(struct reading_connector *it)
{
	struct str *values = arena_zalloc(it->reading->arena, (it->setting_count + 1) * sizeof(*values));

	for (size_t i = 0; i < it->setting_count; i++) {
		values[i] = it->settings[i].fallback;
		it->is_private |= it->settings[i].is_url && config_names_private_address(values[i]);
	}
	return values;
}

/*   accounts   JSON text to go with them; empty: none */
static struct str settings_json(struct reading_connector *it, const struct str *values, struct str accounts)
{
	AUTO_BUF json = {0};
	struct str copy;

	buf_put_byte(&json, '{');
	for (size_t i = 0; i < it->setting_count; i++) {
		if (values[i].p == NULL)
			continue;
		if (json.n > 1)
			buf_put_byte(&json, ',');
		buf_put_json(&json, it->settings[i].name);
		buf_put_byte(&json, ':');
		buf_put_json(&json, values[i]);
	}
	if (accounts.n > 0) {
		buf_put(&json, json.n > 1 ? STR(",\"accounts\":") : STR("\"accounts\":"));
		buf_put_json(&json, accounts);
	}
	buf_put_byte(&json, '}');
	copy = arena_str(it->reading->arena, buf_str(&json));
	crypto_wipe(json.p, json.n);
	return copy;
}

/* ---- accounts -------------------------------------------------------------------------- */

static enum err read_account(struct reading_connector *it, const struct conf_entry *entry, const struct str *shared,
			     struct local_account *ret_account)
{
	size_t bytes = (it->setting_count + 1) * sizeof(struct str);
	struct str *values = arena_alloc(it->reading->arena, bytes);

	if (!config_name_is_good(entry->key->text))
		return complain(it, entry->key, "an account's name has 1 to 32 of A-Z a-z 0-9 - _");
	memcpy(values, shared, bytes);
	TRY(take_settings(it, entry->value, values));
	TRY(check_required(it, entry->key, entry->key->text, values));
	*ret_account = (struct local_account){entry->key->text, settings_json(it, values, STR(""))};
	return OK;
}

/* All of them, for tools that are about all. */
static struct str accounts_json(struct arena *arena, const struct local_account *accounts, size_t count)
{
	AUTO_BUF json = {0};
	struct str copy;

	for (size_t i = 0; i < count; i++) {
		buf_put(&json, i == 0 ? STR("[{\"name\":") : STR(",{\"name\":"));
		buf_put_json(&json, accounts[i].name);
		buf_put(&json, STR(",\"settings\":"));
		buf_put(&json, accounts[i].settings);
		buf_put_byte(&json, '}');
	}
	if (count > 0)
		buf_put_byte(&json, ']');
	copy = arena_str(arena, buf_str(&json));
	crypto_wipe(json.p, json.n);
	return copy;
}

static enum err read_accounts(struct reading_connector *it, const struct str *shared, struct local_spec *spec)
{
	const struct conf_node *map = conf_get(it->node, "accounts");
	struct arena *arena = it->reading->arena;
	struct local_account *accounts;
	struct str all;

	if (map == NULL) {
		TRY(check_required(it, it->node, STR(""), shared));
		spec->settings = settings_json(it, shared, STR(""));
		return OK;
	}
	if (map->kind != CONF_MAP || map->count == 0 || map->count > LOCAL_ACCOUNTS_MAX)
		return complain(it, map, "`accounts` are a map of 1 to 64 names and their settings");
	accounts = arena_zalloc(arena, (map->count + 1) * sizeof(*accounts));
	for (size_t i = 0; i < map->count; i++)
		TRY(read_account(it, &map->entries[i], shared, &accounts[i]));
	all = accounts_json(arena, accounts, map->count);
	spec->settings = settings_json(it, shared, all);
	spec->accounts = accounts;
	spec->account_count = map->count;
	return OK;
}

/* ---- the door -------------------------------------------------------------------------- */

static void unref_local(void *local)
{
	local_unref(local);
}

static enum err read_all(struct reading_connector *it, struct upstream_spec *spec)
{
	struct conf_reading *reading = it->reading;
	size_t before = reading->problems.count;
	struct local_spec made = {0};
	struct str *shared;

	conf_read(reading, &config_connector_table, it->node, &it->conf);
	if (reading->problems.count > before)
		return ERR_CONFIG;
	TRY(compile(it));
	shared = defaults(it);
	TRY(take_settings(it, conf_get(it->node, "settings"), shared));
	TRY(read_accounts(it, shared, &made));
	made.connector = it->connector;
	made.text = it->text;
	made.webhook_secret = it->conf.webhook_secret;
	made.webhook_verify_token = it->conf.webhook_verify_token;
	spec->local = local_new(&made);
	arena_defer(reading->arena, unref_local, spec->local);
	spec->ca_file = it->conf.ca;
	spec->allow_private = it->conf.allow_private || it->is_private;
	return OK;
}

enum err config_read_connector(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct upstream_spec *spec = object;
	struct reading_connector it = {.reading = reading, .node = node};

	if (spec->local != NULL)
		return OK; /* it was read before the rest */
	spec->kind = UPSTREAM_LOCAL;
	return read_all(&it, spec);
}

/* ---- how it signs in ---------------------------------------------------------------------- */

/* The file's text with settings put into it: {{set.NAME}}. */
static struct str filled(struct arena *arena, struct str json, struct str settings)
{
	static const struct str open = {"{{set.", 6}, close = {"}}", 2};
	yyjson_val *root = NULL;
	AUTO_BUF out = {0};

	if (json_read(arena, settings, &root) != OK)
		return json;
	while (json.n > 0) {
		const char *at = memmem(json.p, json.n, open.p, open.n);
		const char *end = at == NULL ? NULL : memmem(at, json.n - (size_t)(at - json.p), close.p, close.n);
		AUTO_BUF value = {0};
		struct str name;

		if (end == NULL)
			break;
		name = arena_str(arena, (struct str){at + open.n, (size_t)(end - at) - open.n});
		buf_put(&out, (struct str){json.p, (size_t)(at - json.p)});
		buf_put_json(&value, json_str(json_get(root, name.p)));
		if (value.n > 2) /* without its quotes */
			buf_put(&out, (struct str){value.p + 1, value.n - 2});
		json = str_skip(json, (size_t)(end + close.n - json.p));
	}
	buf_put(&out, json);
	return arena_str(arena, buf_str(&out));
}

static bool is_of_type(const struct connector_auth *way, struct str type)
{
	static const struct str secret = {"secret", 6}, password = {"password", 8};

	return type.p == NULL || str_eq(way->type, type) || (str_eq(type, secret) && str_eq(way->type, password)) ||
	       (str_eq(type, password) && str_eq(way->type, secret));
}

/* The first of the type, and of several the one whose provider is named. */
static const struct connector_auth *find_way(const struct connector_auth *ways, size_t count, struct str type,
					     struct str provider)
{
	const struct connector_auth *found = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!is_of_type(&ways[i], type))
			continue;
		if (found == NULL ||
		    (provider.n > 0 && str_eq(ways[i].provider, provider) && !str_eq(found->provider, provider)))
			found = &ways[i];
	}
	return found;
}

static enum err no_way(struct conf_reading *reading, const struct conf_node *node, const struct connector_auth *ways,
		       size_t count)
{
	AUTO_BUF known = {0};

	for (size_t i = 0; i < count; i++)
		buf_put_fmt(&known, "%s%.*s", i == 0 ? "" : ", ", STR_ARG(ways[i].type));
	conf_problem(&reading->problems, node, "auth: this connector signs in with type %.*s",
		     STR_ARG(count == 0 ? STR("none") : buf_str(&known)));
	return ERR_CONFIG;
}

enum err config_connector_auth(struct conf_reading *reading, const struct conf_node *node,
			       const struct upstream_spec *spec, const struct conf_node **ret_base)
{
	static const struct conf_node nowhere;
	struct conf_problems problems = {.file = STR("auth"), .out = reading->problems.out, .pointer_root = &nowhere};
	const struct conf_node *type = node == NULL ? NULL : conf_get(node, "type");
	const struct conf_node *provider = node == NULL ? NULL : conf_get(node, "provider");
	const struct connector_auth *ways, *way;
	size_t count = connector_auths(local_connector(spec->local), &ways);
	struct conf_node *base = NULL;

	*ret_base = NULL;
	if (type != NULL && str_eq(type->text, STR("none")))
		return OK;
	way = find_way(ways, count, type == NULL ? STR_NONE : type->text, provider == NULL ? STR_NONE : provider->text);
	if (way == NULL)
		return node == NULL ? OK : no_way(reading, type == NULL ? node : type, ways, count);
	TRY(conf_from_json(reading->arena, filled(reading->arena, way->json, local_settings(spec->local)), &problems,
			   &base));
	*ret_base = base;
	return OK;
}
