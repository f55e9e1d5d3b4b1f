/* The extensions map, read and written. Most requests declare none: that is seen without a scan.
 *
 * What an extension means is known elsewhere; here it is a bit. Settings pass as they came, but for
 * the one (directoryRead) that says which methods there are. */
#include "mcp/extension.h"

static const struct str extension_name[MCP_EXTENSIONS] = {
#define X(id, name) [MCP_EXT_NUMBER_##id] = {name, sizeof(name) - 1},
	MCP_EXTENSION_TABLE(X)
#undef X
};

static const struct str required_text[MCP_EXTENSIONS] = {
#define REQUIRED(name) "{\"requiredCapabilities\":{\"extensions\":{\"" name "\":{}}}}"
#define X(id, name) [MCP_EXT_NUMBER_##id] = {REQUIRED(name), sizeof(REQUIRED(name)) - 1},
	MCP_EXTENSION_TABLE(X)
#undef X
};

#define OWN                                                                                                            \
	"{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}," MCP_APPS_DECLARED                                     \
	",\"io.modelcontextprotocol/skills\":{}}}"
const struct str mcp_own_capabilities = {OWN, sizeof(OWN) - 1};

static bool mentions(struct str capabilities, struct str word)
{
	return capabilities.n > word.n && memmem(capabilities.p, capabilities.n, word.p, word.n) != NULL;
}

/* The extensions map of a capabilities object.
 *   ret_index  of the capabilities
 *   returns    NULL when there is none */
static const struct json_member *find_map(struct arena *arena, struct str capabilities, struct json_index *ret_index)
{
	const struct json_member *map;

	if (json_scan(arena, capabilities, ret_index) != OK || ret_index->kind != JSON_OBJECT)
		return NULL;
	map = json_member(ret_index, NULL, STR("extensions"));
	return map != NULL && map->kind == JSON_OBJECT ? map : NULL;
}

static unsigned bit_of(const struct json_member *m)
{
	for (unsigned i = 0; i < MCP_EXTENSIONS; i++)
		if (json_key_is(m, extension_name[i]))
			return 1u << i;
	return 0;
}

static unsigned read_map(const struct json_index *index, const struct json_member *map)
{
	const struct json_member *directory;
	unsigned bits = 0;

	for (uint32_t i = (uint32_t)(map - index->member) + 1; i < map->end; i = index->member[i].end) {
		const struct json_member *m = &index->member[i];

		if (m->kind != JSON_OBJECT)
			continue;
		bits |= bit_of(m);
		directory = json_member(index, m, STR("directoryRead"));
		if (bit_of(m) == MCP_EXT_SKILLS && directory != NULL && directory->kind == JSON_TRUE)
			bits |= MCP_EXT_SKILLS_DIRECTORY;
	}
	return bits;
}

/* `tasks.requests.tools.call`: the scan's table reaches down to `tools`. */
static bool has_core_tasks(struct arena *arena, const struct json_index *index)
{
	const struct json_member *at = json_member(index, NULL, STR("tasks"));
	struct json_index tools;

	at = at == NULL ? NULL : json_member(index, at, STR("requests"));
	at = at == NULL ? NULL : json_member(index, at, STR("tools"));
	return at != NULL && at->kind == JSON_OBJECT && json_scan(arena, at->value, &tools) == OK &&
	       json_member(&tools, NULL, STR("call")) != NULL;
}

unsigned mcp_extensions_read(struct arena *arena, struct str capabilities)
{
	const struct json_member *map;
	struct json_index index = {0};
	unsigned bits = 0;

	if (!mentions(capabilities, STR("extensions")) && !mentions(capabilities, STR("tasks")))
		return 0;
	map = find_map(arena, capabilities, &index);
	if (map != NULL)
		bits = read_map(&index, map);
	if (index.kind == JSON_OBJECT && has_core_tasks(arena, &index))
		bits |= MCP_EXT_CORE_TASKS;
	return bits;
}

void mcp_extensions_write(unsigned extensions, struct buf *out)
{
	const char *comma = "";

	for (unsigned i = 0; i < MCP_EXTENSIONS; i++) {
		bool directory = i == MCP_EXT_NUMBER_SKILLS && (extensions & MCP_EXT_SKILLS_DIRECTORY);

		if (!(extensions & 1u << i))
			continue;
		buf_put_fmt(out, "%s\"%.*s\":%s", comma, STR_ARG(extension_name[i]),
			    directory ? "{\"directoryRead\":true}" : "{}");
		comma = ",";
	}
}

static struct str keep_some(struct arena *arena, struct str capabilities, unsigned kept)
{
	struct json_splice splice = {.text = capabilities};
	const struct json_member *map;
	AUTO_BUF text = {0}, whole = {0};
	struct json_index index;
	bool all = true;

	map = find_map(arena, capabilities, &index);
	if (map == NULL)
		return capabilities;
	for (uint32_t i = (uint32_t)(map - index.member) + 1; i < map->end; i = index.member[i].end) {
		const struct json_member *m = &index.member[i];

		if (!(bit_of(m) & kept)) {
			all = false;
			continue;
		}
		buf_put_fmt(&text, "%s\"%.*s\":%.*s", text.n > 0 ? "," : "{", STR_ARG(m->key), STR_ARG(m->value));
	}
	if (all)
		return capabilities;
	buf_put(&text, text.n == 0 ? STR("{}") : STR("}"));
	json_splice_value(&splice, map, buf_str(&text));
	json_splice_write(&splice, &whole);
	return arena_str(arena, buf_str(&whole));
}

struct str mcp_extensions_keep(struct arena *arena, struct str capabilities, unsigned kept)
{
	/* Every call comes here, and few clients speak of extensions. */
	return mentions(capabilities, STR("extensions")) ? keep_some(arena, capabilities, kept) : capabilities;
}

struct str mcp_extension_required(enum mcp_extension_number number)
{
	return required_text[number];
}
