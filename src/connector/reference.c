/* The reference page of a connector, made from what it was compiled to: how one signs in, what can be set, and each
 * tool with its arguments. People read it before they choose; the schemas themselves are in tools/list. */
#include "connector/program.h"

#include "base/check.h"
#include "connector/builtin.h"

/* A text as one cell of a table. */
static void put_cell(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '|')
			buf_put_byte(out, '\\');
		buf_put_byte(out, text.p[i] == '\n' ? ' ' : text.p[i]);
	}
}

static void put_auths(struct buf *out, const struct connector *connector)
{
	for (size_t i = 0; i < connector->auth_count; i++) {
		buf_put_fmt(out, "%s`%.*s`",
			    i == 0			     ? "Signs in with "
			    : i + 1 == connector->auth_count ? " or "
							     : ", ",
			    STR_ARG(connector->auths[i].type));
		if (connector->auths[i].about.n > 0)
			buf_put_fmt(out, " (%.*s)", STR_ARG(connector->auths[i].about));
	}
	if (connector->auth_count > 0)
		buf_put(out, STR(".\n\n"));
}

static void put_settings(struct buf *out, const struct connector *connector)
{
	if (connector->setting_count == 0)
		return;
	buf_put(out, STR("| setting | | |\n|---|---|---|\n"));
	for (size_t i = 0; i < connector->setting_count; i++) {
		const struct connector_setting *setting = &connector->settings[i];

		buf_put_fmt(out, "| `%.*s` | ", STR_ARG(setting->name));
		if (setting->fallback.n > 0)
			buf_put_fmt(out, "`%.*s`", STR_ARG(setting->fallback));
		else if (setting->required)
			buf_put(out, STR("required"));
		buf_put(out, STR(" | "));
		put_cell(out, setting->about);
		buf_put(out, setting->operator_only ? STR(" (in the configuration file only) |\n") : STR(" |\n"));
	}
	buf_put_byte(out, '\n');
}

static bool is_required(const struct tool *tool, struct str name)
{
	for (size_t i = 0; i < tool->required_count; i++)
		if (str_eq(tool->required[i], name))
			return true;
	return false;
}

/* "string", "string or null", "file", "list of strings". */
static void put_type(struct buf *out, yyjson_val *schema)
{
	yyjson_val *type = json_get(schema, "type"), *options = json_get(schema, "enum");

	if (yyjson_is_arr(options)) {
		yyjson_arr_iter each = yyjson_arr_iter_with(options);
		yyjson_val *option;

		for (size_t i = 0; (option = yyjson_arr_iter_next(&each)) != NULL; i++) {
			buf_put(out, i == 0 ? STR("`") : STR(", `"));
			if (yyjson_is_str(option))
				put_cell(out, json_str(option));
			else
				json_write(out, option);
			buf_put_byte(out, '`');
		}
	} else if (json_get(json_get(schema, "properties"), "upload_id") != NULL) {
		buf_put(out, STR("file"));
	} else if (str_eq(json_str(type), STR("array"))) {
		buf_put(out, STR("list of "));
		put_type(out, json_get(schema, "items"));
	} else {
		buf_put(out, yyjson_is_str(type) ? json_str(type) : STR("any"));
	}
}

static void put_arguments(struct buf *out, const struct tool *tool, yyjson_val *properties)
{
	yyjson_val *key, *schema;
	size_t i, max;

	if (yyjson_obj_size(properties) == 0)
		return;
	buf_put(out, STR("| argument | type | |\n|---|---|---|\n"));
	yyjson_obj_foreach(json_members(properties), i, max, key, schema)
	{
		struct str name = json_str(key);
		yyjson_val *fallback = json_get(schema, "default");

		if (str_eq(name, STR("idempotency_key")))
			continue; /* told once, at the top of the page */
		buf_put_fmt(out, "| `%.*s`%s | ", STR_ARG(name), is_required(tool, name) ? " (required)" : "");
		put_type(out, schema);
		buf_put(out, STR(" | "));
		put_cell(out, json_str(json_get(schema, "description")));
		if (fallback != NULL) {
			buf_put(out, STR(" (default `"));
			json_write(out, fallback);
			buf_put(out, STR("`)"));
		}
		buf_put(out, STR(" |\n"));
	}
	buf_put_byte(out, '\n');
}

static void put_members(struct buf *out, struct str schema)
{
	AUTO(arena) *arena = arena_new(64 * 1024 * 1024);
	yyjson_val *root, *key, *value;
	size_t i, max;

	if (schema.n == 0 || json_read(arena, schema, &root) != OK)
		return;
	buf_put(out, STR("Gives "));
	yyjson_obj_foreach(json_members(json_get(root, "properties")), i, max, key, value)
	{
		buf_put(out, i == 0 ? STR("`") : STR(", `"));
		buf_put(out, json_str(key));
		buf_put_byte(out, '`');
	}
	buf_put(out, STR(".\n\n"));
}

static void put_tool(struct buf *out, const struct tool *tool)
{
	AUTO(arena) *arena = arena_new(64 * 1024 * 1024);
	yyjson_val *root;

	buf_put_fmt(out, "### %.*s\n\n%.*s: `%s`. %.*s\n\n", STR_ARG(tool->name), STR_ARG(tool->title),
		    tool_kind_word(tool->kind), STR_ARG(tool->description));
	for (size_t i = 0; i < tool->scope_count; i++)
		buf_put_fmt(out, "%s`%.*s`%s", i == 0 ? "Needs the scopes " : ", ", STR_ARG(tool->scopes[i]),
			    i + 1 == tool->scope_count ? ".\n\n" : "");
	if (json_read(arena, tool->input_schema, &root) == OK)
		put_arguments(out, tool, json_get(root, "properties"));
	put_members(out, tool->output_schema);
	if (tool->example_args.n > 0)
		buf_put_fmt(out, "Example: `%.*s`\n\n", STR_ARG(tool->example_args));
}

void connector_reference_write(const struct connector *connector, struct buf *out)
{
	CHECK_OBJ(connector, CONNECTOR_MAGIC);
	buf_put_fmt(out, "## %.*s\n\n%.*s\n\n", STR_ARG(connector->title), STR_ARG(connector->about));
	buf_put_fmt(out, "`connector: { use: %.*s }`", STR_ARG(connector->name));
	if (connector->docs.n > 0)
		buf_put_fmt(out, "; the platform's own pages: <%.*s>", STR_ARG(connector->docs));
	buf_put(out, STR(".\n\n"));
	if (connector->internal)
		buf_put(out, STR("Its tools are for the gateway itself: no client is offered them.\n\n"));
	put_auths(out, connector);
	put_settings(out, connector);
	for (size_t i = 0; i < connector->tool_count; i++)
		put_tool(out, &connector->tools[i]);
}

/* ---- all of them ---- */

static const char head[] =
	"# Connectors\n\nMade by `gatehouse reference connectors` from the files that are part of the program "
	"(`connectors/`). How they are used "
	"stands in\n[the guide](guides/connectors.md), how one is written in "
	"[another](guides/write-a-connector.md).\n\n"
	"Tools are listed under the upstream's name: `get_me` of an upstream called telegram is `telegram_get_me`. "
	"Tools that do not only read take\n"
	"`idempotency_key` besides what is said here: a second call with the same key is not carried out again.\n\n";

static struct connector *builtin(struct str name, struct str text)
{
	struct connector *connector;
	AUTO_BUF problem = {0};

	CHECK(connector_compile(text, name, &problem, &connector) == OK); /* each is checked by a test */
	return connector;
}

static void put_contents(struct buf *out)
{
	struct str name, text;

	buf_put(out, STR("| connector | | tools |\n|---|---|---|\n"));
	for (size_t i = 0; connector_builtin_at(i, &name, &text); i++) {
		AUTO(connector) *connector = builtin(name, text);

		buf_put_fmt(out, "| [%.*s](#%.*s) | ", STR_ARG(connector->title), STR_ARG(name));
		put_cell(out, connector->about);
		buf_put_fmt(out, " | %zu |\n", connector->tool_count);
	}
	buf_put_byte(out, '\n');
}

void connectors_reference_write(struct buf *out)
{
	struct str name, text;

	buf_put(out, STR(head));
	put_contents(out);
	for (size_t i = 0; connector_builtin_at(i, &name, &text); i++) {
		AUTO(connector) *connector = builtin(name, text);

		buf_put_fmt(out, "<a id=\"%.*s\"></a>\n\n", STR_ARG(name));
		connector_reference_write(connector, out);
	}
	while (out->n > 1 && out->p[out->n - 2] == '\n')
		out->n--;
}
