/* Search mode: two tools stand for all others. `search_tools` answers from the view's index;
 * `call_tool` only says which tool is meant: relay.c then goes on as if the client had named that
 * one, so that permissions, validation, limits and audit cannot differ. A tool's own name works too. */
#include "gateway/search_mode.h"

#include "catalog/search.h"

#define NEAR_NAMES_MAX 3

static const struct str search_event = {"mcp.tools_searched", 18};
static const struct str call_event = {"mcp.tool_called", 15};

AWAITS static enum err refuse_arguments(struct request *req, struct str event, struct str tool, const char *why)
{
	req->target = tool;
	req->problem = arena_fmt(req->arena, "Invalid arguments for tool %.*s: %s", STR_ARG(tool), why);
	return relay_refuse(req, event, ERR_MCP_ARGUMENTS);
}

/* ---- search_tools ---------------------------------------------------------------- */

/* An item as a hit: its name here, and what one needs to choose and to call it, as the upstream wrote it. */
static void put_hit(struct request *req, const struct catalog_item *item, size_t bytes_max, struct buf *out)
{
	static const struct str shown[] = {{"title", 5}, {"description", 11}, {"inputSchema", 11}, {"annotations", 11}};
	size_t begun = out->n, named;
	struct json_index index;

	buf_put(out, STR("{\"name\":"));
	buf_put_json(out, item->name);
	named = out->n;
	if (json_scan(req->arena, item->json, &index) != OK)
		index.count = 0;
	for (size_t i = 0; i < ARRAY_LEN(shown) && index.count > 0; i++) {
		const struct json_member *m = json_member(&index, NULL, shown[i]);

		if (m == NULL)
			continue;
		buf_put_fmt(out, ",\"%.*s\":", STR_ARG(shown[i]));
		buf_put(out, m->value);
	}
	if (out->n - begun > bytes_max) {
		out->n = named;
		buf_put(out, STR(",\"shortened\":true"));
	}
	buf_put_byte(out, '}');
}

static void put_hits(struct request *req, const struct search_hit *hits, size_t count, struct buf *out)
{
	buf_put(out, STR("{\"tools\":["));
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		put_hit(req, hits[i].item, out->n < SEARCH_ANSWER_BYTES_MAX ? SEARCH_ANSWER_BYTES_MAX - out->n : 0,
			out);
	}
	buf_put_fmt(out, "],\"total\":%zu}", req->view->list[OFFER_TOOLS].count);
}

AWAITS static enum err answer_hits(struct request *req, const struct search_hit *hits, size_t count)
{
	AUTO_BUF found = {0}, result = {0};

	put_hits(req, hits, count, &found);
	buf_put(&result, req->modern ? STR("{\"resultType\":\"complete\",") : STR("{"));
	buf_put(&result, STR("\"content\":[{\"type\":\"text\",\"text\":"));
	buf_put_json(&result, buf_str(&found));
	buf_put(&result, STR("}],\"structuredContent\":"));
	buf_put(&result, buf_str(&found));
	buf_put(&result, STR(",\"isError\":false"));
	if (req->modern) {
		buf_put(&result, STR(",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":"));
		buf_put(&result, mcp_self);
		buf_put_byte(&result, '}');
	}
	buf_put_byte(&result, '}');
	return answer_result(req, buf_str(&result));
}

static const struct json_member *argument(const struct request *req, const char *key)
{
	const struct json_index *index = &req->message.index;
	const struct json_member *arguments = json_member(index, req->message.params, STR("arguments"));

	return arguments == NULL ? NULL : json_member(index, arguments, str_of(key));
}

/* More than the most is the most: a model that asks for a hundred still gets an answer. */
static bool read_limit(const struct json_member *m, size_t *ret_limit)
{
	uint64_t limit = SEARCH_HITS_DEFAULT;

	if (m != NULL && (m->kind != JSON_NUMBER || str_to_u64(m->value, &limit) != OK || limit == 0))
		return false;
	*ret_limit = limit < SEARCH_HITS_MAX ? (size_t)limit : SEARCH_HITS_MAX;
	return true;
}

AWAITS static enum err search(struct request *req)
{
	struct str query = json_member_str(req->arena, argument(req, "query"));
	struct search_hit hits[SEARCH_HITS_MAX];
	size_t count, limit;

	if (str_trim(query).n == 0)
		return refuse_arguments(req, search_event, search_tool_find,
					"/query: must be a text that is not empty");
	if (!read_limit(argument(req, "limit"), &limit))
		return refuse_arguments(req, search_event, search_tool_find, "/limit: must be a whole number from 1");
	count = search_run(req->view->search, query, req->arena, hits, limit);
	req->target = search_tool_find;
	TRY(relay_refuse(req, search_event, OK));
	return answer_hits(req, hits, count);
}

/* ---- call_tool ------------------------------------------------------------------- */

AWAITS static enum err unwrap(struct request *req, struct str *name, struct relay *relay)
{
	const struct json_member *inner = argument(req, "arguments");
	struct str named = json_member_str(req->arena, argument(req, "name"));

	if (named.n == 0)
		return refuse_arguments(req, call_event, search_tool_call,
					"/name: must be the name of a tool, as search_tools gives it");
	if (inner != NULL && inner->kind != JSON_OBJECT)
		return refuse_arguments(req, call_event, search_tool_call,
					"/arguments: must be an object with the arguments of the tool");
	if (str_eq(named, search_tool_find) || str_eq(named, search_tool_call))
		return refuse_arguments(req, call_event, search_tool_call,
					"/name: search_tools and call_tool are called directly");
	*name = named;
	relay->arguments = inner == NULL ? STR("{}") : inner->value;
	relay->wrapped = true;
	return OK;
}

AWAITS enum err search_mode_resolve(struct request *req, struct str *name, struct relay *relay, bool *ret_answered)
{
	*ret_answered = str_eq(*name, search_tool_find);
	if (*ret_answered)
		return search(req);
	return str_eq(*name, search_tool_call) ? unwrap(req, name, relay) : OK;
}

AWAITS enum err search_mode_unknown(struct request *req, struct str event, struct str name)
{
	struct search_hit hits[NEAR_NAMES_MAX];
	size_t count = search_run(req->view->search, name, req->arena, hits, NEAR_NAMES_MAX);
	bool wrapped = argument(req, "name") != NULL &&
		       str_eq(mcp_param(req->arena, &req->message, STR("name")), search_tool_call);
	AUTO_BUF text = {0};
	enum err err;

	buf_put(&text, STR("Unknown tool"));
	if (name.n <= NAME_TOLD_BYTES_MAX)
		buf_put_fmt(&text, ": %.*s", STR_ARG(name));
	buf_put_fmt(&text, ". Use %.*s to find tools.", STR_ARG(search_tool_find));
	for (size_t i = 0; i < count; i++)
		buf_put_fmt(&text, "%s%.*s", i == 0 ? " Names that come near: " : ", ", STR_ARG(hits[i].item->name));
	req->problem = arena_str(req->arena, buf_str(&text));
	err = relay_refuse(req, event, ERR_MCP_UNKNOWN_TOOL);
	/* To call_tool the name is an argument like others: the model hears what is wrong with it. */
	return wrapped && err == ERR_MCP_UNKNOWN_TOOL ? ERR_MCP_ARGUMENTS : err;
}
