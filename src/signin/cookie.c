/* Cookies of ours. On https all have the __Host- prefix: browsers then refuse one that another host of the domain,
 * or plain http, tries to plant. Plain names exist only for http on the own machine, where that prefix cannot be. */
#include "http/client.h"
#include "signin/signin_private.h"

static const struct {
	struct str safe, plain;
} names[COOKIE_COUNT] = {
	[COOKIE_SESSION] = {{"__Host-gatehouse", 16}, {"gatehouse", 9}},
	[COOKIE_FLOW] = {{"__Host-gatehouse-flow", 21}, {"gatehouse-flow", 14}},
	[COOKIE_CONNECT] = {{"__Host-gatehouse-connect", 24}, {"gatehouse-connect", 17}},
	[COOKIE_DEVICE] = {{"__Host-gatehouse-device", 23}, {"gatehouse-device", 16}},
};

static bool is_https(struct str origin)
{
	return str_starts(origin, STR("https://"));
}

bool cookies_are_safe(struct str origin)
{
	struct url url;

	if (url_parse(origin, &url) != OK)
		return false;
	return url.tls || str_eq_nocase(url.host, STR("localhost")) || str_eq(url.host, STR("127.0.0.1")) ||
	       str_eq(url.host, STR("::1"));
}

static struct str name_of(struct str origin, enum cookie cookie)
{
	return is_https(origin) ? names[cookie].safe : names[cookie].plain;
}

struct str cookie_read(const struct visit *visit, enum cookie cookie)
{
	const struct http_fields *fields = &visit->exchange->fields;

	if (fields->repeated[HTTP_COOKIE])
		return STR_NONE; /* HTTP/1.1 clients send one */
	return cookie_get(http_field_get(fields, HTTP_COOKIE), name_of(visit->origin, cookie));
}

void cookie_put(struct buf *headers, struct str origin, enum cookie cookie, struct str value, int64_t life_ms)
{
	struct str name = name_of(origin, cookie);

	buf_put_fmt(headers, "Set-Cookie: %.*s=%.*s; Path=/; HttpOnly; SameSite=Lax", STR_ARG(name), STR_ARG(value));
	if (is_https(origin))
		buf_put(headers, STR("; Secure"));
	if (value.n == 0)
		buf_put(headers, STR("; Max-Age=0"));
	else if (life_ms > 0)
		buf_put_fmt(headers, "; Max-Age=%lld", (long long)(life_ms / 1000));
	buf_put(headers, STR("\r\n"));
}
