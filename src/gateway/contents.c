/* What was read from a server that shares its URI with another: the client asked for it under a name of the
 * catalog's, and finds that name in `contents`, as it would have found the one it asked for. Parts of the
 * resource, which have URIs of their own, keep them. */
#include "gateway/relay.h"

/* One of the contents, with `uri` in place of the server's own. */
static enum err put_content(struct request *req, struct str own, struct str uri, struct str content, struct buf *out)
{
	struct json_splice splice = {.text = content};
	const struct json_member *m;
	struct json_index index;
	AUTO_BUF quoted = {0};

	TRY(json_scan(req->arena, content, &index));
	m = index.kind == JSON_OBJECT ? json_member(&index, NULL, STR("uri")) : NULL;
	if (m != NULL && str_eq(json_member_str(req->arena, m), own)) {
		buf_put_json(&quoted, uri);
		json_splice_value(&splice, m, buf_str(&quoted));
	}
	json_splice_write(&splice, out);
	return OK;
}

enum err relay_contents(struct request *req, const struct relay *relay, struct mcp_message *answer)
{
	struct json_splice splice = {.text = answer->index.text};
	struct str uri = mcp_param(req->arena, &req->message, STR("uri")), content;
	const struct json_member *contents;
	AUTO_BUF list = {0}, text = {0};
	struct json_index index;
	size_t at = 0;

	if (answer->result == NULL || answer->result->kind != JSON_OBJECT)
		return OK;
	contents = json_member(&answer->index, answer->result, STR("contents"));
	if (contents == NULL || contents->kind != JSON_ARRAY)
		return OK;
	TRY(json_scan(req->arena, contents->value, &index));
	buf_put_byte(&list, '[');
	while (json_element(&index, &at, &content)) {
		if (list.n > 1)
			buf_put_byte(&list, ',');
		TRY(put_content(req, relay->name, uri, content, &list));
	}
	buf_put_byte(&list, ']');
	json_splice_value(&splice, contents, buf_str(&list));
	json_splice_write(&splice, &text);
	return relay_reread(req, buf_str(&text), answer);
}
