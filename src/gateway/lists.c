/* tools/list and its sisters: a head, a page of the catalog's own bytes (never copied), and a
 * tail with what this era wants to know. What a caller may not call is not in the request's view. */
#include "gateway/lists.h"

#include "base/limits.h"

static const struct str list_member[OFFER_KINDS] = {
	[OFFER_TOOLS] = {"tools", 5},
	[OFFER_PROMPTS] = {"prompts", 7},
	[OFFER_RESOURCES] = {"resources", 9},
	[OFFER_TEMPLATES] = {"resourceTemplates", 17},
};

static void put_list_head(const struct request *req, enum offer_kind kind, struct buf *out)
{
	buf_put(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_put(out, req->message.id);
	buf_put(out, STR(",\"result\":{"));
	if (req->modern)
		buf_put(out, STR("\"resultType\":\"complete\","));
	buf_put_byte(out, '"');
	buf_put(out, list_member[kind]);
	buf_put(out, STR("\":"));
}

static void put_list_tail(const struct request *req, size_t next_page, struct buf *out)
{
	if (next_page > 0)
		buf_put_fmt(out, ",\"nextCursor\":\"p%zu\"", next_page);
	if (req->modern) {
		buf_put_fmt(out, ",\"ttlMs\":%d,\"cacheScope\":\"private\",\"_meta\":{", LIST_TTL_MS);
		buf_put(out, STR("\"io.modelcontextprotocol/serverInfo\":"));
		buf_put(out, mcp_self);
		buf_put_byte(out, '}');
	}
	buf_put(out, STR("}}"));
}

AWAITS static enum err answer_list(struct request *req, enum offer_kind kind)
{
	const struct catalog_list *list = &req->view->list[kind];
	const struct json_member *m = req->message.params == NULL
					      ? NULL
					      : json_member(&req->message.index, req->message.params, STR("cursor"));
	struct str cursor = json_member_str(req->arena, m);
	AUTO_BUF head = {0}, tail = {0};
	struct blob *page;
	size_t at;

	if (m != NULL && cursor.p == NULL)
		return ERR_MCP_CURSOR;
	TRY(catalog_page(list, cursor, &at));
	page = list->page[req->modern ? CATALOG_MODERN : CATALOG_LEGACY][at];
	put_list_head(req, kind, &head);
	put_list_tail(req, at + 1 < list->pages ? at + 1 : 0, &tail);
	return answer_pieces(
		req,
		(struct piece[]){{.str = buf_str(&head)}, {.str = page->str, .blob = page}, {.str = buf_str(&tail)}},
		3);
}

AWAITS enum err list_tools(struct request *req)
{
	return answer_list(req, OFFER_TOOLS);
}

AWAITS enum err list_prompts(struct request *req)
{
	return answer_list(req, OFFER_PROMPTS);
}

AWAITS enum err list_resources(struct request *req)
{
	return answer_list(req, OFFER_RESOURCES);
}

AWAITS enum err list_templates(struct request *req)
{
	return answer_list(req, OFFER_TEMPLATES);
}
