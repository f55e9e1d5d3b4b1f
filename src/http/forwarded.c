/* X-Forwarded-For and X-Forwarded-Proto, believed only from proxies that the config trusts and
 * read from the right, where the nearest proxy wrote. */
#include "http/forwarded.h"

bool http_proxy_is_trusted(const struct prefix *trusted, size_t count, const struct address *peer)
{
	if (count == 0)
		return false;
	if (peer->sa.sa_family == AF_UNIX)
		return true;
	for (size_t i = 0; i < count; i++)
		if (prefix_covers(&trusted[i], peer))
			return true;
	return false;
}

/* The last element of a list, cut off it. */
static struct str last_element(struct str *list)
{
	size_t at = list->n;
	struct str last;

	while (at > 0 && list->p[at - 1] != ',')
		at--;
	last = str_skip(*list, at);
	list->n = at > 0 ? at - 1 : 0;
	return str_trim(last);
}

/* "a.b.c.d", "a.b.c.d:port", "v6", "[v6]", "[v6]:port". */
static bool parse_hop(struct str text, struct address *ret_address)
{
	char with_port[ADDRESS_TEXT_MAX];
	size_t n = 0;

	if (text.n == 0 || text.n > 64)
		return false;
	if (text.p[0] != ':' && address_parse(text, ret_address) == OK)
		return ret_address->sa.sa_family != AF_UNIX;
	if (text.p[0] != '[' && memchr(text.p, ':', text.n) != NULL)
		with_port[n++] = '[';
	memcpy(with_port + n, text.p, text.n);
	n += text.n;
	if (with_port[0] == '[' && with_port[n - 1] != ']')
		with_port[n++] = ']';
	memcpy(with_port + n, ":0", 2);
	return address_parse((struct str){with_port, n + 2}, ret_address) == OK;
}

static void walk_hops(const struct prefix *trusted, size_t count, const struct http_fields *fields,
		      struct address *peer)
{
	unsigned hops = 0;

	for (size_t i = fields->count; i-- > 0;) {
		struct str list = fields->field[i].value;

		if (fields->field[i].id != HTTP_X_FORWARDED_FOR)
			continue;
		while (list.n > 0) {
			struct address hop;

			if (++hops > FORWARDED_HOPS_MAX || !parse_hop(last_element(&list), &hop))
				return;
			*peer = hop;
			if (!http_proxy_is_trusted(trusted, count, peer))
				return;
		}
	}
}

void http_forwarded(const struct prefix *trusted, size_t count, const struct http_fields *fields, struct address *peer,
		    bool *secure)
{
	struct str proto = STR_NONE;

	if (!http_proxy_is_trusted(trusted, count, peer))
		return;
	for (size_t i = 0; i < fields->count; i++)
		if (fields->field[i].id == HTTP_X_FORWARDED_PROTO)
			proto = fields->field[i].value;
	if (proto.p != NULL)
		*secure = str_eq_nocase(last_element(&proto), STR("https"));
	if (fields->first[HTTP_X_FORWARDED_FOR] >= 0)
		walk_hops(trusted, count, fields, peer);
}
