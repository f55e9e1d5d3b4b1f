/* Request targets. The path is percent-decoded exactly once and then cleaned of dot segments,
 * in that order, so that an encoded "../" can't pass as a name. Case is kept. A usual path
 * needs neither and stays a slice of the request's head. */
#include "http/target.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode into `out`, which has room for path.n bytes. */
static NODISCARD enum err decode(struct str path, char *out, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];

		if (c == '%') {
			int high = i + 2 < path.n ? hex_value(path.p[i + 1]) : -1;
			int low = i + 2 < path.n ? hex_value(path.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return ERR_HTTP_MALFORMED;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if ((unsigned char)c < ' ' || c == 0x7f)
			return ERR_HTTP_MALFORMED;
		out[n++] = c;
	}
	*ret_n = n;
	return OK;
}

/* Remove "." and ".." segments in place; ".." at the top stays at the top. */
static size_t remove_dots(char *path, size_t n)
{
	size_t from = 0, to = 0;

	while (from < n) { /* path[from] is the slash before a segment */
		size_t end = from + 1;
		struct str segment;

		while (end < n && path[end] != '/')
			end++;
		segment = (struct str){path + from + 1, end - from - 1};
		if (str_eq(segment, STR("..")))
			while (to > 0 && path[--to] != '/')
				;
		if (str_eq(segment, STR("..")) || str_eq(segment, STR("."))) {
			if (end == n)
				path[to++] = '/';
		} else {
			memmove(path + to, path + from, end - from);
			to += end - from;
		}
		from = end;
	}
	return to;
}

/* Decode and clean a path that has something to decode or to remove. */
static NODISCARD enum err clean_path(struct arena *arena, struct str *path)
{
	char *clean = arena_try_alloc(arena, path->n);
	size_t n;

	if (clean == NULL)
		return ERR_LIMIT;
	TRY(decode(*path, clean, &n));
	n = remove_dots(clean, n);
	*path = (struct str){clean, n};
	return str_is_utf8(*path) ? OK : ERR_HTTP_MALFORMED;
}

/* Cut the path off the target; *ret_plain when it can stay as it is. */
static NODISCARD enum err cut_path(struct str *text, struct str *ret_path, bool *ret_plain)
{
	size_t n = 0;

	*ret_plain = true;
	for (; n < text->n && text->p[n] != '?'; n++) {
		unsigned char c = (unsigned char)text->p[n];

		if (c <= ' ' || c >= 0x7f || c == '#')
			return ERR_HTTP_MALFORMED;
		if (c == '%' || (c == '.' && n > 0 && text->p[n - 1] == '/'))
			*ret_plain = false;
	}
	*ret_path = (struct str){text->p, n};
	*text = str_skip(*text, n);
	return OK;
}

/* "http://authority/path": keep the authority, go on with the path. */
static NODISCARD enum err cut_authority(struct str *text, struct str *ret_authority)
{
	struct str rest;
	size_t n = 0;

	if (text->n > 7 && str_eq_nocase((struct str){text->p, 7}, STR("http://")))
		rest = str_skip(*text, 7);
	else if (text->n > 8 && str_eq_nocase((struct str){text->p, 8}, STR("https://")))
		rest = str_skip(*text, 8);
	else
		return ERR_HTTP_MALFORMED;
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?') {
		if (rest.p[n] == '@' || rest.p[n] == '\\')
			return ERR_HTTP_MALFORMED; // spec: RFC 9110 s4.2.4
		n++;
	}
	if (n == 0)
		return ERR_HTTP_MALFORMED;
	*ret_authority = (struct str){rest.p, n};
	*text = str_skip(rest, n);
	return OK;
}

enum err http_target_parse(struct arena *arena, struct str text, bool options, struct http_target *ret_target)
{
	struct http_target target = {0};
	bool plain;

	if (options && str_eq(text, STR("*"))) {
		ret_target->path = text;
		ret_target->query = ret_target->authority = STR_NONE;
		return OK;
	}
	if (text.n == 0)
		return ERR_HTTP_MALFORMED;
	if (text.p[0] != '/')
		TRY(cut_authority(&text, &target.authority));
	TRY(cut_path(&text, &target.path, &plain));
	if (text.n > 0) {
		target.query = str_skip(text, 1);
		if (memchr(target.query.p, '#', target.query.n) != NULL)
			return ERR_HTTP_MALFORMED;
	}
	if (target.path.n == 0)
		target.path = STR("/");
	if (!plain)
		TRY(clean_path(arena, &target.path));
	*ret_target = target;
	return OK;
}
