/* The challenge that sends clients on their way: it names the document that describes the endpoint, from which they
 * find everything else. Without an `error` it says that no token came, which is what makes clients start. */
#include "oauth/oauth.h"

/* A quoted-string holds no quotes, backslashes or control characters: the words are ours, but for names of toolsets. */
static void put_quoted(struct buf *out, const char *name, struct str value)
{
	buf_put_fmt(out, "%s=\"", name);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
			buf_put_byte(out, c);
	}
	buf_put_byte(out, '"');
}

void oauth_challenge(struct buf *out, struct str origin, struct str resource_path, struct str error, struct str scope,
		     struct str description)
{
	AUTO_BUF metadata = {0};

	buf_put(&metadata, origin);
	buf_put(&metadata, STR("/.well-known/oauth-protected-resource"));
	buf_put(&metadata, resource_path);
	buf_put(out, STR("WWW-Authenticate: Bearer "));
	if (error.n > 0) {
		put_quoted(out, "error", error);
		buf_put(out, STR(", "));
	}
	if (error.n > 0 && description.n > 0) {
		put_quoted(out, "error_description", description);
		buf_put(out, STR(", "));
	}
	put_quoted(out, "resource_metadata", buf_str(&metadata));
	if (scope.n > 0) {
		buf_put(out, STR(", "));
		put_quoted(out, "scope", scope);
	}
	buf_put(out, STR("\r\n"));
}
