/* Scopes are compared as whole words, byte by byte. Their order is kept as it came: servers show it to people, and
 * tests of servers compare it. What a scope means is between the server and its client. */
#include "authclient/scope.h"

void scope_put(struct buf *out, struct str scopes, const struct auth_dialect *dialect)
{
	struct str one, rest = scopes;
	bool first = true;

	while (rest.n > 0) {
		str_cut(rest, ' ', &one, &rest);
		if (one.n == 0)
			continue;
		if (!first)
			buf_put(out, dialect->scope_separator == NULL ? STR(" ") : str_of(dialect->scope_separator));
		buf_put(out, one);
		first = false;
	}
}

static bool has_scope(struct str scopes, struct str wanted)
{
	struct str one, rest = scopes;

	while (rest.n > 0) {
		str_cut(rest, ' ', &one, &rest);
		if (str_eq(one, wanted))
			return true;
	}
	return false;
}

struct str scope_union(struct arena *arena, struct str a, struct str b)
{
	struct str one, rest = b;
	AUTO_BUF text = {0};

	buf_put(&text, a);
	while (rest.n > 0) {
		str_cut(rest, ' ', &one, &rest);
		if (one.n == 0 || has_scope(buf_str(&text), one))
			continue;
		buf_put(&text, text.n > 0 ? STR(" ") : STR(""));
		buf_put(&text, one);
	}
	return arena_str(arena, buf_str(&text));
}
