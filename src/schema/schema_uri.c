/* Resolving one URI reference against another, as names of schemas: text in, text out, nothing
 * is fetched and nothing is normalized beyond dot segments. */
#include "schema/schema_compile.h"

struct uri {
	struct str scheme, authority, path, query;
	bool has_scheme, has_authority, has_query;
};

static bool is_scheme(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
			return false;
	}
	return s.n > 0;
}

static struct uri uri_split(struct str text)
{
	struct uri uri = {0};
	struct str head, tail;

	if (str_cut(text, ':', &head, &tail) && is_scheme(head)) {
		uri.has_scheme = true;
		uri.scheme = head;
		text = tail;
	}
	if (str_starts(text, STR("//"))) {
		size_t n = 2;

		while (n < text.n && text.p[n] != '/' && text.p[n] != '?')
			n++;
		uri.has_authority = true;
		uri.authority = (struct str){text.p + 2, n - 2};
		text = str_skip(text, n);
	}
	uri.has_query = str_cut(text, '?', &uri.path, &uri.query);
	return uri;
}

/* Drop the last segment of what has been written after `start`, its slash included. */
static void drop_segment(struct buf *out, size_t start)
{
	while (out->n > start && out->p[--out->n] != '/')
		;
}

/* Source: RFC 3986 section 5.2.4 */
static void put_without_dots(struct buf *out, struct str path)
{
	size_t start = out->n;
	bool rooted = path.n > 0 && path.p[0] == '/';

	if (rooted)
		path = str_skip(path, 1);
	for (bool first = true, more = true; more; first = false) {
		struct str segment;

		more = str_cut(path, '/', &segment, &path);
		if (str_eq(segment, STR("."))) {
			if (!more && (rooted || !first))
				buf_put_byte(out, '/');
			continue;
		}
		if (str_eq(segment, STR(".."))) {
			drop_segment(out, start);
			if (!more)
				buf_put_byte(out, '/');
			continue;
		}
		if (rooted || out->n > start)
			buf_put_byte(out, '/');
		buf_put(out, segment);
	}
}

/* The base's path up to its last slash, then the reference's. */
static void put_merged(struct buf *out, const struct uri *base, struct str path)
{
	AUTO_BUF merged = {0};
	size_t n = base->path.n;

	if (base->has_authority && n == 0)
		buf_put_byte(&merged, '/');
	while (n > 0 && base->path.p[n - 1] != '/')
		n--;
	buf_put(&merged, (struct str){base->path.p, n});
	buf_put(&merged, path);
	put_without_dots(out, buf_str(&merged));
}

static void put_origin(struct buf *out, const struct uri *uri)
{
	if (uri->has_scheme) {
		buf_put(out, uri->scheme);
		buf_put_byte(out, ':');
	}
	if (uri->has_authority) {
		buf_put(out, STR("//"));
		buf_put(out, uri->authority);
	}
}

static void put_query(struct buf *out, const struct uri *uri)
{
	if (uri->has_query) {
		buf_put_byte(out, '?');
		buf_put(out, uri->query);
	}
}

struct str uri_resolve(struct arena *arena, struct str base_text, struct str ref_text)
{
	struct uri base = uri_split(base_text), ref = uri_split(ref_text), origin = base;
	AUTO_BUF out = {0};

	if (ref.has_scheme)
		return arena_str(arena, ref_text);
	if (ref.has_authority) {
		origin.has_authority = true;
		origin.authority = ref.authority;
	}
	put_origin(&out, &origin);
	if (ref.has_authority || str_starts(ref.path, STR("/")))
		put_without_dots(&out, ref.path);
	else if (ref.path.n > 0)
		put_merged(&out, &base, ref.path);
	else
		buf_put(&out, base.path);
	put_query(&out, ref.path.n > 0 || ref.has_query || ref.has_authority ? &ref : &base);
	return arena_str(arena, buf_str(&out));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct str uri_decode(struct arena *arena, struct str text)
{
	char *out = arena_alloc(arena, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		int high = text.p[i] == '%' && i + 2 < text.n ? hex_digit(text.p[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text.p[i + 2]) : -1;

		out[n++] = low >= 0 ? (char)(high << 4 | low) : text.p[i];
		if (low >= 0)
			i += 2;
	}
	return (struct str){out, n};
}
