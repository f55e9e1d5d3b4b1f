/* X-Forwarded-For and -Proto: whom to believe, and how far. */
#include "../unit.h"

#include "http/forwarded.h"

static struct prefix trusted[2];

static void setup_trusted(void)
{
	ck_ok(prefix_parse(STR("10.0.0.0/8"), &trusted[0]));
	ck_ok(prefix_parse(STR("fd00::/8"), &trusted[1]));
}

static void walk(const char *socket, const char *first, const char *second, const char *want)
{
	struct http_field field[] = {
		{STR("X-Forwarded-For"), str_of(first), HTTP_X_FORWARDED_FOR},
		{STR("X-Forwarded-For"), str_of(second), HTTP_X_FORWARDED_FOR},
	};
	struct http_fields fields = {.field = field, .count = second == NULL ? 1 : 2};
	struct address peer;
	char text[ADDRESS_TEXT_MAX];
	bool secure = false;

	setup_trusted();
	memset(fields.first, 0xff, sizeof fields.first);
	fields.first[HTTP_X_FORWARDED_FOR] = 0;
	ck_ok(address_parse(str_of(socket), &peer));
	http_forwarded(trusted, ARRAY_LEN(trusted), &fields, &peer, &secure);
	ck_bytes(address_text(&peer, false, text), str_of(want));
	ck_assert(!secure);
}

START_TEST(rightmost_untrusted_hop)
{
	walk("10.0.0.1:1", "1.2.3.4", NULL, "1.2.3.4");
	walk("10.0.0.1:1", "6.6.6.6, 1.2.3.4", NULL, "1.2.3.4");
	walk("10.0.0.1:1", "6.6.6.6, 1.2.3.4, 10.9.9.9", NULL, "1.2.3.4");
	walk("10.0.0.1:1", "6.6.6.6", "1.2.3.4,10.1.1.1", "1.2.3.4");
	walk("10.0.0.1:1", "1.2.3.4", "10.1.1.1", "1.2.3.4");
	walk("10.0.0.1:1", "10.3.3.3, 10.2.2.2", NULL, "10.3.3.3");
	walk("10.0.0.1:1", "1.2.3.4:5555", NULL, "1.2.3.4");
	walk("10.0.0.1:1", "2001:db9::1", NULL, "2001:db9::1");
	walk("10.0.0.1:1", "[2001:db9::1]", NULL, "2001:db9::1");
	walk("10.0.0.1:1", "[2001:db9::1]:80", NULL, "2001:db9::1");
	walk("[fd00::1]:1", "::1", NULL, "::1");
	walk("unix:/run/nginx", "1.2.3.4", NULL, "1.2.3.4");
}
END_TEST

START_TEST(unbelievable)
{
	walk("8.8.8.8:1", "1.2.3.4", NULL, "8.8.8.8");
	walk("10.0.0.1:1", "1.2.3.4, unknown", NULL, "10.0.0.1");
	walk("10.0.0.1:1", "1.2.3.4, , 10.2.2.2", NULL, "10.2.2.2");
	walk("10.0.0.1:1", "", NULL, "10.0.0.1");
	walk("10.0.0.1:1", "unix:/x", NULL, "10.0.0.1");
	walk("10.0.0.1:1", "[", NULL, "10.0.0.1");
	walk("10.0.0.1:1", "1.2.3.4:99999", NULL, "10.0.0.1");
}
END_TEST

START_TEST(proto)
{
	struct http_field field[] = {{STR("X-Forwarded-Proto"), STR("http, https"), HTTP_X_FORWARDED_PROTO}};
	struct http_fields fields = {.field = field, .count = 1};
	struct address peer;
	bool secure = false;

	setup_trusted();
	memset(fields.first, 0xff, sizeof fields.first);
	ck_ok(address_parse(STR("10.0.0.1:1"), &peer));
	http_forwarded(trusted, 2, &fields, &peer, &secure);
	ck_assert(secure);
	field[0].value = STR("http");
	http_forwarded(trusted, 2, &fields, &peer, &secure);
	ck_assert(!secure);
	ck_ok(address_parse(STR("11.0.0.1:1"), &peer));
	field[0].value = STR("https");
	http_forwarded(trusted, 2, &fields, &peer, &secure);
	ck_assert(!secure);
}
END_TEST

UNIT_MAIN("forwarded", rightmost_untrusted_hop, unbelievable, proto)
