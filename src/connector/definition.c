/* What others may know of a connector: its settings, ways of signing in, and its tools as tools/list shows them. A
 * definition is put together when it is asked for, since the names of accounts are the upstream's. */
#include "connector/program.h"

#include "base/check.h"

static const struct kind_words {
	const char *word;
	bool read_only, destructive, idempotent, open_world;
} kinds[] = {
	[KIND_READ] = {"read", true, false, true, true},
	[KIND_READ_LOCAL] = {"read_local", true, false, true, false},
	[KIND_CREATE] = {"create", false, false, false, true},
	[KIND_CREATE_LOCAL] = {"create_local", false, false, false, false},
	[KIND_UPDATE] = {"update", false, true, true, true},
	[KIND_UPDATE_LOCAL] = {"update_local", false, true, true, false},
};

bool tool_kind_named(struct str word, enum tool_kind *ret_kind)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!str_eq(word, str_of(kinds[i].word)))
			continue;
		*ret_kind = (enum tool_kind)i;
		return true;
	}
	return false;
}

bool tool_kind_reads(enum tool_kind kind)
{
	return kinds[kind].read_only;
}

const char *tool_kind_word(enum tool_kind kind)
{
	return kinds[kind].word;
}

/* ---- the input schema ---- */

static void put_account(struct buf *out, const struct str *accounts, size_t account_count)
{
	buf_put(out,
		STR("\"account\":{\"type\":\"string\",\"description\":\"Which of the connected accounts\",\"enum\":["));
	for (size_t i = 0; i < account_count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		buf_put_json(out, accounts[i]);
	}
	buf_put(out, STR("]}"));
}

void tool_put_input(struct buf *out, const struct tool *tool, const struct str *accounts, size_t account_count)
{
	bool with_account = account_count > 1 && !tool->all_accounts;

	buf_put(out, STR("{\"type\":\"object\",\"properties\":{"));
	if (with_account)
		put_account(out, accounts, account_count);
	if (with_account && tool->properties.n > 0)
		buf_put_byte(out, ',');
	buf_put(out, tool->properties);
	buf_put_byte(out, '}');
	for (size_t i = 0; i < tool->required_count + with_account; i++) {
		buf_put(out, i == 0 ? STR(",\"required\":[") : STR(","));
		buf_put_json(out, i < tool->required_count ? tool->required[i] : STR("account"));
	}
	if (tool->required_count + with_account > 0)
		buf_put_byte(out, ']');
	buf_put(out, STR(",\"additionalProperties\":false}"));
}

static void put_annotations(struct buf *out, const struct tool *tool)
{
	const struct kind_words *kind = &kinds[tool->kind];

	buf_put(out, STR("{\"title\":"));
	buf_put_json(out, tool->title);
	buf_put_fmt(out, ",\"readOnlyHint\":%s,\"destructiveHint\":%s,\"idempotentHint\":%s,\"openWorldHint\":%s}",
		    kind->read_only ? "true" : "false", kind->destructive ? "true" : "false",
		    kind->idempotent ? "true" : "false", kind->open_world ? "true" : "false");
}

struct str connector_tool_definition(const struct connector *connector, size_t tool_index, struct arena *arena,
				     const struct str *accounts, size_t account_count)
{
	const struct tool *tool = &connector->tools[tool_index];
	AUTO_BUF out = {0};

	CHECK_OBJ(connector, CONNECTOR_MAGIC);
	CHECK(tool_index < connector->tool_count);
	buf_put(&out, STR("{\"name\":"));
	buf_put_json(&out, tool->name);
	buf_put(&out, STR(",\"title\":"));
	buf_put_json(&out, tool->title);
	buf_put(&out, STR(",\"description\":"));
	buf_put_json(&out, tool->description);
	buf_put(&out, STR(",\"inputSchema\":"));
	tool_put_input(&out, tool, accounts, account_count);
	if (tool->output_schema.n > 0) {
		buf_put(&out, STR(",\"outputSchema\":"));
		buf_put(&out, tool->output_schema);
	}
	buf_put(&out, STR(",\"annotations\":"));
	put_annotations(&out, tool);
	buf_put_byte(&out, '}');
	return arena_str(arena, buf_str(&out));
}

/* ---- the rest ---- */

struct str connector_name(const struct connector *connector)
{
	CHECK_OBJ(connector, CONNECTOR_MAGIC);
	return connector->name;
}

struct str connector_title(const struct connector *connector)
{
	CHECK_OBJ(connector, CONNECTOR_MAGIC);
	return connector->title;
}

bool connector_is_internal(const struct connector *connector)
{
	CHECK_OBJ(connector, CONNECTOR_MAGIC);
	return connector->internal;
}

size_t connector_settings(const struct connector *connector, const struct connector_setting **ret_settings)
{
	CHECK_OBJ(connector, CONNECTOR_MAGIC);
	*ret_settings = connector->settings;
	return connector->setting_count;
}

size_t connector_auths(const struct connector *connector, const struct connector_auth **ret_auths)
{
	CHECK_OBJ(connector, CONNECTOR_MAGIC);
	*ret_auths = connector->auths;
	return connector->auth_count;
}

size_t connector_tool_count(const struct connector *connector)
{
	CHECK_OBJ(connector, CONNECTOR_MAGIC);
	return connector->tool_count;
}

struct str connector_tool_name(const struct connector *connector, size_t tool)
{
	CHECK(tool < connector->tool_count);
	return connector->tools[tool].name;
}

struct str connector_tool_example(const struct connector *connector, size_t tool)
{
	CHECK(tool < connector->tool_count);
	return connector->tools[tool].example_args;
}

struct str connector_health_tool(const struct connector *connector)
{
	CHECK_OBJ(connector, CONNECTOR_MAGIC);
	return connector->health == NULL ? STR_NONE : connector->health->name;
}
