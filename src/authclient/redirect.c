/* Rules for redirect URIs. Comparing is by bytes: nothing is decoded, normalised or parsed by a library that a browser
 * might disagree with. The one exception is the port of a loopback address, which a native program learns only when it
 * listens. */
#include "authclient/redirect.h"

#include "http/client.h"

static const struct str private_schemes[] = {{"cursor", 6}, {"vscode", 6}, {"vscode-insiders", 15}};

/* Bytes that no URI has unescaped (RFC 3986 section 2); a backslash is a slash to browsers. */
static bool bytes_are_plain(struct str uri)
{
	for (size_t i = 0; i < uri.n; i++)
		if (uri.p[i] <= 0x20 || uri.p[i] >= 0x7f || strchr("\"<>\\^`{|}#", uri.p[i]) != NULL)
			return false;
	return uri.n > 0 && uri.n <= REDIRECT_BYTES_MAX;
}

static bool is_loopback_host(struct str host)
{
	return str_eq(host, STR("127.0.0.1")) || str_eq(host, STR("::1")) || str_eq_nocase(host, STR("localhost"));
}

static bool scheme_known(struct str scheme, const struct str *schemes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(schemes[i], scheme))
			return true;
	return false;
}

bool redirect_allowed(struct str uri, const struct str *schemes, size_t scheme_count)
{
	struct str scheme, rest;
	struct url url;

	if (!bytes_are_plain(uri) || !str_cut(uri, ':', &scheme, &rest) || rest.n == 0)
		return false;
	if (str_eq(scheme, STR("http")) || str_eq(scheme, STR("https")))
		return url_parse(uri, &url) == OK && (url.tls || is_loopback_host(url.host));
	return scheme_known(scheme, private_schemes, ARRAY_LEN(private_schemes)) ||
	       scheme_known(scheme, schemes, scheme_count);
}

bool redirect_is_loopback(struct str uri)
{
	struct url url;

	return bytes_are_plain(uri) && url_parse(uri, &url) == OK && !url.tls && is_loopback_host(url.host);
}

bool redirect_matches(struct str registered, struct str asked)
{
	struct url one, other;

	if (!bytes_are_plain(asked))
		return false;
	if (str_eq(registered, asked))
		return true;
	if (!redirect_is_loopback(registered) || !redirect_is_loopback(asked))
		return false;
	return url_parse(registered, &one) == OK && url_parse(asked, &other) == OK && str_eq(one.host, other.host) &&
	       str_eq(one.path, other.path);
}

struct str redirect_host(struct str uri)
{
	struct str scheme, rest;
	struct url url;

	if (url_parse(uri, &url) == OK)
		return url.host;
	return str_cut(uri, ':', &scheme, &rest) ? (struct str){uri.p, scheme.n + 1} : uri;
}
