/* One tool of a file: its kind, what it requires and checks, its result and pages. The order matters where one part
 * names what another makes: steps before the result (captures), the page before the schemas (next_cursor). */
#include "connector/compile.h"

#include "connector/template_private.h"

#define TOOL_NAME_BYTES_MAX 48 /* "upstream__tool" has to fit what clients take: 64 */

static void compile_kind(struct compiling *compiling, const struct conf_node *node, struct tool *tool)
{
	struct str word = conf_text(compiling, node, "kind", true);

	if (word.p != NULL && !tool_kind_named(word, &tool->kind))
		conf_problem(compiling->problems, conf_get(node, "kind"),
			     "the kinds are read, read_local, create, create_local, update and update_local");
	tool->read_only = tool_kind_reads(tool->kind);
}

static void compile_requires(struct compiling *compiling, const struct conf_node *node, struct tool *tool)
{
	static const char *const keys[] = {"scopes", "settings", NULL};
	const struct conf_node *map = conf_get(node, "requires");

	if (map == NULL || !conf_map(compiling, map, "`requires`", keys))
		return;
	tool->scopes = conf_texts(compiling, map, "scopes", &tool->scope_count);
	tool->required_settings = conf_texts(compiling, map, "settings", &tool->required_setting_count);
	for (size_t i = 0; i < tool->required_setting_count; i++) {
		bool known = false;

		for (size_t k = 0; k < compiling->settings.count; k++)
			known = known || str_eq(compiling->settings.names[k], tool->required_settings[i]);
		if (!known)
			conf_problem(compiling->problems, conf_get(map, "settings"), "there is no setting `%.*s`",
				     STR_ARG(tool->required_settings[i]));
	}
}

static void compile_checks(struct compiling *compiling, const struct naming *naming, const struct conf_node *node,
			   struct tool *tool)
{
	static const char *const keys[] = {"if", "error", NULL};
	const struct conf_node *list = conf_get(node, "check");
	struct check *checks;

	if (list == NULL || !conf_list(compiling, list, "`check`"))
		return;
	checks = arena_zalloc(compiling->arena, (list->count + 1) * sizeof(*checks));
	for (size_t i = 0; i < list->count; i++) {
		const struct conf_node *item = list->entries[i].value;

		if (!conf_map(compiling, item, "a check", keys))
			continue;
		checks[i].when = conf_condition(naming, item, "if");
		checks[i].error = conf_template(naming, item, "error");
		if (conf_get(item, "if") == NULL || conf_get(item, "error") == NULL)
			conf_problem(compiling->problems, item, "a check has `if` and `error`");
	}
	tool->checks = checks;
	tool->check_count = list->count;
}

static void compile_page(struct compiling *compiling, const struct naming *naming, const struct conf_node *node,
			 struct tool *tool)
{
	static const char *const keys[] = {"next", "more", NULL};
	const struct conf_node *map = conf_get(node, "page"), *input = conf_get(node, "input");
	const struct conf_node *cursor = conf_get(input, "cursor");

	tool->has_cursor = conf_get(cursor, "$cursor") != NULL;
	if (map == NULL) {
		if (tool->has_cursor)
			conf_problem(compiling->problems, cursor,
				     "a tool that takes a cursor has `page`, which gives one");
		return;
	}
	if (!conf_map(compiling, map, "`page`", keys))
		return;
	tool->page_next = conf_template(naming, map, "next");
	tool->page_more = conf_condition(naming, map, "more");
	if (conf_get(map, "next") == NULL)
		conf_problem(compiling->problems, map, "`next` is missing");
	if (!tool->has_cursor)
		conf_problem(compiling->problems, map, "a tool with pages takes `cursor: { $cursor: true }`");
}

/* "{{body}}" and nothing else: what a native step gives is neither read nor written anew. */
static void compile_passed(struct compiling *compiling, const struct conf_node *node, struct tool *tool)
{
	const struct step *step = tool->step_count == 0 ? NULL : &tool->steps[tool->step_count - 1];

	tool->passes = true;
	if (step == NULL || step->kind != STEP_NATIVE || step->captures.count > 0 || step->poll.max_ms > 0 ||
	    step->each != NULL || step->when != NULL || conf_get(node, "page") != NULL)
		conf_problem(compiling->problems, conf_get(node, "result"),
			     "\"{{body}}\" passes on what a native step gives: the last step, made once, without "
			     "`capture` and `page`");
}

/* What tools/call gives is an object, also when all of its members are absent. */
static void compile_result(struct compiling *compiling, const struct naming *naming, const struct conf_node *node,
			   struct tool *tool)
{
	const struct conf_node *result = conf_get(node, "result");
	struct template *template;

	if (result != NULL && result->kind == CONF_SCALAR && str_eq(result->text, STR("{{body}}"))) {
		compile_passed(compiling, node, tool);
		return;
	}
	if (result == NULL || result->kind != CONF_MAP) {
		conf_problem(compiling->problems, result == NULL ? node : result, "`result` is a mapping");
		return;
	}
	template = template_compile(naming, result);
	if (template != NULL)
		template->keep = true;
	tool->result = template;
}

static void compile_accounts(struct compiling *compiling, const struct conf_node *node, struct tool *tool)
{
	struct str word = conf_text(compiling, node, "accounts", false);

	tool->all_accounts = str_eq(word, STR("all"));
	if (word.p != NULL && !tool->all_accounts)
		conf_problem(compiling->problems, conf_get(node, "accounts"), "`accounts` is all, or is left out");
}

static void compile_tool(struct compiling *compiling, const struct conf_entry *entry, struct tool *tool)
{
	static const char *const keys[] = {"title",  "description", "kind",	"input", "required",
					   "output", "requires",    "accounts", "check", "steps",
					   "result", "page",	    "example",	NULL};
	const struct conf_node *node = entry->value;
	struct naming naming = naming_of_file(compiling, 0);
	struct str captured[CAPTURES_MAX];
	struct name_list captures = {captured, 0};

	tool->name = arena_str(compiling->arena, entry->key->text);
	tool->line = entry->key->line;
	if (!conf_is_name(tool->name, "_", TOOL_NAME_BYTES_MAX))
		conf_problem(compiling->problems, entry->key, "a tool's name has a-z 0-9 _ and at most %d characters",
			     TOOL_NAME_BYTES_MAX);
	if (!conf_map(compiling, node, "a tool", keys))
		return;
	tool->title = conf_text(compiling, node, "title", true);
	tool->description = conf_text(compiling, node, "description", true);
	compile_kind(compiling, node, tool);
	compile_requires(compiling, node, tool);
	compile_accounts(compiling, node, tool);
	naming.arguments = conf_get(node, "input");
	naming.captures = &captures;
	compile_checks(compiling, &naming, node, tool);
	if (conf_get(node, "steps") == NULL)
		conf_problem(compiling->problems, node, "`steps` is missing");
	else
		compile_steps(compiling, conf_get(node, "steps"), &naming, &captures, tool);
	if (tool->has_commit && tool->read_only)
		conf_problem(compiling->problems, conf_get(node, "kind"), "a tool that commits is not one that reads");
	compile_result(compiling, &naming, node, tool);
	compile_page(compiling, &naming, node, tool);
	compile_schemas(compiling, node, tool);
}

void compile_tools(struct compiling *compiling, const struct conf_node *map)
{
	struct tool *tools;

	if (map->kind != CONF_MAP || map->count == 0 || map->count > CONNECTOR_TOOLS_MAX) {
		conf_problem(compiling->problems, map, "`tools` is a mapping of 1 to %d tools", CONNECTOR_TOOLS_MAX);
		return;
	}
	tools = arena_zalloc(compiling->arena, map->count * sizeof(*tools));
	for (size_t i = 0; i < map->count; i++)
		compile_tool(compiling, &map->entries[i], &tools[i]);
	compiling->connector->tools = tools;
	compiling->connector->tool_count = map->count;
}
