/* PROXY protocol version 2: whole, in pieces, and garbage. */
#include "../unit.h"

#include "net/proxy_header.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\x01\x02\x03\x04\x05\x06\x07\x08\x1f\x90\x00\x50" /* 1.2.3.4:8080 -> 5.6.7.8:80 */
#define V6 "\x20\x01\x0d\xb9\0\0\0\0\0\0\0\0\0\0\0\1"

static void source_is(struct str header, const char *want)
{
	struct address source;
	char text[ADDRESS_TEXT_MAX];
	size_t n;

	for (size_t part = 0; part < header.n; part++) {
		ck_ok(proxy_header_parse((struct str){header.p, part}, &n, &source));
		ck_assert_uint_eq(n, 0);
	}
	ck_ok(proxy_header_parse(header, &n, &source));
	ck_assert_uint_eq(n, header.n);
	if (want == NULL)
		ck_assert_int_eq(source.sa.sa_family, AF_UNSPEC);
	else
		ck_bytes(address_text(&source, true, text), str_of(want));
}

START_TEST(accepted)
{
	source_is(STR(SIGNATURE "\x21\x11\x00\x0c" V4), "1.2.3.4:8080");
	source_is(STR(SIGNATURE "\x21\x21\x00\x24" V6 V6 "\x1f\x90\x00\x50"), "[2001:db9::1]:8080");
	source_is(STR(SIGNATURE "\x21\x11\x00\x12" V4 "\x03\x00\x03"
				"abc"),
		  "1.2.3.4:8080");
	source_is(STR(SIGNATURE "\x20\x00\x00\x00"), NULL);
	source_is(STR(SIGNATURE "\x20\x11\x00\x0c" V4), NULL);
	source_is(STR(SIGNATURE "\x21\x00\x00\x00"), NULL);
}
END_TEST

START_TEST(refused)
{
	static const struct str bad[] = {
		STR("GET / HTTP/1.1\r\n"),
		STR("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"),
		STR("\r\n\r\n\0\r\nQUIX"),
		STR(SIGNATURE "\x11\x11\x00\x0c" V4), /* version 1 */
		STR(SIGNATURE "\x22\x11\x00\x0c" V4), /* no such command */
		STR(SIGNATURE "\x21\x12\x00\x0c" V4), /* a datagram */
		STR(SIGNATURE "\x21\x11\x00\x0b" V4), /* too short */
		STR(SIGNATURE "\x21\x21\x00\x0c" V4),
		STR(SIGNATURE "\x21\x11\xff\xff" V4), /* longer than we would ever keep */
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct address source;
		size_t n;

		ck_assert_msg(proxy_header_parse(bad[i], &n, &source) == ERR_HTTP_MALFORMED, "%zu", i);
	}
}
END_TEST

UNIT_MAIN("proxy_header", accepted, refused)
