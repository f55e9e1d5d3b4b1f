/* Resolving the endpoint of an HTTP+SSE session. It must be of the origin that was configured: the
 * upstream's credentials go with every message, and no event may send them elsewhere. Only the
 * path and query are taken from it, so that even a mistake here could not lead to another host. */
#include "upstream/endpoint.h"

static bool is_uri_text(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= 0x20 || text.p[i] >= 0x7f || text.p[i] == '\\')
			return false;
	return text.n > 0 && text.n <= ENDPOINT_BYTES_MAX;
}

/* RFC 3986: a colon before any slash, question mark or number sign ends a scheme. */
static bool has_scheme(struct str text)
{
	for (size_t i = 0; i < text.n && text.p[i] != '/' && text.p[i] != '?' && text.p[i] != '#'; i++)
		if (text.p[i] == ':')
			return true;
	return false;
}

static bool starts_with(struct str text, struct str head)
{
	return text.n >= head.n && memcmp(text.p, head.p, head.n) == 0;
}

static size_t path_length(struct str target)
{
	const char *query = memchr(target.p, '?', target.n);

	return query == NULL ? target.n : (size_t)(query - target.p);
}

/* Take the last segment, and the slash before it, off what has been put since `start`. */
static void drop_segment(struct buf *out, size_t start)
{
	while (out->n > start && out->p[--out->n] != '/')
		;
}

/* Append an absolute path without its "." and ".." segments.
 *   Source     RFC 3986 section 5.2.4 */
static void put_path(struct buf *out, struct str path)
{
	size_t start = out->n;

	while (path.n > 0) {
		size_t n = 1;
		struct str segment;

		while (n < path.n && path.p[n] != '/')
			n++;
		segment = (struct str){path.p, n};
		path = str_skip(path, n);
		if (str_eq(segment, STR("/..")))
			drop_segment(out, start);
		if (!str_eq(segment, STR("/..")) && !str_eq(segment, STR("/.")))
			buf_put(out, segment);
		else if (path.n == 0)
			buf_put_byte(out, '/');
	}
	if (out->n == start)
		buf_put_byte(out, '/');
}

static bool is_same_origin(const struct url *a, const struct url *b)
{
	return a->tls == b->tls && a->port == b->port && str_eq_nocase(a->host, b->host);
}

/* `target` is a path with its query, from the root or, `relative`, from the base's directory. */
static void put_target(const struct url *base, struct str target, bool relative, struct buf *out)
{
	AUTO_BUF path = {0};
	size_t n = path_length(target), directory = path_length(base->path);

	while (relative && n > 0 && directory > 0 && base->path.p[directory - 1] != '/')
		directory--;
	if (relative)
		buf_put(&path, (struct str){base->path.p, directory});
	buf_put(&path, (struct str){target.p, n});
	put_path(out, buf_str(&path));
	buf_put(out, str_skip(target, n));
}

const char *endpoint_resolve(const struct url *base, struct str text, struct buf *ret_path)
{
	AUTO_BUF absolute = {0};
	const char *fragment;
	struct url url;

	if (!is_uri_text(text))
		return "the endpoint event holds no URI";
	fragment = memchr(text.p, '#', text.n);
	if (fragment != NULL)
		text.n = (size_t)(fragment - text.p);
	if (text.n == 0)
		return "the endpoint event holds no URI";
	if (!starts_with(text, STR("//")) && !has_scheme(text)) {
		put_target(base, text, text.p[0] != '/', ret_path);
		return NULL;
	}
	if (!has_scheme(text))
		buf_put(&absolute, base->tls ? STR("https:") : STR("http:"));
	buf_put(&absolute, text);
	if (url_parse(buf_str(&absolute), &url) != OK)
		return "the endpoint event names no http or https URL";
	if (!is_same_origin(base, &url))
		return "the endpoint event names another origin than the configured URL";
	put_target(&url, url.path, false, ret_path);
	return NULL;
}
