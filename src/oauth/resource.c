/* Comparing what clients call an endpoint with what it is called. The tolerated differences are those that URL
 * libraries make by themselves, and a query, which some clients leave in; nothing else. */
#include "oauth/resource.h"

static bool without_prefix(struct str *text, struct str prefix)
{
	if (text->n < prefix.n || !str_eq_nocase((struct str){text->p, prefix.n}, prefix))
		return false;
	*text = str_skip(*text, prefix.n);
	return true;
}

struct location {
	bool tls;
	struct str host, path; /* host with a port that is not the scheme's own */
};

static bool take_apart(struct str text, struct location *ret)
{
	struct str rest = text, port;
	const char *end;

	if (text.n == 0 || memchr(text.p, '#', text.n) != NULL)
		return false;
	ret->tls = without_prefix(&rest, STR("https://"));
	if (!ret->tls && !without_prefix(&rest, STR("http://")))
		return false;
	str_cut(rest, '?', &rest, &port);
	end = rest.n == 0 ? NULL : memchr(rest.p, '/', rest.n);
	ret->host = end == NULL ? rest : (struct str){rest.p, (size_t)(end - rest.p)};
	ret->path = str_skip(rest, ret->host.n);
	port = ret->tls ? STR(":443") : STR(":80");
	if (str_ends(ret->host, port))
		ret->host.n -= port.n;
	if (ret->path.n > 0 && ret->path.p[ret->path.n - 1] == '/')
		ret->path.n--;
	return ret->host.n > 0;
}

enum err resource_match(const struct str *resources, size_t count, struct str text, struct str *ret_resource)
{
	struct location asked, own;

	if (!take_apart(text, &asked))
		return ERR_NOT_FOUND;
	for (size_t i = 0; i < count; i++)
		if (take_apart(resources[i], &own) && own.tls == asked.tls && str_eq_nocase(own.host, asked.host) &&
		    str_eq(own.path, asked.path)) {
			*ret_resource = resources[i];
			return OK;
		}
	return ERR_NOT_FOUND;
}

struct str resource_path(struct str url)
{
	struct location location;

	return take_apart(url, &location) ? location.path : STR("");
}
