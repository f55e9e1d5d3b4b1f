/* A connector file to a struct connector: read as YAML, looked at from top to bottom, everything that is wrong told
 * with its place. What is compiled lies in one arena, which the connector owns; of the YAML nothing is kept. */
#include "connector/compile.h"

#include "base/check.h"
#include "schema/pattern.h"

#define FILE_NODES_MAX 2000000 /* scalars, lists and mappings: GitHub's API as a file has 150,000 */
#define ARENA_BYTES(file) (256ULL * 1024 * 1024 + 256ULL * (file)) /* more than its templates can become */

/* ---- settings, hosts ---- */

static void compile_setting(struct compiling *compiling, const struct conf_entry *entry,
			    struct connector_setting *setting)
{
	static const char *const keys[] = {"default", "required", "pattern", "url", "about", "operator", NULL};
	AUTO(pattern) *pattern = NULL;
	AUTO_BUF problem = {0};

	*setting = (struct connector_setting){.name = arena_str(compiling->arena, entry->key->text)};
	if (!conf_is_name(setting->name, "_", 32))
		conf_problem(compiling->problems, entry->key, "a setting's name has a-z 0-9 _");
	if (!conf_map(compiling, entry->value, "a setting", keys))
		return;
	setting->fallback = conf_text(compiling, entry->value, "default", false);
	setting->pattern = conf_text(compiling, entry->value, "pattern", false);
	setting->about = conf_text(compiling, entry->value, "about", true);
	setting->required = conf_flag(compiling, entry->value, "required");
	setting->is_url = conf_flag(compiling, entry->value, "url");
	setting->operator_only = conf_flag(compiling, entry->value, "operator");
	if (setting->required && setting->fallback.p != NULL)
		conf_problem(compiling->problems, entry->value, "a setting with a default is not required");
	if (setting->pattern.n > 0 && pattern_compile(setting->pattern, &problem, &pattern) != OK)
		conf_problem(compiling->problems, conf_get(entry->value, "pattern"), "not a pattern: %.*s",
			     STR_ARG(buf_str(&problem)));
}

static void compile_settings(struct compiling *compiling, const struct conf_node *map)
{
	struct connector_setting *settings;

	if (map == NULL)
		return;
	if (map->kind != CONF_MAP) {
		conf_problem(compiling->problems, map, "`settings` is a mapping");
		return;
	}
	settings = arena_zalloc(compiling->arena, (map->count + 1) * sizeof(*settings));
	compiling->settings.names = arena_zalloc(compiling->arena, (map->count + 1) * sizeof(struct str));
	for (size_t i = 0; i < map->count; i++) {
		compile_setting(compiling, &map->entries[i], &settings[i]);
		compiling->settings.names[i] = settings[i].name;
	}
	compiling->settings.count = map->count;
	compiling->connector->settings = settings;
	compiling->connector->setting_count = map->count;
}

static void compile_hosts(struct compiling *compiling, const struct conf_node *root)
{
	const struct conf_node *list = conf_get(root, "hosts");
	struct connector *connector = compiling->connector;

	connector->hosts = conf_texts(compiling, root, "hosts", &connector->host_count);
	for (size_t i = 0; i < connector->host_count; i++) {
		struct str host = connector->hosts[i], name = str_skip(host, str_starts(host, STR("*.")) ? 2 : 0);

		for (size_t k = 0; k < name.n; k++) {
			char c = name.p[k];

			if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.')
				continue;
			conf_problem(compiling->problems, list,
				     "`%.*s` is no host: lower case, \"*.\" before it for those "
				     "below",
				     STR_ARG(host));
			break;
		}
		if (memchr(name.p, '.', name.n) == NULL)
			conf_problem(compiling->problems, list, "`%.*s` is too wide", STR_ARG(host));
	}
}

/* ---- signing in ---- */

static void compile_auth(struct compiling *compiling, const struct conf_node *node, struct connector_auth *auth)
{
	AUTO_BUF json = {0};
	bool any = false;

	if (node->kind != CONF_MAP) {
		conf_problem(compiling->problems, node, "a way of signing in is a mapping");
		return;
	}
	auth->type = conf_text(compiling, node, "type", true);
	auth->provider = conf_text(compiling, node, "provider", false);
	auth->about = conf_text(compiling, node, "about", false);
	buf_put_byte(&json, '{');
	for (size_t i = 0; i < node->count; i++) {
		if (str_eq(node->entries[i].key->text, STR("about")))
			continue;
		if (any)
			buf_put_byte(&json, ',');
		buf_put_json(&json, node->entries[i].key->text);
		buf_put_byte(&json, ':');
		compile_put_json(&json, node->entries[i].value);
		any = true;
	}
	buf_put_byte(&json, '}');
	auth->json = arena_str(compiling->arena, buf_str(&json));
}

static void compile_auths(struct compiling *compiling, const struct conf_node *list)
{
	struct connector_auth *auths;

	if (list == NULL || !conf_list(compiling, list, "`auth`"))
		return;
	auths = arena_zalloc(compiling->arena, (list->count + 1) * sizeof(*auths));
	for (size_t i = 0; i < list->count; i++)
		compile_auth(compiling, list->entries[i].value, &auths[i]);
	compiling->connector->auths = auths;
	compiling->connector->auth_count = list->count;
}

/* ---- refusals ---- */

static void compile_error(struct compiling *compiling, const struct naming *naming, const struct conf_node *node,
			  struct error_rule *rule)
{
	static const char *const keys[] = {"status", "if", "class", "hint", "retry_after", "retry_at", NULL};
	struct str class;

	if (!conf_map(compiling, node, "a rule", keys))
		return;
	class = conf_text(compiling, node, "class", true);
	rule->class = failure_class_named(class);
	if (class.p != NULL && rule->class == CLASS_NONE)
		conf_problem(compiling->problems, conf_get(node, "class"), "there is no class `%.*s`", STR_ARG(class));
	rule->statuses = conf_statuses(compiling, node, "status", &rule->status_count);
	rule->when = conf_condition(naming, node, "if");
	rule->hint = conf_template(naming, node, "hint");
	rule->retry_after = conf_template(naming, node, "retry_after");
	rule->retry_at = conf_template(naming, node, "retry_at");
	if (conf_get(node, "status") == NULL && conf_get(node, "if") == NULL)
		conf_problem(compiling->problems, node, "a rule has `status` or `if`");
}

static void compile_used(struct compiling *compiling, const struct naming *naming, const struct conf_node *rate)
{
	const struct conf_node *list = conf_get(rate, "used");
	const struct template **used;

	if (list == NULL || !conf_list(compiling, list, "`used`"))
		return;
	used = arena_zalloc(compiling->arena, (list->count + 1) * sizeof(struct template *));
	for (size_t i = 0; i < list->count; i++)
		used[i] = template_compile(naming, list->entries[i].value);
	compiling->connector->rate_used = used;
	compiling->connector->rate_used_count = list->count;
}

static void compile_errors(struct compiling *compiling, const struct conf_node *root)
{
	static const char *const rate_keys[] = {"remaining", "used", "reset_s", "reset_at", NULL};
	const struct naming naming = naming_of_file(compiling, PLACE_ANSWER);
	const struct conf_node *list = conf_get(root, "errors"), *rate = conf_get(root, "rate");
	struct connector *connector = compiling->connector;

	connector->success = conf_condition(&naming, root, "success");
	connector->message = conf_template(&naming, root, "message");
	if (rate != NULL && conf_map(compiling, rate, "`rate`", rate_keys)) {
		connector->rate_remaining = conf_template(&naming, rate, "remaining");
		connector->rate_reset_s = conf_template(&naming, rate, "reset_s");
		connector->rate_reset_at = conf_template(&naming, rate, "reset_at");
		compile_used(compiling, &naming, rate);
	}
	if (list != NULL && conf_list(compiling, list, "`errors`")) {
		struct error_rule *rules = arena_zalloc(compiling->arena, (list->count + 1) * sizeof(*rules));

		for (size_t i = 0; i < list->count; i++)
			compile_error(compiling, &naming, list->entries[i].value, &rules[i]);
		connector->errors = rules;
		connector->error_count = list->count;
	}
}

/* ---- the file ---- */

static void compile_health(struct compiling *compiling, const struct conf_node *root)
{
	struct str name = conf_text(compiling, root, "health", false);
	struct connector *connector = compiling->connector;

	if (name.p == NULL)
		return;
	for (size_t i = 0; i < connector->tool_count; i++)
		if (str_eq(connector->tools[i].name, name))
			connector->health = &connector->tools[i];
	if (connector->health == NULL)
		conf_problem(compiling->problems, conf_get(root, "health"), "there is no tool `%.*s`", STR_ARG(name));
	else if (connector->health->required_count > 0 || !connector->health->read_only)
		conf_problem(compiling->problems, conf_get(root, "health"),
			     "the tool of a probe reads, and needs no arguments");
}

static void compile_file(struct compiling *compiling, const struct conf_node *root)
{
	static const char *const keys[] = {"connector", "title",  "about",   "docs",	"internal", "settings",
					   "hosts",	"auth",	  "headers", "success", "errors",   "message",
					   "rate",	"health", "tools",   NULL};
	struct connector *connector = compiling->connector;
	struct naming naming;

	if (!conf_map(compiling, root, "a connector", keys))
		return;
	connector->name = conf_text(compiling, root, "connector", true);
	if (connector->name.p != NULL && !conf_is_name(connector->name, "-", 32))
		conf_problem(compiling->problems, conf_get(root, "connector"),
			     "a connector's name has a-z 0-9 - and at "
			     "most 32 characters");
	connector->title = conf_text(compiling, root, "title", true);
	connector->about = conf_text(compiling, root, "about", true);
	connector->docs = conf_text(compiling, root, "docs", false);
	connector->internal = conf_flag(compiling, root, "internal");
	compile_settings(compiling, conf_get(root, "settings"));
	compile_hosts(compiling, root);
	compile_auths(compiling, conf_get(root, "auth"));
	naming = naming_of_file(compiling, PLACE_REQUEST);
	connector->headers = conf_templates(&naming, root, "headers");
	compile_errors(compiling, root);
	if (conf_get(root, "tools") == NULL)
		conf_problem(compiling->problems, root, "`tools` is missing");
	else
		compile_tools(compiling, conf_get(root, "tools"));
	compile_health(compiling, root);
}

/* Read the YAML into an arena of its own, and compile it into the connector's. */
static enum err compile_text(struct compiling *compiling, struct str text)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES(text.n));
	struct conf_node *root;

	TRY(conf_parse_large(arena, text, FILE_NODES_MAX, compiling->problems, &root));
	if (root == NULL)
		conf_problem(compiling->problems, NULL, "the file is empty");
	else
		compile_file(compiling, root);
	return compiling->problems->count == 0 ? OK : ERR_CONFIG;
}

enum err connector_compile(struct str text, struct str file, struct buf *problem, struct connector **ret_connector)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES(text.n));
	struct conf_problems problems = {.file = file, .out = problem};
	struct compiling compiling = {.arena = arena, .problems = &problems};

	if (text.n > CONNECTOR_BYTES_MAX) {
		conf_problem(&problems, NULL, "a connector has at most %d MB", CONNECTOR_BYTES_MAX >> 20);
		return ERR_CONFIG;
	}
	compiling.connector = ARENA_NEW(arena, struct connector);
	compiling.connector->magic = CONNECTOR_MAGIC;
	compiling.connector->arena = arena;
	atomic_init(&compiling.connector->refs, 1);
	TRY(compile_text(&compiling, text));
	*ret_connector = compiling.connector;
	arena = NULL; /* is the connector's now */
	return OK;
}

struct connector *connector_ref(struct connector *connector)
{
	CHECK_OBJ(connector, CONNECTOR_MAGIC);
	atomic_fetch_add_explicit(&connector->refs, 1, memory_order_relaxed);
	return connector;
}

void connector_unref(struct connector *connector)
{
	struct arena *arena;

	if (connector == NULL)
		return;
	CHECK_OBJ(connector, CONNECTOR_MAGIC);
	if (atomic_fetch_sub_explicit(&connector->refs, 1, memory_order_acq_rel) > 1)
		return;
	arena = connector->arena;
	connector->magic = 0;
	arena_free(arena);
}
