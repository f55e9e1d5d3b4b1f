/* URLs of upstreams: scheme, host, port and path, cut out of the text as slices. Everything
 * here ends up in a request line or a Host header, so whatever could be read in two ways is
 * refused: user info, fragments, spaces, control characters.
 *   Source     RFC 3986 s3, as far as http and https need it */
#include "http/client.h"

#define HOST_BYTES_MAX 253 /* RFC 1035 s2.3.4 */

static bool is_host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
	       c == '_';
}

static bool is_ipv6_byte(char c)
{
	return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' || c == '.';
}

static bool all_bytes(struct str s, bool (*is_byte)(char c))
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_byte(s.p[i]))
			return false;
	return s.n > 0;
}

static bool is_path_byte(char c)
{
	return c > 0x20 && c < 0x7f && c != '#';
}

static enum err parse_port(struct str text, uint16_t *ret_port)
{
	uint64_t port;

	if (str_to_u64(text, &port) != OK || port == 0 || port > UINT16_MAX)
		return ERR_CONFIG;
	*ret_port = (uint16_t)port;
	return OK;
}

static enum err parse_authority(struct str authority, struct url *url)
{
	struct str port = STR_NONE;
	bool has_port;

	if (authority.n > 0 && authority.p[0] == '[') {
		has_port = str_cut(str_skip(authority, 1), ']', &url->host, &port);
		if (!has_port || !all_bytes(url->host, is_ipv6_byte))
			return ERR_CONFIG;
		has_port = port.n > 0;
		if (has_port && port.p[0] != ':')
			return ERR_CONFIG;
		port = str_skip(port, 1);
	} else {
		has_port = str_cut(authority, ':', &url->host, &port);
		if (!all_bytes(url->host, is_host_byte))
			return ERR_CONFIG;
	}
	if (url->host.n > HOST_BYTES_MAX)
		return ERR_CONFIG;
	url->port = url->tls ? 443 : 80;
	return has_port ? parse_port(port, &url->port) : OK;
}

enum err url_parse(struct str text, struct url *ret_url)
{
	struct url url = {.text = text, .path = STR("/")};
	struct str rest;
	size_t n = 0;

	if (text.n > 8 && str_eq_nocase((struct str){text.p, 8}, STR("https://")))
		url.tls = true;
	else if (!(text.n > 7 && str_eq_nocase((struct str){text.p, 7}, STR("http://"))))
		return ERR_CONFIG;
	rest = str_skip(text, url.tls ? 8 : 7);
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
		n++;
	TRY(parse_authority((struct str){rest.p, n}, &url));
	rest = str_skip(rest, n);
	if (rest.n > 0) {
		if (rest.p[0] != '/' || !all_bytes(rest, is_path_byte))
			return ERR_CONFIG;
		url.path = rest;
	}
	*ret_url = url;
	return OK;
}

bool url_is_usable(struct str text, bool plain, struct url *ret_url)
{
	return text.n > 0 && text.n <= URL_BYTES_MAX && str_is_printable(text) && url_parse(text, ret_url) == OK &&
	       (ret_url->tls || plain);
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->tls == b->tls && a->port == b->port && str_eq_nocase(a->host, b->host);
}
