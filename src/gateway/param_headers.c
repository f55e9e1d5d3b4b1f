/* The body is the source of truth: a header may be missing where the argument is, must be there
 * where the argument is, and must say the same. What goes upstream is always written anew from
 * the arguments, so that no header of a client's passes that was not checked. */
#include "gateway/param_headers.h"

#define RENEW_STEP_MS 20

/* The one field of that name.
 *   ret_value  p NULL: absent
 *   returns    false when it came more than once */
static bool find_field(const struct http_fields *fields, struct str param, struct str *ret_value)
{
	const struct str prefix = STR(PARAM_HEADER_PREFIX);

	*ret_value = STR_NONE;
	for (size_t i = 0; i < fields->count; i++) {
		struct str name = fields->field[i].name;

		if (name.n != prefix.n + param.n || !str_eq_nocase((struct str){name.p, prefix.n}, prefix) ||
		    !str_eq_nocase(str_skip(name, prefix.n), param))
			continue;
		if (ret_value->p != NULL)
			return false;
		*ret_value = fields->field[i].value.p == NULL ? STR("") : fields->field[i].value;
	}
	return true;
}

/* Why the header is refused; NULL when it is in order. */
static const char *header_problem(struct request *req, const struct param_header *header, yyjson_val *arguments)
{
	struct str text = param_header_text(header, arguments, req->arena), sent, value;

	if (!find_field(&req->exchange->fields, header->name, &sent))
		return "was sent twice";
	if (text.p == NULL)
		return sent.p == NULL ? NULL : "has no argument";
	if (sent.p == NULL)
		return "is missing";
	if (mcp_header_decode(req->arena, sent, &value) != OK)
		return "is not valid";
	return param_header_agrees(header, text, value, req->arena) ? NULL : "is not what the body says";
}

enum err param_headers_check(struct request *req, const struct catalog_item *tool, struct str arguments)
{
	yyjson_val *root = NULL;

	if (!req->modern || tool->param_headers.count == 0)
		return OK;
	if (arguments.p != NULL)
		TRY(json_read(req->arena, arguments, &root));
	for (size_t i = 0; i < tool->param_headers.count; i++) {
		const struct param_header *header = &tool->param_headers.header[i];
		const char *problem = header_problem(req, header, root);

		if (problem == NULL)
			continue;
		req->problem = arena_fmt(req->arena, "Header mismatch: " PARAM_HEADER_PREFIX "%.*s %s",
					 STR_ARG(header->name), problem);
		return ERR_MCP_HEADER;
	}
	return OK;
}

struct str param_headers_write(struct request *req, const struct catalog_item *tool, struct str arguments)
{
	AUTO_BUF lines = {0};
	yyjson_val *root;

	if (tool->param_headers.count == 0 || arguments.p == NULL || json_read(req->arena, arguments, &root) != OK)
		return STR_NONE;
	for (size_t i = 0; i < tool->param_headers.count; i++) {
		const struct param_header *header = &tool->param_headers.header[i];
		struct str text = param_header_text(header, root, req->arena);

		if (text.p == NULL)
			continue;
		buf_put_fmt(&lines, PARAM_HEADER_PREFIX "%.*s: ", STR_ARG(header->name));
		mcp_header_encode(text, &lines);
		buf_put(&lines, STR("\r\n"));
	}
	return arena_str(req->arena, buf_str(&lines));
}

/* The tool as the newest catalog has it, if its server has said anew what it offers. */
static const struct catalog_item *newer_item(const struct request *req, const struct catalog *catalog,
					     const struct relay *relay)
{
	const struct catalog_view *view = catalog_view(catalog, req->view->name);
	const struct catalog_item *item = view == NULL ? NULL : catalog_find(view, OFFER_TOOLS, relay->item->name);

	return item == NULL || item->offer == relay->item->offer ? NULL : item;
}

AWAITS bool param_headers_renew(struct request *req, const struct relay *relay, struct upstream_call *call)
{
	if (req->method != MCP_M_TOOLS_CALL)
		return false;
	for (int waited = 0; waited < PARAM_HEADERS_RENEW_MS; waited += RENEW_STEP_MS) {
		AUTO(catalog) *catalog = catalog_ref(req->here->catalog);
		const struct catalog_item *item = newer_item(req, catalog, relay);

		if (item != NULL) {
			struct str lines = param_headers_write(req, item, relay->arguments);

			if (str_eq(lines, call->param_headers))
				return false;
			call->param_headers = lines;
			return true;
		}
		if (fiber_sleep(RENEW_STEP_MS) != OK)
			return false;
	}
	return false;
}
