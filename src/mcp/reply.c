/* Answers the gateway makes itself: results, errors, tool errors. An id is written as the lexeme
 * it came as, null when the request had none that could be read. */
#include "mcp/compose.h"

static void put_head(struct str id, struct buf *out)
{
	buf_put(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_put(out, id.p == NULL ? STR("null") : id);
}

void mcp_compose_error(struct str id, enum err err, struct str message, struct str error_data, struct buf *out)
{
	const struct err_row *row = err_row(err);

	put_head(id, out);
	buf_put_fmt(out, ",\"error\":{\"code\":%d,\"message\":", row->rpc_code == 0 ? -32603 : row->rpc_code);
	buf_put_json(out, message.p == NULL ? str_of(row->text) : message);
	if (error_data.p != NULL) {
		buf_put(out, STR(",\"data\":"));
		buf_put(out, error_data);
	}
	buf_put(out, STR("}}"));
}

void mcp_compose_result(struct str id, struct str result, struct buf *out)
{
	put_head(id, out);
	buf_put(out, STR(",\"result\":"));
	buf_put(out, result);
	buf_put_byte(out, '}');
}

void mcp_compose_tool_error(struct str id, bool modern, struct str text, struct buf *out)
{
	put_head(id, out);
	buf_put(out, STR(",\"result\":{"));
	if (modern)
		buf_put(out, STR("\"resultType\":\"complete\","));
	buf_put(out, STR("\"content\":[{\"type\":\"text\",\"text\":"));
	buf_put_json(out, text);
	buf_put(out, STR("}],\"isError\":true"));
	if (modern) {
		buf_put(out, STR(",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":"));
		buf_put(out, mcp_self);
		buf_put_byte(out, '}');
	}
	buf_put(out, STR("}}"));
}
