/* Writing and reading the ids of events. They come back from clients, in a header: nothing in
 * them is believed before it was checked, and the JSON-RPC id in them must be one. */
#include "gateway/event_id.h"

#include <endian.h>

#include "base/random.h"
#include "gateway/fleet.h"
#include "mcp/message.h"

#define HEX_DIGITS_MAX 16

static void put_node(struct buf *out)
{
	uint64_t node = htobe64(fleet_self());

	base64url_put(out, &node, sizeof(node));
}

static void put_hex(struct buf *out, uint64_t n)
{
	char digits[HEX_DIGITS_MAX];
	size_t at = sizeof(digits);

	do
		digits[--at] = "0123456789abcdef"[n % 16];
	while ((n /= 16) > 0);
	buf_put(out, (struct str){digits + at, sizeof(digits) - at});
}

void event_id_write(enum event_log_kind kind, uint64_t log, uint64_t number, struct str request_id, struct buf *out)
{
	put_node(out);
	buf_put_byte(out, '.');
	buf_put_byte(out, (char)kind);
	put_hex(out, log);
	buf_put_byte(out, '.');
	put_hex(out, number);
	if (request_id.n == 0 || request_id.n > EVENT_ID_REQUEST_BYTES_MAX)
		return;
	buf_put_byte(out, '.');
	base64url_put(out, request_id.p, request_id.n);
}

/* No leading zeros: each number has one text. */
static bool read_hex(struct str text, uint64_t *ret_n)
{
	return !(text.n > 1 && text.p[0] == '0') && str_hex_to_u64(text, ret_n) == OK;
}

/* Whether the bytes are what a request's id may be: it will stand in a message of ours. */
static bool is_request_id(struct str lexeme)
{
	AUTO(arena) *arena = arena_new(64 * 1024);
	AUTO_BUF text = {0};
	struct mcp_message message;

	buf_put(&text, STR("{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":"));
	buf_put(&text, lexeme);
	buf_put_byte(&text, '}');
	return mcp_message_read(arena, buf_str(&text), &message) == OK && message.kind == MCP_REQUEST &&
	       str_eq(message.id, lexeme);
}

static bool read_request(struct str text, struct event_id *id)
{
	return base64url_get(text, id->request, sizeof(id->request), &id->request_bytes) == OK &&
	       id->request_bytes > 0 && is_request_id((struct str){id->request, id->request_bytes});
}

enum err event_id_read(struct str text, struct event_id *ret_id)
{
	struct event_id id = {0};
	struct str at, log, number, request;
	uint64_t node;
	size_t n;

	if (text.n > EVENT_ID_BYTES_MAX || !str_cut(text, '.', &at, &text) ||
	    base64url_get(at, &node, sizeof(node), &n) != OK || n != sizeof(node) || !str_cut(text, '.', &log, &text) ||
	    log.n == 0)
		return ERR_MCP_EVENT_ID;
	id.node = be64toh(node);
	id.here = id.node == fleet_self();
	if (log.p[0] != EVENT_LOG_SESSION && log.p[0] != EVENT_LOG_REQUEST)
		return ERR_MCP_EVENT_ID;
	id.kind = (enum event_log_kind)log.p[0];
	if (!read_hex(str_skip(log, 1), &id.log) || (id.log == 0 && id.kind != EVENT_LOG_SESSION))
		return ERR_MCP_EVENT_ID;
	if (str_cut(text, '.', &number, &request) && !read_request(request, &id))
		return ERR_MCP_EVENT_ID;
	if (!read_hex(number, &id.number))
		return ERR_MCP_EVENT_ID;
	*ret_id = id;
	return OK;
}
