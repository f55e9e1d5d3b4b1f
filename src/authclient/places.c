/* Two standards put documents at two places, and each has its order: what the specification of MCP lists is listed
 * here, nothing is tried besides. The well-known name stands between host and path (RFC 8615), but OpenID Connect
 * appends it. */
#include "authclient/discovery.h"

struct str url_origin(const struct url *url)
{
	size_t n = url->tls ? sizeof("https://") - 1 : sizeof("http://") - 1;

	while (n < url->text.n && url->text.p[n] != '/' && url->text.p[n] != '?')
		n++;
	return (struct str){url->text.p, n};
}

/* The path alone, without a slash at its end; nothing for the root. */
static struct str bare_path(const struct url *url)
{
	struct str path, query;

	str_cut(url->path, '?', &path, &query);
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	return path;
}

static void add(struct arena *arena, struct places *places, struct str origin, struct str first, const char *name,
		struct str last)
{
	places->url[places->count++] =
		arena_fmt(arena, "%.*s%.*s/.well-known/%s%.*s", STR_ARG(origin), STR_ARG(first), name, STR_ARG(last));
}

void places_of_resource(struct arena *arena, const struct url *server, struct places *ret_places)
{
	struct str origin = url_origin(server), path = bare_path(server);

	ret_places->count = 0;
	if (path.n > 0)
		add(arena, ret_places, origin, STR(""), "oauth-protected-resource", path);
	add(arena, ret_places, origin, STR(""), "oauth-protected-resource", STR(""));
}

enum err places_of_issuer(struct arena *arena, struct str issuer, struct places *ret_places)
{
	struct str origin, path;
	struct url url;

	TRY(url_parse(issuer, &url));
	if (memchr(issuer.p, '?', issuer.n) != NULL)
		return ERR_CONFIG;
	origin = url_origin(&url);
	path = bare_path(&url);
	ret_places->count = 0;
	add(arena, ret_places, origin, STR(""), "oauth-authorization-server", path);
	add(arena, ret_places, origin, STR(""), "openid-configuration", path);
	if (path.n > 0)
		add(arena, ret_places, origin, path, "openid-configuration", STR(""));
	return OK;
}
