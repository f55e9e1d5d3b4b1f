/* Values of Mcp-Name and Mcp-Param-* headers: plain visible ASCII as it is, everything else
 * wrapped as =?base64?...?= .
 *   Source     SEP-2243; the vectors of its text are unit tests */
#include "base/random.h"
#include "mcp/compose.h"

#define WRAP_HEAD STR("=?base64?")
#define WRAP_TAIL STR("?=")

static bool is_wrapped(struct str s)
{
	return s.n >= WRAP_HEAD.n + WRAP_TAIL.n && str_starts(s, WRAP_HEAD) && str_ends(s, WRAP_TAIL);
}

static bool is_plain(struct str s)
{
	return s.n > 0 && s.p[0] != ' ' && s.p[s.n - 1] != ' ' && !is_wrapped(s) && str_is_printable(s);
}

/* What may stand in a header as it is. Tabs are taken inside, but not sent: some servers want them wrapped. */
static bool is_readable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' || s.p[i] > '~') && s.p[i] != '\t')
			return false;
	return true;
}

void mcp_header_encode(struct str value, struct buf *out)
{
	if (is_plain(value)) {
		buf_put(out, value);
		return;
	}
	buf_put(out, WRAP_HEAD);
	base64_put(out, value.p, value.n);
	buf_put(out, WRAP_TAIL);
}

enum err mcp_header_decode(struct arena *arena, struct str header, struct str *ret_value)
{
	struct str inner;
	char *bytes;
	size_t n;

	if (!is_wrapped(header)) {
		*ret_value = header;
		return is_readable(header) ? OK : ERR_MCP_HEADER;
	}
	inner = (struct str){header.p + WRAP_HEAD.n, header.n - WRAP_HEAD.n - WRAP_TAIL.n};
	bytes = arena_try_alloc(arena, inner.n + 1);
	if (bytes == NULL)
		return ERR_LIMIT;
	if (base64_get(inner, bytes, inner.n, &n) != OK || !str_is_utf8((struct str){bytes, n}))
		return ERR_MCP_HEADER;
	*ret_value = (struct str){bytes, n};
	return OK;
}
