/* Where to go after signing in. Only paths of our own: what a browser could read as another host ("//", "/\") or as a
 * second header is replaced by our own page. */
#include "signin/signin_private.h"

#define RETURN_BYTES_MAX 2048 /* it rides in a cookie besides other things */

struct str return_to_safe(struct str path)
{
	struct str home = STR("/login");

	if (path.n == 0 || path.n > RETURN_BYTES_MAX || path.p[0] != '/')
		return home;
	if (path.n > 1 && (path.p[1] == '/' || path.p[1] == '\\'))
		return home;
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] <= ' ' || path.p[i] > '~' || path.p[i] == '\\')
			return home;
	return path;
}

static bool is_source_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '+' || c == ':' || c == '/' || c == '[' || c == ']';
}

/* "https://host:port" of a URL, or "scheme:" of a private one. */
static struct str source_of(struct str uri)
{
	struct str scheme, rest, authority, path;

	if (!str_cut(uri, ':', &scheme, &rest) || scheme.n == 0)
		return STR_NONE;
	if (!str_eq(scheme, STR("http")) && !str_eq(scheme, STR("https")))
		return (struct str){uri.p, scheme.n + 1};
	if (!str_starts(rest, STR("//")))
		return STR_NONE;
	str_cut(str_skip(rest, 2), '/', &authority, &path);
	str_cut(authority, '?', &authority, &path);
	return (struct str){uri.p, (size_t)(authority.p + authority.n - uri.p)};
}

struct str return_to_targets(struct arena *arena, struct str return_to)
{
	struct str path, query, source;
	struct form form;

	if (!str_cut(return_to, '?', &path, &query) || !str_starts(path, STR("/oauth/")) ||
	    form_read(arena, query, &form) != OK)
		return STR("");
	source = source_of(form_get(&form, STR("redirect_uri")));
	for (size_t i = 0; i < source.n; i++)
		if (!is_source_byte(source.p[i]))
			return STR("");
	/* A policy knows no addresses of version 6. */
	return source.n == 0 || memchr(source.p, '[', source.n) != NULL ? STR("") : source;
}
